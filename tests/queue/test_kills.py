"""Kills workers and enqueuers with SIGKILL at random, and asks the server what it got.

SIMPLEMAIL_KILLS=1000 is the long form.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from simplemail import configure, override_settings
from simplemail.queue import Queue, Worker
from simplemail.testing.server import SMTPServer

KILLS = int(os.environ.get("SIMPLEMAIL_KILLS", "60" if os.environ.get("SIMPLEMAIL_CI") else "5"))
SOURCE = str(Path(__file__).parents[2] / "src")

WORKER = """
import sys; sys.path.insert(0, sys.argv[3])
from simplemail import configure
from simplemail.queue import Queue, Worker, worker
worker.LOOK_AROUND = 0.05
configure(MAILERS={"default": sys.argv[2], "smtp": sys.argv[2]})
Worker(Queue(sys.argv[1], mailer="smtp"), threads=2, batch=4).run()
"""

ENQUEUER = """
import sys; sys.path.insert(0, sys.argv[3])
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(sys.argv[1], mailer="smtp")
while True:
    message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
    print(queue.put(message).message_id, flush=True)
"""

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like SIGKILL")


def start(code: str, path: Path, url: str, **more) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, str(path), url, SOURCE], **more)


def kill(process: subprocess.Popen) -> str:
    process.kill()
    out, _ = process.communicate()
    return out or ""


def sending(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sql = "SELECT count(*) FROM simplemail_messages WHERE state = 'sending'"
        return db.execute(sql).fetchone()[0]
    finally:
        db.close()


def test_nothing_is_lost_and_nothing_is_sent_twice(tmp_path):
    path, dice, acknowledged, was_sending = tmp_path / "mail.db", random.Random(7), [], 0
    with SMTPServer() as server:
        for _ in range(KILLS):
            enqueuer = start(ENQUEUER, path, server.url, stdout=subprocess.PIPE, text=True)
            worker = start(WORKER, path, server.url)
            accepted = server.accepted
            server.wait_for(lambda before=accepted: server.accepted > before + 3, timeout=30)
            time.sleep(dice.random() * 0.05)
            acknowledged += kill(enqueuer).split()
            kill(worker)
            was_sending += sending(path)
        with override_settings(), Queue(path, mailer="smtp") as queue:
            configure(MAILERS={"default": server.url, "smtp": server.url})
            drain(queue)
            fates = {each.message_id: each.state for each in queue.find(limit=None)}
            assert queue.check() == []
        got = Counter(str(received.message["Message-ID"]) for received in server.messages)

    assert set(acknowledged) <= fates.keys()  # the last line may have been cut: not so here
    assert max(got.values()) == 1
    assert set(fates.values()) <= {"sent", "unknown"}
    assert [each for each, fate in fates.items() if fate == "sent" and got[each] != 1] == []
    unknown = sum(fate == "unknown" for fate in fates.values())
    assert unknown <= was_sending


def drain(queue: Queue) -> None:
    Worker(queue).drain()
    if broken := [each.id for each in queue.find(state="broken", limit=None)]:
        assert queue.retry(*broken) == broken
        Worker(queue).drain()
