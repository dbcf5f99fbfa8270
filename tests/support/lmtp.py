"""A server that speaks LMTP (RFC 2033) on a Unix socket, and says yes to everything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lmtp_server(path: Path, refused: bytes = b"") -> Iterator[list[bytes]]:
    """Take one session, and return its lines; a line with `refused` in it gets a 550."""
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(5)
        server = threading.Thread(target=_serve, args=(listener, said, refused), daemon=True)
        server.start()
        yield said
        server.join(5)


def _serve(listener: socket.socket, said: list[bytes], refused: bytes) -> None:
    with listener.accept()[0] as connection, connection.makefile("rwb") as file:
        answer = b"220 lmtp.example.com\r\n"
        while True:
            file.write(answer)
            file.flush()
            said.append(line := file.readline())
            if not line or line.lower().startswith(b"quit"):
                file.write(b"221 Bye\r\n")
                return
            answer = b"550 5.1.1 No\r\n" if refused and refused in line else b"250 Ok\r\n"
            if line.lower() == b"data\r\n":
                file.write(b"354 Go on\r\n")
                file.flush()
                while file.readline() != b".\r\n":
                    pass
