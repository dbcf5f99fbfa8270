"""A worker that waits: what it costs, and how soon it hands over what is put.

    python benchmarks/queue_waiting.py [--quick] [--check]

Cost is read from /proc, so it is told on Linux alone.
"""

from __future__ import annotations

import contextlib
import queue as thread_queue
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import ENVIRONMENT, Figure, main
from queue_put import message
from simplemail import configure
from simplemail.queue import Queue, Worker


class Sink:
    """A server that takes mail, and tells when each MAIL came."""

    def __init__(self) -> None:
        self.mails: thread_queue.SimpleQueue[float] = thread_queue.SimpleQueue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as file:
            file.write(b"220 sink\r\n")
            while line := file.readline():
                if line.startswith(b"MAIL"):
                    self.mails.put(time.perf_counter())
                file.write(b"354 Go on\r\n" if line == b"DATA\r\n" else b"250 OK\r\n")
                if line == b"DATA\r\n":
                    while file.readline() != b".\r\n":
                        pass
                    file.write(b"250 OK\r\n")


def another_process(quick: bool) -> Iterator[Figure]:
    sink = Sink()
    with tempfile.TemporaryDirectory() as name, run_worker(name, sink.url) as worker:
        with Queue(Path(name) / "mail.db") as queue:
            yield from delays(queue, sink, quick, "another process", 120)
        if Path("/proc/self/schedstat").exists():
            yield from idle(worker.pid, 2 if quick else 20)


@contextlib.contextmanager
def run_worker(folder: str, url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**ENVIRONMENT, "EMAIL_URL": f"queue:mail.db?mailer={url}"}
    command = [sys.executable, "-m", "simplemail", "queue", "run", "--quiet"]
    with subprocess.Popen(command, env=environment, cwd=folder) as process:
        yield process
        process.send_signal(signal.SIGTERM)


def idle(pid: int, seconds: float) -> Iterator[Figure]:
    time.sleep(6)  # until the mailer is closed
    before = processor_time(pid)
    time.sleep(seconds)
    share = (processor_time(pid) - before) / seconds
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    yield Figure(f"idle for {seconds:g} s: of a processor", share * 100, "%", most=0.5)
    yield Figure("idle: memory", memory, "MB", most=40)


def processor_time(pid: int) -> float:
    """Seconds of all threads."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text(encoding="ascii").split()[0]) for file in files) / 1e9


def same_process(quick: bool) -> Iterator[Figure]:
    sink = Sink()
    configure(MAILERS={"smtp": sink.url})
    with (
        tempfile.TemporaryDirectory() as name,
        Queue(Path(name) / "mail.db", mailer="smtp") as queue,
    ):
        worker = Worker(queue)
        worker.start()
        yield from delays(queue, sink, quick, "the same process", 10)
        worker.stop()


def delays(queue: Queue, sink: Sink, quick: bool, where: str, most: float) -> Iterator[Figure]:
    put: Callable[[], object] = lambda: queue.put(message(1))  # noqa: E731
    put()
    sink.mails.get(timeout=60)  # connected
    found = []
    for _ in range(5 if quick else 50):
        time.sleep(random.uniform(0.05, 0.2))
        start = time.perf_counter()
        put()
        found.append((sink.mails.get(timeout=60) - start) * 1e3)
    yield Figure(
        f"from put() to MAIL in {where}, median", statistics.median(found), "ms", most=most
    )
    yield Figure(f"from put() to MAIL in {where}, the longest", max(found), "ms")


MEASURES = (another_process, same_process)

if __name__ == "__main__":
    main(*MEASURES)
