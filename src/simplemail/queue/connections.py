"""SQLite connections to one file, each lent to one thread at a time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ..light import lock
from .errors import QueueError

LOG_LIMIT = 4 << 20
"""Octets of the write-ahead log, beyond which it is copied into the database soon."""


class Connections:
    """Open connections to a file as long as it is that file: not another one of the same name."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = Path(path)  # making one takes longer than a look at the file
        self._timeout = timeout
        self._guard = lock()  # of what follows; never held during I/O
        self._idle: list[sqlite3.Connection] = []
        self._is_over = self._is_lost = False
        self.identity: os.stat_result | None = None

    def take(self) -> sqlite3.Connection:
        """Return a connection that nobody else uses, opened if need be."""
        with self._guard:
            if self._idle:
                return self._idle.pop()
        return self._open()

    def give(self, db: sqlite3.Connection) -> bool:
        """Take a connection back. False if it should be closed, which the caller does."""
        with self._guard:
            if not self._is_over:
                self._idle.append(db)
                return True
        if self._is_lost:
            _abandon(db)
        return self._is_lost

    def close(self) -> None:
        """Close those that nobody uses; the others are closed when they are given back."""
        with self._guard:
            self._is_over = True
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    def lose(self) -> None:
        """Let go of all without closing them: the file, or the process, is another one."""
        self._is_over = self._is_lost = True
        idle, self._idle = self._idle, []
        for db in idle:
            _abandon(db)

    def are_stale(self) -> bool:
        """Was the file removed or replaced?"""
        try:
            return self.identity is not None and not os.path.samestat(
                self._path.stat(), self.identity
            )
        except FileNotFoundError:
            return True

    def _open(self) -> sqlite3.Connection:
        try:
            # Lent to one thread at a time, so SQLite need not check which.
            db = sqlite3.connect(
                self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise QueueError(f"The queue {self._path} can't be opened: {error}") from error
        try:
            db.execute("PRAGMA wal_autocheckpoint=0")
            db.execute(f"PRAGMA journal_size_limit={LOG_LIMIT}")
        except BaseException:
            db.close()
            raise
        return db


def _abandon(db: sqlite3.Connection) -> None:
    """Never close this connection, not even at exit.

    Closing would remove the write-ahead log by its name, and under that name there may be another
    file's by now. Only a reference that nobody gives back keeps Python from closing it.
    """
    import ctypes

    if hasattr(ctypes, "pythonapi"):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
