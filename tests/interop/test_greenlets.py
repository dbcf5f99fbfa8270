"""Programs whose threads are greenlets: gevent and eventlet, which patch the standard library."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import simplemail
from simplemail.testing import SMTPServer

PATCHED = {
    "gevent": """
from gevent import monkey
monkey.patch_all()
import gevent
spawn, wait = gevent.spawn, gevent.joinall
""",
    "eventlet": """
import eventlet
eventlet.monkey_patch()
spawn = eventlet.spawn
def wait(greenlets):
    for greenlet in greenlets:
        greenlet.wait()
""",
}

SHARED = """
import logging, sys
from simplemail import close_pools, configure, deliver, get_connection, send_mail
from simplemail.logs import MailHandler
from simplemail.testing.contract import a_message

url = sys.argv[1] + "?timeout=20"
MAILERS = {
    "default": url,
    "kept": url + "&keep_alive=60&pool_size=4",
    "over": {"BACKEND": "failover", "OPTIONS": {"mailers": ["default", "kept"]}},
    "turns": {"BACKEND": "roundrobin", "OPTIONS": {"mailers": ["default", "kept"]}},
}
configure(MAILERS=MAILERS, ADMINS=["ops@example.com"])
one, logger, statuses, errors = get_connection(), logging.getLogger("shop"), [], []
logger.addHandler(MailHandler(interval=0))

def shared(number):
    for part in range(5):
        assert one.send_messages([a_message(subject=f"shared-{number}-{part}")]) == 1

def by_alias(number):
    for alias in MAILERS:
        send_mail(f"{alias}-{number}", "Text", "me@example.com", ["a@example.com"], using=alias)

def receipts(number):
    messages = (a_message(subject=f"receipt-{number}-{part}") for part in range(5))
    statuses.extend(receipt.status.value for receipt in deliver(messages, using="kept"))

def logs(number):
    logger.error("log-%d", number)

def noting(work, number):
    try:
        work(number)
    except BaseException as error:
        errors.append(repr(error))

wait([spawn(noting, work, n) for n in range(8) for work in (shared, by_alias, receipts, logs)])
logging.shutdown()
close_pools()
assert errors == [], errors[:3]
assert statuses == ["sent"] * 40, statuses
"""

ARRIVED = {
    *(
        f"{kind}-{n}-{part}"
        for kind in ("shared", "receipt")
        for n in range(8)
        for part in range(5)
    ),
    *(f"{alias}-{n}" for n in range(8) for alias in ("default", "kept", "over", "turns")),
}


@pytest.mark.parametrize("when", ["imported after patching", "imported before patching"])
@pytest.mark.parametrize("library", PATCHED)
def test_mailers_may_be_shared_by_greenlets(library, when):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} isn't installed")
    early = "" if "after" in when else "import simplemail, simplemail.backends.smtp\n"
    source = Path(simplemail.__file__).parents[1]
    with SMTPServer() as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", early + PATCHED[library] + SHARED, server.url],
            env={**os.environ, "PYTHONPATH": str(source)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        subjects = [message.message["Subject"] for message in server.messages]

    assert done.returncode == 0, done.stderr[-2000:]
    assert Counter(each for each in subjects if "log" not in each) == Counter(ARRIVED)
    logged = "".join(message.message.as_string() for message in server.messages)
    assert [n for n in range(8) if f"log-{n}" not in logged and "log-%d" not in logged] == []
