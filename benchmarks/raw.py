"""The limit: a socket that does by hand what has to be done, and checks nothing.

Contents are ready made, addresses are taken as they are, and replies are counted, not read.
"""

from __future__ import annotations

import base64
import functools
import socket
import ssl
from collections import deque

import small_text
from sinks import USER

SENDER = b"shop@example.com"


@functools.cache
def ready_made(messages: int) -> list[tuple[bytes, bytes]]:
    """Return recipients and contents."""
    numbers = range(messages)
    return [(b"customer%d@example.com" % n, small_text.by_hand(n)) for n in numbers]


class Raw:
    """One session."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.sock.makefile("rb")
        self.read(1)
        self.ask(b"EHLO localhost\r\n")
        if context is not None:
            self.start_tls(context)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.ask(b"STARTTLS\r\n")
        self.sock = context.wrap_socket(self.sock, server_hostname="127.0.0.1")
        self.replies = self.sock.makefile("rb")
        self.ask(b"EHLO localhost\r\n")
        [(name, password)] = USER.items()
        self.ask(b"AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()) + b"\r\n")
        self.ask(b"EHLO localhost\r\n")

    def ask(self, data: bytes, replies: int = 1) -> None:
        self.sock.sendall(data)
        self.read(replies)

    def read(self, replies: int) -> None:
        while replies:
            replies -= self.replies.readline()[3:4] == b" "

    def close(self) -> None:
        self.replies.close()
        self.sock.close()


def transaction(recipient: bytes, last: bytes) -> bytes:
    return b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\n%b" % (SENDER, recipient, last)


def data(port: int, messages: int) -> None:
    """Use PIPELINING: content and the next message's commands in one write."""
    raw = Raw(port)
    content = b""
    for recipient, next_content in ready_made(messages):
        raw.ask(content + transaction(recipient, b"DATA\r\n"), 4 if content else 3)
        content = next_content + b".\r\n"
    raw.ask(content + b"QUIT\r\n", 2)
    raw.close()


def bdat(port: int, messages: int, window: int = 32) -> None:
    """Use CHUNKING: whole messages in one write, `window` of them on their way."""
    raw = Raw(port)
    flying: deque[bytes] = deque()
    for recipient, content in ready_made(messages):
        if len(flying) == window:
            raw.read(3)
            flying.popleft()
        flying.append(recipient)
        raw.sock.sendall(transaction(recipient, b"BDAT %d LAST\r\n" % len(content)) + content)
    raw.ask(b"QUIT\r\n", 3 * len(flying) + 1)
    raw.close()


def one_by_one(port: int, messages: int, context: ssl.SSLContext | None = None) -> None:
    """Open a session for each message, by the steps that simplemail takes."""
    for recipient, content in ready_made(messages):
        raw = Raw(port, context)
        last = b"BDAT %d LAST\r\n" % len(content)
        raw.ask(transaction(recipient, last) + content + b"QUIT\r\n", 4)
        raw.close()


def kept_open(port: int, messages: int, context: ssl.SSLContext | None = None) -> None:
    """Use one session, and wait for each message's answers."""
    raw = Raw(port, context)
    for recipient, content in ready_made(messages):
        last = b"BDAT %d LAST\r\n" % len(content)
        raw.ask(transaction(recipient, last) + content, 3)
    raw.ask(b"QUIT\r\n")
    raw.close()


def blind_copies(port: int, recipients: int) -> None:
    """Send one message to many."""
    raw = Raw(port)
    content = small_text.by_hand(0)
    lines = [b"RCPT TO:<copy%d@example.com>\r\n" % n for n in range(recipients)]
    last = b"BDAT %d LAST\r\n" % len(content)
    everything = b"".join([b"MAIL FROM:<%b>\r\n" % SENDER, *lines, last, content, b"QUIT\r\n"])
    raw.ask(everything, len(lines) + 3)
    raw.close()
