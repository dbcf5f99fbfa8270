"""The list of workers, and what those that died had: SQL inside a transaction."""

from __future__ import annotations

import sqlite3

from . import store
from .pace import backoff
from .rows import row
from .states import BROKEN, READY, SENDING, UNKNOWN, WAITING

CRASHES = 3
"""A message with which so many workers died is set aside."""


def register(db: sqlite3.Connection, slot: int, pid: int, host: str, now: float) -> int:
    """Enter a worker; return its id, which is never used again."""
    sql = "INSERT INTO simplemail_workers (slot, pid, host, started) VALUES (?, ?, ?, ?)"
    return db.execute(sql, (slot, pid, host, now)).lastrowid or 0


def is_registered(db: sqlite3.Connection, worker: int) -> bool:
    """Is this worker on the list? Others strike one that they take for dead."""
    sql = "SELECT 1 FROM simplemail_workers WHERE id = ?"
    return row(db, sql, (worker,)) is not None


def unregister(db: sqlite3.Connection, worker: int) -> None:
    """Strike a worker that has nothing any more."""
    db.execute("DELETE FROM simplemail_workers WHERE id = ?", (worker,))


def recover(db: sqlite3.Connection, worker: int, pid: int, now: float) -> int:
    """Take back what a dead worker had; return how many messages that were.

    What it had only claimed is ready again. What it was sending may have been sent.
    """
    rows = db.execute(_OWNED, (worker,)).fetchall()
    for id_, before, crashes, at_least_once in rows:
        state = _after_crash(before, crashes + 1, at_least_once=bool(at_least_once))
        due = now + backoff(crashes + 1) if state == WAITING else now
        error = f"the worker with pid {pid} died while it had this message ({before})"
        db.execute(_RECOVER, (state, error, due, now, id_, before, worker))
        store.note(db, id_, now, "recovered", worker=worker, error=error)
    db.execute("UPDATE simplemail_mailers SET probe = NULL WHERE probe = ?", (worker,))
    unregister(db, worker)
    return len(rows)


_OWNED = """
SELECT id, state, crashes, at_least_once
FROM simplemail_messages INDEXED BY simplemail_owned WHERE owner = ?
"""
_RECOVER = """
UPDATE simplemail_messages
SET state = ?, crashes = crashes + 1, owner = NULL, error = ?, due = ?, changed = ?
WHERE id = ? AND state = ? AND owner = ?
"""


def _after_crash(before: str, crashes: int, *, at_least_once: bool) -> str:
    if before == SENDING and not at_least_once:
        return UNKNOWN
    if crashes >= CRASHES:
        return BROKEN
    return WAITING if before == SENDING else READY
