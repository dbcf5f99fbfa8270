"""Turns the octets of a message into text, whatever they claim to be. Nothing here raises."""

from __future__ import annotations

import codecs
import re
from binascii import Error, a2b_base64, a2b_qp

_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]{0,39}", re.ASCII)
# Codecs of Python that are no charset of mail, or take quadratic time.
_NO_CHARSET = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"}
_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(r"[ \t\r\n]*")
_NOT_BASE64 = bytes(
    {*range(256)} - {*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"}
)


def decoded(data: bytes, charset: str = "us-ascii") -> tuple[str, bool]:
    """Return text, and whether it really was in this charset."""
    codec = _codec(charset)
    if codec is not None:
        try:
            return codec.decode(data, "strict")[0], True
        except (UnicodeError, ValueError):
            pass
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), False


def raw_text(data: bytes) -> str:
    """Return a header's octets as text: UTF-8 if they are that, Latin-1 if not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def words(text: str) -> str:
    """Return a header's text with its encoded-words (RFC 2047) decoded."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: tuple[str, bytes] = ("", b"")
    end = 0
    for found in _WORD.finditer(text):
        charset, octets = found[1].lower(), _word_octets(found[2], found[3])
        between = text[end : found.start()]
        if pending[0] == charset and not between.strip():
            # A character may be cut in two by the border between them.
            pending = (charset, pending[1] + octets)
        else:
            pieces.append(decoded(pending[1], pending[0])[0])
            # White space between two encoded-words is none of the text.
            pieces.append("" if end and not between.strip() else between)
            pending = (charset, octets)
        end = found.end()
    return "".join([*pieces, decoded(pending[1], pending[0])[0], text[end:]])


def transfer_decoded(data: bytes, encoding: str) -> bytes:
    """Return the content of a part without its Content-Transfer-Encoding."""
    if encoding == "base64":
        return _from_base64(data)
    if encoding == "quoted-printable":
        return a2b_qp(data)
    return bytes(data)


def _codec(charset: str) -> codecs.CodecInfo | None:
    if not _NAME.fullmatch(charset):
        return None
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    is_charset = getattr(codec, "_is_text_encoding", True)
    return codec if is_charset and codec.name.replace("-", "_") not in _NO_CHARSET else None


def _word_octets(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return _from_base64(data) if kind in "bB" else a2b_qp(data, header=True)


def _from_base64(data: bytes) -> bytes:
    try:
        return a2b_base64(data)
    except Error:  # the end is missing, or the padding
        only = data.translate(None, _NOT_BASE64)
        only = only[: len(only) - (len(only) % 4 == 1)]
        return a2b_base64(only + b"=" * (-len(only) % 4))
