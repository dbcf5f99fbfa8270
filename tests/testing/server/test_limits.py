"""A server that strangers may talk to takes no more than it was told to."""

import socket

import pytest

from simplemail.testing.server import Limits, SMTPServer

BIG = b"x" * 70 + b"\r\n"


class Client:
    """Says lines and reads replies."""

    def __init__(self, server: SMTPServer) -> None:
        self.socket = socket.create_connection((server.host, server.port), 10)
        self.replies = self.socket.makefile("rb")

    def reply(self) -> str:
        while (line := self.replies.readline().decode())[3:4] == "-":
            pass
        return line

    def say(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def begin(self) -> None:
        self.reply()
        for line in ("EHLO c", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"):
            assert self.say(line)[:3] == "250"

    def close(self) -> None:
        self.replies.close()
        self.socket.close()


@pytest.fixture
def connect():
    """Make a client of a server with limits; both end with the test."""
    opened = []

    def connect(server=None, **limits):
        if server is None:
            server = SMTPServer(record=False, limits=Limits(**limits)).start()
            opened.append(server.stop)
        client = Client(server)
        opened.append(client.close)
        client.server = server
        return client

    yield connect
    for close in reversed(opened):
        close()


def test_a_message_over_the_limit_is_refused_and_the_session_goes_on(connect):
    client = connect(content=1_000)
    client.begin()
    assert client.say("DATA")[:3] == "354"

    client.socket.sendall(BIG * 100_000)

    assert client.say(".")[:3] == "552"
    assert client.say("MAIL FROM:<a@example.com>")[:3] == "250"
    assert client.server.accepted == 0


@pytest.mark.parametrize("size", [999, 1_000, 1_001])
def test_the_limit_counts_what_the_message_has(connect, size):
    client = connect(content=1_000)
    client.begin()
    client.say("DATA")

    reply = client.say("x" * (size - 2) + "\r\n.")

    assert reply[:3] == ("250" if size <= 1_000 else "552")


def test_chunks_over_the_limit_are_refused_together(connect):
    client = connect(content=1_000)
    client.begin()
    client.socket.sendall(b"BDAT 900\r\n" + b"x" * 900)
    assert client.reply()[:3] == "250"

    client.socket.sendall(b"BDAT 101 LAST\r\n" + b"x" * 101)

    assert client.reply()[:3] == "552"
    assert client.say("RSET")[:3] == "250"


@pytest.mark.parametrize("line", ["BDAT ² LAST", "BDAT " + "9" * 5_000, "MAIL FROM:<a@b> SIZE=x"])
def test_a_number_that_is_none_is_answered(connect, line):
    client = connect()
    client.reply()
    client.say("EHLO c")

    assert client.say(line)[:3] == "501"


def test_an_endless_command_ends_the_connection(connect):
    client = connect(line=4_096)
    client.reply()

    client.socket.sendall(b"x" * 10_000 + b"\r\n")

    assert client.reply()[:3] == "421"
    assert client.reply() == ""


def test_a_silent_client_is_let_go(connect):
    client = connect(idle=0.05)
    client.reply()

    assert client.reply()[:3] == "421"
    assert client.reply() == ""


def test_one_connection_too_many_hears_so(connect):
    first = connect(connections=1)
    first.reply()

    second = connect(first.server)

    assert second.reply()[:3] == "421"
    assert first.say("NOOP")[:3] == "250"


def test_sessions_that_ended_are_forgotten_where_nothing_is_recorded(connect):
    client = connect()
    client.reply()
    client.say("NONSENSE")
    client.say("QUIT")

    client.server.wait_for(lambda: client.server.open_connections == 0)

    assert client.server.connections == client.server.violations == []
