"""A queued message that takes several transactions: nobody is left out, and nobody served twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from simplemail import EmailMessage, override_settings
from simplemail.queue import Queue, Worker
from simplemail.testing.server import Close, SMTPServer

PEOPLE = [f"r{i}@x.example" for i in range(6)]
LIMITS = ["announced", "ours", "refused"]


@pytest.fixture(params=LIMITS)
def server(request):
    """A server that takes two recipients of a transaction, and how that is known."""
    more = ["LIMITS RCPTMAX=2"] if request.param == "announced" else []
    with SMTPServer(extensions=["PIPELINING", *more]) as server:
        if request.param == "refused":
            taken = Counter()

            def answer(text, session):
                if text.startswith("MAIL"):
                    taken[session] = 0
                    return None
                taken[session] += 1
                return "452 4.5.3 Too many recipients" if taken[session] > 2 else None

            server.script(re.compile("^(MAIL|RCPT)"), answer)
        yield server


@pytest.fixture
def queue(tmp_path, server, request):
    """A queue whose mailer is the server, with a message for all."""
    options = "?max_recipients=2" if request.node.callspec.params["server"] == "ours" else ""
    entry = {"BACKEND": "queue", "OPTIONS": {"path": tmp_path / "mail.db", "mailer": "smtp"}}
    mailers = {"default": entry, "smtp": f"{server.url}{options}"}
    with override_settings(MAILERS=mailers), Queue.of() as queue:
        queue.put(EmailMessage("Hello", "It works.", "me@example.com", PEOPLE))
        yield queue


def served(server):
    return Counter(who for received in server.messages for who in received.recipients)


def test_all_are_served_in_one_try(queue, server):
    assert Worker(queue).drain() == {"sent": 1}

    found = queue.get(1)
    assert served(server) == dict.fromkeys(PEOPLE, 1)
    assert found.tries == 1
    assert {answer.partition(":")[0] for answer in found.answers.values()} == {"sent"}
    assert len(set(found.answers.values())) == 3  # each transaction's own


@pytest.mark.parametrize("verb", ["MAIL", "DATA", "END"])
def test_those_not_served_come_later(queue, server, verb):
    server.script(verb, "451 4.3.0 Not now", nth=2)
    Worker(queue).drain()

    assert queue.get(1).state == "waiting"
    assert [*queue.get(1).remaining] == PEOPLE[2:]
    assert served(server) == dict.fromkeys(PEOPLE[:2], 1)
    queue.release(1)
    assert Worker(queue).drain() == {"sent": 1}
    assert served(server) == dict.fromkeys(PEOPLE, 1)


@pytest.mark.parametrize("accept", [True, False])
def test_after_an_unknown_end_a_person_decides_about_those_alone(queue, server, accept):
    server.script("END", Close(accept=accept), nth=2)
    Worker(queue).drain()

    assert queue.get(1).state == "unknown"
    assert [*queue.get(1).remaining] == PEOPLE[2:]
    assert served(server) == dict.fromkeys(PEOPLE[: 4 if accept else 2], 1)
    answers = [answer.partition(":")[0] for answer in queue.get(1).answers.values()]
    assert answers == ["sent"] * 2 + ["unknown"] * 2 + ["deferred"] * 2


@pytest.mark.parametrize("sent", [True, False])
def test_settling_that_it_was_sent_leaves_out_nobody_whose_turn_had_not_come(queue, server, sent):
    server.script("END", Close(accept=sent), nth=2)
    Worker(queue).drain()

    assert queue.settle(1, sent=sent) == [1]

    assert queue.get(1).state == ("ready" if sent else "refused")
    assert [*queue.get(1).remaining] == (PEOPLE[4:] if sent else PEOPLE[2:])
    Worker(queue).drain()
    assert served(server) == dict.fromkeys(PEOPLE if sent else PEOPLE[:2], 1)
    assert queue.get(1).state == ("sent" if sent else "refused")


def test_who_is_refused_for_good_is_not_asked_again(queue, server):
    server.script("RCPT TO:<r1@", "550 5.1.1 No such user")
    server.script("RCPT TO:<r2@", ["451 4.7.1 Greylisted"])
    Worker(queue).drain()

    assert [*queue.get(1).remaining] == ["r2@x.example"]
    queue.release(1)
    assert Worker(queue).drain() == {"sent": 1}
    everyone = [who for who in PEOPLE if who != "r1@x.example"]
    assert served(server) == dict.fromkeys(everyone, 1)
