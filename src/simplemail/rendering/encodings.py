"""Puts text beyond ASCII into header fields: encoded-words (RFC 2047), parameters (RFC 2231)."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator

from ..light import pattern

LONGEST = 75
"""How long an encoded-word may be (RFC 2047, 2)."""

# Every octet in the Q encoding as it may stand in a phrase (RFC 2047, 5), and percent-encoded as
# it may stand in a parameter (RFC 2231, 7).
_SAFE = {*b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"}
_Q = [chr(n) if n in _SAFE | {*b"!*+/"} else f"={n:02X}" for n in range(256)]
_Q[ord(" ")] = "_"
_PERCENT = [chr(n) if n in _SAFE | {*b"._~"} else f"%{n:02X}" for n in range(256)]


def encoded_words(text: str, room: int = LONGEST) -> list[str]:
    """Return the text as encoded-words in UTF-8, the first no longer than `room` if it can be."""
    octets = text.encode()
    quoted = "".join(map(_Q.__getitem__, octets))
    # A little longer is fine for what people can read.
    if len(quoted) < (len(octets) + 2) // 3 * 4 + 5:
        return [f"=?utf-8?q?{piece}?=" for piece in _pieces(quoted, "=", *_rooms(room))]
    return [f"=?utf-8?b?{piece}?=" for piece in _base64_pieces(octets, *_rooms(room))]


def _rooms(room: int) -> tuple[int, int]:
    """Return how much text the first encoded-word takes, and how much each other one."""
    chrome = len("=?utf-8?q??=")
    most = LONGEST - chrome
    room = min(room, LONGEST) - chrome
    return (room if room >= 12 else most), most


def _pieces(escaped: str, escape: str, first: int, size: int) -> Iterator[str]:
    """Cut text with two-digit escapes of UTF-8 octets, never inside a character."""
    start, end = 0, first
    while end < len(escaped):
        while escape in escaped[end - 2 : end] or (
            escaped[end] == escape and escaped[end + 1] in "89AB"
        ):
            end -= 1
        yield escaped[start:end]
        start, end = end, end + size
    yield escaped[start:]


def _base64_pieces(octets: bytes, first: int, size: int) -> Iterator[str]:
    start, end = 0, first // 4 * 3
    while start < len(octets):
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        yield b2a_base64(octets[start:end], newline=False).decode("ascii")
        start, end = end, end + size // 4 * 3


# Whatever looks like an encoded-word at any place, overlapping ones too.
_ANY_WORD = pattern(r"(?=(=\?[^?]*\?[^?]*\?[^?]*\?=))")


def decoded_words(text: str) -> Iterator[str]:
    """Yield what the encoded-words in a text stand for, to Python's header objects."""
    # Not by email.header.decode_header(), which takes fewer of the broken ones.
    from email._encoded_words import decode  # type: ignore[import-not-found]

    for word in _ANY_WORD.findall(text):
        try:
            yield str(decode(word)[0])
        except (LookupError, ValueError):
            continue  # Python leaves it as it is


def extended_parameter(key: str, value: str, line: int) -> list[str]:
    """Return `key*=utf-8''...`, in numbered pieces if it's too long for one line."""
    escaped = "".join(map(_PERCENT.__getitem__, value.encode()))
    if len(escaped) <= line - len(f" {key}*=utf-8'';"):
        return [f"{key}*=utf-8''{escaped}"]
    room = line - len(f" {key}*999*=utf-8'';")
    first, *others = _pieces(escaped, "%", room, room)
    parts = [
        f"{key}*0*=utf-8''{first}",
        *(f"{key}*{n}*={each}" for n, each in enumerate(others, 1)),
    ]
    return [*(f"{part};" for part in parts[:-1]), parts[-1]]
