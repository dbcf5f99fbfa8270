"""Putting messages into a queue: one, against one `fdatasync`; many; and from many processes.

python benchmarks/queue_put.py [--quick] [--check]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import ENVIRONMENT, Figure, main
from simplemail import EmailMessage
from simplemail.queue import Queue

ENQUEUER = """
import sys, time
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(sys.argv[1], mailer="smtp")
queue.counts()
print("ready", flush=True)
sys.stdin.readline()
longest = 0.0
for number in range(int(sys.argv[2])):
    message = EmailMessage(f"Hello {number}", "It works.", "a@example.com", ["b@example.com"])
    start = time.perf_counter()
    queue.put(message)
    longest = max(longest, time.perf_counter() - start)
print(longest)
"""


def message(number: int) -> EmailMessage:
    return EmailMessage(f"Hello {number}", "It works.\n" * 20, "a@example.com", ["b@example.com"])


def one(quick: bool) -> Iterator[Figure]:
    """In turns, because disks have moods."""
    syncs, puts = [], []
    with (
        tempfile.TemporaryDirectory() as name,
        Queue(Path(name) / "mail.db", mailer="smtp") as queue,
        (Path(name) / "plain").open("wb", buffering=0) as plain,
    ):
        queue.put(message(0))
        for number in range(50 if quick else 500):
            start = time.perf_counter()
            plain.write(b"x" * 4096)
            os.fdatasync(plain.fileno())
            syncs.append(time.perf_counter() - start)
            ours = message(number)
            start = time.perf_counter()
            queue.put(ours)
            puts.append(time.perf_counter() - start)
    sync, put = statistics.median(syncs) * 1e3, statistics.median(puts) * 1e3
    yield Figure("append and fdatasync, median", sync, "ms")
    yield Figure("put(), median; 1.3 times that and 0.3 ms", put, "ms", most=1.3 * sync + 0.3)


def many(quick: bool) -> Iterator[Figure]:
    count, rates = 1000, []
    with (
        tempfile.TemporaryDirectory() as name,
        Queue(Path(name) / "mail.db", mailer="smtp") as queue,
    ):
        for _ in range(1 if quick else 7):
            messages = [message(number) for number in range(count)]
            start = time.perf_counter()
            queue.put_many(messages)
            rates.append(count / (time.perf_counter() - start))
    yield Figure(
        "put_many() of 1,000, rendered too, median", statistics.median(rates), "/s", least=5000
    )


def processes(quick: bool) -> Iterator[Figure]:
    each, count = (10, 4) if quick else (100, 16)
    with tempfile.TemporaryDirectory() as name:
        path = str(Path(name) / "mail.db")
        command = [sys.executable, "-c", ENQUEUER, path, str(each)]
        pipe = subprocess.PIPE
        running = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT)
            for _ in range(count)
        ]
        for process in running:
            process.stdout.readline()
        start = time.perf_counter()
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        longest = max(float(process.communicate()[0]) for process in running)
        took = time.perf_counter() - start
        assert [process.returncode for process in running] == [0] * count
        with Queue(path, mailer="smtp") as queue:
            assert queue.counts()["ready"] == each * count
    yield Figure(f"{count} processes put: together", each * count / took, "/s")
    yield Figure(f"{count} processes put: the longest put()", longest, "s", most=2)


MEASURES = (one, many, processes)

if __name__ == "__main__":
    main(*MEASURES)
