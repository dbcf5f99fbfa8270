"""Lays a header field out in lines, and puts text beyond ASCII into it.

Folding is RFC 5322, 2.2.3; encoded-words are RFC 2047, parameters RFC 2231.
"""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp, b2a_base64
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..light import pattern

# RFC 5322, 2.1.1, without the CRLF; and RFC 2047, 2 for lines with an encoded-word.
LINE, LINE_WITH_ENCODED_WORD = 78, 76

# A word over this length is encoded, so that a line can end inside of it.
LONGEST_WORD = 900

_NAME = pattern(r"[!-9;-~]+")

PLAIN_WORD = pattern(rf"(?:[!-<>-~]|=(?!\?)){{1,{LONGEST_WORD}}}")
PLAIN_UTF8_WORD = pattern(rf"(?:[^\s=]|=(?!\?)){{1,{LONGEST_WORD // 4}}}")
"""Words that need no encoding, in ASCII and in UTF-8."""

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


def is_name(text: str) -> bool:
    """Can a field have this name (RFC 5322, 3.6.8)?"""
    # No line has room for more; and what is remembered should be small.
    return len(text) < 998 and _is_name(text)


@lru_cache(maxsize=256)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def words(text: str) -> list[str]:
    """Return the words of a text, each with the space before it."""
    return SPACED_WORD.findall(f" {text}")


LONGEST = 75
"""How long an encoded-word may be (RFC 2047, 2)."""

_SAFE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"


# Made when it is needed first, because most mail needs none.
@lru_cache(maxsize=2)
def _escapes(escape: str, also_safe: bytes) -> list[str]:
    """Return for every octet itself, or its two hexadecimal digits after `escape`."""
    safe = {*_SAFE, *also_safe}
    return [chr(octet) if octet in safe else f"{escape}{octet:02X}" for octet in range(256)]


def _quoted(octets: bytes) -> str:
    """Return octets in the Q encoding as they may stand in a phrase (RFC 2047, 5)."""
    return "".join(map(_escapes("=", b"!*+/").__getitem__, octets)).replace("=20", "_")


def _percent_encoded(octets: bytes) -> str:
    """Return octets as they may stand in a parameter (RFC 2231, 7)."""
    return "".join(map(_escapes("%", b"._~").__getitem__, octets))


def encoded_words(text: str, room: int = LONGEST) -> list[str]:
    """Return the text as encoded-words in UTF-8, the first no longer than `room` if it can be."""
    octets = text.encode()
    quoted = _quoted(octets)
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


_WORD = pattern(r"=\?([^\s?*]+)(?:\*[^\s?]*)?\?([bBqQ])\?([^\s?]*)\?=")
# Supersets of what the label says, which many programs write under that label.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "us-ascii": "utf-8", "iso-8859-1": "cp1252"}


def decode_word(word: str) -> str:
    """Return what one encoded-word stands for; itself if nobody can tell."""
    match = _WORD.fullmatch(word)
    if match is None:
        return word
    charset, encoding = match[1].lower(), match[2].lower()
    text = match[3].encode("utf-8", "replace")
    try:
        octets = a2b_qp(text, header=True) if encoding == "q" else _unpadded(text)
        return octets.decode(_WIDER.get(charset, charset))
    except (LookupError, ValueError):
        return word


def _unpadded(text: bytes) -> bytes:
    """Decode base64, whose padding is often missing."""
    text = text.rstrip(b"=")
    return a2b_base64(text + b"=" * (-len(text) % 4))


def decoded_text(text: str) -> str:
    """Return unstructured text with its encoded-words decoded (RFC 2047, 6.2)."""
    joined = _BETWEEN_WORDS.sub("", text)
    return _WORD.sub(lambda match: decode_word(match[0]), joined)


_BETWEEN_WORDS = pattern(r"(?<=\?=)[ \t\r\n]++(?==\?[^\s?]++\?[bBqQ]\?)")


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
    escaped = _percent_encoded(value.encode())
    if len(escaped) <= line - len(f" {key}*=utf-8'';"):
        return [f"{key}*=utf-8''{escaped}"]
    room = line - len(f" {key}*999*=utf-8'';")
    first, *others = _pieces(escaped, "%", room, room)
    parts = [
        f"{key}*0*=utf-8''{first}",
        *(f"{key}*{n}*={each}" for n, each in enumerate(others, 1)),
    ]
    return [*(f"{part};" for part in parts[:-1]), parts[-1]]
