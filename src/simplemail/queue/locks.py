"""Locks on files, which the kernel drops when the process that holds them dies.

A lock file is never removed: another process could have it open, and then two would hold a lock of
the same name. `flock()` belongs to the open file and not to the process, so a child of `fork()`
closes its copy and never unlocks it, which would unlock the parent's.
"""

from __future__ import annotations

import os
import random
import sys
import time
import weakref
from pathlib import Path

from .errors import QueueError

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)

if sys.platform == "win32":
    import msvcrt

    # One octet far behind the content: Windows doesn't let others read what is locked.
    _PLACE = 1 << 30

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class FileLock:
    """A lock between processes, held by at most one of those that have its file open."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = Path(path)  # making one takes longer than a look at the file
        self._descriptor: int | None = None
        _all.add(self)

    def try_acquire(self) -> bool:
        """Take the lock if nobody else has it. False if somebody has."""
        while True:
            descriptor = self._opened()
            if not _try(descriptor):
                return False
            if self._is_current(descriptor):
                self._sign(descriptor)
                return True
            self.close()  # somebody removed the file: a lock on it is worth nothing

    def acquire(self, timeout: float) -> None:
        """Take the lock, waiting for `timeout` seconds at most; QueueError names who has it."""
        deadline = time.monotonic() + timeout
        pause = 0.0002
        while not self.try_acquire():
            if time.monotonic() > deadline:
                raise QueueError(
                    f"{self.path} has been locked for {timeout:g} s by {self._holder()}; if that "
                    "process is stopped, let it go on or end it"
                )
            # No system call waits for a lock and for a time. At random, so that nobody starves.
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 0.004)

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            _unlock(self._descriptor)

    def close(self) -> None:
        """Close the file. That gives the lock back, unless a child of fork() has a copy."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, _FLAGS, 0o600)
            except OSError as error:
                raise QueueError(f"The lock file {self.path} can't be opened: {error}") from error
        return self._descriptor

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._file.stat())
        except FileNotFoundError:
            return False

    def _sign(self, descriptor: int) -> None:
        """Write who has the lock, for the error of whoever waits in vain."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b"%-20d\n" % os.getpid())

    def _holder(self) -> str:
        try:
            pid = self._file.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            pid = ""
        return f"the process with pid {pid}" if pid else "another process"


_all: weakref.WeakSet[FileLock] = weakref.WeakSet()
"""Those of this process. A child of fork() must not keep copies, or they outlive their holder."""


def _close_all() -> None:
    for lock in list(_all):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
