"""A message's attachments, alternatives and inline files."""

from __future__ import annotations

import re

from ..light import Any, NamedTuple, pattern

DEFAULT_ATTACHMENT_MIME_TYPE = "application/octet-stream"
"""The type of what is attached without a type and with a name that tells none."""

BYTES = (bytes, bytearray, memoryview)
"""What is data, and not text."""


class EmailAttachment(NamedTuple):
    """A file that travels with the message.

    - `filename`: its name, or None.
    - `content`: text, bytes, or a message.
    - `mimetype`: its type, like "application/pdf". None guesses it from the name.
    """

    filename: str | None
    content: Any
    mimetype: str | None = None


class EmailAlternative(NamedTuple):
    """The text of a message in another form, such as HTML or a calendar entry.

    - `content`: text or bytes.
    - `mimetype`: its type, like "text/html". It may have parameters.
    """

    content: str | bytes
    mimetype: str


class EmailInline(NamedTuple):
    """A file shown inside the HTML text, which refers to it as `cid:` and its `content_id`.

    `filename` may be None, `content` is text or bytes, and `mimetype` is like "image/png".
    """

    content_id: str
    filename: str | None
    content: str | bytes
    mimetype: str


def is_inline(attachment: object) -> bool:
    """Is this what `attach_inline()` added: a MIME part that has an EmailInline as `inline`?"""
    return hasattr(attachment, "inline")


def attached(message: Any) -> list[Any]:
    """Return a message's attachments without the files that are shown inside the HTML."""
    return [each for each in message.attachments or () if not is_inline(each)]


class ContentType(NamedTuple):
    """A MIME type taken apart (RFC 2045, 5.1): text/calendar; method=REQUEST."""

    maintype: str
    subtype: str
    params: dict[str, str]


_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]++"
_TYPE = pattern(rf"[ \t]*+({_TOKEN})/({_TOKEN})[ \t]*+((?:;.*)?)", re.DOTALL)
# Inside quotes: no control character, no other end of a line, no half of a surrogate pair.
_QUOTED = r'[^"\\\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\\["\\ !#-\[\]-~]'
# RFC 2231, 7: an asterisk in the name says that the value is encoded, which only we do.
_ATTRIBUTE = r"[!#$&+\-.0-9A-Z^_`a-z{|}~]++"
_PARAM = pattern(rf';[ \t]*+(?:({_ATTRIBUTE})[ \t]*+=[ \t]*+({_TOKEN}|"(?:{_QUOTED})*+")[ \t]*+)?')
# Longer than any type in use, and short enough to be cached.
_LONGEST_TYPE = 2_000


def content_type(mimetype: str) -> ContentType:
    """Take a MIME type and its parameters apart.

    Raises ValueError for anything else, line breaks included.
    """
    if len(mimetype) > _LONGEST_TYPE:
        raise ValueError(
            f"Invalid content type {mimetype[:100]!r}...: over {_LONGEST_TYPE} characters"
        )
    match = _TYPE.fullmatch(mimetype)
    if match is None:
        raise ValueError(f"Invalid content type {mimetype!r}: write it like 'text/plain'")
    maintype, subtype, rest = match.groups()
    if maintype.lower() == "multipart":
        raise ValueError(f"Invalid content type {mimetype!r}: attach a MIMEPart that has parts")
    params: dict[str, str] = {}
    position = 0
    while position < len(rest):
        param = _PARAM.match(rest, position)
        if param is None:
            raise ValueError(
                f"Invalid content type {mimetype!r}: parameters are written '; name=value'"
            )
        position = param.end()
        if name := param[1]:
            params[name.lower()] = _unquoted(param[2])
    return ContentType(maintype.lower(), subtype.lower(), params)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


