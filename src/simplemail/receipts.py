"""A server's replies, and what happened to a message."""

from __future__ import annotations

from enum import Enum

from .light import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rendering.envelope import Envelope


class Reply(NamedTuple):
    """What a server said: one SMTP reply (RFC 5321, 4.2).

    - `code`: three digits. 2xx is yes, 4xx is "not now", 5xx is no.
    - `text`: the server's words, without the enhanced code.
    - `enhanced`: the enhanced status code (RFC 3463), like "5.1.1", or None.

    `str(reply)` is the whole: "550 5.1.1 No such user".
    """

    code: int
    text: str = ""
    enhanced: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Status(Enum):
    """What happened to a message: SENT, REFUSED, DEFERRED or UNKNOWN.

    They differ in what you can do next. `Status("sent")` finds one by its value.
    """

    SENT = "sent"
    """The server took it, for at least one recipient: look at `receipt.refused`.

    And no recipient's status is UNKNOWN.
    """

    REFUSED = "refused"
    """A permanent no. The same message will be refused again."""

    DEFERRED = "deferred"
    """A temporary no, or never handed over. A retry is safe."""

    UNKNOWN = "unknown"
    """The connection was lost after the content was complete and before the answer.

    The server may have the message: a retry may deliver it twice. Of a message that took several
    transactions, `receipt.recipients` tells for whom.
    """

    def __repr__(self) -> str:
        return f"Status.{self.name}"


class RecipientReceipt(NamedTuple):
    """What happened to a message for one recipient.

    - `status`: a `Status`.
    - `reply`: the reply that says so; None if there was none.
    """

    status: Status
    reply: Reply | None = None


class Receipt(NamedTuple):
    """What happened to one message.

    - `message`: the message, as you gave it.
    - `status`: a `Status`.
    - `envelope`: the `Envelope` that went over the wire; None if the message could not be rendered.
    - `refused`: the recipients that the server did not take, each with its `Reply`. Empty if it
      refused the sender.
    - `reply`: the server's last word, often with the name under which it queued the message.
    - `error`: the exception that `send_messages()` would have raised; None if it was sent.
    - `mailer`: which mailer had the last word, if one holds others (failover, say); else "".
    - `by_recipient`: what `recipients` returns, if one answer for all doesn't tell it: the message
      took several transactions, or went by LMTP.
    """

    message: Any
    status: Status
    envelope: Envelope | None = None
    refused: Mapping[str, Reply] = {}
    reply: Reply | None = None
    error: BaseException | None = None
    mailer: str = ""
    by_recipient: Mapping[str, RecipientReceipt] = {}

    @property
    def recipients(self) -> Mapping[str, RecipientReceipt]:
        """What happened to it for each recipient, by address. Empty if it could not be rendered."""
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
