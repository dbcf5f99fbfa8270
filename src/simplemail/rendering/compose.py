"""Composes a message as Python's own `email.message.EmailMessage`."""

from __future__ import annotations

import email
import email.message
import email.policy
from typing import TYPE_CHECKING, Any

from ..conf import settings
from .address_fields import address_text
from .addresses import ADDRESS_FIELDS, quote
from .bodies import encode_base64
from .charsets import charset_label
from .header import fields
from .injection import check_header
from .leaves import Leaf, file_leaf, ready_message, text_leaf
from .nesting import check_nesting, limited
from .parts import (
    DEFAULT_ATTACHMENT_MIME_TYPE,
    EmailInline,
    as_file,
    attached,
    content_type,
    normalized,
)

if TYPE_CHECKING:
    Policy = email.policy.Policy[Any]


class Message(email.message.EmailMessage):
    """The standard library's message. Only, it also takes `linesep`, as Django's did before 6.0.

    A `_send()` of that time says `message.as_bytes(linesep="\\r\\n")`.
    """

    def as_bytes(
        self,
        unixfrom: bool = False,
        policy: Policy | None = None,
        *,
        linesep: str | None = None,
    ) -> bytes:
        with limited():
            return super().as_bytes(unixfrom, self._ending_lines(policy, linesep))

    def as_string(
        self,
        unixfrom: bool = False,
        maxheaderlen: int | None = None,
        policy: Policy | None = None,
        *,
        linesep: str | None = None,
    ) -> str:
        with limited():
            return super().as_string(unixfrom, maxheaderlen, self._ending_lines(policy, linesep))

    def _ending_lines(self, policy: Policy | None, linesep: str | None) -> Any:
        if linesep is None:
            return policy
        return (policy or self.policy).clone(linesep=linesep)


def compose(message: Any, policy: email.policy.EmailPolicy | None) -> Message:
    """Return a new stdlib message with the content and the header of ours, which isn't changed."""
    check_nesting(message)
    composed = Message(policy=policy or email.policy.default)
    charset = str(message.encoding or settings.DEFAULT_CHARSET)
    _add_texts(composed, message, charset)
    if attachments := attached(message):
        composed.make_mixed()
        for attachment in attachments:
            _attach(composed, attachment)
    for name, value in fields(message):
        _set_header(composed, name, value)
    return composed


def read(content: bytes, policy: email.policy.EmailPolicy | None) -> Message:
    """Return a finished message as `compose()` does, with its fields as they are written there."""
    reading: Any = policy or email.policy.default.clone(refold_source="none")
    kind = reading.message_factory
    kind = Message if kind in (None, email.message.EmailMessage) else kind
    with limited():
        parsed: Any = email.message_from_bytes(content, kind, policy=reading)
    return parsed  # type: ignore[no-any-return]  # of the class that the policy says


def _add_texts(composed: Message, message: Any, charset: str) -> None:
    """Add the body, its alternatives, and the files shown inside them (RFC 2387)."""
    alternatives = getattr(message, "alternatives", None) or ()
    home: Any = composed
    if message.body or not (alternatives or attached(message)):
        body = message.body or ""
        body = body.decode(charset, "surrogateescape") if isinstance(body, bytes) else body
        _put_text(
            composed.set_content, f"text/{message.content_subtype}", body, charset, "The body"
        )
    else:
        composed["MIME-Version"] = "1.0"  # which Python adds only with text
    if alternatives:
        composed.make_alternative()
    for content, mimetype in alternatives:
        where = f"The alternative {mimetype}"
        _put_text(composed.add_alternative, mimetype, content, charset, where)
        if content_type(mimetype)[:2] == ("text", "html") or home is composed:
            home = list(composed.iter_parts())[-1]
    root = home.get_content_type() if home["Content-Type"] else ""
    inlines = getattr(message, "inlines", None) or ()
    for inline in inlines:
        _add_inline(home, inline)
    if inlines and root:
        home.set_param("type", root)


def _add_inline(home: Message, inline: EmailInline) -> None:
    cid = f"<{inline.content_id}>"
    check_header("Content-ID", cid)
    content, mimetype = as_file(inline.content, inline.mimetype)
    filename = _filename(inline.filename)
    where = f"The inline file {filename!r}"
    options = {"disposition": "inline", "filename": filename, "cid": cid}
    _put_file(home.add_related, mimetype, content, where, **options)


