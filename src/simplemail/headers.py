"""Judges header fields: what may stand in a name and in a value."""

from __future__ import annotations

import re

from .exceptions import BadHeaderError

_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, 3.6.8: ftext
_LINE_BREAK = re.compile(r"[\r\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


def check_header(name: str, value: str) -> None:
    """Raise BadHeaderError for a name or a value that no header may have.

    A line break would begin a header of the caller's, and NUL is not allowed anywhere.
    """
    if not _NAME.fullmatch(name):
        raise BadHeaderError(f"Invalid header name {name!r}: use printable ASCII without ':'")
    if _LINE_BREAK.search(value):
        raise BadHeaderError(
            f"Header values may not contain linefeed or carriage return characters: {name} is "
            f"{value!r}"
        )
    if _CONTROL.search(value):
        raise BadHeaderError(
            f"Header values may not contain control characters: {name} is {value!r}"
        )
