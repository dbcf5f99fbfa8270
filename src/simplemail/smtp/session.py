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
from ..receipts import Reply, Status
from .dialogue import FAREWELL, LAST_WORD, Dialogue
from .replies import Broken, disconnected, leaves_content_unread, protocol_error, status_of
from .transaction import (
    CONTENT,
    DATA,
    QUIT,
    RSET,
    Fate,
    Steps,
    Transaction,
    ended,
    fits,
    steps,
    stuffed,
)

if TYPE_CHECKING:
    from collections import deque

    from .connection import Connection
    from .transaction import Question

# Commands on their way without an answer. RFC 2920 (3.1) asks for groups that fit into the buffers,
# or for writing that goes on reading, so that two full buffers never wait for each other. Ours goes
# on reading (Channel.write); this bounds what a lost session leaves open, and lets a message to
# 1,000 recipients leave in one piece: in groups of 100, each would cost a round trip.
UNANSWERED = 1_024

# Content of up to this many octets is copied, to leave in one write with its commands.
SMALL = 65_536


class Session(Dialogue):
    """A dialogue in which messages are handed over. `count` says how many were."""

    def __init__(self, connection: Connection, *, notify: str = "", ret: str = "") -> None:
        super().__init__(connection)
        self.notify, self.ret = notify, ret  # RFC 3461, 4.1 and 4.3
        self.count = 0  # transactions finished
        self.settled = False  # was any of them, for good?
        self._takes_chunks = False  # the server has taken a message by BDAT
        self._asked: deque[tuple[Transaction, Question]] = connection.outstanding
        self._last: Transaction | None = None
        self._held: Transaction | None = None  # its content waits for the 354

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
        if not self.busy:
            self._check_quiet()
        self.unfinished += 1
        content = self._release()
        asks = transaction.asks
        if self._last is not None and not self._last.taken:
            # What a failed transaction left must not get into this one (RFC 5321, 4.1.1.5), and
            # how the one before will end isn't known yet.
            asks = [(b"RSET\r\n", RSET), *asks]
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
        # After a 421 it does nothing (RFC 5321, 3.8).
        in_doubt = taken or (complete and self.farewell is None)
        return Status.UNKNOWN if in_doubt else Status.DEFERRED, error

    def ahead(self, window: int) -> int:
        """Return how many more messages may be begun before the oldest is finished.

        A `window` over 1 is for messages begun with `chunking`.
        """
        if "pipelining" not in self.features:
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

    def close(self) -> None:
        super().close()
        self._asked.clear()
        self._held = None

    def _converse(self, transaction: Transaction, asks: Steps, data: bytes) -> None:
        """Write `data` and all steps: in one go, or in as few as the server allows."""
        most = UNANSWERED if "pipelining" in self.features else 1
        if most == 1 and data:
            self._write(data)
            data = b""
        for start in range(0, len(asks), most):
            group = asks[start : start + most]
            if not self._may_go_on(transaction, first=start == 0, answers=most - len(group)):
                self._give_up(transaction)
                return
            self._write_group(transaction, group, data)
            data = b""

    def _may_go_on(self, transaction: Transaction, *, first: bool, answers: int) -> bool:
        """Can the next steps be taken, when at most so many `answers` are outstanding?"""
        while len(self._asked) > answers:
            self._hear()
        if not first and not self._asked:
            self._check_quiet()
        return self._takes_more and (first or not transaction.hopeless)

    def _give_up(self, transaction: Transaction) -> None:
        """Take no more steps: the answers to the others are all there will be."""
        while self._asked:
            self._hear()
        transaction.over = True

    def _write_group(self, transaction: Transaction, group: Steps, data: bytes) -> None:
        if self._note:
            for line, _ in group:
                self._note(f"> {line.decode().rstrip()}")
        self._asked.extend([(transaction, asked) for _, asked in group])
        data += b"".join([line for line, _ in group])
        last = group[-1][1]
        if last is DATA:
            self._held = transaction
        if last is not CONTENT:
            self._write(data)
            return
        content = ended(transaction.envelope.content)
        transaction.end = self.channel.sent + len(data) + len(content)
        if len(content) <= SMALL:
            self._write(data + content)
        else:
            self._write(data)
            self._write_big(transaction, content)

    def _write_big(self, transaction: Transaction, content: bytes) -> None:
        self._write(content)
        # What is here already was said before the last of it left.
        transaction.early = self.channel.count_unread() >= len(self._asked)

    def _release(self) -> bytes:
        """Return the content that waits for its 354, once that has come; else nothing.

        Long content is written here, because no other message's commands should wait in its tail.
        """
        held = self._held
        if held is None:
            return b""
        while self._asked:
            self._hear()
        self._held = None
        if self.closed or held.over:
            return b""
        if self.channel.unread:
            self._check_quiet()
            return b""
        self._asked.append((held, CONTENT))
        if len(held.refused) == len(held.envelope.recipients):
            return b".\r\n"  # RFC 2920, 3.1: the 354 must be answered with an end all the same
        if held.hopeless:
            # A dot would send nothing to those recipients, in the name of nobody knows whom.
            self._lose(
                protocol_error("The server refused the sender but accepted recipients"), DATA
            )
            return b""
        content = stuffed(held.envelope.content)
        held.end = self.channel.sent + len(content)
        if len(content) <= SMALL:
            return content
        self._write_big(held, content)
        return b""

    def _hear(self) -> None:
        """Read the next answer, and pass it to its transaction."""
        transaction, asked = self._asked.popleft()
        try:
            reply = self.channel.reply()
        except Broken as broken:
            self._lose(broken.error, asked)
            return
        if self._note:
            self._note(f"< {reply}")
        if asked is not CONTENT and reply.code == (354 if asked is DATA else 250):
            return  # nearly always, and there is nothing to remember
        if (error := self._objection(transaction, asked, reply)) is not None:
            self._lose(error, asked)
            return
        if reply.code == 421:
            self._part(reply)
        transaction.hear(asked, reply)
        if asked is CONTENT and transaction.chunked and reply.code < 300:
            self._takes_chunks = True

    def _objection(self, transaction: Transaction, asked: Question, reply: Reply) -> OSError | None:
        """Return why the session can't go on after this answer, None if it can."""
        if not fits(asked, reply.code):
            content_left = transaction.end > 0  # before that, there is nothing to doubt
            if asked is RSET and reply.code >= 400 and content_left and self._has_hung_up():
                self._part(reply)
            return protocol_error(f"The server answered {reply}")
        if asked is not CONTENT:
            return None
        # Not if it had refused the sender or all recipients before: so refuse Exim and others what
        # they have read.
        if transaction.chunked and leaves_content_unread(reply) and not transaction.hopeless:
            transaction.hear(asked, reply)
            transaction.unread = True
            return protocol_error(f"The server refused a message sent with BDAT: {reply}")
        if transaction.early and reply.code < 300:
            return protocol_error(f"The server said {reply} before it had the message")
        return None

    def _has_hung_up(self) -> bool:
        """Was that the server's last reply, with which it left what followed undone?

        Exim refuses the eleventh command that brings no mail, such as RSET, and hangs up.
        """
        from smtplib import SMTPServerDisconnected

        self._hurry(FAREWELL)
        try:
            self.channel.reply()
        except Broken as broken:
            return isinstance(broken.error, SMTPServerDisconnected)
        return False  # it goes on: nobody knows what it did

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
