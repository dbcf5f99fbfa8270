"""SECURITY.md names the tests that attack each promise, and they are there."""

import re

import pytest

from support.docs_runner import ROOT

ROWS = re.findall(r"^\| (.+?) \| (`tests/.+`) \|$", (ROOT / "SECURITY.md").read_text(), re.M)


def test_there_are_promises():
    assert len(ROWS) >= 15


@pytest.mark.parametrize(("promise", "tests"), ROWS, ids=[promise for promise, _ in ROWS])
def test_each_is_attacked_by_tests_that_exist(promise, tests):
    for name in re.findall(r"`([^`]+)`", tests):
        assert "\n    def test_" in (text := (ROOT / name).read_text()) or "\ndef test_" in text
