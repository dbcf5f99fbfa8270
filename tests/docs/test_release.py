"""What is released: its version in one place, a dated changelog, and a page that PyPI can show."""

import re
import tomllib
from datetime import date

from docs.test_pages import links
from support.docs_runner import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYPI = ROOT / PROJECT["readme"]
HEADINGS = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)


def test_the_changelog_ends_with_a_dated_section_of_this_version():
    unreleased, newest, *_ = HEADINGS
    version, day = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\S+)", newest).groups()

    assert unreleased == "[Unreleased]"
    assert version == PROJECT["version"]
    assert date.fromisoformat(day) >= date(2026, 11, 29)


def test_the_page_for_pypi_links_to_no_file():
    assert links(PYPI) == []
    assert re.findall(r"\[[^\]]+\]\[|^\[.+\]:|<(?:img|a)\b", PYPI.read_text(), re.M) == []


def test_the_page_for_pypi_begins_as_the_readme_does():
    def opening(page):
        text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", page.read_text(encoding="utf-8"))
        return text.partition("\n## ")[0].split()

    assert opening(PYPI) == opening(ROOT / "README.md")


def test_the_name_to_install_is_the_one_of_the_distribution():
    installs = {
        name
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for name in re.findall(
            r"^pip install (simplemail\S*)", page.read_text(encoding="utf-8"), re.M
        )
    }

    assert installs == {PROJECT["name"]}
