from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import pytest

from simplemail import InvalidMailer
from simplemail.backends import failover, roundrobin
from simplemail.backends.roundrobin import EmailBackend
from simplemail.testing.contract import BackendContract, a_message
from support.held import Fake


@pytest.fixture(autouse=True)
def _from_the_start():
    failover._down_until.clear()
    roundrobin._turns.clear()
    yield
    failover._down_until.clear()
    roundrobin._turns.clear()


class TestRoundRobin(BackendContract):
    def make(self, **options):
        self.all = [Fake("a"), Fake("b")]
        return EmailBackend(mailers=self.all, **options)

    def sent(self):
        return sum(len(mailer.taken) for mailer in self.all)


def turns(backend, count):
    return [receipt.mailer for receipt in backend.deliver(a_message() for _ in range(count))]


def test_each_in_turn():
    backend = EmailBackend(mailers=[Fake("a"), Fake("b"), Fake("c")])

    assert turns(backend, 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_turns_go_on_in_the_next_instance():
    made = [EmailBackend(mailers=[Fake("a"), Fake("b")], alias="x") for _ in range(4)]

    assert [turns(backend, 1) for backend in made] == [["a"], ["b"], ["a"], ["b"]]


def test_weights_are_kept_and_spread():
    told = turns(EmailBackend(mailers=[Fake("a"), Fake("b")], weights=[3, 1]), 8)

    assert Counter(told) == {"a": 6, "b": 2}
    assert "bb" not in "".join(told)


def test_fails_over():
    down = Fake("a", ConnectionRefusedError("down"))

    assert turns(EmailBackend(mailers=[down, Fake("b"), Fake("c")]), 6).count("a") == 0
    assert down.tries == 1


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, 2.5], [1, "2"]])
def test_bad_weights(weights):
    with pytest.raises(InvalidMailer, match="'weights' must be 2 whole numbers over 0"):
        EmailBackend(mailers=[Fake(), Fake()], weights=weights)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("lock", [failover._lock, roundrobin._lock], ids=["failover", "roundrobin"])
def test_a_lock_that_another_thread_held_hangs_no_child(lock):
    """A server that preloads forks whenever it likes."""
    held, over = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            over.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        if (pid := os.fork()) == 0:
            code = 9
            try:
                signal.alarm(20)  # a child that hangs is killed
                down = Fake("a", ConnectionRefusedError("down"))
                code = turns(EmailBackend(mailers=[down, Fake("b")]), 3) != ["b", "b", "b"]
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
    finally:
        over.set()
        thread.join()

    assert os.waitstatus_to_exitcode(status) == 0
