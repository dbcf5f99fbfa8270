"""Deletes what is over: messages that were sent or cancelled, with their history."""

from __future__ import annotations

import sqlite3

from . import states
from .file import File

_AT_ONCE = 1000  # in one transaction, so that nobody waits long for it


def purge(file: File, before: float) -> int:
    """Delete closed messages that changed last before this time; return how many."""
    count = 0
    while True:
        with file.writing() as db:
            found = _purge(db, before, _AT_ONCE)
        count += found
        if found < _AT_ONCE:
            return count


def _purge(db: sqlite3.Connection, before: float, limit: int) -> int:
    ids = [
        row[0]
        for state in states.CLOSED
        for row in db.execute(_CLOSED[state], (before, limit)).fetchall()
    ]
    for id_ in ids:
        for table, column in (("contents", "message"), ("events", "message"), ("messages", "id")):
            db.execute(f"DELETE FROM simplemail_{table} WHERE {column} = ?", (id_,))
    return len(ids)


_CLOSED = {
    state: (
        "SELECT id FROM simplemail_messages INDEXED BY simplemail_closed "
        f"WHERE state IN {states.CLOSED} AND state = '{state}' AND changed < ? LIMIT ?"
    )
    for state in states.CLOSED
}
