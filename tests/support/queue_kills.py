"""Kills workers and enqueuers with SIGKILL, by chance or at named points, and says what went wrong.

The server's ledger is the truth: what it accepted, how often. `mutation` takes a safety out of the
workers, to show that the verdict notices.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from simplemail import configure, override_settings
from simplemail.queue import Queue, Worker
from simplemail.testing.server import Silence, SMTPServer

SOURCE = str(Path(__file__).parents[2] / "src")

WORKER = """
import json, os, signal, sys
words = json.loads(sys.argv[1])
sys.path.insert(0, words["source"])
from simplemail import configure
from simplemail.queue import Queue, Worker, claims, file, outcomes, sender, worker

worker.LOOK_AROUND = 0.05

def dying(function, when):
    calls = []
    def wrapped(*args, **kwargs):
        calls.append(1)
        is_last = len(calls) >= words["nth"]
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapped

places = {
    "before a commit": (file, "commit", "before"),
    "after a commit": (file, "commit", "after"),
    "before MAIL": (sender._Handover, "run", "before"),
    "before the result is written": (sender._Handover, "_record", "before"),
    "after the result is handed on": (sender._Handover, "_record", "after"),
}
if words["point"] in places:
    where, name, when = places[words["point"]]
    setattr(where, name, dying(getattr(where, name), when))

mutation = words["mutation"]
if mutation == "sending is not committed":
    claims._BEGIN = claims._BEGIN.replace("state = 'sending',", "state = 'claimed',")
    claims._ENTRY = claims._ENTRY.replace("state = 'sending'", "state = 'claimed'")
    claims._RECORD = claims._RECORD.replace("state = 'sending'", "state = 'claimed'")
if mutation == "no owner is checked":
    for name in ("_BEGIN", "_ENTRY", "_TOO_LATE", "_RECORD", "_GIVE_BACK"):
        sql = getattr(claims, name).replace("AND owner = ?", "AND ? IS NOT NULL")
        setattr(claims, name, sql)

configure(MAILERS={"default": words["url"], "smtp": words["url"]})
print("ready", flush=True)
worker = Worker(Queue(words["path"], mailer="smtp"), threads=2, batch=4)
signal.signal(signal.SIGTERM, lambda *_: worker.stop())
worker.run()
"""

ENQUEUER = """
import json, sys, time
words = json.loads(sys.argv[1])
sys.path.insert(0, words["source"])
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(words["path"], mailer="smtp")
while True:
    message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
    print(queue.put(message).message_id, flush=True)
    time.sleep(0.003)  # so that what is left at the end is not endless
"""

POINTS = [
    "before a commit",
    "after a commit",
    "before MAIL",
    "after the content",
    "before the result is written",
    "after the result is handed on",
]


class Harness:
    """A queue, a server, and processes that are killed."""

    def __init__(self, path: Path, server: SMTPServer, *, seed: int, mutation: str = "") -> None:
        self.path = path
        self.server = server
        self.mutation = mutation
        self.dice = random.Random(seed)
        self.acknowledged: list[str] = []
        self.was_sending = 0
        self.kills = 0

    def start(self, code: str, *, point: str = "", nth: int = 1) -> subprocess.Popen[str]:
        words = {
            "path": str(self.path),
            "url": self.server.url,
            "source": SOURCE,
            "point": point,
            "nth": nth,
            "mutation": self.mutation,
        }
        command = [sys.executable, "-c", code, json.dumps(words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def kill(self, process: subprocess.Popen[str]) -> list[str]:
        process.kill()
        self.kills += 1
        out, _ = process.communicate(timeout=30)
        # The last line may have been cut.
        return [line.strip() for line in out.splitlines(True) if line.endswith("\n")]

    def enqueue(self, at_least: int) -> subprocess.Popen[str]:
        """Start to put messages, and return when so many are acknowledged."""
        enqueuer = self.start(ENQUEUER)
        for _ in range(at_least):
            self.acknowledged.append(enqueuer.stdout.readline().strip())
        return enqueuer

    def round_at(self, point: str) -> None:
        """Let a worker die at a named point, while somebody enqueues."""
        enqueuer = self.enqueue(4)
        if point == "after the content":
            before = self.server.accepted
            self.server.script("END", [Silence(accept=True), Silence(accept=True)])
            worker = self.start(WORKER)
            self.server.wait_for(lambda: self.server.accepted > before, timeout=30)
            self.kill(worker)
            self.server.unscript()
        else:
            worker = self.start(WORKER, point=point, nth=self.dice.randint(1, 6))
            worker.communicate(timeout=60)
            self.kills += 1
        self.end_round(enqueuer)

    def round_at_random(self) -> None:
        """Kill a worker and an enqueuer some time after the worker began to send."""
        enqueuer, worker = self.enqueue(1), self.start(WORKER)
        before = self.server.accepted
        self.server.wait_for(lambda: self.server.accepted > before + 3, timeout=60)
        time.sleep(self.dice.random() * 0.05)
        for process in self.dice.sample([enqueuer, worker], 2):
            out = self.kill(process)
            self.acknowledged += out if process is enqueuer else []
        self.was_sending += sending(self.path)

    def end_round(self, enqueuer: subprocess.Popen[str]) -> None:
        self.acknowledged += self.kill(enqueuer)
        self.was_sending += sending(self.path)

    def got(self) -> Counter[str]:
        """How often the server accepted each message."""
        return Counter(str(each.message["Message-ID"]) for each in self.server.messages)

    def verdict(self) -> list[str]:
        """Deliver the rest in peace, and say what is wrong."""
        with override_settings(), Queue(self.path, mailer="smtp") as queue:
            configure(MAILERS={"default": self.server.url, "smtp": self.server.url})
            drain(queue)
            fates = {each.message_id: each.state for each in queue.find(limit=None)}
            problems = queue.check()
        got = self.got()
        unknown = sum(fate == "unknown" for fate in fates.values())
        wrong = {
            "lost": [each for each in self.acknowledged if each not in fates],
            "sent twice": [each for each, count in got.items() if count > 1],
            "left": [each for each, fate in fates.items() if fate not in ("sent", "unknown")],
            "said to be sent": [e for e, fate in fates.items() if fate == "sent" and not got[e]],
            "unknown without need": ["..."] * max(0, unknown - self.was_sending),
        }
        return problems + [f"{len(ids)} {what}" for what, ids in wrong.items() if ids]


def drain(queue: Queue) -> None:
    Worker(queue).drain()
    if broken := [each.id for each in queue.find(state="broken", limit=None)]:
        assert queue.retry(*broken) == broken
        Worker(queue).drain()


def sending(path: Path) -> int:
    """How many messages are being sent; and is the file sound?"""
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sql = "SELECT count(*) FROM simplemail_messages WHERE state = 'sending'"
        return db.execute(sql).fetchone()[0]
    finally:
        db.close()
