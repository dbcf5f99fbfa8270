"""Helpers for tests of the inbox: messages to put in, and a client that sends what it is told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from simplemail.inbox.server import InboxServer, Options

FREE = ("127.0.0.1", 0)

HTML_MAIL = (
    b"From: Shop <shop@example.com>\r\nTo: Ann <ann@example.com>\r\nSubject: Order 4711\r\n"
    b"Date: Sun, 29 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nThank you.\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>Thank <b>you</b>.</p>\r\n--b--\r\n"
)


@contextmanager
def running(**options: Any) -> Iterator[InboxServer]:
    """An inbox on free ports."""
    server = InboxServer(Options(**{"http": FREE, "smtp": FREE, **options})).start()
    try:
        yield server
    finally:
        server.stop()


def plain_mail(subject: str = "Hello", text: str = "How are you?", to: str = "ann@example.com"):
    """Return a message's octets."""
    head = f"From: Shop <shop@example.com>\r\nTo: {to}\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: <1@example.com>\r\n\r\n{text}\r\n".encode()


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, head: str | bytes, body: bytes = b"", *, timeout: float = 10) -> Response:
    """Send a request line and headers just as they are, and return the answer."""
    parts = urlsplit(url)
    head = head.encode("latin-1") if isinstance(head, str) else head
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as sock:
        sock.sendall(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)
        sock.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: sock.recv(65_536), b""))
    head, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "a header came twice"
    return Response(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, content)


def get(url: str, path: str, **headers: str) -> Response:
    return send(url, "GET", path, **headers)


def send(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    """Send a request as a program would. Headers are written x_simplemail="1"."""
    lines = {"host": urlsplit(url).netloc, "connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    if body:
        lines["content-length"] = str(len(body))
    head = "\n".join([f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items())])
    return ask(url, head, body)
