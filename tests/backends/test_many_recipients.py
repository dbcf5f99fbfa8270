"""Mailers that hold others keep what each recipient's receipt says, and serve nobody twice."""

from __future__ import annotations

from collections import Counter

import pytest

from simplemail import EmailMessage, get_connection
from simplemail.receipts import Status
from simplemail.testing.server import Close, SMTPServer

PEOPLE = [f"r{i}@x.example" for i in range(5)]
AWAY = "kept@away.example"


@pytest.fixture
def server():
    with SMTPServer(extensions=["PIPELINING", "LIMITS RCPTMAX=2"]) as server:
        yield server


@pytest.fixture
def other():
    with SMTPServer(extensions=["PIPELINING", "LIMITS RCPTMAX=2"]) as server:
        yield server


def message(*more):
    return EmailMessage("Hi", "Hello\n", "a@x.example", [*PEOPLE, *more])


def served(*servers):
    return Counter(
        who for each in servers for received in each.messages for who in received.recipients
    )


def fates(receipt):
    return {who: fate.status.value for who, fate in receipt.recipients.items()}


def test_redirect_adds_those_it_kept_back(server):
    mailer = get_connection("redirect", mailer=server.url, allow=["x.example"])
    [receipt] = mailer.deliver([message(AWAY)])

    assert served(server) == dict.fromkeys(PEOPLE, 1)
    assert fates(receipt) == {AWAY: "refused"} | dict.fromkeys(PEOPLE, "sent")
    assert [*receipt.refused] == [AWAY]


def test_redirect_sends_to_each_of_its_own_once(server):
    mailer = get_connection("redirect", mailer=server.url, to=PEOPLE[:3])
    [receipt] = mailer.deliver([message()])

    assert served(server) == dict.fromkeys(PEOPLE[:3], 1)
    assert fates(receipt) == dict.fromkeys(PEOPLE[:3], "sent")


@pytest.mark.parametrize(
    ("verb", "trouble"), [("MAIL", "451 4.3.0 Not now"), ("DATA", Close()), ("END", Close())]
)
def test_failover_never_goes_on_after_some_were_served(server, other, verb, trouble):
    server.script(verb, [None, trouble, *[Close()] * 5])
    [receipt] = get_connection("failover", mailers=[server.url, other.url]).deliver([message()])

    assert receipt.status in (Status.SENT, Status.UNKNOWN)
    assert not other.messages
    assert served(server) == dict.fromkeys(PEOPLE[:2], 1)
    assert [who for who, fate in fates(receipt).items() if fate == "sent"] == PEOPLE[:2]


def test_failover_goes_on_where_nobody_was_served(server, other):
    server.script("RCPT", "451 4.7.1 Greylisted")
    mailer = get_connection("failover", mailers=[server.url, other.url])
    [receipt] = mailer.deliver([message()])

    assert served(server, other) == dict.fromkeys(PEOPLE, 1)
    assert fates(receipt) == dict.fromkeys(PEOPLE, "sent")


def test_tee_and_signed_keep_the_receipt(server, other):
    tee = get_connection("tee", mailer=server.url, copies=[other.url])
    signed = get_connection("signed", mailer=server.url, sign=lambda content: content)
    for mailer in (tee, signed):
        server.messages.clear()
        [receipt] = mailer.deliver([message()])

        assert served(server) == dict.fromkeys(PEOPLE, 1)
        assert fates(receipt) == dict.fromkeys(PEOPLE, "sent")
        assert len({str(fate.reply) for fate in receipt.recipients.values()}) == 3
    assert served(other) == dict.fromkeys(PEOPLE, 1)
