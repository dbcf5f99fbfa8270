"""Sends and receives bytes, with a limit on every wait."""

from __future__ import annotations

import os
import re
import socket
from time import monotonic, perf_counter

from ..light import TYPE_CHECKING, pattern
from ..receipts import Reply
from .hints import THE_HANDSHAKE
from .replies import REPLY, Broken, common, disconnected, nonsense, parse, protocol_error
from .watch import Watch

if TYPE_CHECKING:
    import ssl

# Octets that must leave within one `timeout` (RFC 5321, 4.5.3.2.5 times "each TCP SEND call"):
# a big message may take as long as it needs, as long as it moves.
BLOCK = 262_144

# For so many seconds after we looked, and said nothing since, the server is taken to be quiet: what
# comes in between might as well come a moment after a second look.
JUST_NOW = 0.001

# Octets of replies kept while we are still writing.
BACKLOG = 1_000_000

_CONTINUED = pattern(rb"[0-9]{3}-")
_LAST_LINE = pattern(rb"^[0-9]{3}(?!-).*\n", re.MULTILINE)


_forks = 0
"""How many fork()s there were between the first process and this one."""


def _in_child() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class Channel:
    """A connected socket that reads whole replies and writes whole blocks.

    Raises Broken, with a TimeoutError when the server takes longer than `timeout` seconds (None: no
    limit), for a whole reply, not for each byte; with smtplib.SMTPServerDisconnected when the
    connection is lost; with smtplib.SMTPException when what the server sends isn't SMTP. It
    cannot be used after any of these. In a child process it counts as lost: the parent goes on
    talking over it.

    An exception of another kind came from elsewhere, from a signal's handler say, and may leave it
    between two states. Whoever uses it must know that, and stop.
    """

    def __init__(self, sock: socket.socket, timeout: float | None) -> None:
        self.sock = sock
        self.timeout = timeout
        self.sent = 0  # how many octets were sent
        self.reach = 0  # octets that may have left, if a write was interrupted
        self.encrypted = False
        self._data = b""
        self._at = 0  # everything before it has been read
        self._end = False  # the server will send no more
        self._lost: OSError | None = None  # why it can't be read any more, if nobody was told yet
        self._forks = _forks
        self._quiet_at = -1.0  # when we looked; before all time since we said something
        self._again: tuple[type[OSError], ...] = (BlockingIOError,)
        self._wants_to_read = False  # TLS can't write before it has read
        sock.setblocking(False)
        self._watch = Watch(sock)
        if hasattr(sock, "context"):
            self._expect_tls()

    def write(self, data: bytes) -> None:
        """Send all octets.

        Replies that arrive meanwhile are kept, so that two full buffers never wait for each other
        (RFC 2920, 3.1, asks for this or for small groups of commands).
        """
        self._quiet_at = -1.0
        self._check_ours()
        # TLS wants to be tried again with the same block after it would have blocked.
        gone = self._send(data if len(data) <= BLOCK else data[:BLOCK])
        if gone < len(data):
            self._write_rest(memoryview(data)[gone:])

    def _write_rest(self, data: memoryview) -> None:
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            deadline = self._deadline()
            self._overhear()
            while block:
                gone = self._send(block)
                if gone == 0:
                    self._wait_to_write(deadline)
                block = block[gone:]

    def _send(self, block: bytes | memoryview) -> int:
        """Send what can leave at once, and return how much that was."""
        # An exception may come when it has left, and before we know how much.
        self.reach = self.sent + len(block)
        try:
            gone = self.sock.send(block)
        except OSError as error:
            if not self._is_the_socket_s(error):
                raise
            self.reach = self.sent
            if not isinstance(error, self._again):
                raise Broken(disconnected("The connection was lost", error)) from error
            self._wants_to_read = type(error).__name__ == "SSLWantReadError"
            return 0
        self.sent += gone
        self.reach = self.sent
        return gone

    def _is_the_socket_s(self, error: Exception) -> bool:
        """Was it raised by our socket, and not by a signal's handler, or by another thread?"""
        if isinstance(error, OSError) and error.errno is None:
            return False  # what the system says has a number
        step = error.__traceback__
        while step is not None and step.tb_next is not None:
            step = step.tb_next
        module = "" if step is None else str(step.tb_frame.f_globals.get("__name__"))
        # gevent's and eventlet's sockets are their own, written in Python.
        # PyPy's ssl stands on a module in Python.
        ours = (__name__, "ssl", "socket", "_cffi_ssl._stdssl", type(self.sock).__module__)
        return module.partition(".")[0] in [name.partition(".")[0] for name in ours]

    def _wait_to_write(self, deadline: float | None) -> None:
        write = not self._wants_to_read
        if not self._watch.wait(deadline, read=self._hearing or not write, write=write):
            said = f"The server accepted no more data for {self.timeout:g} s"
            raise Broken(TimeoutError(said))
        self._overhear()

    def _overhear(self) -> None:
        """Read and keep replies while we write."""
        if self._hearing:
            self._receive()

    @property
    def _hearing(self) -> bool:
        return not self._end and len(self._data) - self._at < BACKLOG

    def reply(self) -> Reply:
        """Return the next reply, after waiting for it if necessary."""
        at, end = self._at, self._data.find(b"\n", self._at)
        if end < 0 or self._data[at + 3 : at + 4] == b"-":
            end = self._long_reply()
            at = self._at
        raw, self._at = self._data[at : end + 1], end + 1
        # Most replies are the same few: "250 2.1.0 Ok", and one to EHLO.
        return common(raw) if len(raw) < 500 else parse(raw)

    def _long_reply(self) -> int:
        """Wait until a whole reply is there, and return where it ends."""
        deadline = self._deadline()
        start = seen = 0  # of the reply's last line, and how much of it is known to have no end
        while True:
            end = self._data.find(b"\n", self._at + seen)
            if end < 0:
                seen = len(self._data) - self._at
                if seen > REPLY:
                    raise nonsense(self._data[self._at :], f" and so on, over {REPLY:,} octets")
                self._wait_for_more(deadline)
            elif not _CONTINUED.match(self._data, self._at + start):
                return end
            else:
                start = seen = end + 1 - self._at

    def _wait_for_more(self, deadline: float | None) -> None:
        self._check_ours()
        if self._lost is not None:
            raise Broken(self._lost)
        while True:
            # Most often it isn't there yet, so this doesn't read before it waits.
            if not (self._end or self._watch.wait_to_read(deadline)):
                raise Broken(TimeoutError(f"No reply from the server for {self.timeout:g} s"))
            if self._receive():
                return
            if self._end:
                raise Broken(disconnected("The server closed the connection"))

    def _receive(self) -> bool:
        """Read what has arrived, without waiting. False if nothing has."""
        if self._end:
            return False
        try:
            more = self.sock.recv(65_536)
        except (OSError, ValueError) as error:  # ValueError: TLS on it was ended
            if not self._is_the_socket_s(error):
                raise
            if isinstance(error, self._again):
                return False
            raise Broken(disconnected("The connection was lost", error)) from error
        self._end = not more
        self._data, self._at = self._data[self._at :] + more, 0
        return bool(more)

    def _check_ours(self) -> None:
        if self._forks != _forks:
            said = "The connection was opened before fork() and belongs to the parent process"
            raise Broken(disconnected(said))

    def _deadline(self) -> float | None:
        return None if self.timeout is None else monotonic() + self.timeout

    @property
    def unread(self) -> bool:
        """True if there is more than the replies that were read."""
        return self._at < len(self._data)

    def count_unread(self) -> int:
        """Return how many replies are here and not read yet."""
        return len(_LAST_LINE.findall(self._data, self._at)) if self.unread else 0

    def quiet(self) -> bool:
        """Return True if the server has said nothing unasked and has not hung up."""
        if self.unread or self._end or self._forks != _forks:
            return False
        if self.closed:
            return False
        if self.sock.gettimeout() != 0:  # somebody has set one
            self.sock.setblocking(False)
        now = perf_counter()
        if now - self._quiet_at < JUST_NOW:
            return True
        try:
            if self._watch.can_be_read() and (self._receive() or self._end):
                return False
        except Broken as broken:
            self._lost = broken.error
            return False
        self._quiet_at = now
        return True

    def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Put TLS around the connection; the handshake must be over within `timeout`.

        Raises smtplib.SMTPException if the server has said anything before: it came in clear
        text, and whoever injected it would have it taken for the server's protected word
        (CVE-2011-0411; RFC 3207, 6).
        """
        if not self.quiet():
            if self._end and not self.unread:
                raise disconnected("The server closed the connection before the TLS handshake")
            said = self._data[self._at :][:100]
            raise protocol_error(f"The server said {said!r} in clear text before the TLS handshake")
        self.wrap(context, server_hostname)

    def wrap(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Put TLS around a connection on which nothing was said yet."""
        self.sock.settimeout(self.timeout)
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=server_hostname)
        except BaseException as error:
            _close_within(error)
            if isinstance(error, TimeoutError):
                error.in_answer_to = THE_HANDSHAKE  # type: ignore[attr-defined]  # for hints
            raise
        self.sock.setblocking(False)
        self._expect_tls()

    def _expect_tls(self) -> None:
        import ssl

        self.encrypted = True
        self._again = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

    @property
    def closed(self) -> bool:
        """Was it closed, by us or by somebody else with the socket?"""
        return self.sock.fileno() < 0

    def close(self) -> None:
        """Drop the connection. Safe to call twice."""
        self._end = True
        self.sock.close()


def _close_within(error: BaseException) -> None:
    """Close the socket that wrap_socket() took over and lost.

    It does so if interrupted, and up to Python 3.12 if the connection was reset before: then only
    the error knows that socket, for as long as somebody keeps the error.
    """
    import ssl

    step = error.__traceback__
    while step is not None:
        owner = step.tb_frame.f_locals.get("self")
        if isinstance(owner, ssl.SSLSocket):
            owner.close()
        step = step.tb_next