# Common types that some systems' tables lack.
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_TYPES = {
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".odt": f"{_OPEN}text",
    ".ods": f"{_OPEN}spreadsheet",
    ".odp": f"{_OPEN}presentation",
    ".rtf": "application/rtf",
    ".epub": "application/epub+zip",
    ".7z": "application/x-7z-compressed",
    ".zst": "application/zstd",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mkv": "video/x-matroska",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".md": "text/markdown",
    ".log": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".pem": "application/x-pem-file",
    ".p7s": "application/pkcs7-signature",
}
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
}


def guess_type(filename: object, content: object = b"") -> str:
    """Return the MIME type that the file's name tells, or else the first octets of an image.

    A compressed file is of the type of its compression. What nothing tells is an
    application/octet-stream.
    """
    import mimetypes

    name = str(filename or "")
    found, compression = mimetypes.guess_type(name)
    if compression:
        return _COMPRESSED.get(compression, DEFAULT_ATTACHMENT_MIME_TYPE)
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return found or _TYPES.get(ending) or _type_of_image(content) or DEFAULT_ATTACHMENT_MIME_TYPE


def _type_of_image(content: object) -> str | None:
    start = bytes(content[:12]) if isinstance(content, BYTES) else b""
    if start.startswith(b"RIFF") and start.endswith(b"WEBP"):
        return "image/webp"
    starts = {
        b"\x89PNG\r\n\x1a\n": "png",
        b"\xff\xd8\xff": "jpeg",
        b"GIF87a": "gif",
        b"GIF89a": "gif",
    }
    return next(
        (f"image/{kind}" for octets, kind in starts.items() if start.startswith(octets)), None
    )


def as_text(content: bytes, params: dict[str, str]) -> str | None:
    """Decode what is to be a text part, as its charset says or else as UTF-8; None if it isn't."""
    try:
        return content.decode(params.get("charset", "utf-8"))
    except (LookupError, ValueError):
        return None


def decoded(content: bytes, mimetype: str, charset: str) -> str:
    """Decode a text part, from its charset or else from UTF-8. ValueError if it is in neither."""
    text = as_text(content, {"charset": charset}) or as_text(content, {})
    if text is None:
        raise ValueError(f"Content for {mimetype} is neither {charset} nor UTF-8 text")
    return text


def check_content(filename: object, content: object) -> None:
    """Raise ValueError for None, and TypeError for content that isn't text or bytes."""
    if content is None:
        raise ValueError(f"The attachment {filename!r} has no content")
    if hasattr(content, "read"):
        raise TypeError(
            f"The content of the attachment {filename!r} must be text or bytes, not a "
            f"{type(content).__name__}: call its read(), or use attach_file()"
        )


def normalized(attachment: Any) -> EmailAttachment:
    """Give an attachment its type as `as_file()` does, whoever put it there.

    Users assign `message.attachments` as they like: pairs, triples, named tuples.
    """
    if isinstance(attachment, (str, bytes)) or not 2 <= len(attachment) <= 3:
        raise ValueError(
            f"An attachment must be (filename, content, mimetype), not {attachment!r:.100}"
        )
    filename, content, mimetype = (*attachment, None)[:3]
    check_content(filename, content)
    mimetype = mimetype or guess_type(filename)
    return EmailAttachment(filename, *as_file(content, mimetype))


def as_file(content: Any, mimetype: str) -> tuple[Any, str]:
    """Return what is sent as a file, and its type: bytes that are text as text, if it is the same.

    Bytes that are no text are an application/octet-stream, whatever their type says: those that
    its charset doesn't know, or, without one, what isn't UTF-8 or has a NUL. Raises ValueError for
    what is no type.
    """
    kind = content_type(mimetype)
    if kind.maintype != "text" or not isinstance(content, BYTES):
        return content, mimetype
    data = bytes(content)
    charset = kind.params.get("charset")
    text = as_text(data, kind.params)
    if text is None or (charset is None and b"\0" in data):
        return content, DEFAULT_ATTACHMENT_MIME_TYPE
    if charset is not None and text.encode(charset, "replace") != data:
        return content, mimetype
    return text, mimetype
