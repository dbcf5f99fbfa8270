"""Writes a message to bytes: its header and its tree of parts (RFC 2045, RFC 2046).

Our messages are written directly. In plain ASCII, the bytes are those that Python's generator makes
of `message()`. That generator writes everything that others have a part in:
parts that are ready-made, classes with a `message()` of their own, other libraries' messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO

from ..conf import settings
from ..light import Any
from .bodies import base64_blocks
from .charsets import charset_label
from .field import header_line, mime_header
from .header import fields
from .leaves import file_leaf, kind_of, ready_message, text_leaf
from .msgid import random_bits
from .nesting import check_nesting
from .parts import DEFAULT_ATTACHMENT_MIME_TYPE, EmailInline, as_file, attached, normalized

_MIME_VERSION = b"MIME-Version: 1.0\r\n"

# The pieces to write. A memoryview is still to be base64-encoded.
_Pieces = list[bytes | memoryview]


# Plain classes, because three named tuples take longer to make than a message.
class _How:
    """The charset, and what the server can take."""

    __slots__ = ("charset", "eight_bit", "utf8")

    def __init__(self, charset: str, eight_bit: bool, utf8: bool) -> None:
        self.charset, self.eight_bit, self.utf8 = charset, eight_bit, utf8


class _Part:
    """The head that a part has besides MIME-Version, and what comes after its empty line."""

    __slots__ = ("body", "head", "is_multipart")

    def __init__(self, head: bytes, body: _Pieces, *, is_multipart: bool = False) -> None:
        self.head, self.body, self.is_multipart = head, body, is_multipart

    def opening(self) -> bytes:
        if self.is_multipart:
            return _MIME_VERSION + self.head
        return self.head + _MIME_VERSION

    def as_child(self) -> _Pieces:
        return [self.opening(), b"\r\n", *self.body]

    def as_first_child(self) -> _Pieces:
        """Return the whole message as the first part of a multipart."""
        return [self.head, b"\r\n", *self.body]


def as_bytes(message: Any, *, eight_bit: bool = True, utf8: bool = False) -> bytes:
    """Return the message as it is sent, with CRLF line ends.

    The message is ours, Django's, or the stdlib's. Without `eight_bit` it is in 7 bits; with `utf8`
    its header is in UTF-8, for SMTPUTF8 (RFC 6531). Raises ValueError for what no mail can contain.
    """
    if not (hasattr(message, "_is_plain") and message._is_plain()):
        from .generated import generated

        return generated(_composed(message, eight_bit, utf8), eight_bit=eight_bit, utf8=utf8)
    how = _How(str(message.encoding or settings.DEFAULT_CHARSET), eight_bit, utf8)
    part = _whole(message, how)
    header = [header_line(name, value, utf8=utf8) for name, value in fields(message)]
    return _joined([part.opening(), *header, b"\r\n", *part.body])


def _composed(message: Any, eight_bit: bool, utf8: bool) -> Any:
    """Return a stdlib message as it is, and for any other message its `message()`."""
    if not hasattr(message, "message"):
        return message
    from email.policy import SMTP

    policy = SMTP.clone(cte_type="8bit" if eight_bit else "7bit", utf8=utf8)
    try:
        return message.message(policy=policy)
    except TypeError:  # Django before 6.0 has no policy argument, and neither have overrides of it
        return message.message()


def _joined(pieces: _Pieces) -> bytes:
    """Join the pieces, and base64-encode those that still need it."""
    if memoryview not in map(type, pieces):
        return b"".join(pieces)
    out = BytesIO()
    for piece in pieces:
        if isinstance(piece, memoryview):
            out.writelines(base64_blocks(piece))
        else:
            out.write(piece)
    return out.getvalue()


# The tree: mixed(alternative(text, related(html, inlines)), attachments)


def _whole(message: Any, how: _How) -> _Part:
    texts = _texts(message, how)
    attachments = attached(message) if message.attachments else []
    if attachments:
        check_nesting(message)
    if texts is not None and not attachments:
        return texts
    children = [] if texts is None else [texts.as_first_child()]
    children += [_attachment(each, how) for each in attachments]
    return _multipart("mixed", children)


def _texts(message: Any, how: _How) -> _Part | None:
    """Return body, alternatives and inline files as one part; None if there are none of them."""
    alternatives = getattr(message, "alternatives", None) or ()
    inlines = (message.attachments and getattr(message, "inlines", None)) or ()
    body = None
    if message.body or not (alternatives or attached(message)):
        body = _text(f"text/{message.content_subtype}", message.body or "", how, "The body")
    if not alternatives:
        root = f"text/{message.content_subtype}"
        return _related(body, root, inlines, how) if inlines else body
    leaves = [
        _text(mimetype, content, how, f"The alternative {mimetype}")
        for content, mimetype in alternatives
    ]
    if inlines:
        # They belong to the HTML; if there are several, to the last one.
        kinds = [kind_of(mimetype)[:2] for _, mimetype in alternatives]
        html = max((n for n, kind in enumerate(kinds) if kind == ("text", "html")), default=0)
        leaves[html] = _related(leaves[html], alternatives[html][1], inlines, how)
    children = [] if body is None else [body.as_first_child()]
    return _multipart("alternative", [*children, *(leaf.as_child() for leaf in leaves)])


def _related(root: _Part | None, kind: str, inlines: Iterable[EmailInline], how: _How) -> _Part:
    """Return a text of this kind with its inline files (RFC 2387)."""
    children = [] if root is None else [root.as_first_child()]
    for content_id, filename, content, mimetype in inlines:
        params = {} if filename is None else {"filename": str(filename)}
        extra = mime_header("Content-Disposition", "inline", params)
        extra += header_line("Content-ID", f"<{content_id}>", utf8=how.utf8)
        content, mimetype = as_file(content, mimetype)
        where = f"The inline file {filename!r}"
        children.append(_file(mimetype, content, how, where, extra).as_child())
    return _multipart("related", children, kind if root else "")


def _attachment(attachment: Any, how: _How) -> _Pieces:
    if hasattr(attachment, "get_content_maintype"):
        from .generated import generated

        return [generated(attachment, eight_bit=how.eight_bit, utf8=how.utf8)]
    filename, content, mimetype = normalized(attachment)
    where = f"The attachment {filename!r}"
    if filename is not None:
        extra = mime_header("Content-Disposition", "attachment", {"filename": str(filename)})
        return _file(mimetype or "", content, how, where, extra).as_child()
    part = _file(mimetype or "", content, how, where)
    return [part.opening(), b"Content-Disposition: attachment\r\n\r\n", *part.body]


_BOUNDARY_LINE = {
    "mixed": b'Content-Type: multipart/mixed; boundary="%s"\r\n',
    "alternative": b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n',
}


def _multipart(subtype: str, children: list[_Pieces], root: str = "") -> _Part:
    """Return parts in one; those of a multipart/related have a first one of type `root`."""
    boundary = _boundary(children)
    between = b"\r\n--%s\r\n" % boundary
    body: _Pieces = []
    for child in children:
        body += [between, *child]
    body[0] = between[2:]
    body.append(b"\r\n--%s--\r\n" % boundary)
    return _Part(_multipart_head(subtype, boundary, root), body, is_multipart=True)


def _multipart_head(subtype: str, boundary: bytes, root: str) -> bytes:
    if subtype in _BOUNDARY_LINE:
        return _BOUNDARY_LINE[subtype] % boundary
    params = {"type": "/".join(kind_of(root)[:2])} if root else {}
    params["boundary"] = boundary.decode()
    return mime_header("Content-Type", f"multipart/{subtype}", params)


def _boundary(children: list[_Pieces]) -> bytes:
    """Return a boundary that occurs in none of the parts."""
    while True:
        boundary = b"===============%019d==" % (random_bits() >> 1)
        # Base64 has no hyphens, so encoded parts can't contain a delimiter.
        if not any(
            boundary in piece
            for child in children
            for piece in child
            if not isinstance(piece, memoryview)
        ):
            return boundary


# The leaves


def _text(mimetype: str, content: Any, how: _How, where: str) -> _Part:
    """Return a body or an alternative as a text part, or as a file if it isn't text."""
    if kind_of(mimetype).maintype != "text":
        return _file(mimetype, content, how, where)
    eight_bit = how.eight_bit
    leaf = text_leaf(mimetype, content, how.charset, where, eight_bit=eight_bit, newline=b"\r\n")
    return _Part(_leaf_head(leaf.mimetype, leaf.charset, leaf.encoding), [leaf.body])


