"""Sends and receives one client's bytes, records them, and simulates the round trip."""

import contextlib
import selectors
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable

from .limits import TooMuch

# PollSelector has no limit of 1,024 file descriptors, but Windows has no poll().
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Hangup(Exception):  # noqa: N818 (it is no error)
    """The connection is over; `afterlife` runs before the socket is closed."""

    def __init__(self, afterlife: Callable[[], None] = lambda: None) -> None:
        self.afterlife = afterlife


class Channel:
    """A connected socket, used by one thread; `interrupt()` and `hang_up()` by any other.

    Replies wait until the client has nothing more to say, and go out in one piece, as RFC 2920
    wants it. With `rtt` they travel that many seconds, while reading goes on: a client that waits
    for each reply pays each time, one that pipelines pays once.
    """

    def __init__(self, sock: socket.socket, *, rtt: float = 0.0, record: bool = True) -> None:
        self.sock = sock
        self.rtt = rtt
        self.received = bytearray()
        self.turns = 0
        self.pace: tuple[int, float] | None = None
        self.idle: float | None = None
        self.on_wait: Callable[[], None] = lambda: None
        self._record = record
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._late: deque[tuple[float, int, bytes]] = deque()
        self._orders: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._ear, self._bell = socket.socketpair()
        self._selector = _Selector()
        self._selector.register(sock.fileno(), selectors.EVENT_READ)
        self._selector.register(self._ear, selectors.EVENT_READ)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # Reading

    def read_through(self, end: bytes, most: int | None = None) -> bytes:
        """Everything up to and including `end`. Raises TooMuch for more than `most` bytes."""
        searched, forgotten = 0, False
        while (found := self._buffer.find(end, searched)) < 0:
            searched = max(0, len(self._buffer) - len(end) + 1)
            if most is not None and searched > most:
                del self._buffer[:searched]
                searched, forgotten = 0, True
            self._fill()
        if forgotten or (most is not None and found + len(end) > most):
            del self._buffer[: found + len(end)]
            raise TooMuch
        return self.read(found + len(end))

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        self.need(size)
        # Both views are ended here: PyPy wouldn't before it collects its garbage.
        with memoryview(self._buffer) as view, view[:size] as part:
            taken = bytes(part)
        del self._buffer[:size]
        return taken

    def forget(self, size: int) -> None:
        """Read `size` bytes and keep none of them."""
        while size > 0:
            taken = min(size, len(self._buffer))
            del self._buffer[:taken]
            size -= taken
            if size:
                self._fill()

    def need(self, size: int, end: bytes | None = None) -> None:
        """Wait until `size` bytes have come, or `end` has."""
        while len(self._buffer) < size and not (end and end in self._buffer):
            self._fill()

    def peek(self, size: int) -> bytes:
        self.need(size)
        return bytes(self._buffer[:size])

    @property
    def buffered(self) -> int:
        """How many bytes came that nobody has read yet."""
        return len(self._buffer)

    def spoke_first(self) -> bool:
        """Has the client sent something already?"""
        return bool(self._buffer) or self._readable(0)

    def drain(self) -> None:
        """Read, record and forget until the client goes away, which raises Hangup."""
        while True:
            self._buffer.clear()
            self._fill()

    def _fill(self) -> None:
        if not self._readable(0):
            # The client may be waiting too.
            self.flush()
            self.on_wait()
        self._deliver()
        self._wait()
        chunk = self.sock.recv(1 << 16)
        if not chunk:
            raise Hangup
        if self._record:
            self.received += chunk
        self._buffer += chunk

    def _wait(self) -> None:
        """Wait for the client, no longer than it may be idle."""
        begin = time.monotonic()
        timeouts = [self._until_delivery(), self.idle]
        while not self._readable(min((t for t in timeouts if t is not None), default=None)):
            self._deliver()
            if self.idle is not None and time.monotonic() - begin >= self.idle:
                self.sock.settimeout(1)
                self.sock.sendall(b"421 4.4.2 Timeout, closing the connection\r\n")
                raise Hangup
            timeouts[0] = self._until_delivery()

    def _readable(self, timeout: float | None) -> bool:
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        ready = False
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._ear:
                self._ear.recv(1024)
                self._obey()
            else:
                ready = True
        return ready

    # Writing

    def write(self, data: bytes) -> None:
        """Keep `data` until `flush()`, or until the client has to be waited for."""
        self._replies.append(data)

    def flush(self) -> None:
        """Send what was written; with `rtt`, on its way and not there yet."""
        if not self._replies:
            return
        data = b"".join(self._replies)
        self._replies.clear()
        # A turn is a step of the longest chain of "the client heard this, then said that".
        self._late.append((time.monotonic() + self.rtt, self.turns + 1, data))
        self._deliver()

    def flush_all(self) -> None:
        """Send what was written and wait until it is there."""
        self.flush()
        while self._late:
            self.pause(self._until_delivery() or 0)
            self._deliver()

    def flood(self, data: bytes, limit: int | None) -> None:
        """Send `data` over and over, up to `limit` bytes, then say no more."""
        sent = 0
        while limit is None or sent < limit:
            self._send(data)
            sent += len(data)
        self.drain()

    def pause(self, seconds: float) -> None:
        """Sleep, but not through an interrupt."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._ear.settimeout(left)
            with contextlib.suppress(TimeoutError):
                self._ear.recv(1024)
                self._obey()

    def _until_delivery(self) -> float | None:
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, turn, data = self._late.popleft()
            self.turns = max(self.turns, turn)
            self._send(data)

    def _send(self, data: bytes) -> None:
        if self.pace is None:
            self.sock.sendall(data)
            return
        size, interval = self.pace
        for start in range(0, len(data), size):
            self.sock.sendall(data[start : start + size])
            self.pause(interval)

    # Beginning and end

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands; costs one turn, as TLS 1.3 does."""
        self.flush_all()
        self._buffer.clear()
        # Part of a TLS record makes the socket ready, and the rest may never come.
        self.sock.settimeout(self.idle)
        # The handshake comes later, so that hang_up() already finds the new socket. While there
        # were two, it may have shut the old one, which is nobody's.
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self._obey()
        self.pause(self.rtt)
        self.sock.do_handshake()
        self.turns += 1

    def half_close(self) -> None:
        """Send no more, but go on reading."""
        self.flush_all()
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def abort(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close all that is open; safe to call twice."""
        self._selector.close()
        self.sock.close()
        self._ear.close()
        self._bell.close()

    # From other threads

    def interrupt(self, order: Callable[[], None]) -> None:
        """Have the channel's own thread call `order` as soon as it waits for the client."""
        self._orders.append(order)
        self._ring()

    def hang_up(self) -> None:
        """End whatever the channel's own thread is doing."""
        self._stopping = True
        self._ring()
        # Not SSLSocket.shutdown(): it takes the TLS layer away from under the other thread.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _obey(self) -> None:
        if self._stopping:
            raise Hangup
        while self._orders:
            self._orders.popleft()()
