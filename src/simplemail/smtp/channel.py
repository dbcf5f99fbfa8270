"""Bytes to and from a mail server, with an end to every wait."""

from __future__ import annotations

import os
import re
import socket
from time import monotonic, perf_counter

from ..light import TYPE_CHECKING, pattern
from ..receipts import Reply
from .replies import REPLY, common, disconnected, nonsense, parse, protocol_error
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
    """A connected socket: replies are read whole, and what is written leaves whole.

    Raises TimeoutError when the server takes longer than `timeout` seconds (None: no limit), for
    a whole reply, not for each byte; smtplib.SMTPServerDisconnected when the connection is lost;
    smtplib.SMTPException when the server says what is no SMTP reply. It cannot be used after any
    of these. In a child process it counts as lost: the parent goes on talking over it.
    """

    def __init__(self, sock: socket.socket, timeout: float | None) -> None:
        self.sock = sock
        self.timeout = timeout
        self.sent = 0  # octets that left, from the beginning
        self.encrypted = False
        self._data = b""
        self._at = 0  # what is before it was read already
        self._end = False  # the server will say no more
        self._forks = _forks
        self._quiet_at = -1.0  # when we looked; before all time since we said something
        self._again: tuple[type[OSError], ...] = (BlockingIOError,)
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
        try:
            # TLS wants to be tried again with the same block after it would have blocked.
            gone = self.sock.send(data if len(data) <= BLOCK else data[:BLOCK])
        except self._again:
            gone = 0
        except OSError as error:
            raise disconnected("The connection was lost", error) from error
        self.sent += gone
        if gone < len(data):
            self._write_rest(memoryview(data)[gone:])

    def _write_rest(self, data: memoryview) -> None:
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            deadline = self._deadline()
            self._overhear()
            while block:
                try:
                    gone = self.sock.send(block)
                except self._again as error:
                    self._wait_to_write(error, deadline)
                except OSError as error:
                    raise disconnected("The connection was lost", error) from error
                else:
                    self.sent += gone
                    block = block[gone:]

    def _wait_to_write(self, error: OSError, deadline: float | None) -> None:
        write = type(error).__name__ != "SSLWantReadError"
        if not self._watch.wait(deadline, read=self._hearing or not write, write=write):
            raise TimeoutError(f"The server accepted no more data for {self.timeout:g} s")
        self._overhear()

    def _overhear(self) -> None:
        """Keep what the server says while we write."""
        if self._hearing:
            self._receive()

    @property
    def _hearing(self) -> bool:
        return not self._end and len(self._data) - self._at < BACKLOG

    def reply(self) -> Reply:
        """Return the next reply, waiting for it if need be."""
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
        while True:
            # Most often it isn't there yet, so this doesn't read before it waits.
            if not (self._end or self._watch.wait_to_read(deadline)):
                raise TimeoutError(f"No reply from the server for {self.timeout:g} s")
            if self._receive():
                return
            if self._end:
                raise disconnected("The server closed the connection")

    def _receive(self) -> bool:
        """Take what has arrived, without waiting. False if that is nothing."""
        if self._end:
            return False
        try:
            more = self.sock.recv(65_536)
        except self._again:
            return False
        except OSError as error:
            raise disconnected("The connection was lost", error) from error
        self._end = not more
        self._data, self._at = self._data[self._at :] + more, 0
        return bool(more)

    def _check_ours(self) -> None:
        if self._forks != _forks:
            raise disconnected(
                "The connection was opened before fork() and belongs to the parent process"
            )

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
        except (OSError, ValueError):  # the socket failed, or TLS on it was ended
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
            raise
        self.sock.setblocking(False)
        self._expect_tls()

    def _expect_tls(self) -> None:
        import ssl

        self.encrypted = True
        self._again = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

    @property
    def closed(self) -> bool:
        """Was it closed, by us or by somebody who had the socket?"""
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
