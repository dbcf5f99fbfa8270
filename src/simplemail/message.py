"""What to say: a message, its recipients, and what travels with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module

from .backends.handler import check_exclusive, choose_mailer
from .conf import settings
from .exceptions import BadHeaderError
from .light import TYPE_CHECKING, Any
from .receipts import Receipt, Status
from .rendering.addresses import addr_spec
from .rendering.envelope import Envelope, as_bytes
from .rendering.header import RECIPIENTS, listed
from .rendering.msgid import DNS_NAME, CachedDnsName, make_msgid
from .rendering.parts import (
    DEFAULT_ATTACHMENT_MIME_TYPE,
    EmailAlternative,
    EmailAttachment,
    EmailInline,
    check_content,
    content_type,
    guess_type,
    normalized,
)

if TYPE_CHECKING:
    import email.message
    import email.policy
__all__ = [
    "DEFAULT_ATTACHMENT_MIME_TYPE",
    "DNS_NAME",
    "BadHeaderError",
    "CachedDnsName",
    "EmailAlternative",
    "EmailAttachment",
    "EmailInline",
    "EmailMessage",
    "EmailMultiAlternatives",
    "make_msgid",
]


class EmailMessage:
    """A message with one text. Every attribute may be changed until it is sent.

    - `subject`, `body`: text. None as `body` is an empty text.
    - `from_email`: the sender, by default the setting DEFAULT_FROM_EMAIL. Bounces go to it.
    - `to`, `cc`, `bcc`: lists of addresses. Nobody sees those in `bcc`.
    - `connection`: the mailer to send through; None means the default one.
    - `attachments`: a list of `EmailAttachment`, tuples of two or three, or MIME parts.
    - `headers`: a dict of header fields, kept in `extra_headers`. They replace what would be
      generated, From and To included, and never change who gets the message.
    - `reply_to`: a list of addresses for the header Reply-To.

    An address is text ("Ann <ann@example.com>"), a pair (name, address), or an
    `email.headerregistry.Address`. A string instead of a list is a TypeError.
    """

    content_subtype = "plain"
    """The body's text/* type: set "html" for a message that is HTML alone."""

    encoding: str | None = None
    """The charset of body, alternatives and text attachments; None is DEFAULT_CHARSET, UTF-8."""

    def __init__(
        self,
        subject: object = "",
        body: str | None = "",
        from_email: object = None,
        to: Iterable[Any] | None = None,
        bcc: Iterable[Any] | None = None,
        connection: Any = None,
        attachments: Iterable[Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        cc: Iterable[Any] | None = None,
        reply_to: Iterable[Any] | None = None,
    ) -> None:
        self.subject = subject
        self.body = body or ""
        self.from_email = from_email or settings.DEFAULT_FROM_EMAIL
        self.to = _copied("to", to)
        self.cc = _copied("cc", cc)
        self.bcc = _copied("bcc", bcc)
        self.reply_to = _copied("reply_to", reply_to)
        self.extra_headers = headers or {}
        self.connection = connection
        self.attachments: list[Any] = []
        self.inlines: list[EmailInline] = []
        for attachment in attachments or ():
            if isinstance(attachment, (tuple, list)):
                self.attach(*attachment)
            else:
                self.attach(attachment)

    def message(
        self, *, policy: email.policy.EmailPolicy | None = None
    ) -> email.message.EmailMessage:
        """Return the message as Python's own `email.message.EmailMessage`, made anew.

        `policy`, by default `email.policy.default`, holds for nested messages too. Raises
        BadHeaderError (a ValueError) for a line break in a header.
        """
        from .rendering.compose import compose

        return compose(self, policy)

    def _is_plain(self) -> bool:
        """Is `message()` simplemail's own, so that the renderer may write the bytes itself?

        Asked by identity, because a decorated function has all the attributes of the first one.
        """
        return getattr(self.message, "__func__", None) is _OWN_MESSAGE

    def as_bytes(self) -> bytes:
        """Return what goes over the wire: the message in bytes, its lines ended by CRLF."""
        return as_bytes(self)

    def envelope(self) -> Envelope:
        """Return what SMTP needs, rendered once: sender, recipients, bytes and Message-ID.

        It can be kept, pickled and sent later, and stays the same message.
        """
        return Envelope.of(self)

    def recipients(self) -> list[Any]:
        """Return everybody who gets the message: to, cc and bcc, without empty entries."""
        groups = [listed(name, getattr(self, name)) for name in RECIPIENTS]
        return [address for group in groups for address in group if address]

    def send(self, fail_silently: bool = False, *, using: str | None = None) -> int:
        """Send it, through `connection` if there is one, else the mailer `using`, else the default.

        Returns how many messages were sent: 1, or 0 if there are no recipients. Raises
        `smtplib.SMTPException` or another OSError if it could not be delivered; with
        `fail_silently`, that is a warning in the log, and the result is 0.
        """
        check_exclusive(using=using, connection=self.connection, fail_silently=fail_silently)
        if not self.recipients():
            return 0
        mailer = choose_mailer(using, self.connection, fail_silently=fail_silently)
        return mailer.send_messages([self])  # type: ignore[no-any-return]  # may be anybody's

    def deliver(self, *, using: str | None = None) -> Receipt:
        """Send it, as `send()` does, and return its `Receipt` instead of raising.

        `using` is the alias of a mailer. Without recipients, the receipt's status is REFUSED.
        """
        check_exclusive(using=using, connection=self.connection)
        if not self.recipients():
            return Receipt(self, Status.REFUSED)
        receipts = choose_mailer(using, self.connection).iter_deliver([self])
        receipt: Receipt = next(iter(receipts))
        receipts.close()
        return receipt

    async def asend(self, fail_silently: bool = False, *, using: str | None = None) -> int:
        """Do what `send()` does, with its `fail_silently` and `using`, and block no event loop."""
        check_exclusive(using=using, connection=self.connection, fail_silently=fail_silently)
        sent: int = await aio().asend(self, fail_silently, using=using)
        return sent

    def attach(
        self, filename: Any = None, content: Any = None, mimetype: str | None = None
    ) -> None:
        """Attach `content` as a file named `filename`, or a ready `MIMEPart` (alone, as it is).

        `mimetype` is its type, guessed from the name by default. Bytes for text/* are decoded as
        UTF-8, and sent as application/octet-stream if they are not. ValueError without content.
        """
        if _is_mime_part(filename):
            if content is not None or mimetype is not None:
                raise ValueError("A MIME part is attached alone, without content and mimetype")
            self.attachments.append(filename)
        else:
            self.attachments.append(normalized((filename, content, mimetype)))

    def attach_file(self, path: str | os.PathLike[str], mimetype: str | None = None) -> None:
        """Attach the file at `path` under its base name. `mimetype` is guessed if not given."""
        from pathlib import Path  # takes longer to load than a mail to send

        path = Path(path)
        self.attach(path.name, path.read_bytes(), mimetype)

    def attach_inline(
        self, content: str | bytes, filename: str | None = None, mimetype: str | None = None
    ) -> str:
        """Add a file that the HTML shows in place, and return its Content-ID.

        `content` is text or bytes, `filename` its name, and `mimetype` its type, guessed from the
        name by default. Refer to it as `<img src="cid:...">` with what is returned. The file
        travels beside the HTML in multipart/related (RFC 2387), so mail programs don't list it.
        """
        check_content(filename, content)
        mimetype = mimetype or guess_type(filename)
        content_type(mimetype)
        content_id = make_msgid(domain=str(DNS_NAME))[1:-1]
        self.inlines.append(EmailInline(content_id, filename, content, mimetype))
        return content_id


_OWN_MESSAGE = EmailMessage.message


class EmailMultiAlternatives(EmailMessage):
    """A message whose text is there in several forms: plain and HTML, most often.

    `alternatives` are (content, type) pairs, the best last. `subject`, `body`, `from_email`, `to`,
    `cc`, `bcc`, `reply_to`, `connection`, `attachments` and `headers` are those of `EmailMessage`.
    """

    def __init__(
        self,
        subject: object = "",
        body: str | None = "",
        from_email: object = None,
        to: Iterable[Any] | None = None,
        bcc: Iterable[Any] | None = None,
        connection: Any = None,
        attachments: Iterable[Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        alternatives: Iterable[tuple[str | bytes, str]] | None = None,
        cc: Iterable[Any] | None = None,
        reply_to: Iterable[Any] | None = None,
    ) -> None:
        super().__init__(
            subject, body, from_email, to, bcc, connection, attachments, headers, cc, reply_to
        )
        self.alternatives = [EmailAlternative(*alternative) for alternative in alternatives or ()]

    def attach_alternative(self, content: str | bytes, mimetype: str) -> None:
        """Add `content` as another form, the best last. `mimetype` may have parameters."""
        if content is None or mimetype is None:
            raise ValueError("An alternative needs both content and mimetype")
        self.alternatives.append(EmailAlternative(content, mimetype))

    def body_contains(self, text: str) -> bool:
        """Is `text` in the body and in every text/* alternative?"""
        return text in (self.body or "") and all(
            text in (content.decode() if isinstance(content, bytes) else content)
            for content, mimetype in self.alternatives
            if mimetype.startswith("text/")
        )


class ReadBack(EmailMultiAlternatives):
    """An envelope as a message, for backends written for Django.

    It is sent as the envelope was, byte for byte, unless something of it is changed: then it is
    composed anew, with the same Message-ID and Date.
    """

    def __init__(self, envelope: Envelope) -> None:
        from .rendering.parsed import Parsed

        parsed = Parsed(envelope.content)
        super().__init__(
            subject=str(parsed.root["Subject"] or ""),
            body=parsed.body,
            to=parsed.addresses("To"),
            cc=parsed.addresses("Cc"),
            headers=parsed.others(),
            reply_to=parsed.addresses("Reply-To"),
        )
        self.attachments = parsed.attachments
        self.alternatives = [EmailAlternative(*each) for each in parsed.alternatives]
        self.content_subtype = parsed.content_subtype
        self._address(envelope, parsed.addresses("From"))
        self._original = envelope
        self._always = {name: parsed.root[name] for name in ("Date", "Message-ID")}
        self._as_read = self._state()

    def _address(self, envelope: Envelope, senders: list[str]) -> None:
        """Take sender and recipients from the envelope; names come from the header."""
        self.from_email = envelope.sender
        if len(senders) == 1 and _spec(senders[0]) == envelope.sender:
            self.from_email = senders[0]
        elif senders:
            self.extra_headers = {"From": ", ".join(senders), **self.extra_headers}
        shown = {_spec(each) for each in (*self.to, *self.cc)}
        self.bcc = [each for each in envelope.recipients if each not in shown]

    def recipients(self) -> list[Any]:
        # Not all in the header need be in the envelope: a list's address, say.
        return list(self.unchanged.recipients) if self.unchanged else super().recipients()

    @property
    def unchanged(self) -> Envelope | None:
        """The envelope, as long as nothing of the message was changed."""
        return self._original if self._state() == self._as_read else None

    def message(
        self, *, policy: email.policy.EmailPolicy | None = None
    ) -> email.message.EmailMessage:
        from email import message_from_bytes
        from email.policy import default

        if self.unchanged:
            parsed: Any = message_from_bytes(self._original.content, policy=policy or default)
            return parsed  # type: ignore[no-any-return]  # of the class that the policy says
        composed = super().message(policy=policy)
        for name, value in self._always.items():
            if value is not None and name not in self.extra_headers:
                del composed[name]
                composed[name] = str(value)
        return composed

    def _state(self) -> list[Any]:
        """Return all that a backend may change, so that it can be compared."""
        values = [getattr(self, name) for name in _WRITTEN]
        return [list(value) if isinstance(value, list) else value for value in values[:-1]] + [
            dict(self.extra_headers)
        ]


_WRITTEN = (
    *("subject", "body", "content_subtype", "encoding", "from_email", *RECIPIENTS),
    *("reply_to", "attachments", "alternatives", "extra_headers"),
)


def _spec(address: str) -> str:
    try:
        return addr_spec(address, utf8=True)
    except ValueError:
        return ""


def aio() -> Any:
    """Return the module that sends from asyncio: by name, for it stands on a higher floor."""
    return import_module(f"{__package__}.aio")


def _copied(name: str, addresses: Iterable[Any] | None) -> list[Any]:
    if addresses is None:
        return []
    return listed(name, list(addresses) if hasattr(addresses, "__next__") else addresses)


def _is_mime_part(thing: object) -> bool:
    # By what it can do, so that attaching a file needn't load the email package.
    return hasattr(thing, "get_content_maintype") and hasattr(thing, "as_bytes")
