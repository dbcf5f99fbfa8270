"""Knows the addresses that need no second look: no encoded-word, and a domain that DNS can have."""

from __future__ import annotations

from functools import lru_cache

from ..light import pattern

_ATOM = r"[A-Za-z0-9!#$%&'*+/=^_`{|}~\-]++"
_NAME = "[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
SIMPLE = rf"{_ATOM}(?:\.{_ATOM})*+@{_NAME}(?:\.{_NAME})*+"
"""A pattern for bare addresses that go everywhere as they are, up to SIMPLE_LENGTH characters."""
SIMPLE_LENGTH = 64
_SIMPLE = pattern(SIMPLE)


def is_simple(text: str) -> bool:
    """Is this a bare address that goes everywhere as it is?"""
    return len(text) <= SIMPLE_LENGTH and _matches(text)


# Each address of a message is looked at three times: for header, envelope and command.
@lru_cache(maxsize=2048)
def _matches(text: str) -> bool:
    return _SIMPLE.fullmatch(text) is not None
