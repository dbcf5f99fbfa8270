"""Takes messages out of a queue and delivers them, with several threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..light import lock, tell
from . import claims, due
from .claims import Batch, Entry, Wish
from .errors import QueueError
from .membership import Membership
from .outcomes import Outcome
from .pace import Rate
from .sender import Desk
from .senders import Senders
from .writer import Writer

if TYPE_CHECKING:
    from .queue import Queue

POLL = 0.08
"""Seconds between two looks for what other processes put."""

LOOK_AROUND = 5.0
"""Seconds between two looks for dead workers, and at the clock."""


class Worker:
    """Delivers the messages of `queue` with `threads` senders, which take up to `batch` at a time.

    `stop_timeout` is how many seconds a stop waits for what is being sent.

    Any number of workers may share a queue, in one process or several. What a worker that dies was
    sending is `unknown` afterwards, unless it asked for `at_least_once`; what is in its hands at
    the time is at most `threads` * `batch` messages. `on_outcome` is called in a sender's thread
    with the message's id and its new state.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        threads: int = 4,
        batch: int = 8,
        stop_timeout: float = 30.0,
        on_outcome: Callable[[int, Outcome], None] | None = None,
    ) -> None:
        if threads < 1 or batch < 1:
            raise ValueError(
                f"A worker needs at least one thread and one message: {threads=}, {batch=}"
            )
        self.queue = queue
        self.stop_timeout = stop_timeout
        self.outcomes: Counter[str] = Counter()
        self._threads = threads
        self._batch = batch
        self._on_outcome = on_outcome
        self._wake = threading.Event()
        self._stopping = self._hurry = self._until_idle = False
        self._guard = lock()  # of the outcomes
        self._claims = 0
        self._has_more = False
        self._around = 0.0
        self._writer = Writer(queue.file)
        self._membership = Membership(queue.file, self._writer)
        self._senders = Senders(self._desk(), threads, self._wake.set)
        self._thread: threading.Thread | None = None

    # Running

    def run(self) -> None:
        """Deliver until `stop()` is called, from a signal handler or another thread."""
        self._start_threads()
        self._work()

    def drain(self) -> Counter[str]:
        """Deliver what can be delivered now, and return how many messages came to which state.

        What waits until later, is held, or is for a mailer that is paused or rests, stays.
        """
        self._until_idle = True
        self._start_threads()
        self._work()
        return self.outcomes

    def start(self) -> None:
        """Run in a thread of this process."""
        # All threads here: while an interpreter ends, some Pythons let none begin.
        self._start_threads()
        self._thread = threading.Thread(target=self._run, name="simplemail-queue", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            tell("error", "The worker of %s has ended", self.queue.path, error=error)

    def is_running(self) -> bool:
        """Is the thread that `start()` began alive?"""
        return self._thread is not None and self._thread.is_alive()

    def is_stopping(self) -> bool:
        """Was it told to stop?"""
        return self._stopping

    def stop(self, timeout: float | None = None) -> None:
        """Claim no more, finish what is being sent, and give the rest back. Safe to call twice.

        Waits for a worker that was started in a thread, up to `timeout` (`stop_timeout`) seconds.
        """
        if timeout is not None:
            self.stop_timeout = timeout
        # A flag alone: a signal handler may have interrupted whoever has the event's lock.
        self._stopping = True
        self._join(self.stop_timeout + 1)

    def stop_at_once(self) -> None:
        """Stop without waiting for messages being sent; their outcome will be unknown."""
        self._hurry = True
        self.stop(0)

    def finish(self, timeout: float) -> None:
        """Deliver what can be delivered now, for `timeout` seconds at most, and stop."""
        self._until_idle = True
        self._join(timeout)
        self.stop(min(1.0, self.stop_timeout))

    def _join(self, timeout: float) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    # The loop

    def _work(self) -> None:
        self.queue.file.listen(self._wake)
        try:
            self._membership.enter()
            while not self._stopping and not self._turn():
                pass
        finally:
            self._stopping = True
            self._finish()
            self.queue.file.ignore(self._wake)

    def _turn(self) -> bool:
        """Do once what there is to do, or wait. True if it is done, and only that was asked for."""
        self._wake.clear()
        try:
            self._look_around()
            if self._room() < self._threads:
                self._wake.wait(POLL)
                return False
            seen = self.queue.file.version()
            if self._claim():
                return False
            later = self._next_time()
            if self._until_idle and self._is_idle():
                return True
        except QueueError as error:
            tell("error", "Can't work on the queue: %s", error)
            self._wake.wait(1.0)
            return self._until_idle
        self._wait(seen, later)
        return False

    def _look_around(self) -> None:
        if time.monotonic() >= self._around:
            self._around = time.monotonic() + LOOK_AROUND
            self._membership.look_around()

    def _claim(self) -> bool:
        """Claim what there is, as far as there are senders for it. False if there was nothing."""
        if not self._has_more and not self._is_soon(self._next_time()):
            return False
        now, room = time.time(), self._room()
        self._claims += 1
        # Every tenth time the oldest goes first, so that no flood of urgent mail starves it.
        by_age = self._claims % 10 == 0
        busy = self._senders.busy()
        wish = Wish(self._membership.id, room, self._batch, self._rate_of, busy, by_age)

        def act(db: object) -> list[Batch]:
            due.promote(db, now)  # type: ignore[arg-type]  # a connection
            return claims.claim(db, wish, now)  # type: ignore[arg-type]

        batches = self._writer.do(act)
        for batch in batches:
            self._senders.send(batch)
        self._has_more = len(batches) == room
        return bool(batches)

    def _room(self) -> int:
        """For how many batches is there room? Claims are for many, because each is a commit."""
        return 2 * self._threads - self._senders.in_hand()

    def _next_time(self) -> float | None:
        with self.queue.file.reading() as db:
            return due.next_time(db, time.time(), self._rate_of)

    def _is_soon(self, later: float | None) -> bool:
        return later is not None and later <= time.time()

    def _is_idle(self) -> bool:
        if self._senders.in_hand():
            return False
        self._writer.do(lambda db: None)  # what was given back is written by then
        if self._is_soon(self._next_time()):
            return False
        with self.queue.file.reading() as db:
            return not due.waits_for_rate(db)

    def _wait(self, seen: tuple[int, int], later: float | None) -> None:
        """Wait until something is put, falls due or comes free; or until it is time to look."""
        until = time.monotonic() + LOOK_AROUND
        while not self._wake.wait(POLL) and time.monotonic() < until and not self._stopping:
            if self.queue.file.version() != seen or self._is_soon(later):
                return

    def _desk(self) -> Desk:
        return Desk(
            self.queue.file,
            self._writer,
            lambda: self._membership.id,
            self.queue.mailer_named,
            lambda: self._stopping,
            self._note,
        )

    def _start_threads(self) -> None:
        self._writer.start()
        self._senders.start()

    def _rate_of(self, mailer: str) -> Rate | None:
        return self.queue.rate if mailer == self.queue.mailer else None

    def _note(self, entry: Entry, outcome: Outcome) -> None:
        with self._guard:
            self.outcomes[outcome.state] += 1
        tell("info", "Message %d: %s", entry.id, f"{outcome.state}{_because(outcome)}")
        if self._on_outcome is not None:
            try:
                self._on_outcome(entry.id, outcome)
            except Exception as error:
                tell("error", "on_outcome failed for message %d", entry.id, error=error)

    # The end

    def _finish(self) -> None:
        """End the senders, give back what they have not begun, and let go of the slot."""
        end = time.monotonic() + self.stop_timeout
        self._senders.give_back_unsent()
        are_done = self._senders.end(self.stop_timeout, lambda: self._hurry)
        if are_done:
            self._membership.strike()
        is_written = self._writer.close(max(1.0, end - time.monotonic()))
        if are_done and is_written:
            self._membership.leave()
        elif not are_done:
            # The lock stays ours: whoever took it would take away what is still being sent.
            tell("error", "Stopped while messages were being sent; they will be 'unknown'")


def _because(outcome: Outcome) -> str:
    words = outcome.error or outcome.reply
    return f" ({words})" if words else ""
