"""What a server said, and what became of a message."""

from __future__ import annotations

from enum import Enum

from .light import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reply(NamedTuple):
    """One SMTP reply (RFC 5321, 4.2): its code, its text, and its enhanced code (RFC 3463).

    The text has no enhanced code in front of it; `str(reply)` is the reply in one piece.
    """

    code: int
    text: str = ""
    enhanced: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Status(Enum):
    """What the caller can do next is what tells these apart."""

    SENT = "sent"
    """The server took it, for at least one recipient: look at `receipt.refused`."""

    REFUSED = "refused"
    """A permanent no. The same message will be refused again."""

    DEFERRED = "deferred"
    """A temporary no, or never handed over. A retry is safe."""

    UNKNOWN = "unknown"
    """The connection was lost after the content was complete and before the answer.

    The server may have the message: a retry may deliver it twice.
    """

    def __repr__(self) -> str:
        return f"Status.{self.name}"


class RecipientReceipt(NamedTuple):
    """What became of a message for one of its recipients, and the reply that says so, if any."""

    status: Status
    reply: Reply | None = None


class Receipt(NamedTuple):
    """The truth about one message.

    `refused` says what the server answered for each recipient it did not take, whatever the
    status, unless it refused the sender; `reply` is the server's last word, or its no to the
    sender, and holds the queue id of a message that was sent; `error` is the exception
    `send_messages()` would have raised, None when it was sent. `envelope` is None for a message
    that could not be rendered. `mailer` names the one that had the last word where a mailer holds
    others (failover, say), and is "" otherwise. `by_recipient` is what `recipients` returns, if one
    answer for all doesn't tell it: the message took several transactions, or went by LMTP.
    """

    message: Any
    status: Status
    envelope: Any = None
    refused: Mapping[str, Reply] = {}
    reply: Reply | None = None
    error: BaseException | None = None
    mailer: str = ""
    by_recipient: Mapping[str, RecipientReceipt] = {}

    @property
    def recipients(self) -> Mapping[str, RecipientReceipt]:
        """What became of it for each recipient, by address. Empty if it could not be rendered."""
        if self.by_recipient or self.envelope is None:
            return self.by_recipient
        found = dict.fromkeys(self.envelope.recipients, RecipientReceipt(self.status, self.reply))
        for name, reply in self.refused.items():
            status = Status.REFUSED if reply.code >= 500 else Status.DEFERRED
            found[name] = RecipientReceipt(status, reply)
        return found

    @property
    def message_id(self) -> str:
        """The Message-ID that went out, or "" if the message could not be rendered."""
        return "" if self.envelope is None else str(self.envelope.message_id)

    @property
    def retry_is_safe(self) -> bool:
        """True if nobody can get the message twice from another try, which may succeed."""
        return self.status is Status.DEFERRED

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the message's connection, which belongs to this process."""
        message = self.message
        if getattr(message, "connection", None) is not None:
            from copy import copy

            message = copy(message)
            message.connection = None
        return Receipt, (message, *self[1:])

    def __repr__(self) -> str:
        """Show what happened, and nothing of what the message says."""
        shown: dict[str, object] = {"message_id": self.message_id}
        shown |= {"refused": self.refused} if self.refused else {}
        shown |= {"reply": str(self.reply)} if self.reply else {}
        shown |= {"error": self.error} if self.error else {}
        shown |= {"mailer": self.mailer} if self.mailer else {}
        details = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"Receipt({self.status!r}, {details})"
