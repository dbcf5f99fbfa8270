"""Writes for all of a worker's threads: what waits while one transaction commits shares the next.

A commit is a wait for the disk. Of their own, four threads would wait for it one after another.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from ..light import tell
from .errors import QueueError
from .file import File

Value = TypeVar("Value")
Result = TypeVar("Result")

GATHER = 0.003
"""Seconds for which what nobody waits for is gathered, unless something else is committed."""

PAUSE = 1.0
"""Seconds between two tries to write what must be written, while the file refuses."""


class Job(NamedTuple):
    """Something to be done in a transaction. It may be done twice: when a commit fails.

    Jobs that have the same `act` are done by one call, which gets all their values. With a
    `future`, somebody waits for the result, or for the error; without one, it must be written, as
    soon as it can be, and `then` gets the result.
    """

    act: Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
    value: Any
    durable: bool
    future: Future[Any] | None = None
    then: Callable[[Any], object] | None = None


class Writer:
    """A thread that does jobs, in the order in which they came."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._jobs: deque[Job] = deque()
        self._has_some = threading.Event()
        self._is_urgent = threading.Event()
        self._is_closing = False
        self._gives_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simplemail-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def do(self, act: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Do this in a transaction, and return its result when that is committed.

        Raises QueueError if it can't be.
        """
        future: Future[Result] = Future()
        self._add(Job(_one(act), None, durable, future))
        self._is_urgent.set()
        return future.result()

    def later(self, act: Callable[[sqlite3.Connection], object]) -> None:
        """Do this soon and durably, with retries."""
        self._add(Job(_one(act), None, durable=True))

    def gather(
        self,
        act: Callable[[sqlite3.Connection, Sequence[Value]], Sequence[Result]],
        value: Value,
        then: Callable[[Result], object],
    ) -> None:
        """Do this soon and durably, with retries, together with others of its kind.

        `act` gets the values of all, and returns a result for each; `then` gets this one's.
        """
        self._add(Job(act, value, durable=True, then=then))

    def close(self, timeout: float) -> bool:
        """Finish what is to be done. False if something couldn't be written within `timeout`."""
        self._is_closing = True
        self._is_urgent.set()
        self._has_some.set()
        self._thread.join(timeout)
        self._gives_up.set()
        return not self._thread.is_alive()

    def _add(self, job: Job) -> None:
        if self._gives_up.is_set():
            raise QueueError(f"The worker of {self._file.path} has stopped")
        self._jobs.append(job)
        if not self._has_some.is_set():
            self._has_some.set()

    def _run(self) -> None:
        left: list[Job] = []
        while left or self._jobs or not self._is_closing:
            if not left:
                self._has_some.wait()
                self._is_urgent.wait(GATHER)
            left = self._done(left + self._taken())
            if left and self._gives_up.wait(PAUSE):
                return

    def _taken(self) -> list[Job]:
        """Return what is to be done, all of it."""
        # Cleared first: what comes from now on is taken, or sets them again.
        self._has_some.clear()
        self._is_urgent.clear()
        return [self._jobs.popleft() for _ in range(len(self._jobs))]

    def _done(self, jobs: list[Job]) -> list[Job]:
        """Do jobs in one transaction, or else each in its own; return those to be tried again."""
        if not jobs:
            return []
        try:
            results = self._together(jobs)
        except Exception as error:
            if len(jobs) > 1:
                return [left for job in jobs for left in self._done([job])]
            return self._failed(jobs[0], error)
        for job, result in zip(jobs, results, strict=True):
            _tell(job, result)
        return []

    def _together(self, jobs: list[Job]) -> list[Any]:
        kinds: dict[Any, list[int]] = {}
        for place, job in enumerate(jobs):
            kinds.setdefault(job.act, []).append(place)
        results: dict[int, Any] = {}
        with self._file.writing(durable=any(job.durable for job in jobs)) as db:
            for act, places in kinds.items():
                found = act(db, [jobs[place].value for place in places])
                results.update(zip(places, found, strict=True))
        return [results[place] for place in range(len(jobs))]

    def _failed(self, job: Job, error: Exception) -> list[Job]:
        if job.future is not None:
            job.future.set_exception(error)
        elif isinstance(error, QueueError):
            tell("error", "Can't record yet what happened to messages: %s", error)
            return [job]
        else:
            tell("error", "Can't record what happened to messages", error=error)
        return []


def _one(act: Callable[[sqlite3.Connection], Result]) -> Callable[..., list[Result]]:
    return lambda db, _: [act(db)]


def _tell(job: Job, result: Any) -> None:
    if job.future is not None:
        job.future.set_result(result)
    elif job.then is not None:
        job.then(result)
