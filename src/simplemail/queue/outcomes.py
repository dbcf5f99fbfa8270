"""From a receipt to what becomes of the message in the queue."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..receipts import Receipt, RecipientReceipt, Status
from .states import BROKEN, REFUSED, SENT, UNKNOWN, WAITING

_LONGEST = 2000  # characters of a server's words that are kept


class Outcome(NamedTuple):
    """The state that a message goes to, and what is kept of the answer.

    `remaining` are the recipients for whom there is something left to do.
    """

    state: str
    remaining: tuple[str, ...] = ()
    answers: Mapping[str, str] = {}
    reply: str = ""
    error: str = ""
    server_failed: bool = False


def outcome(remaining: tuple[str, ...], receipt: Receipt, *, at_least_once: bool) -> Outcome:
    """Say what a receipt means for these recipients.

    Each recipient's own answer counts: who has the message, or never will, isn't tried again.
    """
    fates = _fates(remaining, receipt)
    state = _state([fate.status for fate in fates.values()], at_least_once=at_least_once)
    again = _AGAIN.get(state, ())
    if at_least_once:
        again = (*again, Status.UNKNOWN)
    return Outcome(
        state,
        tuple(each for each, fate in fates.items() if fate.status in again),
        {each: _answer(fate) for each, fate in fates.items()},
        _cut(str(receipt.reply or "")),
        "" if receipt.error is None else told(receipt.error),
        server_failed=is_about_the_server(receipt),
    )


_AGAIN: dict[str, tuple[Status, ...]] = {
    WAITING: (Status.DEFERRED,),
    UNKNOWN: (Status.UNKNOWN, Status.DEFERRED),
    REFUSED: (Status.REFUSED, Status.DEFERRED),
}
"""For each state of a message: the recipients' outcomes that leave something to do."""


def _fates(remaining: tuple[str, ...], receipt: Receipt) -> dict[str, RecipientReceipt]:
    """Return the message's outcome for each recipient, with the reply that says so."""
    known = receipt.recipients or {
        each: RecipientReceipt(Status.REFUSED if reply.code >= 500 else Status.DEFERRED, reply)
        for each, reply in receipt.refused.items()
    }
    whole = RecipientReceipt(receipt.status, receipt.reply)
    return {each: known.get(each, whole) for each in remaining}


def _state(fates: list[Status], *, at_least_once: bool) -> str:
    if Status.UNKNOWN in fates and not at_least_once:
        return UNKNOWN
    if Status.DEFERRED in fates or Status.UNKNOWN in fates:
        return WAITING
    return SENT if Status.SENT in fates else REFUSED


def _answer(fate: RecipientReceipt) -> str:
    return _cut(f"{fate.status.value}: {fate.reply}" if fate.reply else fate.status.value)


def is_deferred(answer: str) -> bool:
    """Is this what was kept of an answer that left a recipient for later?"""
    return answer.partition(":")[0] == Status.DEFERRED.value


def broken(remaining: tuple[str, ...], error: BaseException) -> Outcome:
    """Return the outcome of a message whose mailer raised what no mailer should raise."""
    text = f"{told(error)} (it may have been sent before that)"
    return Outcome(BROKEN, remaining, {}, "", text)


def told(error: BaseException) -> str:
    """Return what an exception says, with its notes, in one short text."""
    words = " ".join([str(error), *getattr(error, "__notes__", ())]).split()
    return _cut(f"{type(error).__name__}: {' '.join(words)}")


def _cut(text: str) -> str:
    """Return what SQLite can keep: not too much, and no surrogates, which aren't characters."""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return text.encode("utf-8", "replace").decode("utf-8")


_SERVERS: tuple[type[OSError], ...] = (
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPServerDisconnected,
)


def is_about_the_server(receipt: Receipt) -> bool:
    """Does this tell about the server, rather than about the message?"""
    if receipt.status not in (Status.DEFERRED, Status.UNKNOWN):
        return False
    if receipt.reply is not None and receipt.reply.code == 421:  # RFC 5321, 3.8: going away
        return True
    error: Any = receipt.error
    return isinstance(error, _SERVERS) or (
        isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException)
    )
