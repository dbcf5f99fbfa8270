"""The private keys that simplemail comes with are marked as public, for people and for scanners."""

import re
import ssl
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from simplemail.testing.server import TLS_DIR

ROOT = Path(__file__).parents[2]
HELD = {
    path.relative_to(ROOT).as_posix(): path
    for folder in ("src", "tests", "docs", "benchmarks", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and b"\n-----BEGIN PRIVATE KEY-----\n" in b"\n" + path.read_bytes()
}
"""The files that hold a private key."""


def test_they_are_the_test_servers_alone():
    assert {Path(name).parent.as_posix() for name in HELD} == {
        "src/simplemail/testing/tls",
        "tests/data/tls",
        "tests/support/docs_runner/tls",
    }


@pytest.mark.parametrize("name", sorted(HELD))
def test_each_says_that_it_is_public(name):
    mark, pragma, begin, *_ = HELD[name].read_text().splitlines()

    assert mark.startswith("# A public test key of simplemail.")
    assert pragma == "# pragma: allowlist nextline secret"  # detect-secrets
    assert begin == "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize("name", sorted(HELD))
def test_scanners_of_the_repository_skip_it(name):
    gitleaks = tomllib.loads((ROOT / ".gitleaks.toml").read_text())
    github = re.findall(r'- "(.+)"', (ROOT / ".github/secret_scanning.yml").read_text())

    assert any(re.search(path, name) for path in gitleaks["allowlist"]["paths"])
    assert any(fnmatch(name, path) for path in github)


def test_scanners_skip_nothing_else():
    gitleaks = tomllib.loads((ROOT / ".gitleaks.toml").read_text())

    assert gitleaks["extend"]["useDefault"] is True
    assert not any(
        re.search(path, "src/simplemail/conf.py") for path in gitleaks["allowlist"]["paths"]
    )


@pytest.mark.parametrize("name", sorted(HELD))
def test_the_mark_does_not_hide_the_key_from_tls(name):
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(HELD[name])


def test_who_finds_them_installed_is_told():
    assert "public on purpose" in (TLS_DIR / "README.md").read_text()
