"""Every pair of a state and an event, as the table of states has it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from simplemail import EmailMessage, Envelope, Receipt, Reply, Status, configure
from simplemail.backends.base import BaseEmailBackend
from simplemail.queue import Worker, claims, due, members, states
from simplemail.queue.outcomes import outcome
from simplemail.testing.server import Close

ANN, BOB = "ann@example.com", "bob@example.com"


def put(queue, *to, **terms):
    return queue.put(EmailMessage("Hello", "It works.", "me@example.com", to or [ANN]), **terms).id


def state_of(queue, id_=1):
    return queue.get(id_).state


def set_to(queue, state, id_=1):
    with queue.file.writing() as db:
        sql = "UPDATE simplemail_messages SET state = ?, owner = NULL WHERE id = ?"
        db.execute(sql, (state, id_))


def claim(queue, pid=1):
    """Claim as a worker does; return its id, and the ids claimed."""
    with queue.file.writing() as db:
        worker = members.register(db, 1, pid, "here", time.time())
        wish = claims.Wish(worker, 1, 8, lambda name: None)
        batches = claims.claim(db, wish, time.time())
    return worker, [id_ for batch in batches for id_ in batch.ids]


def begin(queue, worker, *ids):
    with queue.file.writing() as db:
        return claims.begin(db, worker, ids, time.time())


def die(queue, worker):
    with queue.file.writing() as db:
        members.recover(db, worker, 1, time.time())


# put


@pytest.mark.parametrize(
    ("terms", "state"),
    [
        ({}, "ready"),
        ({"delay": 60}, "waiting"),
        ({"delay": timedelta(minutes=1)}, "waiting"),
        ({"send_at": datetime.now(UTC) + timedelta(days=1)}, "waiting"),
        ({"send_at": datetime.now(UTC) - timedelta(days=1)}, "ready"),
        ({"hold": True}, "held"),
        ({"hold": True, "delay": 60}, "held"),
    ],
)
def test_put(queue, terms, state):
    assert state_of(queue, put(queue, **terms)) == state


def test_a_message_that_can_not_be_rendered_is_never_in_the_queue(queue):
    with pytest.raises(ValueError, match="linefeed"):
        queue.put(EmailMessage("a\nb", "x", "me@example.com", [ANN]))
    assert queue.find() == []


# time


@pytest.mark.parametrize(("passed", "state"), [(59, "waiting"), (61, "ready")])
def test_waiting_is_ready_when_it_is_due(queue, passed, state):
    put(queue, delay=60)
    with queue.file.writing() as db:
        due.promote(db, time.time() + passed)

    assert state_of(queue) == state


@pytest.mark.parametrize("terms", [{}, {"delay": 10}, {"hold": True}])
def test_what_is_open_expires(queue, terms):
    put(queue, expires=60, **terms)
    with queue.file.writing() as db:
        due.promote(db, time.time() + 71)

    assert state_of(queue) == "expired"
    assert queue.envelope(1) is not None
    assert queue.attempts(1)[-1].kind == "expired"


def test_what_is_claimed_expires_before_it_is_sent(queue):
    put(queue, expires=60)
    worker, [id_] = claim(queue)
    with queue.file.writing() as db:
        assert claims.begin(db, worker, (id_,), time.time() + 61) == []

    assert state_of(queue) == "expired"


def test_what_is_held_for_years_does_not_grow_old(queue):
    put(queue, hold=True)
    with queue.file.writing() as db:
        due.promote(db, time.time() + 10 * 365 * 86_400)

    assert state_of(queue) == "held"


def test_what_could_not_be_sent_for_four_days_expires(queue):
    put(queue)
    with queue.file.writing() as db:
        due.promote(db, time.time() + 4 * 86_400 + 1)

    assert state_of(queue) == "expired"


# workers


def test_ready_is_claimed_and_then_sent(queue):
    put(queue)
    worker, ids = claim(queue)
    assert (ids, state_of(queue)) == ([1], "claimed")

    [entry] = begin(queue, worker, 1)

    assert (entry.id, state_of(queue)) == (1, "sending")


@pytest.mark.parametrize("state", [state for state in states.ALL if state != "ready"])
def test_nothing_else_is_claimed(queue, state):
    put(queue)
    set_to(queue, state)

    assert claim(queue)[1] == []


def test_nobody_begins_what_another_worker_has(queue):
    put(queue)
    claim(queue)
    other, _ = claim(queue)

    assert begin(queue, other, 1) == []
    assert state_of(queue) == "claimed"


def test_what_another_worker_has_taken_is_neither_given_back_nor_recorded(queue):
    put(queue)
    worker, _ = claim(queue)
    [entry] = begin(queue, worker, 1)
    with queue.file.writing() as db:
        claims.give_back(db, worker + 1, [1], time.time())
        done = claims.Record(worker + 1, entry, claims.Outcome("sent"), time.time())
        assert claims.record(db, [done]) == [False]

    assert state_of(queue) == "sending"
    assert queue.envelope(1) is not None


def test_a_worker_that_stops_gives_back_what_it_claimed(queue):
    put(queue)
    worker, _ = claim(queue)
    with queue.file.writing() as db:
        claims.give_back(db, worker, [1], time.time())

    assert (state_of(queue), queue.get(1).tries) == ("ready", 0)


def test_a_worker_that_dies_three_times_breaks_what_it_had_claimed(queue):
    put(queue)
    seen = []
    for _ in range(3):
        worker, _ = claim(queue)
        die(queue, worker)
        seen.append((state_of(queue), queue.get(1).crashes))

    assert seen == [("ready", 1), ("ready", 2), ("broken", 3)]


def test_what_killed_two_workers_is_claimed_alone(queue):
    ids = [put(queue), put(queue), put(queue)]
    with queue.file.writing() as db:
        db.execute("UPDATE simplemail_messages SET crashes = 2 WHERE id = 2")

    assert [claim(queue)[1] for _ in ids] == [[1], [2], [3]]


@pytest.mark.parametrize(("once", "state"), [(False, "unknown"), (True, "waiting")])
def test_what_a_dead_worker_was_sending_may_have_been_sent(queue, once, state):
    put(queue, at_least_once=once)
    worker, _ = claim(queue)
    begin(queue, worker, 1)
    die(queue, worker)

    assert state_of(queue) == state
    assert "died while it had this message (sending)" in queue.get(1).error


# receipts


def test_sent_drops_the_content(queue):
    put(queue)
    Worker(queue).drain()

    assert state_of(queue) == "sent"
    assert queue.envelope(1) is None


def test_those_whom_the_server_puts_off_get_the_same_bytes_later(queue, server):
    server.script(f"RCPT TO:<{BOB}>", "450 Wait")
    put(queue, ANN, BOB)
    before = queue.envelope(1).content
    Worker(queue).drain()

    assert state_of(queue) == "waiting"
    assert queue.get(1).remaining == (BOB,)
    assert queue.envelope(1).recipients == (BOB,)
    server.unscript()
    queue.release(1)
    Worker(queue).drain()

    assert state_of(queue) == "sent"
    assert [received.recipients for received in server.messages] == [[ANN], [BOB]]
    assert queue.envelope(1) is None
    assert before.count(b"Message-ID") == 1
    ids = {received.message["Message-ID"] for received in server.messages}
    assert len(ids) == 1


def test_who_is_refused_while_others_are_served_is_in_the_record(queue, server):
    server.script(f"RCPT TO:<{BOB}>", "550 No")
    put(queue, ANN, BOB)
    Worker(queue).drain()

    assert state_of(queue) == "sent"
    assert queue.get(1).answers[BOB].startswith("refused: 550 No")


def test_several_transactions_with_different_ends_are_unknown_with_each_answer():
    envelope = Envelope("me@example.com", (ANN, BOB), b"x")
    reply = Reply(250, "OK")
    receipt = Receipt(envelope, Status.UNKNOWN, envelope, {BOB: Reply(550, "No")}, reply)

    found = outcome((ANN, BOB), receipt, at_least_once=False)

    assert found.state == "unknown"
    assert found.remaining == (ANN,)
    assert found.answers[BOB].startswith("refused: 550")


@pytest.mark.parametrize(("once", "state"), [(False, "unknown"), (True, "waiting")])
def test_a_lost_answer(queue, server, once, state):
    server.script("END", Close(accept=True))
    put(queue, at_least_once=once)
    Worker(queue).drain()

    assert state_of(queue) == state


class Poisoned(BaseEmailBackend):
    """Raises what no mailer should, for one message."""

    def deliver_rendered(self, message):
        if b"poison" in message.content:
            raise ZeroDivisionError("no message should do this: \udcff")
        return Receipt(message, Status.SENT, message, {}, Reply(250, "OK"))


def test_a_mailer_that_raises_breaks_one_message_and_the_worker_goes_on(queue):
    configure(
        MAILERS={
            "default": {"BACKEND": "queue", "OPTIONS": {"path": queue.path, "mailer": "smtp"}},
            "smtp": {"BACKEND": Poisoned},
        }
    )
    for body in ("fine", "poison", "fine"):
        queue.put(EmailMessage("s", body, "me@example.com", [ANN]))

    assert Worker(queue, threads=1).drain() == {"sent": 2, "broken": 1}
    assert "ZeroDivisionError: no message should do this: ?" in queue.get(2).error
    assert queue.check() == []


def test_a_row_that_can_not_be_read_is_broken_and_keeps_its_recipients(queue):
    put(queue)
    put(queue)
    with queue.file.writing() as db:
        db.execute("DELETE FROM simplemail_contents WHERE message = 1")

    assert Worker(queue).drain() == {"sent": 1, "broken": 1}
    assert queue.get(1).remaining == (ANN,)
    assert "its content is missing" in queue.get(1).error


# what a person decides

DECISIONS = {
    "cancel": {"ready": "cancelled", "waiting": "cancelled", "held": "cancelled"},
    "hold": {"ready": "held", "waiting": "held"},
    "release": {"held": "ready", "waiting": "ready"},
    "retry": {"refused": "ready", "expired": "ready", "broken": "ready"},
    "resend": {"unknown": "ready"},
    "settle sent": {"unknown": "sent"},
    "settle unsent": {"unknown": "refused"},
}


@pytest.mark.parametrize("state", states.ALL)
@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision(queue, decision, state):
    put(queue)
    set_to(queue, state)
    name, *which = decision.split()
    options = {"sent": which == ["sent"]} if which else {}

    done = getattr(queue, name)(1, **options)

    after = DECISIONS[decision].get(state)
    assert done == ([1] if after else [])
    assert state_of(queue) == (after or state)
    assert len(queue.attempts(1)) == len(done)


def test_what_was_held_until_later_waits_when_it_is_released(queue):
    put(queue, hold=True, delay=60)

    assert queue.release(1) == [1]
    assert state_of(queue) == "waiting"
