"""How often senders wait for the server, from send_mail() to iter_deliver(): counted, not timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simplemail import EmailMessage, close_pools, get_connection, send_mail, send_mass_mail
from simplemail.testing import SMTPServer

CHUNKING = ["PIPELINING", "8BITMIME", "CHUNKING"]
PIPELINING = ["PIPELINING", "8BITMIME"]
NEITHER = ["8BITMIME"]

# Answers must not come before the next message leaves, or a window of them doesn't show.
TRAVEL = 0.02

Send = Callable[[Any, int], object]  # gets a mailer, and how many messages to send


def messages(count: int) -> Iterator[EmailMessage]:
    numbers = range(count)
    return (EmailMessage(f"n{i}", "Hello\n", "a@example.com", ["b@example.net"]) for i in numbers)


def iter_deliver(mailer: Any, count: int) -> None:
    assert [receipt.error for receipt in mailer.iter_deliver(messages(count))] == [None] * count


def send_messages(mailer: Any, count: int) -> None:
    assert mailer.send_messages(list(messages(count))) == count


def send_messages_from_iterator(mailer: Any, count: int) -> None:
    assert mailer.send_messages(messages(count)) == count


def send_mass_mails(mailer: Any, count: int) -> None:
    rows = [(f"n{i}", "Hello", "a@example.com", ["b@example.net"]) for i in range(count)]
    assert send_mass_mail(rows, connection=mailer) == count


def send_mails(mailer: Any, count: int) -> None:
    for i in range(count):
        assert send_mail(f"n{i}", "Hello", "a@example.com", ["b@example.net"], connection=mailer)


def turns_in_session(send: Send, count: int, extensions: list[str], **options: Any) -> int:
    """Return how many round trips it takes in a session that is open already."""
    with SMTPServer(extensions=extensions) as server:
        with get_connection(server.url, **options) as mailer:
            before = server.turns
            send(mailer, count)
            found = server.turns - before
        assert not server.violations
        return found


def turns(
    send: Send, count: int, extensions: list[str], options: str = "", **server_options: Any
) -> int:
    """Return how many round trips it takes, from the greeting to the end of the session."""
    with SMTPServer(extensions=extensions, rtt=TRAVEL, **server_options) as server:
        send(get_connection(server.url + options), count)
        close_pools()
        server.wait_for(lambda: not server.open_connections)
        assert not server.violations
        return server.turns


class TestPerMessage:
    @pytest.mark.parametrize(
        ("send", "extensions", "most"),
        [
            (iter_deliver, CHUNKING, 1.05),  # the last content has no next message to go with
            (iter_deliver, PIPELINING, 1.05),
            (iter_deliver, NEITHER, 4),
            (send_messages, CHUNKING, 1.05),
            (send_messages, PIPELINING, 1.05),
            (send_messages_from_iterator, PIPELINING, 2),
            (send_mass_mails, PIPELINING, 1.05),
            (send_messages, NEITHER, 4),
        ],
    )
    def test_one_by_one(self, send: Send, extensions: list[str], most: float) -> None:
        assert turns_in_session(send, 20, extensions) == 20 * most

    def test_by_a_window(self) -> None:
        more, less = (turns(iter_deliver, n, CHUNKING, "?window=16") for n in (48, 16))

        assert (more - less) / 32 < 0.2

    @pytest.mark.parametrize(
        ("options", "extensions", "most"),
        [("", CHUNKING, 2), ("", PIPELINING, 2), ("&window=2", CHUNKING, 1)],
    )
    def test_send_mail_with_keep_alive(
        self, options: str, extensions: list[str], most: int
    ) -> None:
        with SMTPServer(extensions=extensions) as server:
            mailer = get_connection(server.url + "?keep_alive=60" + options)
            send_mails(mailer, 1)
            before = server.turns
            send_mails(mailer, 10)
            found = server.turns - before
            close_pools()

        assert found == 10 * most


class TestWholeSessions:
    """Greeting and EHLO are two; QUIT follows the last of a list where PIPELINING allows it."""

    @pytest.mark.parametrize(("extensions", "most"), [(CHUNKING, 4), (PIPELINING, 4), (NEITHER, 7)])
    @pytest.mark.parametrize("send", [iter_deliver, send_messages, send_mails])
    def test_one_message(self, send: Send, extensions: list[str], most: int) -> None:
        assert turns(send, 1, extensions) <= most

    def test_one_message_with_starttls_and_login(self) -> None:
        """STARTTLS, the handshake and a second EHLO; AUTH in one step, and EHLO once more."""
        # RFC 4954, 6: it may offer something else to those it knows.
        tls = {"starttls": True, "users": {"ann": "secret"}, "auth": ["PLAIN"]}

        assert turns(send_mails, 1, CHUNKING, "&auth=plain", **tls) <= 9


@pytest.mark.parametrize("extensions", [CHUNKING, PIPELINING])
def test_a_thousand_recipients(extensions: list[str]) -> None:
    def send(mailer: Any, count: int) -> None:
        bcc = [f"user{i}@example.net" for i in range(count)]
        assert mailer.send_messages([EmailMessage("s", "b", "a@example.com", bcc=bcc)]) == 1

    assert turns(send, 1_000, extensions) <= 15
