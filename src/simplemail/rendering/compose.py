"""A message as Python's own `email.message.EmailMessage`, for reading it."""

from __future__ import annotations

import email
import email.message
import email.policy
from typing import Any

from ..conf import settings
from .address_fields import ADDRESS_FIELDS, address_text
from .addresses import quote
from .header import fields
from .injection import check_header
from .parts import (
    BYTES,
    ContentType,
    EmailInline,
    attached,
    check_charset,
    content_type,
    decoded,
    normalized,
)

Message = email.message.EmailMessage


def compose(message: Any, policy: email.policy.EmailPolicy | None) -> Message:
    """Return a new stdlib message with the content and the header of ours, which isn't changed."""
    composed = Message(policy=policy or email.policy.default)
    charset = str(message.encoding or settings.DEFAULT_CHARSET)
    _add_texts(composed, message, charset)
    if attachments := attached(message):
        composed.make_mixed()
        for attachment in attachments:
            _attach(composed, attachment, charset)
    for name, value in fields(message):
        _set_header(composed, name, value)
    return composed


def _add_texts(composed: Message, message: Any, charset: str) -> None:
    """Add the body, its alternatives, and the files shown inside them (RFC 2387)."""
    alternatives = getattr(message, "alternatives", None) or ()
    home: Any = composed
    if message.body or not (alternatives or attached(message)):
        body = message.body or ""
        body = body.decode(charset, "surrogateescape") if isinstance(body, bytes) else body
        kind = content_type(f"text/{message.content_subtype}")
        _put(composed.set_content, body, kind, charset)
    else:
        composed["MIME-Version"] = "1.0"  # which Python adds with a text, and forgets otherwise
    if alternatives:
        composed.make_alternative()
    for content, mimetype in alternatives:
        kind = content_type(mimetype)
        _put(composed.add_alternative, content, kind, charset)
        if kind[:2] == ("text", "html") or home is composed:
            home = list(composed.iter_parts())[-1]
    for inline in getattr(message, "inlines", None) or ():
        _add_inline(home, inline, charset)


def _add_inline(home: Message, inline: EmailInline, charset: str) -> None:
    cid = f"<{inline.content_id}>"
    check_header("Content-ID", cid)
    options = {"disposition": "inline", "filename": _filename(inline.filename), "cid": cid}
    _put(home.add_related, inline.content, content_type(inline.mimetype), charset, **options)


def _attach(composed: Message, attachment: Any, charset: str) -> None:
    if isinstance(attachment, email.message.Message):
        composed.attach(attachment)  # type: ignore[arg-type]  # legacy parts are taken too
        return
    filename, content, mimetype = normalized(attachment)
    kind = content_type(mimetype or "")
    _put(composed.add_attachment, content, kind, charset, filename=_filename(filename))


def _filename(filename: object) -> str | None:
    if filename is None:
        return None
    check_header("Content-Disposition", str(filename))
    return str(filename)


def _put(add: Any, content: Any, kind: ContentType, charset: str, **options: Any) -> None:
    """Call one of the stdlib's `set_content` family as it wants to be called for this content."""
    maintype, subtype, params = kind
    for value in params.values():
        check_header("Content-Type", value)
    if maintype == "text":
        charset = check_charset(params.pop("charset", charset))
        if isinstance(content, BYTES):
            content = decoded(bytes(content), f"text/{kind.subtype}", charset)
        _put_text(add, str(content), kind, charset, options)
    elif maintype == "message":
        nested = _nested(content, add.__self__.policy)
        add(nested, subtype=subtype, params=params, **options)
    else:
        data = content if isinstance(content, BYTES) else str(content).encode()
        add(data, maintype=maintype, subtype=_with_params(kind), **options)


def _put_text(add: Any, text: str, kind: ContentType, charset: str, options: Any) -> None:
    _, subtype, params = kind
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # Bytes that were no text and came through "surrogateescape": Python's
        # text path refuses them, its bytes path carries them as they were.
        data = text.encode(charset, "surrogateescape")
        data += b"" if data.endswith(b"\n") else b"\n"
        params = {"charset": charset, **params}
        add(data, "text", subtype, cte="quoted-printable", params=params, **options)
    else:
        add(text, subtype=_with_params(kind), charset=charset, **options)


def _with_params(kind: ContentType) -> str:
    # Not as `params`, for which Python moves the whole field behind the others.
    return "".join([kind.subtype, *(f"; {name}={quote(v)}" for name, v in kind.params.items())])


def _nested(content: Any, policy: Any) -> email.message.Message[Any, Any]:
    """Return what goes into a message/* part: a message of ours, of the stdlib, text or bytes."""
    if isinstance(content, email.message.Message):
        return content
    if hasattr(content, "message"):
        try:
            return content.message(policy=policy)  # type: ignore[no-any-return]  # ours, or Django's
        except TypeError:  # Django before 6.0 has no policy, nor has who overrode that
            return content.message()  # type: ignore[no-any-return]
    text = content if isinstance(content, BYTES) else str(content)
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return email.message_from_bytes(bytes(data), policy=policy)


def _set_header(composed: Message, name: str, value: Any) -> None:
    if name.lower() in ADDRESS_FIELDS:
        for each in value if isinstance(value, list) else [value]:
            check_header(name, str(each))
        # Python's package would make an encoded-word of a domain beyond ASCII, which no mail
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
