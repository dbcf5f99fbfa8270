"""Commands and answers over one connection, and all the ways in which that ends."""

from __future__ import annotations

import sys
from time import monotonic

from ..light import TYPE_CHECKING
from ..receipts import Reply
from .greeting import hello
from .replies import disconnected, protocol_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .connection import Connection

# A session that was idle for longer, in seconds, is asked whether it is still there.
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
    it is `usable`, a new transaction can begin.
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
        self.usable = True
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
        if not self.busy:
            self._check_quiet()
        if self._note:
            self._note(f"> {shown or line}")
        self._write(line.encode() + b"\r\n")
        return self.answer((shown or line).partition(" ")[0], repeats)

    def answer(self, verb: str, repeats: Callable[[str], bool] | None = None) -> Reply:
        """Wait for the answer to a command, or to the connection. Raises why there is none."""
        try:
            if self.closed:
                raise self.ending or disconnected("The session is closed")
            reply = self.channel.reply()
        except BaseException as error:
            if repeats and repeats(str(error)):
                error.args = (_REPEATS,)
            self._lose(error, verb)
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
        """Can it be used, as far as we know without asking?"""
        return self.usable and self.connection.sock is not None

    @property
    def busy(self) -> bool:
        """Is there anything begun and not finished?"""
        return False

    @property
    def broken(self) -> bool:
        """Did it end, or is it about to, without our doing?"""
        return bool(self.lost or self._torn or self.farewell)

    @property
    def ending(self) -> OSError | None:
        """Why no new transaction can begin, None if it can."""
        if self.lost or self.usable:
            return self.lost
        if self.farewell:  # it says more than that nothing could be written any more
            return disconnected(f"The server ended the session: {self.farewell}")
        return self._torn or disconnected("The session is closed")

    @property
    def stale(self) -> bool:
        """Was it idle for so long, or used by somebody else, that the server should be asked?"""
        idle = monotonic() - self.used > STALE
        return not self.busy and (idle or self.connection.touched)

    def alive(self) -> bool:
        """Return True if a message can be sent now, asking the server (NOOP) after a pause.

        After use by somebody else, it is asked to forget what that was about (RSET).
        """
        if self.busy or not self.usable:
            return False
        timeout = self.channel.timeout
        try:
            if not self.stale:
                self._check_quiet()
            else:
                self._hurry(FAREWELL)
                self._ask_whether_all_is_well()
        except OSError:
            return False
        self.channel.timeout = timeout
        self.used = monotonic()
        return self.usable

    def _ask_whether_all_is_well(self) -> None:
        if self.connection.touched:
            self._begin_anew()
        elif self.command("NOOP").code != 250:
            self.quit()

    def _begin_anew(self) -> None:
        """After use by somebody else, see to it that nothing of that gets into our messages."""
        connection = self.connection
        self.channel = connection.channel
        if not connection.is_in_step or connection.lacks_tls:
            self.close()
            return
        if not connection.is_greeted:
            hello(self, connection.local_hostname)
        if self.command("RSET").code != 250:
            self.quit()
        connection.touched = False

    def quit(self) -> None:
        """Say goodbye if that is possible, and close. No message depends on it: never fails."""
        try:
            if not self.busy and self.usable:
                self._hurry(FAREWELL)
                self.command("QUIT")
        except OSError:
            pass  # which tells that the session is over
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection without a word. Safe to call twice."""
        self.connection.close()
        self.closed, self.usable = True, False

    def _write(self, data: bytes) -> None:
        """Write; if that fails, what the server still has to say can be read, and no more sent."""
        if self.closed or self._torn or not data:
            return
        try:
            self.channel.write(data)
        except OSError as error:
            self._torn, self.usable = error, False
            self._hurry(0)
        except BaseException as error:
            self._lose(error, "")

    def _check_quiet(self) -> None:
        """End the session if the server hung up, or said something unasked."""
        if self.closed or self.channel.quiet():
            return
        self._hurry(0)
        try:
            reply = self.channel.reply()
        except BaseException as error:
            self._lose(error, "")
            return
        if reply.code == 421:
            self._part(reply)
        self._lose(protocol_error(f"The server said {reply} without being asked"), "")

    def _part(self, reply: Reply) -> None:
        self.farewell, self.usable = reply, False
        self._hurry(FAREWELL)

    def _hurry(self, seconds: float) -> None:
        timeout = self.channel.timeout
        self.channel.timeout = seconds if timeout is None else min(timeout, seconds)

    def _lose(self, error: BaseException, asked: str) -> None:
        """End the session at once. Only an OSError is the network's or the server's doing."""
        if asked and isinstance(error, OSError):
            error.in_answer_to = asked  # type: ignore[attr-defined]  # hints want to know
            if len(error.args) == 1:
                error.args = (f"{error} (in answer to {asked})",)
        if isinstance(error, OSError):
            self.lost = self.ending if self.broken else error
        self.close()
        if not isinstance(error, OSError):
            raise error


def _transcript() -> Callable[[str], None] | None:
    """Return where to write the conversation; None if nobody listens."""
    logging = sys.modules.get("logging")  # who listens has imported it
    if logging is None:
        return None
    logger = logging.getLogger("simplemail.wire")
    return logger.debug if logger.isEnabledFor(logging.DEBUG) else None
