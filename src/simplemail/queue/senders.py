"""A worker's threads that send, and the batches that wait for them."""

from __future__ import annotations

import queue as thread_queue
import threading
import time
from collections import Counter
from collections.abc import Callable

from ..light import lock
from .claims import Batch
from .sender import Desk, Sender, give_back

IDLE = 5.0
"""Seconds for which a mailer stays open after its last message."""


class Senders:
    """So many threads. `on_end` is called in one of them when a batch has come to its end."""

    def __init__(self, desk: Desk, count: int, on_end: Callable[[], object]) -> None:
        self._desk = desk
        self._count_of_threads = count
        self._on_end = on_end
        self._batches: thread_queue.SimpleQueue[Batch | None] = thread_queue.SimpleQueue()
        self._busy: Counter[str] = Counter()
        self._guard = lock()  # of the counter
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        for number in range(self._count_of_threads):
            name = f"simplemail-sender-{number + 1}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def send(self, batch: Batch) -> None:
        """Let the next thread that is free send this batch."""
        self._count(batch, 1)
        self._batches.put(batch)

    def busy(self) -> dict[str, int]:
        """Return for each mailer how many batches are under way, or wait here."""
        return dict(self._busy)

    def in_hand(self) -> int:
        """Return how many batches these are in all."""
        return self._busy.total()

    def give_back_unsent(self) -> None:
        """Give back to the queue what waits here."""
        while True:
            try:
                batch = self._batches.get_nowait()
            except thread_queue.Empty:
                return
            if batch is not None:
                give_back(self._desk, batch, self._desk.worker())
                self._count(batch, -1)

    def end(self, timeout: float, is_in_hurry: Callable[[], bool]) -> bool:
        """End the threads once they have sent what they have. False if one is still sending."""
        for _ in self._threads:
            self._batches.put(None)
        until = time.monotonic() + timeout
        for thread in self._threads:
            while (
                thread.is_alive() and not is_in_hurry() and (left := until - time.monotonic()) > 0
            ):
                thread.join(min(left, 0.1))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        sender = Sender(self._desk)
        try:
            while (batch := self._next_batch(sender)) is not None:
                try:
                    sender.send(batch)
                finally:
                    self._count(batch, -1)
                    self._on_end()
        finally:
            sender.close()

    def _next_batch(self, sender: Sender) -> Batch | None:
        try:
            return self._batches.get(timeout=IDLE)
        except thread_queue.Empty:
            sender.close()
        return self._batches.get()

    def _count(self, batch: Batch, change: int) -> None:
        with self._guard:
            self._busy[batch.mailer] += change
