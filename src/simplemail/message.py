"""A message: its texts, its recipients, and its attachments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from .backends.handler import choose_mailer
from .backends.ignored import NEVER_CALLED, check_subtypes, refuse_ignored
from .backends.options import check_exclusive
from .conf import settings
from .exceptions import BadHeaderError
from .light import TYPE_CHECKING, Addresses, Any
from .receipts import Receipt, Status
from .rendering.addresses import addr_spec
from .rendering.attaching import Attaching
from .rendering.envelope import Envelope, as_bytes
from .rendering.field import sanitize_address
from .rendering.header import RECIPIENTS, listed
from .rendering.msgid import DNS_NAME, CachedDnsName, make_msgid
from .rendering.parts import (
    DEFAULT_ATTACHMENT_MIME_TYPE,
    EmailAlternative,
    EmailAttachment,
    EmailInline,
)
from .rendering.shown import Shown

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
    "sanitize_address",
]


class EmailMessage(Attaching, Shown):
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

    sent_using: str | None
    """The alias by which it was sent. Only what is in `simplemail.outbox` has it."""

    content_subtype = "plain"
    """The body's text/* type: set "html" for a message that is HTML alone."""

    mixed_subtype = "mixed"
    """The multipart/* type that holds text and attachments. Django's; no other one is possible."""

    encoding: str | None = None
    """The charset of body and alternatives; None is DEFAULT_CHARSET, UTF-8."""

    def __init__(
        self,
        subject: object = "",
        body: str | None = "",
        from_email: object = None,
        to: Addresses | None = None,
        bcc: Addresses | None = None,
        connection: Any = None,
        attachments: Iterable[Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        cc: Addresses | None = None,
        reply_to: Addresses | None = None,
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
        self.attachments = []
        for attachment in attachments or ():
            if isinstance(attachment, (tuple, list)):
                self.attach(*attachment)
            else:
                self.attach(attachment)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_ignored(cls, NEVER_CALLED)

    def message(
        self, *, policy: email.policy.EmailPolicy | None = None
    ) -> email.message.EmailMessage:
        """Return the message as Python's own `email.message.EmailMessage`, made anew.

        `policy`, by default `email.policy.default`, holds for nested messages too. Raises
        BadHeaderError (a ValueError) for a line break in a header.
        """
        from .rendering.compose import compose

        check_subtypes(self)
        return compose(self, policy)

    def _is_plain(self) -> bool:
        """Is `message()` simplemail's own, so that the renderer may write the bytes itself?

        Asked by identity, because a decorated function has all the attributes of the first one.
        """
        if getattr(self.message, "__func__", None) is not _OWN_MESSAGE:
            return False
        check_subtypes(self)
        return True

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
        everybody = [*listed("to", self.to), *listed("cc", self.cc), *listed("bcc", self.bcc)]
        return [address for address in everybody if address]

    def send(self, fail_silently: bool = False, *, using: str | None = None) -> int:
        """Send it, through `connection` if there is one, else the mailer `using`, else the default.

        Returns how many messages were sent: 1, or 0 if there are no recipients. Raises
        `smtplib.SMTPException` or another OSError if it could not be delivered; with
        `fail_silently`, that is a warning in the log, and the result is 0.
        """
        check_exclusive(using=using, connection=self.connection, fail_silently=fail_silently)
        if not self._has_recipients():
            return 0
        mailer = self._mailer(using, fail_silently)
        return mailer.send_messages([self])  # type: ignore[no-any-return]  # may be anybody's

    def deliver(self, *, using: str | None = None) -> Receipt:
        """Send it, as `send()` does, and return its `Receipt` instead of raising.

        `using` is the alias of a mailer. Without recipients, the receipt's status is REFUSED.
        """
        check_exclusive(using=using, connection=self.connection)
        if not self._has_recipients():
            return Receipt(self, Status.REFUSED)
        receipts = self._mailer(using).iter_deliver([self])
        receipt: Receipt = next(iter(receipts))
        receipts.close()
        return receipt

    def _has_recipients(self) -> bool:
        found = bool(self.recipients())
        if not found:
            from .backends.telling import warn

            warn("%s was not sent: it has no recipients", repr(self))
        return found

    def get_connection(self, fail_silently: bool = False) -> Any:
        """Return `connection`; if there is none, the default mailer, which it then is.

        Django's hook: where it is overridden, it says through which mailer the message goes.
        `fail_silently` is that of `send()`.
        """
        if self.connection is None:
            self.connection = choose_mailer(None, None, fail_silently=fail_silently)
        return self.connection

    def has_own_connection(self) -> bool:
        """Is `get_connection()` overridden, or patched? Then nothing may be sent around it."""
        return getattr(self.get_connection, "__func__", None) is not _OWN_GET_CONNECTION

    def _mailer(self, using: str | None, fail_silently: bool = False) -> Any:
        if not self.has_own_connection():
            return choose_mailer(using, self.connection, fail_silently=fail_silently)
        if using is not None:
            raise TypeError(
                f"'using' is not compatible with {type(self).__qualname__}.get_connection()."
            )
        return choose_mailer(None, self.get_connection(fail_silently))

    async def asend(self, fail_silently: bool = False, *, using: str | None = None) -> int:
        """Do what `send()` does, with its `fail_silently` and `using`, and block no event loop."""
        check_exclusive(using=using, connection=self.connection, fail_silently=fail_silently)
        sent: int = await aio().asend(self, fail_silently, using=using)
        return sent


_OWN_MESSAGE = EmailMessage.message
_OWN_GET_CONNECTION = EmailMessage.get_connection


class EmailMultiAlternatives(EmailMessage):
    """A message whose text is there in several forms: plain and HTML, most often.

    `alternatives` are (content, type) pairs, the best last. `subject`, `body`, `from_email`, `to`,
    `cc`, `bcc`, `reply_to`, `connection`, `attachments` and `headers` are those of `EmailMessage`.
    """

    alternative_subtype = "alternative"
    """The multipart/* type that holds the text's forms. Django's; no other one is possible."""

    def __init__(
        self,
        subject: object = "",
        body: str | None = "",
        from_email: object = None,
        to: Addresses | None = None,
        bcc: Addresses | None = None,
        connection: Any = None,
        attachments: Iterable[Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        alternatives: Iterable[tuple[str | bytes, str]] | None = None,
        cc: Addresses | None = None,
        reply_to: Addresses | None = None,
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
        from .rendering.compose import read

        if self.unchanged:
            return read(self._original.content, policy)
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


def _copied(name: str, addresses: Addresses | None) -> list[Any]:
    if addresses is None:
        return []
    return listed(name, list(addresses) if hasattr(addresses, "__next__") else addresses)
