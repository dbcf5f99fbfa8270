"""Each of the 42 points that code written for Django relies on has a test that names it.

The docstring of such a test begins "BEHAVIOUR 7: ...".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
POINTS = range(1, 43)


def named_points() -> Iterator[int]:
    # contract.py holds tests too, which every backend's test class inherits.
    for path in [*HERE.rglob("test_*.py"), *HERE.rglob("contract.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
                node.name.startswith("test")
            ):
                yield from map(int, re.findall(r"BEHAVIOUR (\d+)", ast.get_docstring(node) or ""))


NAMED = set(named_points())


@pytest.mark.parametrize("point", POINTS)
def test_has_a_test(point):
    assert point in NAMED


def test_there_are_no_other_points():
    assert set(POINTS) >= NAMED
