from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest

from simplemail import EmailMessage, mailers, send_mail
from simplemail.queue import Queue, QueueError, Worker
from simplemail.testing import capture
from simplemail.testing.server import Close

ONE = ("Hello", "It works.", "a@example.com", ["b@example.com"])


def test_send_mail_queues_and_a_worker_delivers(queue, server):
    [receipt] = mailers["default"].deliver([EmailMessage(*ONE)])
    assert send_mail(*ONE) == 1

    assert str(receipt.reply) == "250 queued as 1"
    assert server.accepted == 0
    assert Worker(queue).drain() == {"sent": 2}
    assert server.accepted == 2
    assert queue.envelope(1) is None
    assert [event.kind for event in queue.attempts(1)] == ["sent"]


def test_a_repeated_key_queues_nothing(queue):
    assert not queue.put(EmailMessage(*ONE), key="welcome-17").already
    assert str(queue.put(EmailMessage(*ONE), key="welcome-17")) == "already queued as 1"
    assert queue.counts()["ready"] == 1


def test_a_lost_answer_is_unknown_and_waits_for_a_person(queue, server):
    server.script("END", Close(accept=True))
    queue.put(EmailMessage(*ONE))

    assert Worker(queue).drain() == {"unknown": 1}
    assert Worker(queue).drain() == {}
    assert queue.settle(1, sent=True) == [1]
    assert queue.get(1).state == "sent"
    assert server.accepted == 1


@pytest.mark.parametrize(("reply", "state"), [("550 5.1.1 No", "refused"), ("450 Wait", "waiting")])
def test_a_no_is_refused_for_good_or_tried_later(queue, server, reply, state):
    server.script("RCPT", reply)
    queue.put(EmailMessage(*ONE))

    assert Worker(queue).drain() == {state: 1}
    assert reply[:3] in queue.get(1).answers["b@example.com"]


def test_a_dead_server_changes_no_message_and_is_left_alone(queue, server):
    server.kill()
    queue.put_many([EmailMessage(*ONE)] * 100)

    assert Worker(queue).drain() == {}
    assert queue.counts()["ready"] == 100
    assert queue.get(1).tries == 0
    assert "is tried again at" in queue.health().problems[0]


def test_the_message_is_committed_with_the_applications_transaction_or_not_at_all(queue):
    queue.counts()
    db = sqlite3.connect(queue.path)
    queue.put(EmailMessage(*ONE), connection=db)
    db.rollback()
    queue.put(EmailMessage(*ONE), connection=db)
    db.commit()
    db.close()

    assert queue.counts()["ready"] == 1


def test_a_full_disk_queues_nothing(queue):
    queue.counts()
    with queue.file.alone() as db:
        db.execute("PRAGMA max_page_count=1")

    with pytest.raises(QueueError, match="make room on the disk"):
        queue.put(EmailMessage("s", "x" * 100_000, "a@example.com", ["b@example.com"]))
    assert queue.counts()["ready"] == 0


def test_a_naive_time_is_refused(queue):
    with pytest.raises(ValueError, match="must have a time zone"):
        queue.put(EmailMessage(*ONE), send_at=datetime(2031, 1, 1))


def test_capture_keeps_what_is_put_with_its_options(queue):
    with capture() as outbox:
        Queue.of().put(EmailMessage(*ONE), delay=60)

    assert outbox[0].queued_with == {"delay": 60}
    assert queue.counts()["waiting"] == 0


def test_the_files_are_for_their_owner_alone(queue, tmp_path):
    queue.put(EmailMessage(*ONE))

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_put_returns_the_record_that_is_in_the_file(queue):
    put = [
        queue.put(EmailMessage(*ONE)),
        queue.put(EmailMessage(*ONE), delay=60, key="k", tags=["a", "b"], priority=3, expires=9),
        queue.put(EmailMessage(*ONE, cc=["é@example.com"]), hold=True, at_least_once=True),
    ]

    assert put == [queue.get(each.id) for each in put]
