"""The queue: putting against one fdatasync, and draining against `deliver()` over the same mailer.

    PYTHONPATH=src python benchmarks/queue_drain.py [messages]

The server is a process of its own that answers and keeps nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simplemail import EmailMessage, configure, mailers
from simplemail.queue import Queue, Worker

SERVER = """
import sys
from simplemail.testing.server import SMTPServer
with SMTPServer(record=False) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def message(number: int) -> EmailMessage:
    return EmailMessage(f"Hello {number}", "It works.\n" * 20, "a@example.com", ["b@example.com"])


def fdatasync(folder: Path) -> float:
    """Seconds of one append and its fdatasync; the median."""
    times = []
    with (folder / "plain").open("wb", buffering=0) as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def put(queue: Queue) -> float:
    times = []
    for number in range(300):
        ours = message(number)
        start = time.perf_counter()
        queue.put(ours)
        times.append(time.perf_counter() - start)
    queue.cancel(*range(1, 301))
    return statistics.median(times)


def main(count: int = 3000) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-c", SERVER]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
            url = server.stdout.readline().strip()
            entry = {"BACKEND": "queue", "OPTIONS": {"path": folder / "mail.db", "mailer": "smtp"}}
            configure(MAILERS={"default": entry, "smtp": url})
            with Queue.of("default") as queue:
                measure(queue, folder, count)
            server.stdin.close()


def measure(queue: Queue, folder: Path, count: int) -> None:
    once, each = fdatasync(folder), put(queue)
    print(f"fdatasync {once * 1e3:.2f} ms; put() {each * 1e3:.2f} ms")

    messages = [message(number) for number in range(count)]
    start = time.perf_counter()
    for chunk in range(0, count, 1000):
        queue.put_many(messages[chunk : chunk + 1000])
    print(f"put_many() of 1,000: {count / (time.perf_counter() - start):,.0f}/s")

    envelopes = [ours.envelope() for ours in messages]
    start = time.perf_counter()
    mailers["smtp"].deliver(envelopes)
    direct = count / (time.perf_counter() - start)
    start = time.perf_counter()
    outcomes = Worker(queue, threads=4, batch=8).drain()
    drained = count / (time.perf_counter() - start)
    assert outcomes == {"sent": count}, outcomes
    print(f"deliver() {direct:,.0f}/s; drain() {drained:,.0f}/s, {drained / direct:.0%} of it")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
