"""Redirects mail or limits it to an allow-list, so that staging doesn't mail real people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..exceptions import InvalidMailer
from ..light import pattern
from ..receipts import Receipt, RecipientReceipt, Reply, Status
from ..rendering.addresses import ADDRESS_FIELDS, addr_spec, groups, to_ascii
from ..rendering.envelope import Envelope
from ..rendering.field import header_line
from .holding import HoldingBackend, deliver_through
from .telling import warn

# Fields with the addresses to which replies and reports would go.
_TO_PEOPLE = ADDRESS_FIELDS - {"from", "sender", "resent-from", "resent-sender"}
_TO_PEOPLE |= {"resent-reply-to", "return-path", "apparently-to"}
# At the start of a line only, or a long one would be tried from each of its octets.
_FIELD = pattern(rb"^([!-9;-~]++)[ \t]*+:((?:[^\r\n]|\r\n[ \t])*+)\r\n", re.MULTILINE)


class EmailBackend(HoldingBackend):
    """Sends through `mailer`, but to nobody it shouldn't.

    - `mailer`: the mailer to send through: an alias of MAILERS, a URL, an entry like those in
      MAILERS, or a backend object.
    - `to`: a list of addresses that get every message, instead of its recipients.
    - `allow`: a list of addresses and domains. Recipients on it get their mail, the others don't.
      With `to` as well, a message that has no recipient on the list goes to `to`.
    - `subject_prefix`: text to put before the subject, like "[staging]".

    The original recipients are in the headers X-Original-To, X-Original-Cc, X-Original-Reply-To and
    so on; X-Original-Recipients has them all, blind copies too. A recipient that was left out is in
    the receipt's `refused`. The sender and From stay as they are, because mail servers insist on
    them. `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailer: Any = None,
        to: Iterable[Any] = (),
        allow: Iterable[str] = (),
        subject_prefix: str = "",
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.held = self._hold("mailer", [mailer])
        self.to = self._list("to", to, addr_spec, "addresses like 'ann@example.com'")
        allowed = self._list("allow", allow, _rule, "addresses and domains, like 'example.com'")
        self.allow = {*allowed}
        self.subject_prefix = subject_prefix
        if not (self.to or self.allow):
            raise InvalidMailer("OPTIONS must define 'to' or 'allow'.", alias=self.alias)

    def _list(
        self, name: str, value: Iterable[Any], read: Callable[[Any], str], kind: str
    ) -> list[str]:
        try:
            # In a URL, a list is text with commas.
            entries = value.split(",") if isinstance(value, str) else list(value)
            stripped = [each.strip() if isinstance(each, str) else each for each in entries]
            return [read(each) for each in stripped if each]
        except (AttributeError, TypeError, ValueError) as error:
            wrong = f": {error}" if isinstance(error, ValueError) else f", not {value!r}"
            text = f"{name!r} must be a list of {kind}{wrong}"
            raise InvalidMailer(text, alias=self.alias) from None

    def _allows(self, address: str) -> bool:
        """Is this address, or its domain, on the allow-list?"""
        address = _lowered(address)
        return address in self.allow or address.rpartition("@")[2] in self.allow

    def _deliver_envelope(self, envelope: Envelope) -> Receipt:
        allowed = [address for address in envelope.recipients if self._allows(address)]
        recipients = tuple(allowed or self.to)
        refused = {
            address: Reply(550, "kept back by the redirect mailer: not on the allow-list", "5.7.1")
            for address in envelope.recipients
            if (allowed and address not in allowed) or not recipients
        }
        if not recipients:
            return Receipt(envelope, Status.REFUSED, envelope, refused, None, None, str(self))
        try:
            content = self._rewritten(envelope, recipients)
            redirected = envelope._replace(recipients=recipients, content=content)
        except ValueError as error:  # about this message, and no other
            return Receipt(envelope, Status.REFUSED, envelope, refused, None, error, str(self))
        if redirected.content != envelope.content and _is_signed(envelope.content):
            text = "The redirect mailer rewrote %s, which breaks its DKIM signature; %s"
            remedy = "let redirect hold the mailer that signs, and not the other way round"
            warn(text, envelope.message_id, remedy)
        receipt = deliver_through(self.held[0], redirected)
        own = dict(receipt.by_recipient)  # empty if the others tell all
        if own:
            kept = {who: RecipientReceipt(Status.REFUSED, no) for who, no in refused.items()}
            own = {**kept, **own}
        return receipt._replace(refused={**refused, **receipt.refused}, by_recipient=own)

    def _rewritten(self, envelope: Envelope, recipients: tuple[str, ...]) -> bytes:
        """Return the content with the recipients in its header replaced."""
        head, _, body = envelope.content.partition(b"\r\n\r\n")
        utf8 = envelope.utf8
        fields = [self._field(match, utf8) for match in _FIELD.finditer(head + b"\r\n")]
        if set(recipients) != set(envelope.recipients):
            before = ", ".join(envelope.recipients)
            fields.append(header_line("X-Original-Recipients", before, utf8=utf8))
            if not any(self._allows(address) for address in recipients):
                fields.append(header_line("To", ", ".join(recipients)))
        return b"%b\r\n%b" % (b"".join(fields), body)

    def _field(self, match: re.Match[bytes], utf8: bool) -> bytes:
        field, name, value = match[0], match[1], match[2]
        if name.lower() == b"subject" and self.subject_prefix:
            prefix = header_line("Subject", self.subject_prefix.strip())
            return b"%b %b\r\n" % (prefix, value.lstrip()) if value.strip() else prefix
        if name.decode().lower() not in _TO_PEOPLE:
            return field
        people = _addresses(value)
        if people and all(self._allows(spec) for spec in people):
            return field
        kept = ", ".join(spec for spec in people if self._allows(spec))
        field = b"X-Original-" + field
        if len(field.partition(b"\r\n")[0]) > 998:
            field = b"X-Original-%b:\r\n%b\r\n" % (name, value)
        return field + (header_line(name.decode(), kept, utf8=utf8) if kept else b"")


def _rule(entry: str) -> str:
    """Return an address or a domain in the form in which envelopes have it, for comparison."""
    if "@" in entry.removeprefix("@"):
        return _lowered(addr_spec(entry, utf8=True))
    return _lowered(to_ascii(entry.removeprefix("@")))


def _lowered(address: str) -> str:
    """Return an address with its ASCII letters in lower case.

    No others: the lower case of a Kelvin sign is a k, but a mail server doesn't take it for one.
    """
    return address.encode().lower().decode()


def _addresses(value: bytes) -> list[str]:
    """Return the addresses in a field; none if it isn't a list of addresses."""
    text = re.sub(rb"\r\n(?=[ \t])", b"", value).decode("utf-8", "replace").strip()
    try:
        return [
            box.addr_spec(utf8=True) for _, group in groups(text, lenient=True) for box in group
        ]
    except ValueError:
        return []


def _is_signed(content: bytes) -> bool:
    head = b"\r\n" + content.partition(b"\r\n\r\n")[0]
    return b"\r\ndkim-signature:" in head.lower()
