"""One message on its way: its session, its transaction, and what the receipt says."""

from __future__ import annotations

from collections.abc import Mapping

from ..light import TYPE_CHECKING, Any, Protocol
from ..receipts import Receipt, Status

if TYPE_CHECKING:
    from ..rendering.envelope import Envelope
    from .foreign import Handover
    from .transaction import Transaction


class AnySession(Protocol):
    """What is asked of a session, be it `Session` or what stands for one (`ForeignSession`)."""

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
    """One message on its way. Its envelope stays the same for every try."""

    __slots__ = (
        "envelope",
        "fresh",
        "message",
        "receipt",
        "replaced",
        "session",
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
        self.receipt: Receipt | None = None  # when it ended without a transaction

    def is_stranded(self) -> bool:
        """Did its session break down, or does it take no more messages?"""
        return self.session is not None and (self.session.broken or self.session.exhausted)

    def was_refused(self) -> bool:
        """Does the server surely not have it, whatever the reason?"""
        status = None if self.receipt is None else self.receipt.status
        return status in (Status.REFUSED, Status.DEFERRED)


def receipt_for(delivery: Delivery, status: Status, error: BaseException | None) -> Receipt:
    """Say what happened to a message, by its transaction if there was one."""
    transaction = delivery.transaction
    if transaction is None:
        return Receipt(delivery.message, status, delivery.envelope, {}, None, error)
    reply, refused = transaction.reply, transaction.refused
    sender_reply = transaction.sender_reply
    if sender_reply is not None and sender_reply.code >= 300:
        # After a refused MAIL the rest gets a 503, which says nothing about the recipients.
        reply, refused = sender_reply, {}
    by_recipient = transaction.by_recipient
    return Receipt(
        delivery.message, status, delivery.envelope, refused, reply, error, "", by_recipient
    )
