"""One message on its way: its session, its transactions, and what the receipt says."""

from __future__ import annotations

from collections.abc import Mapping

from ..light import TYPE_CHECKING, Any, Protocol
from ..receipts import Receipt, RecipientReceipt, Reply, Status
from ..rendering.envelope import Envelope
from .limits import UNLIMITED, is_one_too_many
from .replies import disconnected, in_bytes

if TYPE_CHECKING:
    from .foreign import Handover
    from .transaction import Transaction


class AnySession(Protocol):
    """What is asked of a session, be it `Session` or what stands for one (`ForeignSession`)."""

    most_recipients: int

    @property
    def features(self) -> Mapping[str, str]: ...
    @property
    def broken(self) -> bool: ...
    @property
    def exhausted(self) -> bool: ...
    @property
    def settled(self) -> bool: ...
    def ahead(self, window: int) -> int: ...
    def leave(self) -> None: ...
    def go_without(self, extension: str) -> None: ...
    def prepare(self, envelope: Any, *, chunking: bool) -> Any: ...
    def begin(self, transaction: Any, /) -> None: ...
    def finish(self, transaction: Any, /) -> tuple[Status, Exception | None]: ...
    def close(self) -> None: ...


class SessionSource(Protocol):
    """Where sessions come from that can take a message; true with those just opened for it.

    One with messages on their way is no session for others: only for those who have it `already`.
    """

    def ready_session(self, already: AnySession | None) -> tuple[AnySession, bool]: ...


class Delivery:
    """One message on its way. Its envelope stays the same for every try.

    If it takes several transactions, `part` is the envelope of the present one, and `todo` are the
    recipients whose turn comes after it; None if no turns are taken. `past` are the receipts of the
    transactions that are over.
    """

    __slots__ = (
        "envelope",
        "fresh",
        "message",
        "most",
        "part",
        "past",
        "receipt",
        "replaced",
        "session",
        "todo",
        "transaction",
        "tries",
    )

    def __init__(self, message: Any) -> None:
        self.message = message
        self.envelope: Envelope | None = None
        self.session: AnySession | None = None
        self.transaction: Transaction | Handover | None = None
        self.fresh = False  # its session was opened for it
        self.replaced = False  # its session was dead, and it had another
        self.tries = 0
        self.receipt: Receipt | None = None  # of the present transaction, or why there is none
        self.part: Envelope | None = None
        self.todo: tuple[str, ...] | None = None
        self.past: tuple[Receipt, ...] = ()
        self.most = UNLIMITED  # recipients of a transaction, as the server's refusals tell

    def is_stranded(self) -> bool:
        """Did its session break down, or does it take no more messages?"""
        return self.session is not None and (self.session.broken or self.session.exhausted)

    def was_refused(self) -> bool:
        """Does the server surely not have it, whatever the reason?"""
        status = None if self.receipt is None else self.receipt.status
        return status in (Status.REFUSED, Status.DEFERRED)

    def take(self, most: int) -> Envelope:
        """Return the envelope for the next transaction, to so many recipients at most."""
        assert self.envelope is not None
        names = self.envelope.recipients if self.todo is None else self.todo
        most = min(most, self.most)
        self.todo = names[most:]
        return _to(self.envelope, names[:most])

    def put_back(self) -> None:
        """Give up the present transaction: nobody was served, and the same are asked again."""
        if self.part is not None and self.todo is not None:
            self.todo = (*self.part.recipients, *self.todo)
        self.part = None

    def turn_to(self, names: tuple[str, ...]) -> None:
        """Go on with those recipients, who surely were not served."""
        assert self.envelope is not None
        assert self.receipt is not None
        if len(names) == len(self.envelope.recipients):  # as if nothing had been
            self.todo, self.past = None, ()
        else:
            self.past = (*self.past, self.receipt)
            self.todo = names
        self.part = None

    def at_once(self) -> tuple[str, ...]:
        """Return who is to be asked at once: those who were too many for the last transaction."""
        receipt, transaction, rest = self.receipt, self.transaction, self.todo or ()
        if receipt is None or transaction is None:
            return ()
        over: tuple[str, ...] = ()
        if not transaction.by_recipient:  # each of those had a transaction of its own
            over = tuple([who for who, no in receipt.refused.items() if is_one_too_many(no)])
        if receipt.status is Status.SENT:
            if over:
                self.most = max(1, len(transaction.envelope.recipients) - len(receipt.refused))
            return (*over, *rest)
        return rest if not over and _is_about_recipients(receipt) else ()

    def deferred(self) -> tuple[str, ...]:
        """Return who surely was not served, and may be later."""
        return tuple([who for who, fate in self._fates().items() if fate.status is Status.DEFERRED])

    def whole(self) -> Receipt:
        """Return the receipt for all recipients, whatever their transactions were."""
        receipt = self.receipt
        if receipt is not None and not self.past:
            if not self.todo:
                return receipt
            if self.was_refused() and not _is_about_recipients(receipt):  # the message was
                return receipt._replace(envelope=self.envelope)
        fates = self._fates()
        found = {fate.status for fate in fates.values()}
        status = next(each for each in _WORST_FIRST if each in found)
        refused = {
            who: fate.reply or Reply(451, "Not served, because sending had stopped", "4.4.0")
            for who, fate in fates.items()
            if fate.status in (Status.REFUSED, Status.DEFERRED)
        }
        last = self._telling(status)
        error = None if status is Status.SENT else _error(last, refused)
        reply = None if last is None else last.reply
        return Receipt(
            self.message, status, self.envelope, refused, reply, error, by_recipient=fates
        )

    def _telling(self, status: Status) -> Receipt | None:
        """Return the last receipt with this status, or the last one at all."""
        receipts = self._receipts()
        with_it = [each for each in receipts if each.status is status]
        return with_it[-1] if with_it else receipts[-1] if receipts else None

    def _receipts(self) -> list[Receipt]:
        return [*self.past, *([] if self.receipt is None else [self.receipt])]

    def _fates(self) -> dict[str, RecipientReceipt]:
        """Return what is known about each recipient. Who may have been served stays so."""
        assert self.envelope is not None
        fates = dict.fromkeys(self.envelope.recipients, self._untried())
        for receipt in self._receipts():
            for who, fate in receipt.recipients.items():
                if fates[who].status not in (Status.SENT, Status.UNKNOWN):
                    fates[who] = _passing(fate)
        return fates

    def _untried(self) -> RecipientReceipt:
        """Return what is known about those whose turn hasn't come."""
        last = self.receipt
        if last is None or last.status is not Status.REFUSED or _is_about_recipients(last):
            return RecipientReceipt(Status.DEFERRED)
        return RecipientReceipt(last.status, last.reply)  # the message itself was refused


