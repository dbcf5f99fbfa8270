"""The documentation builds as a site: every page is in it, and nothing comes from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs_runner import PAGES, ROOT

DOCS = ROOT / "docs"
PAGES = [page for page in PAGES if not page.is_relative_to(DOCS / "site")]
KINDS = ["Tutorial", "How-to", "Reference", "Explanation"]

spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site" / "hooks.py")
hooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hooks)


class Config:
    nav = None


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("mkdocs", reason="pip install --group docs")
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", directory]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return directory


def test_the_navigation_has_the_four_kinds_with_all_pages():
    nav = hooks.on_config(Config()).nav

    home, *kinds = [(title, pages) for entry in nav for title, pages in entry.items()]
    linked = [path for _, pages in kinds for page in pages for path in page.values()]
    assert home == ("Home", "README.md")
    assert [title for title, _ in kinds] == KINDS
    assert sorted(linked) == sorted(
        page.relative_to(DOCS).as_posix()
        for page in PAGES
        if page.is_relative_to(DOCS) and page.name != "README.md"
    )


def test_the_home_page_begins_as_the_readme_does():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    top = hooks.first_screen(readme)

    assert top.splitlines()[:3] == readme.splitlines()[:3]
    links = [link for link in re.findall(r"\]\(([^)#]+)", top) if "://" not in link]
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_a_readme_without_the_mark_is_noticed():
    with pytest.raises(ValueError, match=r"README\.md has no line <!-- The home page"):
        hooks.first_screen("# simplemail\n")


def test_it_builds_with_all_pages(site):
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}

    pages = [page.relative_to(DOCS) for page in PAGES if page.is_relative_to(DOCS)]
    wanted = {path.with_suffix(".html").as_posix() for path in pages if path.name != "README.md"}
    assert wanted | {"index.html"} <= built


def test_it_loads_nothing_from_elsewhere(site):
    loaded = {
        address
        for path in site.rglob("*.html")
        for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", path.read_text("utf-8"))
        for address in re.findall(r"(?:src|href)=\"(\w+:)?//", tag)
    }

    assert loaded == set()
