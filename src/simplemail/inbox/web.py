"""Speaks HTTP: reads requests within limits, asks the guard, and writes answers in one piece."""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from ..light import lock, tell
from .answers import ALWAYS, Answer, problem
from .guard import Admitted, Guard, Refused, Request, reached_at

MOST_CONNECTIONS = 64
SECONDS_TO_READ = 30.0
SECONDS_TO_WRITE = 30.0

_MOST_DRAINED = 1_000_000
_TOO_MANY = b"HTTP/1.1 503 Too many connections\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Asked(NamedTuple):
    """A request that the guard has admitted; `read(limit)` returns its body, or raises Refused."""

    method: str
    target: Admitted
    header: Callable[[str], str | None]
    read: Callable[[int], bytes]


Route = Callable[[Asked], Answer]


class WebServer(ThreadingHTTPServer):
    """Answers with `route` what `guard` admits, on a port of its own, from `start()` to `stop()`.

    `daemon` says that a program may end without waiting for open connections.
    """

    request_queue_size = 128
    block_on_close = True

    def __init__(self, address: str, port: int, *, daemon: bool = False) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.daemon_threads = daemon
        self.guard: Guard | None = None
        self.route: Route | None = None
        self._open: set[socket.socket] = set()
        self._opening = lock()
        super().__init__((address, port), _Handler)
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=daemon)

    def server_bind(self) -> None:
        # HTTPServer's own asks the DNS for this machine's name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def start(self, guard: Guard, route: Route) -> None:
        self.guard, self.route = guard, route
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and wait for their threads. Safe to call twice."""
        self._stopping = True
        if self._thread.is_alive():
            # The one or the other wakes accept(), as the system has it.
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError), socket.create_connection(self._from_here, 1):
                pass
            self._thread.join()
        self.socket.close()
        with self._opening:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    @property
    def _from_here(self) -> tuple[str, int]:
        host = reached_at(str(self.server_address[0])).strip("[]")
        return host, self.server_address[1]

    def _accept(self) -> None:
        # Not serve_forever(), which looks again and again whether it is to stop.
        while not self._stopping:
            self.handle_request()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._opening:
            is_full = len(self._open) >= MOST_CONNECTIONS
            if not is_full:
                self._open.add(request)
        if is_full:
            with contextlib.suppress(OSError):
                request.settimeout(1)
                request.sendall(_TOO_MANY)
            super().shutdown_request(request)
            return
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._opening:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        text = "A request to the inbox failed"
        tell("error", text, to="simplemail.inbox", error=sys.exception())


class _Timed(io.RawIOBase):
    """A socket's bytes until a deadline, which counts for all of a request."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deadline = 0.0

    def begin(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # The base class has it as one of any kind.
    server: WebServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def setup(self) -> None:
        super().setup()
        self._timed = _Timed(self.connection)
        self.rfile = io.BufferedReader(self._timed)

    def handle_one_request(self) -> None:
        self.close_connection = True
        self._timed.begin(SECONDS_TO_READ)
        with contextlib.suppress(OSError):  # who asked has gone, or is too slow
            self.raw_requestline = self.rfile.readline(65_537)
            if len(self.raw_requestline) > 65_536:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
            elif self.raw_requestline and self.parse_request():
                self._unread = 0
                self._answer(self._answered())
                self._drain()

    def _answered(self) -> Answer:
        assert self.server.guard is not None
        assert self.server.route is not None
        try:
            request = self._request()
            asked = Asked(
                request.method, self.server.guard.admit(request), request.header, self._read
            )
            return self.server.route(asked)
        except Refused as refusal:
            return problem(refusal.status, refusal.reason)

    def _request(self) -> Request:
        if self.request_version == "HTTP/0.9":  # which has no header
            self.close_connection = True
            raise Refused(505, "Ask with HTTP/1.1")
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        # What follows a line that is no header would go unseen.
        # The payload of a message/rfc822 is a list, for http.server reads headers as mail.
        payload = self.headers.get_payload()
        if self.headers.defects or (isinstance(payload, str) and payload):
            self.close_connection = True
            raise Refused(400, "The header of the request can't be read")
        # The target as it came: http.server makes one slash of two at its beginning.
        request = Request(self.command, self.requestline.split()[1], headers)
        self._unread = self._length(request)
        return request

    def _length(self, request: Request) -> int:
        length = request.header("content-length")
        is_sound = length is None or (length.isascii() and length.isdigit() and len(length) < 16)
        if request.header("transfer-encoding") is not None or not is_sound:
            self.close_connection = True
            raise Refused(411, "Send the body's size in Content-Length, and no Transfer-Encoding")
        return int(length or 0)

    def _read(self, limit: int) -> bytes:
        if self._unread > limit:
            raise Refused(413, f"The body has {self._unread} octets; {limit} are allowed here")
        if self.headers.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(self._unread)
        if len(body) < self._unread:
            raise ConnectionError("the client went away")
        self._unread = 0
        return body

    def _drain(self) -> None:
        """Read the rest of a body that nobody wanted, or the answer would be lost with it."""
        if self._unread > _MOST_DRAINED:
            self.close_connection = True
        while self._unread > 0 and (read := self.rfile.read1(min(self._unread, 65_536))):
            self._unread -= len(read)
            if self.close_connection and self._unread <= 0:
                break

    def _answer(self, answer: Answer) -> None:
        streams = not isinstance(answer.body, bytes)
        if streams or self._unread > _MOST_DRAINED:
            self.close_connection = True
        headers = {"Content-Type": answer.kind, **ALWAYS, **answer.headers}
        if isinstance(answer.body, bytes):
            headers["Content-Length"] = str(len(answer.body))
        if self.close_connection:
            headers["Connection"] = "close"
        phrase = self.responses.get(answer.status, ("", ""))[0]
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.connection.settimeout(SECONDS_TO_WRITE)
        if self.command == "HEAD":
            self.connection.sendall(head)
        elif isinstance(answer.body, bytes):
            self._send(head, answer.body)
        else:
            self._stream(head, answer)

    def _send(self, head: bytes, body: bytes) -> None:
        if len(body) < 100_000:  # in one piece: a second one would wait for an acknowledgement
            self.connection.sendall(head + body)
        else:
            self.connection.sendall(head)
            self.connection.sendall(body)

    def _stream(self, head: bytes, answer: Answer) -> None:
        assert not isinstance(answer.body, bytes)
        with contextlib.closing(answer.body) as pieces:  # type: ignore[type-var]  # a generator
            self.connection.sendall(head)
            for piece in pieces:
                self.connection.sendall(piece)

    def handle_expect_100(self) -> bool:
        # Nobody is asked for a body before the guard has seen the header.
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself finds wrong, in the inbox's own form."""
        self.close_connection = True
        self._unread = 0
        self.command = self.command or "GET"
        self._answer(problem(int(code), message or self.responses.get(code, ("",))[0]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's
        """Say nothing: the program's own output is on the same terminal."""
