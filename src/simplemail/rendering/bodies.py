"""Puts the content of a part into the form that travels (RFC 2045, 6): 7bit, 8bit or encoded.

The choices are those of the standard library's content manager, made faster. Two things differ:
lines of quoted-printable have at most 76 characters, and a carriage return or a NUL within a text
is kept.
"""

from __future__ import annotations

import struct
from binascii import b2a_base64
from collections.abc import Iterator
from functools import lru_cache

from ..light import pattern

# The longest line of unencoded text, and of quoted-printable (RFC 2045, 6.7).
_LINE, _QUOTED_LINE = 78, 76


def encode_text(
    text: str, charset: str, *, eight_bit: bool, newline: bytes = b"\r\n"
) -> tuple[str, bytes]:
    """Return the Content-Transfer-Encoding and the body, whose lines end in CRLF, the last too.

    Those inside of base64 end in `newline`, but in CRLF where the text has a carriage return of
    its own, which would become part of a line end. Half surrogate pairs that stand for bytes
    ("surrogateescape") become those bytes again. Raises ValueError if the charset is unknown or
    can't say this.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            newline = b"\r\n"
    if not _keeps_ascii(charset):
        lines = (text.removesuffix("\n") + "\n").replace("\n", newline.decode())
        return "base64", encode_base64(lines.encode(charset, "surrogateescape"))
    if not text.endswith("\n"):
        text += "\n"
    octets = text.encode(charset, "surrogateescape")
    is_ascii = octets.isascii()
    if (
        (is_ascii or eight_bit)
        and b"\0" not in octets
        and b"\r" not in octets
        and _has_short_lines(octets)
    ):
        return "7bit" if is_ascii else "8bit", octets.replace(b"\n", b"\r\n")
    return encode_octets(octets, newline)


@lru_cache(maxsize=64)
def _keeps_ascii(charset: str) -> bool:
    """Are lines of text also lines of octets? Not in UTF-16 or EBCDIC."""
    try:
        # Checked before Python does, because 3.15 warns about names beyond ASCII.
        if charset.isascii():
            return "\r\n =".encode(charset) == b"\r\n ="
    except LookupError:
        pass
    raise ValueError(f"Unknown charset {charset!r}: Python has no such encoding")


_LONG_LINE = pattern(rb"\n[^\n]{79}")


def _has_short_lines(octets: bytes) -> bool:
    return octets.find(b"\n") <= _LINE and not _LONG_LINE.search(octets)


def encode_octets(octets: bytes, newline: bytes = b"\r\n") -> tuple[str, bytes]:
    """Return a text, whose lines all end in LF, as the shorter of quoted-printable and base64.

    The first ten lines decide.
    """
    *lines, rest = octets.split(b"\n", 10)
    sample = b"\n".join([*lines, b""])
    quoted = _quoted(sample)
    # Line ends count as in the standard library: as one octet in the one, as two in the other.
    as_quoted = len(quoted) - quoted.count(b"\r\n")
    if as_quoted > (len(sample) + len(lines) + 2) // 3 * 4 + 1:
        return "base64", encode_base64(octets.replace(b"\n", newline))
    return "quoted-printable", quoted + _quoted(rest) if rest else quoted


_LITERAL = bytes({*range(33, 127)} - {*b"="}) + b" \t\n"


def _quoted(octets: bytes) -> bytes:
    """Return lines in quoted-printable (RFC 2045, 6.7), with soft line breaks."""
    octets = octets.replace(b"=", b"=3D")
    # One pass per kind of octet is fast, because few octets of a text need encoding.
    for octet in set(octets.translate(None, _LITERAL + b"=")):
        octets = octets.replace(bytes([octet]), b"=%02X" % octet)
    pieces = [
        piece + b"=\n"
        if piece[-1] != 0x0A
        else _with_space_kept(piece)
        if piece.endswith((b" \n", b"\t\n"))
        else piece
        for piece in _PIECES.findall(octets)
    ]
    return b"".join(pieces).replace(b"\n", b"\r\n")


# 75 octets of at least 77, but none inside an escape; or else all of the line.
_PIECES = pattern(rb"[^\n]{73}(?:(?==..[^\n])|[^\n](?:(?==..)|[^\n](?=[^\n]{2})))|[^\n]*\n")


def _with_space_kept(piece: bytes) -> bytes:
    """Escape the space that ends a line, on the next one if there's no room on its own."""
    escaped = b"=20\n" if piece.endswith(b" \n") else b"=09\n"
    if len(piece) < _QUOTED_LINE:
        return piece[:-2] + escaped
    return piece[:-1] + b"=\n\n" if len(piece) == _QUOTED_LINE else piece[:-2] + b"=\n" + escaped


def encode_base64(data: bytes | memoryview) -> bytes:
    """Return the data in lines of 76 characters."""
    return b"".join(base64_blocks(data))


# One C call per block, not per line. 512 lines fit into a processor's cache.
_BLOCK = 512
_octets_of_block = _BLOCK * 57
_lines_of_block = struct.Struct("76s" * _BLOCK).unpack


def base64_blocks(data: bytes | bytearray | memoryview) -> Iterator[bytes]:
    """Yield the data in lines of 76 characters, many at a time, so that it isn't copied whole."""
    view = memoryview(data).cast("B")
    whole = len(view) - len(view) % _octets_of_block
    for start in range(0, whole, _octets_of_block):
        block = b2a_base64(view[start : start + _octets_of_block], newline=False)
        yield b"\r\n".join((*_lines_of_block(block), b""))
    if whole < len(view):
        yield _lines(b2a_base64(view[whole:], newline=False))


def _lines(encoded: bytes) -> bytes:
    return b"\r\n".join([*(encoded[n : n + 76] for n in range(0, len(encoded), 76)), b""])
