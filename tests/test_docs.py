"""The documentation tells the truth: every block runs, and every link leads somewhere."""

from collections.abc import Iterator

import pytest

from docs_runner import LANGUAGES, PAGES, ROOT, Network, Page, blocks_of, page_name

NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip": "it would run the tests in the tests; .ci/run does",
    "PYTHONPATH=src python3 -m simplemail": "the command line is being written",
    "...\nIt works.": "what that would print",
}
"""How a block begins -> why it isn't run here."""

NEEDS = {}
"""A page -> the package that its blocks import; tests/interop/test_docs_frameworks.py runs it."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network().up() as network:
        yield network


@pytest.mark.parametrize("path", [p for p in PAGES if page_name(p) not in NEEDS], ids=page_name)
def test_blocks_run(path, tmp_path, network):
    Page(path, tmp_path, network).run(skipped=NOT_RUN)


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_languages_are_known(path):
    unknown = {block.where: block.language for block in blocks_of(path)}

    assert {w: name for w, name in unknown.items() if name not in LANGUAGES} == {}


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_blocks_that_are_not_run_exist(beginning):
    assert any(block.code.startswith(beginning) for page in PAGES for block in blocks_of(page))


def test_gmail_is_reached_over_tls_with_the_app_password(tmp_path):
    with Network().up() as network:
        Page(ROOT / "README.md", tmp_path, network).run(skipped=NOT_RUN)
        first = network.messages[0]

    assert (first.user, first.tls, first.recipients) == ("you@gmail.com", True, ["ann@example.com"])
    assert network.servers[587].violations == []


def test_a_block_that_prints_something_else_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    here = tmp_path / "directory"
    here.mkdir()

    with Network().up() as network, pytest.raises(AssertionError, match="printed instead:\n2"):
        Page(page, here, network).run()
