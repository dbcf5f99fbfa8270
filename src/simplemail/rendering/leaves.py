"""Encodes one text or file: its type, charset, transfer encoding and octets.

A body or an alternative is text: its lines end in CRLF, the last one too. A file, attached or
inline, arrives octet for octet.
"""

from __future__ import annotations

from functools import lru_cache

from ..light import Any, pattern
from .bodies import encode_text
from .charsets import check_charset
from .checks import check_octets, header_end
from .parts import BYTES, DEFAULT_ATTACHMENT_MIME_TYPE, content_type, decoded

_LINE_END = pattern(rb"\r\n|\r|\n")

kind_of = lru_cache(maxsize=256)(content_type)
"""Do what `content_type()` does, and remember it."""


class Leaf:
    """What a part without parts holds. A memoryview is still to be base64-encoded."""

    __slots__ = ("body", "charset", "encoding", "mimetype")

    def __init__(
        self, mimetype: str, charset: str, encoding: str, body: bytes | memoryview
    ) -> None:
        self.mimetype, self.charset, self.encoding, self.body = mimetype, charset, encoding, body


def text_leaf(
    mimetype: str, content: Any, charset: str, where: str, *, eight_bit: bool, newline: bytes
) -> Leaf:
    """Return a text of type text/*, in this charset unless the type names one.

    `newline` ends the lines of a text in base64. Raises ValueError, which says `where`, for what
    the charset can't hold.
    """
    charset = check_charset(kind_of(mimetype).params.get("charset", charset))
    if isinstance(content, BYTES):
        content = decoded(bytes(content), mimetype, charset)
    try:
        encoding, body = encode_text(str(content), charset, eight_bit=eight_bit, newline=newline)
    except UnicodeEncodeError as error:
        raise _not_in(charset, where, error) from None
    return Leaf(mimetype, charset, encoding, body)


def file_leaf(mimetype: str, content: Any, where: str) -> Leaf:
    """Return a file as it is: bytes, or text in UTF-8 unless the type names another charset.

    Text with half surrogate pairs that stand for bytes ("surrogateescape") is those bytes. Raises
    ValueError, which says `where`, for text that the charset can't hold.
    """
    kind = kind_of(mimetype)
    is_text = kind.maintype == "text"
    charset = check_charset(kind.params.get("charset", "utf-8")) if is_text else "utf-8"
    label = charset if is_text else ""
    if isinstance(content, BYTES):
        return Leaf(mimetype, label, "base64", memoryview(content))
    text = str(content)
    try:
        return Leaf(mimetype, label, "base64", memoryview(text.encode(charset)))
    except UnicodeEncodeError as error:
        wrong = error
    try:
        data = text.encode(charset, "surrogateescape")
    except UnicodeEncodeError:
        raise _not_in(charset, where, wrong) from None
    mimetype = DEFAULT_ATTACHMENT_MIME_TYPE if is_text else mimetype
    return Leaf(mimetype, "", "base64", memoryview(data))


def ready_message(content: Any) -> bytes | None:
    """Return a message that came in bytes or text, with CRLF; None if no mail can hold it as one.

    That has a NUL, say, a line over 998 octets, or no header (RFC 2046, 5.2.1).
    """
    try:
        data = bytes(content) if isinstance(content, BYTES) else str(content).encode()
        data = _LINE_END.sub(b"\r\n", data)
        check_octets(data)
        header_end(data)
    except ValueError:
        return None
    return data


def _not_in(charset: str, where: str, error: UnicodeEncodeError) -> ValueError:
    wrong = error.object[error.start]
    return ValueError(
        f"{where} can't be written in {charset}: it holds {wrong!a}, at {error.start}"
    )
