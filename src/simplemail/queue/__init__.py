"""A durable queue: mail survives a crash, and is never sent twice by itself.

from simplemail.queue import Queue, Worker

queue = Queue.of("default")
queue.put(message, delay=60)

Worker(queue).run()
"""

from __future__ import annotations

from .errors import QueueError
from .queue import Queue
from .records import Event, Health, MailerState, Queued, WorkerState
from .worker import Worker

__all__ = [
    "Event",
    "Health",
    "MailerState",
    "Queue",
    "QueueError",
    "Queued",
    "Worker",
    "WorkerState",
]
