"""Puts messages through somebody else's transaction, which commits them or doesn't."""

from __future__ import annotations

import os
import sqlite3
import warnings

from ..rendering.envelope import Envelope
from . import schema, store
from .records import Queued
from .rows import value
from .store import Order

_FULL = 2  # PRAGMA synchronous


def put_through(
    connection: sqlite3.Connection,
    path: str,
    envelopes: list[Envelope],
    order: Order,
    now: float,
) -> list[Queued]:
    """Put messages into the transaction that is open on a connection to the queue's file.

    Raises ValueError for another file, or where each statement would be committed at once.
    """
    cursor = connection.cursor()
    cursor.row_factory = None
    _check_file(cursor, path)
    if not connection.in_transaction:
        if connection.isolation_level is None:
            raise ValueError(
                "put(connection=...) needs an open transaction, and this connection commits "
                "each statement at once: execute('BEGIN') first"
            )
        # At once: a transaction that reads first fails if somebody else writes before it does.
        cursor.execute("BEGIN IMMEDIATE")
    schema.prepare(cursor, path)
    return [store.put(cursor, envelope, order, now) for envelope in envelopes]


def _check_file(cursor: sqlite3.Cursor, path: str) -> None:
    rows = cursor.execute("PRAGMA database_list").fetchall()
    found = next(file for _, name, file in rows if name == "main")
    if os.path.realpath(found) != path:
        raise ValueError(f"put(connection=...) needs a connection to {path}, not to {found!r}")
    if value(cursor, "PRAGMA synchronous") < _FULL:
        warnings.warn(
            "This connection's commits may not survive a power cut, and so the mail may not; "
            "execute('PRAGMA synchronous=FULL')",
            RuntimeWarning,
            stacklevel=5,
        )
