"""Each point of docs/reference/django-compatibility.md has a test that cites it.

The docstring of such a test names the page and the point: "django-compatibility 7: ...".
"""

import ast
import re
from collections.abc import Iterator

import pytest

from support.docs_runner import ROOT

PAGE = ROOT / "docs" / "reference" / "django-compatibility.md"
HEADINGS = re.findall(r"^### (\d+)\. ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
POINTS = [int(number) for number in HEADINGS]
# contract.py holds tests too, which every backend's test class inherits.
FILES = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "src").rglob("contract.py")]


def cited_points() -> Iterator[int]:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if "django-compatibility" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                yield from citations(ast.get_docstring(node) or "")


def citations(docstring: str) -> Iterator[int]:
    """The points that a docstring cites: "django-compatibility 7, 9" are two."""
    for numbers in re.findall(r"django-compatibility ((?:\d+(?:, )?)+)", docstring):
        yield from map(int, re.findall(r"\d+", numbers))


CITED = set(cited_points())


def test_points_are_numbered_without_gaps():
    assert list(range(1, 43)) == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_each_point_is_cited_by_a_test(point):
    assert point in CITED


def test_no_test_cites_a_point_that_does_not_exist():
    assert CITED - set(POINTS) == set()


def test_a_citation_may_name_several_points():
    docstring = "django-compatibility 7, 9: as Django does. See django-compatibility 41."

    assert list(citations(docstring)) == [7, 9, 41]
