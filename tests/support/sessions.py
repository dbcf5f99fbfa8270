"""Opens our sessions to the scripted server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from simplemail.rendering.envelope import Envelope
from simplemail.smtp import greeting, login, tls
from simplemail.smtp.channel import Channel
from simplemail.smtp.connection import Connection
from simplemail.smtp.replies import Broken
from simplemail.smtp.session import Session
from simplemail.smtp.transaction import Transaction
from simplemail.testing.server import SMTPServer
from simplemail.testing.server.session import Session as ServerSession
from simplemail.testing.server.transactions import Transactions


def channel_to(server: SMTPServer, timeout: float = 5.0) -> Channel:
    return Channel(socket.create_connection((server.host, server.port)), timeout)


def connection_to(server: SMTPServer, timeout: float = 5.0) -> Connection:
    sock = socket.create_connection((server.host, server.port))
    return Connection(sock, server.host, timeout, local_hostname="client.example")


def connect(server: SMTPServer, timeout: float = 5.0, **options: Any) -> Session:
    """Return a session that has said EHLO, within TLS if the server has it."""
    session = Session(connection_to(server, timeout), **options)
    try:
        if server.tls:
            session.channel.wrap(tls.context(server.ca_file), server.host)
        greeting.greet(session)
        greeting.hello(session, "client.example")
        if server.starttls:
            greeting.start_tls(session, tls.context(server.ca_file))
            greeting.hello(session, "client.example")
    except BaseException:
        session.close()
        raise
    return session


def begin(session: Session, envelope: Envelope, *, chunking: bool = False) -> Transaction:
    """Prepare and begin a transaction."""
    transaction = session.prepare(envelope, chunking=chunking)
    session.begin(transaction)
    return transaction


def log_in_to(server: SMTPServer, username: str, password: object, **more: Any) -> Session:
    """Log in over a session of its own, which has ended when this returns."""
    session = connect(server)
    try:
        login.log_in(session, username, password, port=server.port, **more)
    finally:
        session.quit()
    return session


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise what a broken connection means for users."""
    try:
        yield
    except Broken as broken:
        raise broken.error from None


def narrow(server: SMTPServer) -> None:
    """Let the system buffer little for the server: what it hasn't read, nobody could send."""
    assert server._listener
    server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)


def refuse_bdat_unread(monkeypatch: pytest.MonkeyPatch, reply: str) -> None:
    """Let servers refuse each BDAT, and take the content for commands."""
    usual = Transactions.__init__

    def init(self: Transactions, session: ServerSession) -> None:
        usual(self, session)
        self.handlers["BDAT"] = lambda rest, told: session.say(told, reply)

    monkeypatch.setattr(Transactions, "__init__", init)


def letter(number: int = 0, *, to: tuple[str, ...] = ("b@example.net",), **more: Any) -> Envelope:
    """Return an envelope that can be told from others, and that nobody judged."""
    content = more.pop("content", f"Subject: {number}\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n".encode())
    eight_bit, utf8 = more.pop("eight_bit", False), more.pop("utf8", False)
    assert not more
    message_id = f"<{number}@example.com>"
    return Envelope._make(("a@example.com", to, content, message_id, eight_bit, utf8))
