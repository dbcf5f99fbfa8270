"""The mail servers that the documentation names, on this machine."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from simplemail.testing.server import Received, SMTPServer

from .hooks import sitecustomize
from .surroundings import TLS

USERS = {
    "you@gmail.com": "abcdefghijklmnop",
    "reports@gmail.com": "ya29...",  # an OAuth token
    "me": "secret",
    "me@example.com": "p@ss/word",
}
"""Who may log in, and with which password."""


class Network:
    """Servers on the three ports of SMTP: 25, 587 (STARTTLS) and 465 (TLS), with `USERS`."""

    def __init__(self) -> None:
        options = {"certificate": TLS / "server.pem", "ca_file": TLS / "ca.pem"}
        self.servers = {
            25: SMTPServer(**options),
            587: SMTPServer(starttls=True, users=USERS, auth_required=True, **options),
            465: SMTPServer(tls=True, users=USERS, auth_required=True, **options),
        }

    @contextmanager
    def up(self) -> Iterator["Network"]:
        with ExitStack() as stack:
            for server in self.servers.values():
                stack.enter_context(server)
            yield self

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to find these servers and trust them."""
        ports = [f"{port}={server.port}" for port, server in self.servers.items()]
        return {"DOCS_PORTS": ",".join(ports), "SSL_CERT_FILE": str(TLS / "ca.pem")}

    @contextmanager
    def here(self) -> Iterator[None]:
        """Let this process find the servers, and no others."""
        with (
            mock.patch.dict(os.environ, self.environment),
            mock.patch("socket.getaddrinfo", sitecustomize.getaddrinfo),
        ):
            yield

    @property
    def messages(self) -> list[Received]:
        return [message for server in self.servers.values() for message in server.messages]
