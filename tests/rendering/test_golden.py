"""The same input makes the same bytes, on every Python and from one release to the next."""

from __future__ import annotations

import pytest

from support.golden import CASES, GOLDEN, render, server
from support.wirecheck import faults


@pytest.mark.parametrize("name", CASES)
def test_bytes_are_the_golden_ones(name):
    assert render(name) == (GOLDEN / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_golden_bytes_are_sound(name):
    assert faults((GOLDEN / f"{name}.eml").read_bytes(), **server(name)) == []


def test_every_golden_file_has_its_case():
    assert {file.stem for file in GOLDEN.glob("*.eml")} == set(CASES)
