"""Workers in threads of this process: one for each queue file that asks for it."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from ..light import lock
from .worker import Worker

if TYPE_CHECKING:
    from .queue import Queue

LAST_WORDS = 10.0
"""Seconds for which a process that ends goes on with what can be delivered."""

_workers: dict[str, Worker] = {}  # because threads belong to the process, and so does the work
_lock = lock()


def ensure_worker(queue: Queue) -> None:
    """Start a worker for this queue in a thread of this process, unless there is one."""
    with _lock:
        found = _workers.get(queue.path)
        if found is not None and found.is_running():
            return
        worker = _workers[queue.path] = Worker(queue)
    worker.start()


def end_workers() -> None:
    """Let them deliver what can be delivered now, for a while, and stop."""
    while _workers:
        _, worker = _workers.popitem()
        worker.finish(LAST_WORDS)


atexit.register(end_workers)
if hasattr(os, "register_at_fork"):  # the threads stay in the parent
    os.register_at_fork(after_in_child=_workers.clear)
