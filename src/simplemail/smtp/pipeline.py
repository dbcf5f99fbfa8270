"""Writes the commands of several transactions before their answers are there (RFC 2920)."""

from __future__ import annotations

from functools import lru_cache

from ..light import TYPE_CHECKING, tell
from ..receipts import Reply
from .dialogue import FAREWELL, Dialogue
from .limits import ends_session
from .replies import Broken, leaves_content_unread, protocol_error
from .transaction import CONTENT, DATA, RSET, Steps, Transaction, ended, fits, stuffed

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


# What a server answers that offers PIPELINING, and takes a group of commands for one or reads only
# the first.
_CONFUSED = (500, 503)


@lru_cache(maxsize=256)  # once for each server
def _warn_of_groups(host: str) -> None:
    text = (
        "%s offers PIPELINING, but doesn't seem to do it. The message is tried once more, with one "
        "command at a time; with extensions='-PIPELINING' that is done at once"
    )
    tell("warning", text, host)


class Pipeline(Dialogue):
    """A dialogue in which transactions may begin before others are finished.

    Their steps are written in groups, as large as the server allows, and each answer is passed to
    the transaction whose step it is for.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.delivered = False  # has the server taken any message?
        self.exhausted = False  # it wants no more of them in this session
        self._takes_chunks = False  # the server has taken a message by BDAT
        self._asked: deque[tuple[Transaction, Question]] = connection.outstanding
        self._held: Transaction | None = None  # its content waits for the 354

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
        transaction.hear(asked, reply)
        if reply.code >= 400:
            self._consider(reply)
        elif asked is CONTENT:
            self.delivered = True
            if transaction.chunked:
                self._takes_chunks = True

    def _consider(self, reply: Reply) -> None:
        """End the session if the server has ended it, or wants no more messages in it."""
        if reply.code == 421:
            self._part(reply)
        elif self.delivered and ends_session(reply):
            self.exhausted = True
            self.retire()

    def _objection(self, transaction: Transaction, asked: Question, reply: Reply) -> OSError | None:
        """Return why the session can't go on after this answer, None if it can."""
        if reply.code == 221:  # it says goodbye, though nobody has said QUIT
            self._part(reply)
        if reply.code in _CONFUSED and self._may_be_confused(transaction, asked):
            transaction.ungrouped = True
            _warn_of_groups(self.host)
            if not transaction.chunked:  # nothing of the message has left, only its commands
                return protocol_error(f"The server said {reply} to commands that came together")
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

    def _may_be_confused(self, transaction: Transaction, asked: Question) -> bool:
        """May the server have said no because commands came together, though it offers that?

        Not if it has read another group before, nor if it has reason to refuse what follows.
        """
        if not transaction.leads or "pipelining" not in self.features:
            return False
        return asked is not CONTENT and not transaction.hopeless

    def go_without(self, extension: str) -> None:
        """Use an extension no more, by its name in `features`, even if the server offers it."""
        self.connection.leave_out(extension)

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