def _attach(composed: Message, attachment: Any) -> None:
    if isinstance(attachment, email.message.Message):
        composed.attach(attachment)  # type: ignore[arg-type]  # legacy parts are taken too
        return
    filename, content, mimetype = normalized(attachment)
    filename = _filename(filename)
    where = f"The attachment {filename!r}"
    _put_file(composed.add_attachment, mimetype or "", content, where, filename=filename)


def _filename(filename: object) -> str | None:
    if filename is None:
        return None
    check_header("Content-Disposition", str(filename))
    return str(filename)


def _put_text(add: Any, mimetype: str, content: Any, charset: str, where: str) -> None:
    """Call one of the stdlib's `set_content` family for a body or an alternative."""
    if content_type(mimetype).maintype != "text":
        _put_file(add, mimetype, content, where)
        return
    policy = add.__self__.policy
    leaf = text_leaf(
        mimetype,
        content,
        charset,
        where,
        eight_bit=policy.cte_type == "8bit",
        newline=policy.linesep.encode(),
    )
    add(leaf, content_manager=_LEAVES)


def _put_file(add: Any, mimetype: str, content: Any, where: str, **options: Any) -> None:
    """Call one of the stdlib's `set_content` family for a file or a message."""
    kind = content_type(mimetype)
    for value in kind.params.values():
        check_header("Content-Type", value)
    nested = _nested(content, add.__self__.policy) if kind.maintype == "message" else None
    if nested is not None:
        add(nested, subtype=kind.subtype, params=kind.params, **options)
        return
    mimetype = DEFAULT_ATTACHMENT_MIME_TYPE if kind.maintype == "message" else mimetype
    add(file_leaf(mimetype, content, where), content_manager=_LEAVES, **options)


class _Leaves:
    """A content manager for the stdlib that puts already encoded content into a part."""

    def set_content(
        self,
        part: Any,
        leaf: Leaf,
        *,
        disposition: str | None = None,
        filename: str | None = None,
        cid: str | None = None,
    ) -> None:
        part.clear_content()
        part["Content-Type"] = _type(leaf)
        body = leaf.body if isinstance(leaf.body, bytes) else encode_base64(leaf.body)
        # Lines of a stdlib message end in LF, and octets are half surrogate pairs.
        part.set_payload(body.replace(b"\r\n", b"\n").decode("ascii", "surrogateescape"))
        part["Content-Transfer-Encoding"] = leaf.encoding
        if disposition or filename is not None:
            part["Content-Disposition"] = disposition or "attachment"
        if filename is not None:
            part.set_param("filename", filename, header="Content-Disposition", replace=True)
        if cid is not None:
            part["Content-ID"] = cid


_LEAVES: Any = _Leaves()


def _type(leaf: Leaf) -> str:
    maintype, subtype, params = content_type(leaf.mimetype)
    for value in params.values():
        check_header("Content-Type", value)
    if leaf.charset:
        params.pop("charset", None)
        params["charset"] = charset_label(leaf.charset)
    return "; ".join(
        [f"{maintype}/{subtype}", *(f"{name}={quote(value)}" for name, value in params.items())]
    )


def _nested(content: Any, policy: Any) -> email.message.Message[Any, Any] | None:
    """Return what goes into a message/* part: a message of ours, of the stdlib, text or bytes.

    None for text and bytes that can't travel as a message.
    """
    if isinstance(content, email.message.Message):
        return content
    if hasattr(content, "message"):
        try:
            return content.message(policy=policy)  # type: ignore[no-any-return]  # ours, or Django's
        except (
            TypeError
        ):  # Django before 6.0 has no policy argument, and neither have overrides of it
            return content.message()  # type: ignore[no-any-return]
    data = ready_message(content)
    return None if data is None else read(data, policy)


def _set_header(composed: Message, name: str, value: Any) -> None:
    if name.lower() in ADDRESS_FIELDS:
        for each in value if isinstance(value, list) else [value]:
            check_header(name, str(each))
        # Python's package would encode a domain beyond ASCII as an encoded-word, which no mail
        # server accepts: https://github.com/python/cpython/issues/83938
        value = address_text(name, value, utf8=getattr(composed.policy, "utf8", False))
    elif isinstance(value, str):
        check_header(name, value)
    try:
        composed[name] = value
    except ValueError:
        raise
    except Exception as error:
        # Python's own parser stumbles over some broken values, over which ones and with which of
        # many exceptions differs between patch releases.
        raise ValueError(f"Invalid value for {name}: {value!r}") from error
