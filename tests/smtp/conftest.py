"""Fixtures for the tests of sessions with mail servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simplemail import close_pools
from simplemail.smtp import retrying


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait hardly at all before another try, and end kept sessions with the test."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE", 0.01)
    yield
    close_pools()
