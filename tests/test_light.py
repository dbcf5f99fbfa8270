"""What stands in for what takes long to load: locks and log records; the rest shows elsewhere."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from simplemail import light
from simplemail.light import lock, tell

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")


def in_child(check) -> int:
    """Fork, return what `check()` returns in the child, and end the child however it goes."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            signal.alarm(20)  # a child that hangs is killed, and the test says so
            code = check()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def taken_elsewhere(one) -> bool:
    """Try to take a lock in a thread of its own; was somebody else holding it?"""
    got = []

    def take() -> None:
        got.append(one.acquire(blocking=False))
        if got[0]:
            one.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return not got[0]


@pytest.fixture
def held_by_a_thread():
    """A lock that another thread holds as long as the test lasts."""
    one, held, over = lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with one:
            held.set()
            over.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    yield one
    over.set()
    thread.join()


class TestLock:
    def test_keeps_other_threads_out(self):
        one = lock()

        with one:
            assert taken_elsewhere(one)
        assert not taken_elsewhere(one)

    def test_lets_its_own_thread_in_again(self):
        one = lock()

        with one, one:
            assert taken_elsewhere(one)

    def test_is_forgotten_with_its_owner(self):
        one = lock()
        known, watched = len(light._locks), weakref.ref(one)
        del one
        gc.collect()

        assert watched() is None
        assert len(light._locks) < known

    # Python 3.12 warns of fork() beside threads. That is what this is about.
    @needs_fork
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_of_another_thread_is_free_in_a_child(self, held_by_a_thread):
        def check() -> int:
            with held_by_a_thread:
                return 7

        assert in_child(check) == 7
        assert not held_by_a_thread.acquire(blocking=False), "it is held as before in the parent"

    @needs_fork
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_that_the_forking_thread_holds_stays_held(self):
        one = lock()
        with one:
            code = in_child(lambda: 5 + taken_elsewhere(one))
            assert code == 6

    def test_is_made_by_whoever_patched_threading_first(self):
        """As gevent does: its RLock belongs to a greenlet."""
        code = """
import threading
class RLock(type(threading._RLock()) if hasattr(threading, "_RLock") else object): pass
threading.RLock = RLock
from simplemail.light import lock, tell
from simplemail.backends.base import BaseEmailBackend
from simplemail.conf import _layers
assert type(lock()) is type(BaseEmailBackend()._lock) is type(_layers._lock) is RLock
"""
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code], check=True, env=env)


FORGED = "550 No\r\nCRITICAL:root:forged\x0b\x85\u2028\x1b[2Jagain"


class LoudError(Exception):
    """An exception that says what it likes, and shows it as it is."""

    def __repr__(self) -> str:
        return f"<{self}>"


class TestTell:
    @pytest.mark.parametrize("text", ["%s", "%r", "Sending failed: %s", "%10s"])
    @pytest.mark.parametrize(
        "value",
        [FORGED, Path(FORGED), ValueError(FORGED), LoudError(FORGED), [FORGED], {FORGED: 1}],
    )
    def test_writes_one_line_whatever_the_values_are(
        self, text: str, value: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        tell("warning", text, value)

        [message] = caplog.messages
        assert message.isprintable()
        assert "forged" in message

    def test_leaves_numbers_and_plain_errors_as_they_are(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = ValueError("no")
        tell("error", "%d of %.1f: %r", 1, 2.5, error)

        assert caplog.messages == ["1 of 2.5: ValueError('no')"]
        assert caplog.records[0].args == (1, 2.5, error)

    @pytest.mark.parametrize("to", ["simplemail", "simplemail.login", "simplemail.inbox"])
    def test_names_its_caller(self, to: str, caplog: pytest.LogCaptureFixture) -> None:
        tell("warning", "Text", to=to)

        [record] = caplog.records
        assert (record.name, record.levelname) == (to, "WARNING")
        assert record.funcName == "test_names_its_caller"

    def test_looks_at_no_value_that_nobody_will_see(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("WARNING", "simplemail")

        class Silent:
            def __str__(self) -> str:
                raise AssertionError("asked")

        tell("info", "%s", Silent())

        assert caplog.messages == []

    def test_adds_a_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        try:
            raise LoudError("no")
        except LoudError as error:
            tell("error", "It broke", error=error)

        assert caplog.records[0].exc_info[0] is LoudError
        assert caplog.messages == ["It broke"]
