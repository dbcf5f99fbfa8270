"""A session with a mail server, with one transaction for each message (RFC 5321).

Transactions are prepared, begun and then finished, in order. Where the server offers PIPELINING,
some may begin before others are finished (`Session.ahead` says how many):

    begin(a)  begin(b)  finish(a)  begin(c)  finish(b)  finish(c)

After an exception, whatever it is, `finish()` tells the truth about each: UNKNOWN if its last octet
may have left.
"""

from __future__ import annotations

from time import monotonic

from ..light import TYPE_CHECKING, Any
from ..receipts import Status
from .dialogue import FAREWELL, LAST_WORD
from .limits import UNLIMITED, announced, is_one_too_many
from .pipeline import Pipeline
from .replies import Broken, disconnected, protocol_error, status_of
from .transaction import QUIT, RSET, Fate, Transaction, steps

if TYPE_CHECKING:
    from .connection import Connection


class Session(Pipeline):
    """A dialogue in which messages are handed over. `count` says how many were."""

    def __init__(self, connection: Connection, *, notify: str = "", ret: str = "") -> None:
        super().__init__(connection)
        self.notify, self.ret = notify, ret  # RFC 3461, 4.1 and 4.3
        self.count = 0  # transactions finished
        self.settled = False  # was any of them, for good?
        self._last: Transaction | None = None

    def limit(
        self, messages: int | None, seconds: float | None, recipients: int | None = None
    ) -> None:
        """Take at most so many messages in all, and none after a time; each to so many recipients.

        If the server has announced lower limits, those count.
        """
        allowed = announced(self.features, "RCPTMAX") or UNLIMITED
        self.most_recipients = min(recipients or UNLIMITED, allowed)
        most = min(messages or UNLIMITED, announced(self.features, "MAILMAX") or UNLIMITED)
        self.most, self._room = messages, most - self.count
        self.end = self.opened + seconds if seconds else None

    def prepare(self, envelope: Any, *, chunking: bool = False) -> Transaction:
        """Return what `begin()` can begin. Sends nothing, and changes nothing.

        With `chunking`, the content goes by BDAT where the server offers it: before any answer, so
        that a server which refuses it and doesn't read it takes it for commands. Otherwise it goes
        by DATA, after the server has agreed to take it (354).

        Raises for the message alone: ValueError, or an SMTPException if this server can't take it.
        """
        chunked = chunking and "chunking" in self.features
        asks = steps(envelope, self.features, self.host, self.notify, self.ret, chunked=chunked)
        return Transaction(envelope, asks, chunked=chunked)

    def begin(self, transaction: Transaction) -> None:
        """Send as much of a message as can be sent without waiting.

        A lost session shows when the transaction is finished.
        """
        self._end_if_interrupted()
        self.changing = True
        transaction.begun = True
        self._room -= 1
        if not self.busy:
            self._check_quiet()
        self.unfinished += 1
        content = self._release()
        asks = transaction.asks
        if self._last is not None and not self._last.taken:
            # What a failed transaction left must not get into this one (RFC 5321, 4.1.1.5), and
            # how the one before will end isn't known yet.
            asks = [(b"RSET\r\n", RSET), *asks]
        transaction.leads = self._last is None
        self._last = transaction
        self._converse(transaction, asks, content)
        self.changing = False

    def finish(self, transaction: Transaction) -> Fate:
        """Wait for the server's final reply to the oldest transaction.

        Returns the message's outcome, and the exception for it. Safe to call again
        after an exception: then it waits for nothing.
        """
        if transaction.fate is not None:
            return transaction.fate
        if not transaction.begun:
            return Status.DEFERRED, self.ending or disconnected("The message was not begun")
        self._end_if_interrupted()
        self.changing = True
        if self._held is transaction:
            self._write(self._release())
        while not (transaction.over or self.closed):
            self._hear()
        if self._leaving and len(self._asked) == 1:
            self._part_from(transaction)
        elif self.channel.unread and transaction.taken and not self._asked:
            self._doubt(transaction)
        self.used = monotonic()
        self.count += 1
        self.unfinished -= 1
        if not (self._takes_more or self.busy):
            self.close()
        fate = self._fate(transaction)
        self.settled = self.settled or fate[0] in (Status.SENT, Status.REFUSED)
        transaction.fate = fate
        self.changing = False
        if self._retired and not self.busy:
            self.quit()
        return fate

    def _end_if_interrupted(self) -> None:
        if self.changing and not self.closed:
            self._lose(disconnected("The session was ended, because it had been interrupted"))

    def _fate(self, transaction: Transaction) -> Fate:
        """Return the outcome of a message about which no more answers will come."""
        complete = 0 < transaction.end <= self.channel.reach
        taken = complete and transaction.taken
        if taken and not transaction.hopeless:
            return Status.SENT, None
        if not taken and (refusal := transaction.refusal()) is not None:
            return status_of(refusal), refusal
        error = self.ending or protocol_error("The server accepted a message that it had refused")
        # After a 421 it does nothing (RFC 5321, 3.8); an unasked 221 doesn't say that.
        undone = self.farewell is not None and self.farewell.code != 221
        in_doubt = taken or (complete and not undone)
        return Status.UNKNOWN if in_doubt else Status.DEFERRED, error

    def ahead(self, window: int) -> int:
        """Return how many more messages may be begun before the oldest is finished.

        A `window` over 1 is for messages begun with `chunking`.
        """
        if "pipelining" not in self.features or self._room <= 0:
            return 0
        if window > 1 and "chunking" in self.features:
            # The first one shows whether the server keeps its promises.
            return window - 1 if self._takes_chunks else 0
        # RFC 2920, 3.1: DATA is the last of its group, and the content may begin the next. The
        # answer to it is read when the next but one begins, which can be rendered meanwhile.
        return min(window, 2)

    def leave(self) -> None:
        """Say QUIT after what has begun, without waiting: it may end a group (RFC 2920, 3.1).

        Transactions on their way still finish, and no new one can begin.
        """
        if self._last is None or not self.busy or self.broken:
            return
        if "pipelining" not in self.features:
            return
        self._end_if_interrupted()
        self.changing = True
        content = self._release()
        if self.closed:
            return
        if any(map(is_one_too_many, self._last.refused.values())):
            self._write(content)  # those recipients come next
            self.changing = False
            return
        self._leaving = True
        if self._note:
            self._note("> QUIT")
        self._asked.append((self._last, QUIT))
        self._write(content + b"QUIT\r\n")
        self.changing = False

    @property
    def fresh(self) -> bool:
        """Is this its first message?"""
        return not (self.count or self.busy or self.stale)

    def _part_from(self, transaction: Transaction) -> None:
        """Wait for the answer to QUIT, which was sent together with the last message."""
        self._asked.clear()
        self._hurry(FAREWELL)
        try:
            if self._answer(QUIT).code == 221 or not transaction.taken:
                return
            self._hurry(LAST_WORD)
            self._answer(QUIT)
        except Broken:
            return  # no message depends on it
        # The yes to the content may have been for the command before it.
        transaction.reply = None
        self._lose(protocol_error("The server sent one reply too many"), QUIT)

    def _doubt(self, transaction: Transaction) -> None:
        """Doubt every acceptance after a surplus reply, because it may be for another command."""
        self._check_quiet()
        if self.farewell is None:
            transaction.reply = None
