"""Draining a queue against `deliver()` over the same mailer, in turns.

    python benchmarks/queue_drain.py [--quick] [--check]

The server is a process of its own that answers and keeps nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import ENVIRONMENT, Figure, main
from queue_put import message
from simplemail import Envelope, configure, mailers
from simplemail.queue import Queue, Worker

SERVER = """
import sys
from simplemail.testing.server import SMTPServer
with SMTPServer(record=False) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def drain(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-c", SERVER]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT
        ) as server:
            url = server.stdout.readline().strip()
            options = {"path": Path(name) / "mail.db", "mailer": "smtp"}
            configure(MAILERS={"default": {"BACKEND": "queue", "OPTIONS": options}, "smtp": url})
            with Queue.of("default") as queue:
                count, rounds = (200, 1) if quick else (2000, 7)
                yield from compared(queue, [message(n).envelope() for n in range(count)], rounds)
            server.stdin.close()


def compared(queue: Queue, envelopes: list[Envelope], rounds: int) -> Iterator[Figure]:
    def drained() -> None:
        outcomes = Worker(queue, threads=4, batch=8).drain()
        assert outcomes == {"sent": len(envelopes)}, outcomes

    direct, drains = [], []
    for _ in range(rounds):
        queue.put_many(envelopes)
        direct.append(seconds(lambda: mailers["smtp"].deliver(envelopes)))
        drains.append(seconds(drained))
    count, one, other = len(envelopes), statistics.median(direct), statistics.median(drains)
    yield Figure("deliver() with one thread, median", count / one, "/s")
    yield Figure("drain() with 4 threads and batches of 8, median", count / other, "/s")
    yield Figure("drain() against deliver()", 100 * one / other, "%", least=85)


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


MEASURES = (drain,)

if __name__ == "__main__":
    main(*MEASURES)
