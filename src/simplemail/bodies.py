"""Puts the content of a part into the form that travels (RFC 2045, 6): 7bit, 8bit or encoded.

The choices, and the bytes, are those of the standard library's content manager, made faster. Only
what that would change on the way is told apart: a carriage return or a NUL in the midst of a text
arrives as it was.
"""

from __future__ import annotations

import struct
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator
from functools import lru_cache

# The longest line of a text that is sent as it is; so long are encoded lines too.
_LINE = 78


def encode_text(text: str, charset: str, *, eight_bit: bool) -> tuple[str, bytes]:
    """Return the Content-Transfer-Encoding and the body, whose lines end in CRLF, the last too.

    Half surrogate pairs that stand for bytes ("surrogateescape") become those bytes again. Raises
    ValueError if the charset is unknown or can't say this.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not text.endswith("\n"):
        text += "\n"
    try:
        octets = text.encode(charset, "surrogateescape")
    except LookupError:
        raise ValueError(f"Unknown charset {charset!r}: Python has no such encoding") from None
    if b"\0" not in octets and b"\r" not in octets and _has_short_lines(octets):
        if octets.isascii():
            return "7bit", octets.replace(b"\n", b"\r\n")
        if eight_bit:
            return "8bit", octets.replace(b"\n", b"\r\n")
    elif not _keeps_ascii(charset):
        wide = text.replace("\n", "\r\n").encode(charset, "surrogateescape")
        return "base64", encode_base64(wide)
    return encode_octets(octets)


def _has_short_lines(octets: bytes) -> bool:
    return len(octets) <= _LINE or max(map(len, octets.split(b"\n"))) <= _LINE


@lru_cache(maxsize=64)
def _keeps_ascii(charset: str) -> bool:
    return "\n".encode(charset) == b"\n"


def encode_octets(octets: bytes) -> tuple[str, bytes]:
    """Return a text, whose lines all end in LF, as the shorter of quoted-printable and base64.

    That is judged by the first ten lines.
    """
    *lines, rest = octets.split(b"\n", 10)
    quoted = [_quoted_line(line) for line in lines]
    # Counted as the standard library does: a line end is one octet in the one, two in the other.
    as_quoted = sum(map(len, quoted)) + len(quoted) - sum(line.count(b"\r\n") for line in quoted)
    sample = sum(map(len, lines)) + 2 * len(lines)
    if as_quoted > (sample + 2) // 3 * 4 + 1:
        return "base64", encode_base64(octets.replace(b"\n", b"\r\n"))
    quoted += map(_quoted_line, rest.split(b"\n")) if rest else [b""]
    return "quoted-printable", b"\r\n".join(quoted)


def _quoted_line(line: bytes) -> bytes:
    """Return one line in quoted-printable (RFC 2045, 6.7), with soft line breaks."""
    # binascii escapes the right octets, but breaks lines elsewhere, hides a lone dot, and lets
    # a carriage return pass.
    pieces = [
        b2a_qp(piece).replace(b"=\n", b"").replace(b"=2E", b".") for piece in line.split(b"\r")
    ]
    quoted = b"=0D".join(pieces)
    if quoted.endswith((b"=20", b"=09")):
        return _wrapped_before_space(quoted)
    return quoted if len(quoted) <= _LINE else b"=\r\n".join(_wrapped(quoted, len(quoted)))


def _wrapped(quoted: bytes, size: int) -> Iterator[bytes]:
    """Cut a line, of which `size` octets count, to pieces that never end inside an escape."""
    start, last = 0, size - 1 - _LINE
    while start <= last:
        stop = start + _LINE - 1
        if quoted[stop - 2] == 0x3D:  # =
            stop -= 2
        elif quoted[stop - 1] == 0x3D:
            stop -= 1
        yield quoted[start:stop]
        start = stop
    yield quoted[start:]


def _wrapped_before_space(quoted: bytes) -> bytes:
    """Wrap a line that ends in an escaped space, which counts as one octet if that saves a line."""
    space = quoted[-3:]
    *pieces, last = _wrapped(quoted[:-3] + (b" " if space == b"=20" else b"\t"), len(quoted) - 2)
    room = _LINE + 1 - len(last)
    if room >= 3:
        last = last[:-1] + space
    else:
        last = last + b"=\r\n" if room == 2 else last[:-1] + b"=\r\n" + space
    return b"=\r\n".join([*pieces, last])


def encode_base64(data: bytes) -> bytes:
    """Return the data in lines of 76 characters."""
    return b"".join(base64_blocks(data))


# Laid out by one C call a block, not line by line: 512 lines fit into a processor's cache.
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
