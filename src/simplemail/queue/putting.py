"""Puts messages into the queue: rendered, checked, and into one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..rendering.envelope import Envelope
from . import captured, store
from .background import ensure_worker
from .joining import put_through
from .orders import Terms, order_of
from .records import Queued

if TYPE_CHECKING:
    from .queue import Queue


def put_all(
    queue: Queue, messages: Iterable[Any], terms: Terms, connection: sqlite3.Connection | None
) -> list[Queued]:
    """Put all of the messages, or none if this raises."""
    now = time.time()
    order = order_of(terms, queue.mailer, queue.lifetime, now)
    if captured.is_on():
        return captured.put(messages, terms, order, queue.alias, now)
    # All of them are rendered before the file is locked.
    envelopes = [_rendered(message) for message in messages]
    if connection is not None:
        return put_through(connection, queue.path, envelopes, order, now)
    with queue.file.writing() as db:
        queued = [store.put(db, envelope, order, now) for envelope in envelopes]
    queue.file.tell()
    if queue.has_worker:
        ensure_worker(queue)
    return queued


def _rendered(message: Any) -> Envelope:
    """Render a message as 7-bit, so that any server can take it."""
    envelope = Envelope.of(message, eight_bit=False, utf8=True)
    if not envelope.recipients:
        raise ValueError("The message has no recipients, so there is nothing to queue")
    return envelope
