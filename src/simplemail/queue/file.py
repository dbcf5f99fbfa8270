"""The queue's file: transactions and checkpoints, for any threads and processes.

Every write transaction, checkpoint and close happens under a lock of our own. SQLite's own waiting
is unfair with many writers, and before 3.51.3 a write-ahead log that one connection resets while
another one commits can be damaged.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from ..light import lock, tell
from . import opening
from .connections import LOG_LIMIT, Connections
from .errors import QueueError
from .locks import FileLock
from .rows import value

TIMEOUT = 10.0
"""Seconds to wait for others that write."""

_EVERY = 200
"""After so many commits the log is copied into the database in any case."""


class File:
    """One queue file as this process sees it. All threads share it; use `files.file_at()`."""

    def __init__(self, path: str, *, timeout: float = TIMEOUT, unsafe: bool = False) -> None:
        self.path = path
        self.timeout = timeout
        self.unsafe = unsafe
        self._is_wal = True
        self._commits = self._watched = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Have nothing open, and locks that nobody holds: others may be held for ever."""
        self._connections: Connections | None = None
        self._watch: sqlite3.Connection | None = None
        self._watch_lock = lock()
        self._mutex = lock()  # one writer in this process
        self._writer: int | None = None
        self._lock = FileLock(f"{self.path}-lock")
        self._listeners: list[threading.Event] = []

    # Using it

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose statements see one state of the file."""
        with self._said_well(), self._lent() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside a write transaction; commit it at the end, or roll it back.

        When the block has been left, what was written survives the death of this process; if it is
        `durable`, that of the machine, too.
        """
        with self._said_well(), self._locked(), self._lent() as db:
            level = "FULL" if durable or not self._is_wal else "NORMAL"
            db.execute(f"PRAGMA synchronous={level}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                commit(db)
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._checkpoint_if_due(db)

    @contextlib.contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection outside of any transaction, while nobody else writes."""
        with self._said_well(), self._locked(), self._lent() as db:
            yield db

    def version(self) -> tuple[int, int]:
        """Return what differs from before if another connection has committed since."""
        with self._said_well():
            connections = self._ready()  # before the lock: it may need the other one
            with self._watch_lock:
                if self._watch is None:
                    self._watch = connections.take()
                    self._watched += 1
                return self._watched, value(self._watch, "PRAGMA data_version")

    def listen(self, event: threading.Event) -> None:
        """Set this event from now on when something was put in this process."""
        self._listeners = [*self._listeners, event]

    def ignore(self, event: threading.Event) -> None:
        """Don't set this event any more."""
        self._listeners = [each for each in self._listeners if each is not event]

    def tell(self) -> None:
        """Tell this process's workers that there may be something to do."""
        for event in self._listeners:
            event.set()

    def close(self) -> None:
        """Close what is open. It is opened again when it is used again."""
        if self._connections is not None:
            with self._said_well(), self._locked(), self._watch_lock:
                self._close_connections()
        self._lock.close()

    # Locks and errors

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only writer, in this process and among all."""
        if self._writer == threading.get_ident():
            # A signal handler, or an object that is being collected, sends mail.
            raise QueueError(f"{self.path} is being written to by the code that was interrupted")
        if self._is_stale():
            self._renew()
        if not self._mutex.acquire(timeout=self.timeout):
            text = f"{self.path} has been in use by another thread for {self.timeout:g} s"
            raise QueueError(text)
        try:
            self._writer = threading.get_ident()
            if self._connections is None:
                opening.create(self.path, unsafe=self.unsafe)  # the lock's directory, too
            self._lock.acquire(self.timeout)
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._writer = None
            self._mutex.release()

    @contextlib.contextmanager
    def _said_well(self) -> Iterator[None]:
        """Raise QueueError for what SQLite raises."""
        try:
            yield
        except sqlite3.Error as error:
            raise QueueError(f"{self.path}: {error}{_advice(str(error))}") from error

    # Connections

    @contextlib.contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that nobody else uses meanwhile."""
        connections = self._ready()
        db = connections.take()
        try:
            yield db
        finally:
            if not connections.give(db):
                self._close_late(db)

    def _close_late(self, db: sqlite3.Connection) -> None:
        if self._writer == threading.get_ident():
            db.close()
        else:
            with self._locked():
                db.close()

    def _ready(self) -> Connections:
        """Return the connections to the file, which exists and has our tables by then."""
        if self._is_stale():
            self._renew()
        if self._connections is not None:
            return self._connections
        if self._writer == threading.get_ident():
            return self._prepared()
        with self._locked():
            return self._connections or self._prepared()

    def _is_stale(self) -> bool:
        return self._connections is not None and self._connections.are_stale()

    def _renew(self) -> None:
        """Let go of a file that was removed or replaced, before anything is lost in it."""
        with self._watch_lock:
            lost, self._connections = self._connections, None
            watch, self._watch = self._watch, None
        if lost is not None:
            lost.lose()
            if watch is not None:
                lost.give(watch)
            tell("warning", "The queue %s was removed or replaced while it was in use", self.path)

    def _prepared(self) -> Connections:
        connections = Connections(self.path, self.timeout)
        db = connections.take()
        try:
            self._is_wal = opening.set_up(db, self.path, unsafe=self.unsafe)
        except BaseException:
            db.close()
            raise
        connections.identity = Path(self.path).stat()
        connections.give(db)
        self._connections = connections
        return connections

    def _close_connections(self) -> None:
        connections, self._connections = self._connections, None
        watch, self._watch = self._watch, None
        if connections is not None:
            if watch is not None:
                connections.give(watch)
            connections.close()

    # The write-ahead log

    def _checkpoint_if_due(self, db: sqlite3.Connection) -> None:
        """Copy the log into the database now and then, in small pieces."""
        self._commits += 1
        is_long = self._commits % 16 == 0 and self._log_size() > LOG_LIMIT
        if self._is_wal and (is_long or self._commits % _EVERY == 0):
            value(db, "PRAGMA wal_checkpoint(PASSIVE)")

    def _log_size(self) -> int:
        try:
            return Path(f"{self.path}-wal").stat().st_size
        except OSError:
            return 0

    # fork()

    def before_fork(self) -> None:
        """Close all connections: SQLite's locks don't follow into a child, its beliefs do."""
        self._mutex.acquire(timeout=self.timeout)
        self._watch_lock.acquire(timeout=self.timeout)
        if self._connections is None:
            return
        with contextlib.suppress(QueueError, sqlite3.Error):
            self._lock.acquire(self.timeout)
            self._close_connections()
            self._lock.release()

    def after_fork_in_parent(self) -> None:
        for held in (self._mutex, self._watch_lock):
            with contextlib.suppress(RuntimeError):  # it couldn't be had
                held.release()

    def after_fork_in_child(self) -> None:
        if self._connections is not None:
            self._connections.lose()
        self._begin_anew()


def commit(db: sqlite3.Connection) -> None:
    """Commit. On its own, so that tests can end the process right before and right after."""
    db.execute("COMMIT")


def _advice(text: str) -> str:
    return next((advice for words, advice in _ADVICE.items() if words in text), "")


_ADVICE = {
    "disk is full": "; nothing was changed; make room on the disk",
    "readonly": "; make it and its directory writable for this user",
    "malformed": "; look with `simplemail queue check`, and restore a backup",
    "not a database": "; the file at this path is not a queue",
    "locked": "; another program's transaction has locked it: end that transaction",
}