_WORST_FIRST = (Status.UNKNOWN, Status.SENT, Status.DEFERRED, Status.REFUSED)
"""A message has the first status here that any of its recipients has."""


def _to(envelope: Envelope, names: tuple[str, ...]) -> Envelope:
    return tuple.__new__(Envelope, (envelope.sender, names, *envelope[2:]))


def _passing(fate: RecipientReceipt) -> RecipientReceipt:
    """Return a 552 for too many recipients as what it is: temporary (RFC 5321, 4.5.3.1.10)."""
    if fate.status is Status.REFUSED and fate.reply is not None and is_one_too_many(fate.reply):
        return RecipientReceipt(Status.DEFERRED, fate.reply)
    return fate


def _is_about_recipients(receipt: Receipt) -> bool:
    """Were all recipients refused one by one, rather than the message?"""
    from smtplib import SMTPRecipientsRefused

    return isinstance(receipt.error, SMTPRecipientsRefused)


def _error(receipt: Receipt | None, refused: Mapping[str, Reply]) -> BaseException:
    """Return the exception for several transactions, of which this receipt tells most."""
    if receipt is None or receipt.error is None:
        return disconnected("The message was not begun")
    if not _is_about_recipients(receipt):
        return receipt.error
    from smtplib import SMTPRecipientsRefused

    return SMTPRecipientsRefused({who: in_bytes(reply) for who, reply in refused.items()})


def receipt_for(delivery: Delivery, status: Status, error: BaseException | None) -> Receipt:
    """Say what happened in a transaction, or to those whose turn it was if there was none."""
    transaction = delivery.transaction
    if transaction is None:
        envelope = delivery.part or delivery.envelope
        if delivery.part is None and delivery.todo is not None and delivery.envelope is not None:
            envelope = _to(delivery.envelope, delivery.todo)
        return Receipt(delivery.message, status, envelope, {}, None, error)
    reply, refused = transaction.reply, transaction.refused
    sender_reply = transaction.sender_reply
    if sender_reply is not None and sender_reply.code >= 300:
        # After a refused MAIL the rest gets a 503, which says nothing about the recipients.
        reply, refused = sender_reply, {}
    by_recipient = transaction.by_recipient
    return Receipt(
        delivery.message, status, transaction.envelope, refused, reply, error, "", by_recipient
    )
