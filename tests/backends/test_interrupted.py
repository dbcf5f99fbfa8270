"""An exception may come between any two lines of a backend: what is known by then is told.

tests/smtp/test_interrupts.py does so inside the session. This is about the way from there to the
caller, of SMTP and of others.
"""

from __future__ import annotations

import gc
import linecache
import os
import random
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import simplemail
from simplemail import Status, get_connection
from simplemail.backends import base, locmem
from simplemail.testing.contract import a_message

FILES = {str(Path(base.__file__).with_name(f"{name}.py")) for name in ("base", "smtp", "telling")}
COUNT = 4
MANY = bool(os.environ.get("SIMPLEMAIL_MANY") or os.environ.get("SIMPLEMAIL_LONG"))

WAYS = {
    "send_messages, a list": lambda mailer, messages: mailer.send_messages(messages),
    "send_messages, an iterator": lambda mailer, messages: mailer.send_messages(iter(messages)),
    "deliver": lambda mailer, messages: mailer.deliver(messages),
}


@pytest.fixture(params=["smtp", "memory"])
def mailer(request, smtp_server, monkeypatch):
    """A function that makes one, and one that says whose messages have arrived."""
    if request.param == "smtp":
        options = {"host": smtp_server.host, "port": smtp_server.port}
        return (
            lambda: get_connection("smtp", **options),
            lambda: Counter(str(each.message["Subject"]) for each in smtp_server.messages),
            smtp_server.messages.clear,
        )
    monkeypatch.setattr(simplemail, "outbox", [])
    return (
        lambda: get_connection("memory"),
        lambda: Counter(each.subject for each in simplemail.outbox),
        simplemail.outbox.clear,
    )


def interrupted(call, at):
    """Call it, interrupted at the so-manieth line; return the error and the line."""
    error, line, _ = traced(call, at)
    return error, line


def traced(call, at):
    """Call it in a thread that is interrupted there; return the error, the line, the count."""
    found = {"error": None, "line": ""}
    seen = 0

    def trace(frame, event, argument):
        nonlocal seen
        if frame.f_code.co_filename not in FILES:
            return None
        seen += event == "line"
        if event == "line" and seen == at:
            found["line"] = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            raise KeyboardInterrupt
        return trace

    def work():
        sys.settrace(trace)
        try:
            call()
        except KeyboardInterrupt as error:
            found["error"] = error
        finally:
            sys.settrace(None)

    # In a thread of its own, so that this one is still measured.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), f"it hangs at line {at}: {found}"
    return found["error"], found["line"], seen


# Who is interrupted may leave a socket.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("way", WAYS)
def test_each_message_that_arrived_has_a_receipt(mailer, way):
    make, arrived, forget = mailer
    untold = []
    for at in places(lambda: WAYS[way](make(), batch())):
        forget()
        messages = batch()
        error, line = interrupted(lambda messages=messages: WAYS[way](make(), messages), at)
        there = arrived()
        assert set(there.values()) <= {1}
        if not hasattr(error, "receipts"):
            untold += [line] * bool(there)
            continue
        told = Counter(receipt.message.subject for receipt in error.receipts if receipt.message)
        assert max(told.values(), default=1) == 1, line
        if "iterator" not in way:  # of which only what is on its way is named
            assert there.keys() <= told.keys(), line
        assert len(error.receipts) >= len(there), line
        for receipt in error.receipts:
            if receipt.message and receipt.status is not Status.UNKNOWN:
                sent = receipt.status is Status.SENT
                assert sent == (receipt.message.subject in there), line
    gc.collect()
    # All was done by then, and the result on its way.
    assert set(untold) <= {"return receipts", "return sent", "with self._lock:", "told.close()"}


def batch():
    return [a_message(subject=f"{number}") for number in range(COUNT)]


def places(call):
    """Count the lines; return a sample of them, always the same, or all."""
    call()  # the first time fills caches
    _, _, count = traced(call, 0)
    assert count > 10 * COUNT
    every = range(1, count + 1)
    return every if MANY else sorted(random.Random(1).sample(every, 40))


def test_a_timeout_that_a_signal_raises_is_not_the_mailers(monkeypatch):
    """After which a retry would be safe: the message has arrived."""
    monkeypatch.setattr(simplemail, "outbox", [])

    class Alarmed(locmem.EmailBackend):
        def deliver_rendered(self, message):
            super().deliver_rendered(message)
            raise TimeoutError("by a signal")

    with pytest.raises(TimeoutError, match="by a signal") as caught:
        Alarmed().deliver([a_message()])

    assert len(simplemail.outbox) == 1
    [receipt] = caught.value.receipts
    assert not receipt.retry_is_safe
