"""A mail as its reader sees it, from any kind of object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..rendering.addresses import Mailbox, mailboxes, to_ascii
from ..rendering.envelope import Envelope

if TYPE_CHECKING:
    from email.message import EmailMessage


class Seen(NamedTuple):
    """What a mail says. Lines of text end in a newline; `attachments` are file names."""

    from_email: list[Mailbox]
    to: list[Mailbox]
    cc: list[Mailbox]
    bcc: list[Mailbox]
    subject: str
    body: str
    html: str
    attachments: list[str]
    sent_using: str | None


def seen(mail: Any) -> Seen:
    """Return what a message (ours, Django's, the stdlib's), an envelope or an `.eml` says.

    So do `Received` messages of the test server, which have an envelope's attributes.
    """
    import email
    import email.policy

    is_envelope = isinstance(getattr(mail, "content", None), bytes)
    envelope = mail if is_envelope else Envelope.of(mail, utf8=True)
    parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
    to, cc = _addresses(mail, parsed, "to"), _addresses(mail, parsed, "cc")
    plain, html = _texts(parsed, "text/plain"), _texts(parsed, "text/html")
    return Seen(
        from_email=_boxes(str(getattr(mail, "from_email", "") or parsed.get("From", ""))),
        to=to,
        cc=cc,
        bcc=_without([box for each in envelope.recipients for box in _boxes(each)], [*to, *cc]),
        subject=str(getattr(mail, "subject", parsed.get("Subject", ""))),
        body=(plain or html or [""])[0],
        html="\n".join(html),
        attachments=[_file_name(part) for part in _leaves(parsed) if _is_attached(part)],
        sent_using=getattr(mail, "sent_using", None),
    )


def is_same(wanted: Mailbox, found: Mailbox) -> bool:
    """Are these one address? A display name counts if one is wanted."""
    named = not wanted.display_name or wanted.display_name == found.display_name
    return named and _spec(wanted) == _spec(found)


def _addresses(mail: Any, parsed: EmailMessage, name: str) -> list[Mailbox]:
    given = getattr(mail, name, None)
    texts = [str(parsed.get(name, ""))] if given is None else map(str, given)
    return [box for text in texts for box in _boxes(text)]


def _boxes(text: str) -> list[Mailbox]:
    try:
        return mailboxes(text)
    except ValueError:  # a header may hold anything
        return [Mailbox("", text, "")]


def _without(boxes: list[Mailbox], others: list[Mailbox]) -> list[Mailbox]:
    known = {_spec(box) for box in others}
    return [box for box in boxes if _spec(box) not in known]


def _spec(box: Mailbox) -> tuple[str, str]:
    try:
        return box.local, to_ascii(box.domain).lower()
    except ValueError:
        return box.local, box.domain


def _leaves(part: Any) -> Iterator[Any]:
    """Yield the parts that hold something; an attached message is one, with all that is in it."""
    if part.get_content_maintype() == "multipart":
        for child in part.iter_parts():
            yield from _leaves(child)
    else:
        yield part


def _is_attached(part: Any) -> bool:
    return bool(part.is_attachment() or part.get_filename())


def _file_name(part: Any) -> str:
    return str(part.get_filename() or part.get_content_type())


def _texts(parsed: EmailMessage, kind: str) -> list[str]:
    parts = [part for part in _leaves(parsed) if not _is_attached(part)]
    return [_text(part) for part in parts if part.get_content_type() == kind]


def _text(part: Any) -> str:
    content: bytes = part.get_payload(decode=True) or b""
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")
