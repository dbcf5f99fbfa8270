"""Checks finished bytes for what no mail may contain, and finds the end of the header."""

from __future__ import annotations

from ..light import pattern

_LONG_LINE = pattern(rb"\n[^\r\n]{999}")
# One field: RFC 5322, 2.2. Patterns are possessive: they never look twice at an octet.
_FIELD = rb"([!-9;-~]++)[ \t]*+:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+"
# At the start of a line only, or a long one would be tried from each of its octets.
ONE_FIELD = pattern(rb"(?m)^" + _FIELD)
"""A pattern for a field with its CRLF, whose name is its only group."""
_HEADER = pattern(rb"(?:%s)*+" % _FIELD)


def check_octets(content: bytes) -> None:
    """Raise ValueError for octets that no mail may contain (RFC 5321, 4.5.3.1.6; RFC 5322, 2.3).

    These are NUL, a bare CR or LF, and lines over 998 octets. Runs no Python per line.
    """
    if b"\0" in content:
        raise ValueError(
            f"The message contains a NUL octet, at {content.index(0)}, which mail can't carry"
        )
    ends = content.count(b"\r\n")
    if content.count(b"\r") != ends or content.count(b"\n") != ends:
        raise ValueError("The message contains a bare CR or LF: lines of mail end with CRLF")
    if _LONG_LINE.match(b"\n" + content[:1000]) or _LONG_LINE.search(content):
        raise ValueError("The message has a line of more than 998 octets: encode that part")


def header_end(content: bytes) -> int:
    """Return where the header ends: after its last field, before the empty line.

    Raises ValueError if anything but fields comes before the empty line.
    """
    match = _HEADER.match(content)
    assert match is not None  # it may be empty
    end = match.end()
    if content[end : end + 2] not in (b"\r\n", b""):
        line = content[end : end + 60].partition(b"\r")[0]
        raise ValueError(f"The header is malformed: {line!r} is not a field like 'Name: value'")
    return end
