"""Writes for all of a worker's threads: what waits while one transaction commits shares the next.

A commit is a wait for the disk. Of their own, four threads would wait for it one after another.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from .errors import QueueError
from .file import File

Result = TypeVar("Result")

PAUSE = 1.0
"""Seconds between two tries to write what must be written, while the file refuses."""

_log = logging.getLogger("simplemail")


class Job(NamedTuple):
    """Something to be done in a transaction. It may be done twice: when a commit fails.

    What `must` be written waits until it can be; other jobs' futures have the error then.
    """

    act: Callable[[sqlite3.Connection], Any]
    durable: bool
    must: bool
    future: Future[Any]


class Writer:
    """A thread that does jobs, in the order in which they came."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._is_closing = False
        self._gives_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simplemail-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def do(self, act: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Do this in a transaction, and return its result when that is committed.

        Raises QueueError if it can't be.
        """
        result: Result = self._add(act, durable=durable, must=False).result()
        return result

    def later(
        self,
        act: Callable[[sqlite3.Connection], Result],
        then: Callable[[Result], object] | None = None,
    ) -> None:
        """Do this soon and durably, with retries; `then` gets its result."""
        future = self._add(act, durable=True, must=True)
        if then is not None:
            future.add_done_callback(lambda done: done.exception() or then(done.result()))

    def close(self, timeout: float) -> bool:
        """Finish what is to be done. False if something couldn't be written within `timeout`."""
        self._jobs.put(None)
        self._thread.join(timeout)
        self._gives_up.set()
        return not self._thread.is_alive()

    def _add(
        self, act: Callable[[sqlite3.Connection], Any], *, durable: bool, must: bool
    ) -> Future[Any]:
        if self._gives_up.is_set():
            raise QueueError(f"The worker of {self._file.path} has stopped")
        job = Job(act, durable, must, Future())
        self._jobs.put(job)
        return job.future

    def _run(self) -> None:
        left: list[Job] = []
        while left or not self._is_closing:
            left = self._done(left + self._taken(wait=not left))
            if left and self._gives_up.wait(PAUSE):
                return

    def _taken(self, *, wait: bool) -> list[Job]:
        """Return what is to be done, all of it."""
        jobs = [self._jobs.get()] if wait else []
        while not self._jobs.empty():
            jobs.append(self._jobs.get())
        self._is_closing = self._is_closing or None in jobs
        return [job for job in jobs if job is not None]

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
            job.future.set_result(result)
        return []

    def _together(self, jobs: list[Job]) -> list[Any]:
        with self._file.writing(durable=any(job.durable for job in jobs)) as db:
            return [job.act(db) for job in jobs]

    def _failed(self, job: Job, error: Exception) -> list[Job]:
        if job.must and isinstance(error, QueueError):
            _log.error("Can't record yet what happened to messages: %s", error)
            return [job]
        job.future.set_exception(error)
        return []
