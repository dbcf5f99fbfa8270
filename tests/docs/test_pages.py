"""The documentation tells the truth: every block runs, and every link leads somewhere."""

import functools
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.docs_runner import LANGUAGES, PAGES, ROOT, Network, Page, blocks_of, page_name

NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip": "it installs from the network; .ci/run does",
    "PYTHONPATH=src python3 -m simplemail inbox": "it runs until it is interrupted",
    "python tests/support/mutants.py": "it changes the code and runs tests for minutes",
    "pip install simplemail-py": "it installs from the network",
    "simplemail inbox": "it runs until it is interrupted; tests/inbox/test_current.py runs it",
}
"""How a block begins -> why it isn't run here."""

NEEDS = {
    "docs/how-to/browser-tests.md": ["flask", "playwright"],
    "docs/how-to/django.md": ["django"],
    "docs/how-to/fastapi.md": ["fastapi", "httpx", "quart"],
    "docs/how-to/flask.md": ["flask"],
    "docs/how-to/queues.md": ["celery"],
    "docs/how-to/templates.md": ["css_inline", "jinja2"],
    "docs/how-to/sign.md": ["dkim", "nacl", "cryptography"],
}
"""A page -> what its blocks import; tests/interop/test_docs_frameworks.py runs it."""


@pytest.fixture(scope="module")
def run_once(tmp_path_factory) -> Callable[[Path], Network]:
    """Runs the blocks of a page, once for all tests, and returns the servers that it used."""

    @functools.cache
    def run(path: Path) -> Network:
        with Network().up() as network:
            Page(path, tmp_path_factory.mktemp("page"), network).run(skipped=NOT_RUN)
        return network

    return run


@pytest.mark.parametrize("path", [p for p in PAGES if page_name(p) not in NEEDS], ids=page_name)
def test_blocks_run(path, run_once):
    run_once(path)


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_languages_are_known(path):
    unknown = {block.where: block.language for block in blocks_of(path)}

    assert {w: name for w, name in unknown.items() if name not in LANGUAGES} == {}


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_all_code_is_in_fences(path):
    assert re.findall(r"^\n {4,}.*", prose(path), re.MULTILINE) == []


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_lead_somewhere(path):
    for target, _, anchor in links(path):
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


def links(path: Path) -> list[tuple[str, str, str]]:
    """The links of a page to files: (file, "#", heading)."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [target.partition("#") for target in targets if "://" not in target]


def anchors(path: Path) -> set[str]:
    """The headings of a page, in the form that links to them have."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", path.read_text("utf-8"), flags=re.M | re.S)


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _, _ in links(index)}

    shown_elsewhere = ROOT / "docs" / "site" / "pypi.md"
    assert {page for page in PAGES if page.parent != ROOT} - linked == {index, shown_elsewhere}


def test_every_page_that_the_code_names_is_in_the_repository():
    pages = {page.name for page in ROOT.rglob("*.md")}
    named = {
        (path.name, name)
        for folder in ("src", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\b[\w-]+\.md\b", path.read_text(encoding="utf-8"))
    }

    # page.md is what a test of this file writes.
    assert {(path, name) for path, name in named if name not in pages | {"page.md"}} == set()


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_blocks_that_are_not_run_exist(beginning):
    assert any(block.code.startswith(beginning) for page in PAGES for block in blocks_of(page))


def test_gmail_is_reached_over_tls_with_the_app_password(run_once):
    network = run_once(ROOT / "README.md")
    first = network.messages[0]

    assert (first.user, first.tls, first.recipients) == ("you@gmail.com", True, ["ann@example.com"])
    assert network.servers[587].violations == []


def test_log_records_arrive(run_once):
    logged, configured = run_once(ROOT / "docs/how-to/logging.md").servers[587].messages

    assert logged.message["Subject"] == "[shop] ERROR: The order failed"
    assert "ZeroDivisionError" in logged.message.get_content()
    assert configured.message["Subject"] == "ERROR: Disk is full"
    assert logged.recipients == configured.recipients == ["ops@example.com"]


def test_what_a_page_does_to_logging_is_undone(tmp_path):
    page = tmp_path / "page.md"
    code = """import logging
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger("simplemail.wire").setLevel(logging.DEBUG)"""
    page.write_text(f"```python\n{code}\n```\n")
    here = tmp_path / "directory"
    here.mkdir()
    handlers = [*logging.root.handlers]

    with Network().up() as network:
        Page(page, here, network).run()

    assert logging.root.handlers == handlers
    assert not logging.getLogger("simplemail.wire").isEnabledFor(logging.DEBUG)


def run_page(text, tmp_path):
    """Run the blocks of a page that has this text."""
    page = tmp_path / "page.md"
    page.write_text(text)
    here = tmp_path / "directory"
    here.mkdir()
    with Network().up() as network:
        Page(page, here, network).run()


def test_a_block_that_prints_something_else_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="printed instead:\n2"):
        run_page("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", tmp_path)


def test_a_block_that_uses_a_name_from_another_one_is_noticed(tmp_path):
    with pytest.raises(NameError, match="name 'name' is not defined"):
        run_page("```python\nname = 'Ann'\n```\n\n```python\nprint(name)\n```\n", tmp_path)


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_no_command_line_has_a_password_in_it(path):
    commands = [block for block in blocks_of(path) if block.language in ("sh", "crontab")]

    assert {block.where for block in commands if PASSWORD_AS_ARGUMENT.search(block.code)} == set()


PASSWORD_AS_ARGUMENT = re.compile(r"simplemail [^\n|;&]*\w+://[^\s/@]+:[^\s/@]+@|--password")
"""Every user of a machine can read its command lines. In the environment, they can't."""


@pytest.mark.parametrize(
    ("line", "shows"),
    [
        ("python3 -m simplemail check --mailer 'smtp+tls://me:secret@mail.example.com'", True),
        ("simplemail send --to ann@example.com --mailer smtps://me:secret@mail.example.com", True),
        ("simplemail check --password secret", True),
        ("export EMAIL_URL='smtp+tls://me:secret@mail.example.com'; simplemail check", False),
        ("simplemail check --mailer smtp://localhost:2525", False),
    ],
)
def test_a_password_on_a_command_line_is_found(line, shows):
    assert bool(PASSWORD_AS_ARGUMENT.search(line)) is shows


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_no_block_bends_to_its_test(path):
    """What a reader's machine has, surroundings.py has; a program doesn't set it for itself."""
    bent = re.compile(r"os\.environ\[[^]]*\] = |os\.putenv")
    python = [block for block in blocks_of(path) if block.language == "python"]

    assert {block.where for block in python if bent.search(block.code)} == set()
