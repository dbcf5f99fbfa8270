"""Copies a queue, restores a copy, and finds out what is wrong with a file."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from . import states, store
from .errors import QueueError


def copy(db: sqlite3.Connection, path: str | os.PathLike[str]) -> None:
    """Copy a database to a new file, for its owner alone, which is complete and one file alone."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise QueueError(f"The copy {os.fspath(path)} can't be made: {error}") from error
    with closing(sqlite3.connect(path, isolation_level=None)) as target:
        db.backup(target)
        # One file is easier to move than three.
        target.execute("PRAGMA journal_mode=DELETE")


def restore(backup: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Make a queue of a backup, in which nothing is sent before a person has looked at it."""
    if not Path(backup).exists():
        raise QueueError(f"There is no backup at {os.fspath(backup)}")
    try:
        with closing(sqlite3.connect(backup, isolation_level=None)) as source:
            copy(source, path)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            _hold_everything(db, time.time())
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        Path(path).unlink(missing_ok=True)
        raise QueueError(f"{os.fspath(backup)} is not a backup of a queue: {error}") from error


def _hold_everything(db: sqlite3.Connection, now: float) -> None:
    """Hold what was open; what was being sent has an unknown fate. No worker of then is alive."""
    rows = db.execute(f"SELECT id, state FROM simplemail_messages WHERE state IN {states.OPEN}")
    for id_, state in rows.fetchall():
        after = states.UNKNOWN if state == states.SENDING else states.HELD
        db.execute(
            "UPDATE simplemail_messages SET state = ?, owner = NULL, deadline = expires, "
            "changed = ? WHERE id = ?",
            (after, now, id_),
        )
        store.note(db, id_, now, "restored")
    db.execute("DELETE FROM simplemail_workers")
    db.execute("UPDATE simplemail_mailers SET probe = NULL")


def check(db: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong, and messages that can't be what they should be."""
    found = [row[0] for row in db.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
    for problem, sql in _RULES.items():
        ids = [str(row[0]) for row in db.execute(sql).fetchall()]
        found += [f"{problem}: {', '.join(ids[:20])}"] if ids else []
    return found


_RULES = {
    "messages in a state that doesn't exist": (
        f"SELECT id FROM simplemail_messages WHERE state NOT IN {states.ALL}"
    ),
    "messages to be sent whose content is missing": (
        "SELECT id FROM simplemail_messages LEFT JOIN simplemail_contents ON message = id "
        f"WHERE message IS NULL AND state NOT IN {states.CLOSED}"
    ),
    "messages held by an unknown worker": (
        "SELECT id FROM simplemail_messages INDEXED BY simplemail_owned "
        "WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM simplemail_workers)"
    ),
    "messages whose state and worker don't match": (
        "SELECT id FROM simplemail_messages "
        "WHERE (owner IS NOT NULL) != (state IN ('claimed', 'sending'))"
    ),
}
