"""Kills workers and enqueuers, and asks the server what it got.

By default at half of the points and twice by chance, in CI at all of them. SIMPLEMAIL_LONG=1 kills
sixty times, SIMPLEMAIL_KILLS=1000 as often as it says.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from simplemail.testing.server import SMTPServer
from support.queue_kills import POINTS, WORKER, Harness
from support.samples import EVERYTHING, sample

LONG = "SIMPLEMAIL_LONG" in os.environ
KILLS = int(os.environ.get("SIMPLEMAIL_KILLS", 60 if LONG else 4 if EVERYTHING else 2))

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like SIGKILL")


@pytest.fixture
def server():
    with SMTPServer() as server:
        yield server


def test_nothing_is_lost_and_nothing_is_sent_twice_when_it_dies_at_a_named_point(tmp_path, server):
    """By default at three points, one of them between the content and its reply; in CI at all."""
    harness = Harness(tmp_path / "mail.db", server, seed=1)
    for point in sample(POINTS, one_in=2, start=1):
        harness.round_at(point)

    assert harness.verdict() == []
    assert harness.was_sending > 0


def test_nothing_is_lost_and_nothing_is_sent_twice_when_it_dies_at_any_time(tmp_path, server):
    harness = Harness(tmp_path / "mail.db", server, seed=int(os.environ.get("SIMPLEMAIL_SEED", 7)))
    while harness.kills < KILLS:
        harness.round_at_random()

    assert harness.verdict() == []
    assert len(harness.acknowledged) > harness.kills


def test_the_verdict_finds_out_when_sending_is_not_committed(tmp_path, server):
    harness = Harness(tmp_path / "mail.db", server, seed=1, mutation="sending is not committed")
    harness.round_at("after the content")

    assert any("sent twice" in problem for problem in harness.verdict())


@pytest.fixture
def slow_server():
    with SMTPServer(rtt=0.02) as server:
        yield server


def round_without_locks(harness: Harness) -> None:
    """Let two workers deliver and stop one, while somebody removes the proof that they live."""
    workers = [harness.start(WORKER), harness.start(WORKER)]
    before = harness.server.accepted
    deadline = time.monotonic() + 20
    while harness.server.accepted < before + 30 and time.monotonic() < deadline:
        for lock in harness.path.parent.glob("*-worker-*"):
            lock.unlink(missing_ok=True)
        time.sleep(0.01)
    workers[0].terminate()
    workers[0].communicate(timeout=30)
    harness.kill(workers[1])


def test_workers_that_are_taken_for_dead_send_nothing_twice(tmp_path, slow_server):
    """One round by default, two in CI."""
    harness = Harness(tmp_path / "mail.db", slow_server, seed=1)
    rounds = 2 if EVERYTHING else 1
    harness.kill(harness.enqueue(100 * rounds))
    for _ in range(rounds):
        round_without_locks(harness)

    slow_server.rtt = 0
    harness.was_sending = 10**6  # who is taken for dead while sending may have sent
    assert harness.verdict() == []


@pytest.mark.skipif(not LONG, reason="SIMPLEMAIL_LONG isn't set: slow")
def test_the_verdict_finds_out_when_no_owner_is_checked(tmp_path, slow_server):
    harness = Harness(tmp_path / "mail.db", slow_server, seed=1, mutation="no owner is checked")
    for _ in range(20):
        harness.kill(harness.enqueue(100))
        round_without_locks(harness)
        if max(harness.got().values()) > 1:
            break

    assert any("sent twice" in problem for problem in harness.verdict())
