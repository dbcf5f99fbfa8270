"""The options of a backend, as type checkers and `help()` know them."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from simplemail import get_connection
from simplemail.backends import typed
from simplemail.backends.options import LOGIN, known_options
from simplemail.backends.urls import BACKENDS, SHORT_NAMES, backend_class

ROWS = pytest.mark.parametrize("row", BACKENDS, ids=[row.module for row in BACKENDS])


def options_of(row: Any) -> set[str]:
    return known_options(backend_class(row.names[0], "", None)).keys() - {"fail_silently"}


@ROWS
def test_type_checkers_know_each_option(row: Any) -> None:
    known = typing.get_type_hints(typed.OPTIONS[row.module]).keys()

    assert options_of(row) - known == set()
    # A login is ignored where there is none, because Django's users give one everywhere.
    assert known - options_of(row) - LOGIN == set()


@ROWS
def test_help_names_each_option(row: Any) -> None:
    text = " ".join((inspect.getdoc(get_connection) or "").split())
    found = re.search(rf"[:;] {row.names[0]}: ([\w, ]+)[;.]", text)

    assert set(found[1].split(", ") if found else ()) == options_of(row)


def test_type_checkers_know_each_short_name() -> None:
    source = Path(typed.__file__).read_text(encoding="utf-8")
    literals = re.findall(r"Literal\[(.*?)\]", source)

    assert sorted(re.findall(r'"(\w+)"', " ".join(literals))) == sorted(SHORT_NAMES)
