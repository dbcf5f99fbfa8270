"""A worker among others: the lock that shows that it lives, and what dead ones left behind."""

from __future__ import annotations

import os
import socket
import sqlite3
import time

from ..light import tell
from . import members
from .errors import QueueError
from .file import File
from .locks import FileLock
from .watching import is_alive, lock_of
from .writer import Writer

_SLOTS = 1000


class Membership:
    """The entry of one worker in the queue's file. `id` is 0 before `enter()`."""

    def __init__(self, file: File, writer: Writer) -> None:
        self.id = 0
        self._file = file
        self._writer = writer
        self._lock: FileLock | None = None
        self._slot = 0

    def enter(self) -> None:
        """Take a slot whose lock is free: it is ours until this process ends."""
        # Taken again if it is ours: somebody may have removed its file.
        if self._lock is None or not self._lock.try_acquire():
            self._lock, self._slot = self._free_slot()
        slot, pid, host, now = self._slot, os.getpid(), socket.gethostname(), time.time()
        self.id = self._writer.do(lambda db: members.register(db, slot, pid, host, now))

    def _free_slot(self) -> tuple[FileLock, int]:
        for slot in range(1, _SLOTS):
            lock = lock_of(self._file.path, slot)
            if lock.try_acquire():
                return lock, slot
            lock.close()
        raise QueueError(f"{_SLOTS} workers of {self._file.path} are alive, which is the limit")

    def look_around(self) -> None:
        """Take back what dead workers had."""
        with self._file.reading() as db:
            workers = db.execute("SELECT id, slot, pid FROM simplemail_workers").fetchall()
        if self.id not in [worker[0] for worker in workers]:
            self.enter()  # the file is another one than before
        # Of several in a slot, the newest took the lock when the others had lost it.
        newest = {slot: max(w[0] for w in workers if w[1] == slot) for _, slot, _ in workers}
        for worker, slot, pid in workers:
            if worker == self.id:
                continue
            if worker != newest[slot] or not is_alive(self._file.path, slot):
                self._recover(worker, pid)

    def _recover(self, worker: int, pid: int) -> None:
        def act(db: sqlite3.Connection) -> int:
            return members.recover(db, worker, pid, time.time())

        if count := self._writer.do(act, durable=True):
            tell("warning", "The worker with pid %d died; it had %d messages", pid, count)

    def strike(self) -> None:
        """Leave the list of workers, having nothing any more."""
        worker = self.id
        if worker:
            self._writer.later(lambda db: members.unregister(db, worker))

    def leave(self) -> None:
        """Let others have the slot."""
        if self._lock is not None:
            self._lock.close()
