"""A mail client that says exactly what it is told."""

import socket
import ssl
from types import TracebackType
from typing import Self

from simplemail.testing.server import SMTPServer


class Raw:
    """A connection to `server`, greeted; what follows are bytes and replies."""

    def __init__(self, server: SMTPServer, hello: bytes = b"EHLO client.example\r\n") -> None:
        self.sock = socket.create_connection((server.host, server.port), timeout=10)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply() if hello else b""
        self.hello = self.ask(hello) if hello else b""

    def ask(self, *data: bytes, replies: int = 1) -> bytes:
        """Send all in one piece, then read so many replies."""
        self.sock.sendall(b"".join(data))
        return b"".join(self.reply() for _ in range(replies))

    def reply(self) -> bytes:
        """One whole reply, or what there is of it before the end."""
        lines = []
        while line := self.file.readline():
            lines.append(line)
            if line[3:4] != b"-":
                break
        return b"".join(lines)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.file.close()
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
