"""Puts a finished message into 7 bits, for servers without 8BITMIME (RFC 6152, 3).

It works on the bytes: parts that are already ASCII stay the same, octet for octet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..light import NamedTuple, pattern
from .bodies import encode_base64, encode_octets
from .checks import ONE_FIELD, header_end
from .nesting import DEEPEST, too_deep
from .ready import in_ascii, parameters, taken_apart

_EIGHT_BITS = pattern(rb"[\x80-\xff]")


def with_ascii_header(content: bytes, *, utf8: bool = False) -> bytes:
    """Return a message with its header in ASCII, or with `utf8` in UTF-8, and the rest unchanged.

    Raises ValueError if the header is malformed, and what `in_ascii()` raises.
    """
    end = header_end(content)
    if content[:end].isascii():
        return content
    return b"".join([in_ascii(each, utf8=utf8) for each in _fields(content[:end])]) + content[end:]


def in_seven_bits(content: bytes, *, utf8: bool = False) -> bytes:
    """Return a message or a part in ASCII, except for UTF-8 in its header with `utf8`.

    The parts that need it are encoded, and fields written anew. Raises ValueError if a header is
    malformed, or a part stands over 100 deep in others, and what `in_ascii()` raises.
    """
    if content.isascii():
        return content
    entity = _entity(content, utf8, 0, "text/plain")
    return entity if entity.endswith(b"\r\n") else entity + b"\r\n"


class _Head(NamedTuple):
    """What a header says about the content after it."""

    maintype: str
    subtype: str
    boundary: str
    encoding: str

    @property
    def is_encoded(self) -> bool:
        return self.encoding in ("base64", "quoted-printable")


def _fields(header: bytes) -> list[bytes]:
    return [match[0] for match in ONE_FIELD.finditer(header)]


def _entity(content: bytes, utf8: bool, depth: int, default: str) -> bytes:
    if content.isascii():
        return content
    if depth > DEEPEST:
        raise too_deep()
    end = header_end(content)
    fields = _fields(content[:end])
    head = _read(fields, default)
    encoding, body = _body(content[end + 2 :], head, depth)
    if encoding not in ("", head.encoding):
        fields = [*_with_encoding(fields, encoding)]
    lines = [in_ascii(each, utf8=utf8, nested=depth > 0) for each in fields]
    return b"".join([*lines, content[end : end + 2], body])


def _read(fields: list[bytes], default: str) -> _Head:
    found = {"content-type": default, "content-transfer-encoding": ""}
    for field in reversed(fields):
        name, text = taken_apart(field)
        if name.lower() in found:
            found[name.lower()] = text
    kind, params = parameters(found["content-type"])
    maintype, _, subtype = kind.lower().partition("/")
    boundary = next((each.value for each in params if each.name == "boundary"), "")
    encoding = found["content-transfer-encoding"].strip().lower()
    return _Head(maintype.strip(), subtype.strip(), boundary, encoding)


def _body(body: bytes, head: _Head, depth: int) -> tuple[str, bytes]:
    """Return a body in ASCII and its encoding, or "" if that is unchanged."""
    if body.isascii():
        return "", body
    if head.is_encoded:
        return "", _mended(body, head.encoding)
    if head.maintype == "multipart":
        return "7bit" if head.encoding else "", b"".join(_parts(body, head, depth))
    if (head.maintype, head.subtype) == ("message", "rfc822"):
        inner = _entity(body, False, depth + 1, "text/plain")
        return "7bit" if head.encoding else "", inner
    return _encoded(body, head)


def _mended(body: bytes, encoding: str) -> bytes:
    """Return a body that claims to be encoded, but contains octets that aren't."""
    if encoding == "base64":
        return _EIGHT_BITS.sub(b"", body)  # as readers do (RFC 2045, 6.8)
    return _EIGHT_BITS.sub(lambda match: b"=%02X" % ord(match[0]), body)


def _encoded(body: bytes, head: _Head) -> tuple[str, bytes]:
    if head.maintype in ("text", "message"):
        encoding, lines = encode_octets(body.replace(b"\r\n", b"\n") + b"\n")
        if encoding == "quoted-printable":
            return encoding, lines.removesuffix(b"\r\n")
    # The line end after it is the delimiter's, so it goes without one of its own.
    return "base64", encode_base64(body).removesuffix(b"\r\n")


def _parts(body: bytes, head: _Head, depth: int) -> Iterator[bytes]:
    """Yield what a multipart holds: preamble, delimiters, parts and epilogue (RFC 2046, 5.1)."""
    default = "message/rfc822" if head.subtype == "digest" else "text/plain"
    boundary = re.escape(head.boundary.encode())
    delimiters = re.finditer(rb"(?:\A|\r\n)--%s(--)?[ \t]*+(?=\r\n|\Z)" % boundary, body)
    end, is_part = 0, False
    for match in delimiters:
        yield _between(body[end : match.start()], is_part, depth, default)
        yield match[0]
        end, is_part = match.end(), not match[1]
        if match[1]:
            break
    if not end:
        raise ValueError(f"A multipart has no part: its boundary {head.boundary!r} isn't there")
    yield _between(body[end:], is_part, depth, default)


def _between(octets: bytes, is_part: bool, depth: int, default: str) -> bytes:
    if is_part:
        return octets[:2] + _entity(octets[2:], False, depth + 1, default)
    return _EIGHT_BITS.sub(
        b"?", octets
    )  # mail programs don't show what is before and after the parts


def _with_encoding(fields: list[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the fields with this Content-Transfer-Encoding, in its place or at the end."""
    names = [taken_apart(field)[0].lower() for field in fields]
    line = b"Content-Transfer-Encoding: %s\r\n" % encoding.encode()
    for name, field in zip(names, fields, strict=True):
        if name != "content-transfer-encoding":
            yield field
        elif line:
            yield line
            line = b""
    yield line
    if "content-type" not in names and "mime-version" not in names:
        yield b"MIME-Version: 1.0\r\n"
