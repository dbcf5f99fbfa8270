"""Lays a header field out in lines (RFC 5322, 2.2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..light import pattern

# RFC 5322, 2.1.1, without the CRLF; and RFC 2047, 2 for lines with an encoded-word.
LINE, LINE_WITH_ENCODED_WORD = 78, 76

# A word over this length is encoded, so that a line can end inside of it.
LONGEST_WORD = 900

_NAME = pattern(r"[!-9;-~]+")

SPACED_WORD = pattern(r"[ \t]+[^ \t]+")


def fold(line: str, tokens: Iterable[str], limit: int) -> str:
    """Lay the tokens out in lines after what is there already; each begins with its space."""
    done: list[str] = []
    for token in tokens:
        if len(line) + len(token) > limit and not (line[-1] == ":" and _stays(line, token)):
            done.append(line)
            line = token
        else:
            line += token
    return "\r\n".join([*done, line])


def _stays(line: str, token: str) -> bool:
    """Tell whether a long first word is better on the line of the field's name than on its own."""
    return len(token) < LONGEST_WORD and "=?" not in token and is_name(line[:-1])


@lru_cache(maxsize=256)
def is_name(text: str) -> bool:
    """Can a field have this name (RFC 5322, 3.6.8)?"""
    return _NAME.fullmatch(text) is not None


def words(text: str) -> list[str]:
    """Return the words of a text, each with the space before it."""
    return SPACED_WORD.findall(f" {text}")