def _file(mimetype: str, content: Any, how: _How, where: str, extra: bytes = b"") -> _Part:
    """Return a file or a message as a part, with extra fields in its head."""
    if kind_of(mimetype).maintype == "message":
        return _nested(mimetype, content, how, where, extra)
    leaf = file_leaf(mimetype, content, where)
    return _Part(_leaf_head(leaf.mimetype, leaf.charset, leaf.encoding) + extra, [leaf.body])


@lru_cache(maxsize=256)
def _type_line(mimetype: str, charset: str) -> bytes:
    maintype, subtype, params = kind_of(mimetype)
    if charset:
        params = {name: value for name, value in params.items() if name != "charset"}
        params["charset"] = charset_label(charset)
    return mime_header("Content-Type", f"{maintype}/{subtype}", params)


@lru_cache(maxsize=256)
def _leaf_head(mimetype: str, charset: str, encoding: str) -> bytes:
    line = _type_line(mimetype, charset)
    return b"%sContent-Transfer-Encoding: %s\r\n" % (line, encoding.encode())


def _nested(mimetype: str, content: Any, how: _How, where: str, extra: bytes) -> _Part:
    """Return a message as a part, never encoded (RFC 2046, 5.2.1); as a file, if it can't be."""
    inner = _inner(content, how)
    if inner is None:
        return _file(DEFAULT_ATTACHMENT_MIME_TYPE, content, how, where, extra)
    is_rfc822 = kind_of(mimetype)[:2] == ("message", "rfc822")
    bits = b"8bit" if how.eight_bit and (is_rfc822 or not inner.isascii()) else b"7bit"
    head = b"%sContent-Transfer-Encoding: %s\r\n%s" % (_type_line(mimetype, ""), bits, extra)
    return _Part(head, [inner])


def _inner(content: Any, how: _How) -> bytes | None:
    """Return a message's bytes; None for bytes that can't travel as a message."""
    if hasattr(content, "message") or hasattr(content, "get_content_maintype"):
        return as_bytes(content, eight_bit=how.eight_bit, utf8=how.utf8)
    inner = ready_message(content)
    if inner is None or how.eight_bit:
        return inner
    try:
        from .downgrade import in_seven_bits

        return in_seven_bits(inner)
    except ValueError:
        return None
