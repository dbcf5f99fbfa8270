"""Sends commands and reads their answers over one connection, until it ends."""

from __future__ import annotations

import sys
from time import monotonic

from ..light import TYPE_CHECKING, tell
from ..receipts import Reply
from .greeting import hello
from .limits import UNLIMITED
from .replies import Broken, disconnected, protocol_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .connection import Connection
    from .places import Place

# After so many idle seconds, ask the server whether the session is still alive.
STALE = 1.0

# How long to wait, in seconds, for what changes no message's fate: the answers to QUIT and to the
# NOOP that asks whether the server is there, and what comes after a 421.
FAREWELL = 5.0

# And for what nobody expects, but must know of: a second answer to QUIT.
LAST_WORD = 0.5

_REPEATS = "(the server's words are not shown, because they repeat the login)"


class Dialogue:
    """Commands and their answers, one by one.

    `lost` says why it broke down, if it did; `farewell` is the reply, 421 or the like, with which
    the server announced its end. `opened` and `used` (last) are times by time.monotonic(). While
    it is `usable`, a new transaction can begin. `unfinished` counts the transactions begun and not
    finished.

    An exception can come between any two steps: KeyboardInterrupt, or what a signal's handler
    raises. So `changing` is true from before the first step of each method that talks to the
    server until after its last; if it is found true, nobody knows what has left and what was read,
    and all that can be done is to close.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.channel = connection.channel
        self.host = connection.host
        self.greeting = Reply(0)
        self.lost: OSError | None = None
        self.farewell: Reply | None = None
        self.opened = self.used = monotonic()
        self.closed = False
        self.changing = False
        self.unfinished = 0
        self.place: Place | None = None  # among the connections that may be open
        self.most: int | None = None  # transactions that it may have, if the user says so
        self._room = UNLIMITED  # for so many more of them
        self.end: float | None = None  # when it takes no more
        self.most_recipients = UNLIMITED  # of each
        self._retired = False  # it ends with the last transaction
        self._torn: OSError | None = None  # nothing can be written any more
        self._leaving = False  # QUIT was sent
        self._note = _transcript()

    def command(
        self, line: str, shown: str = "", repeats: Callable[[str], bool] | None = None
    ) -> Reply:
        """Send one command and return its answer; `shown` stands for it if it is a secret.

        An answer that `repeats` a secret has its text replaced. Raises why the session is over, if
        it is.
        """
        self.changing = True
        try:
            reply = self._ask(line, shown, repeats)
        except Broken as broken:
            raise broken.error from broken.error.__cause__
        self.changing = False
        return reply

    def answer(self, verb: str) -> Reply:
        """Wait for the answer to a command, or to the connection. Raises why there is none."""
        try:
            return self._answer(verb)
        except Broken as broken:
            raise broken.error from broken.error.__cause__

    def _ask(
        self, line: str, shown: str = "", repeats: Callable[[str], bool] | None = None
    ) -> Reply:
        if not self.busy:
            self._check_quiet()
        if self._note:
            self._note(f"> {shown or line}")
        self._write(line.encode() + b"\r\n")
        return self._answer((shown or line).partition(" ")[0], repeats)

    def _answer(self, verb: object, repeats: Callable[[str], bool] | None = None) -> Reply:
        if self.closed:
            raise Broken(self.ending or disconnected("The session is closed"))
        try:
            reply = self.channel.reply()
        except Broken as broken:
            if repeats and repeats(str(broken.error)):
                broken.error.args = (_REPEATS,)
            self._lose(broken.error, verb)
            raise
        if repeats and reply.code != 334 and repeats(reply.text):
            reply = reply._replace(text=_REPEATS)
        if self._note:
            self._note("< 334 (not shown)" if reply.code == 334 else f"< {reply}")
        if reply.code == 421:
            self._part(reply)
        return reply

    @property
    def features(self) -> Mapping[str, str]:
        """What EHLO offered, in smtplib's form: lower-case names and their parameters."""
        return self.connection.esmtp_features

    @property
    def is_open(self) -> bool:
        """Can it be used, as far as is known without asking the server?"""
        return self.usable and self.connection.sock is not None

    @property
    def busy(self) -> bool:
        """Is a transaction unfinished?"""
        return self.unfinished > 0

    @property
    def usable(self) -> bool:
        """Can a new transaction begin?"""
        return self._room > 0 and not self.changing and self._takes_more

    @property
    def _takes_more(self) -> bool:
        return not (self.closed or self._leaving or self._torn or self.farewell)

    @property
    def broken(self) -> bool:
        """Did it end, or will it soon, other than by our own QUIT?"""
        return bool(self.lost or self._torn or self.farewell)

    @property
    def ending(self) -> OSError | None:
        """The error that prevents a new transaction, or None."""
        if self.lost or self._takes_more:
            return self.lost
        if self.farewell:  # it says more than that nothing could be written any more
            return disconnected(f"The server ended the session: {self.farewell}")
        return self._torn or disconnected("The session is closed")

    @property
    def stale(self) -> bool:
        """Should the server be asked first, after a long pause or use by somebody else?"""
        idle = monotonic() - self.used > STALE
        return not self.busy and (idle or self.connection.touched)

    def ready(self) -> bool:
        """Return True if a message can be sent now, or begun after those on their way."""
        if self.end is not None and monotonic() >= self.end:
            return False
        return self.usable and (not self.stale or self.alive())

    def alive(self) -> bool:
        """Return True if a message can be sent now, asking the server (NOOP) after a pause.

        After use by somebody else, it is asked to forget what that was about (RSET).
        """
        if self.busy or not self.usable:
            return False
        self.changing = True
        timeout = self.channel.timeout
        try:
            if not self.stale:
                self._check_quiet()
            else:
                self._hurry(FAREWELL)
                self._ask_whether_all_is_well()
        except (Broken, OSError):
            return False
        self.channel.timeout = timeout
        self.used = monotonic()
        self.changing = False
        return self.usable

    def _ask_whether_all_is_well(self) -> None:
        if self.connection.touched:
            self._begin_anew()
        elif self._ask("NOOP").code != 250:
            self._say_quit()
            self.hear_goodbye(FAREWELL)

    def _begin_anew(self) -> None:
        """After use by somebody else, make sure that none of it gets into our messages."""
        connection = self.connection
        self.channel = connection.channel
        if not connection.is_in_step or connection.lacks_tls:
            self.close()
            return
        if not connection.is_greeted:
            hello(self, connection.local_hostname)
            self.changing = True
        if self._ask("RSET").code != 250:
            self._say_quit()
            self.hear_goodbye(FAREWELL)
        connection.touched = False

    def retire(self) -> None:
        """Quit when the last transaction is finished."""
        self._retired, self._room = True, 0

    def quit(self) -> None:
        """Say goodbye if that is possible, and close. No message depends on it: never fails."""
        self.say_goodbye()
        self.hear_goodbye(FAREWELL)

    def say_goodbye(self) -> None:
        """Say QUIT, if that is possible. Wait for nothing."""
        if self.changing or self.busy or not self._takes_more:
            return
        self.changing = True
        self._check_quiet()
        self._say_quit()

    def _say_quit(self) -> None:
        if self._note:
            self._note("> QUIT")
        self._write(b"QUIT\r\n")
        self._leaving = True

    def hear_goodbye(self, seconds: float) -> None:
        """Wait for the answer to QUIT, if it was said, and close."""
        if self._leaving and not self.busy and not self.closed:
            self._hurry(seconds)
            try:  # noqa: SIM105 - contextlib takes longer to load than a mail to send
                self._answer("QUIT")
            except Broken:
                pass  # which tells that the session is over
        self.close()

    def close(self) -> None:
        """Drop the connection without QUIT. Safe to call twice."""
        self.closed = True
        self.connection.close()
        if self.place is not None:
            self.place.leave()

    def _write(self, data: bytes) -> None:
        """Write; if that fails, what the server still has to say can be read, and no more sent."""
        if self.closed or self._torn or not data:
            return
        try:
            self.channel.write(data)
        except Broken as broken:
            self._torn = broken.error
            self._hurry(0)

    def _check_quiet(self) -> None:
        """End the session if the server hung up, or said something unasked."""
        if self.closed or self.channel.quiet():
            return
        self._hurry(0)
        try:
            reply = self.channel.reply()
        except Broken as broken:
            self._lose(broken.error)
            return
        if reply.code in (221, 421):
            self._part(reply)
        self._lose(protocol_error(f"The server said {reply} without being asked"))

    def _part(self, reply: Reply) -> None:
        self.farewell = reply
        self._hurry(FAREWELL)

    def _hurry(self, seconds: float) -> None:
        timeout = self.channel.timeout
        self.channel.timeout = seconds if timeout is None else min(timeout, seconds)

    def _lose(self, error: OSError, asked: object = "") -> None:
        """End the session at once; what was `asked` last shows in the error."""
        if asked:
            error.in_answer_to = str(asked)  # type: ignore[attr-defined]  # hints want to know
            if len(error.args) == 1:
                error.args = (f"{error} (in answer to {asked})",)
        self.lost = self.ending if self.broken else error
        self.close()


def quit_all(dialogues: Sequence[Dialogue]) -> None:
    """Say goodbye to several servers; they have as long to answer as one alone would have."""
    for dialogue in dialogues:
        dialogue.say_goodbye()
    deadline = monotonic() + FAREWELL
    for dialogue in dialogues:
        dialogue.hear_goodbye(max(0.0, deadline - monotonic()))


def _transcript() -> Callable[[str], None] | None:
    """Return the logger for the conversation, or None if nobody wants it."""
    logging = sys.modules.get("logging")  # who listens has imported it
    if logging is None:
        return None
    if not logging.getLogger(_WIRE).isEnabledFor(logging.DEBUG):
        return None
    return lambda text: tell("debug", "%s", text, to=_WIRE)


_WIRE = "simplemail.wire"
