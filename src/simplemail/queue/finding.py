"""Finds messages in the queue, a page at a time: there may be a million."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from . import states
from .records import COLUMNS, Queued

_PAGE = 1000


class Wanted(NamedTuple):
    """Which messages to find: put before the time `before`, the others are words of `find()`."""

    state: str | None
    to: str | None
    tag: str | None
    before: float | None

    def fits(self, queued: Queued) -> bool:
        """Is this one to this recipient, and has it the tag?"""
        is_to = self.to is None or self.to.lower() in map(str.lower, queued.recipients)
        return is_to and (self.tag is None or self.tag in queued.tags)


def find(db: sqlite3.Connection, wanted: Wanted, limit: int | None) -> list[Queued]:
    """Return up to so many messages, the oldest first. Raises ValueError for an unknown state."""
    if wanted.state is not None and wanted.state not in states.ALL:
        raise ValueError(f"No state {wanted.state!r}; use one of {', '.join(states.ALL)}")
    return list(islice(filter(wanted.fits, _every(db, wanted)), limit))


def _every(db: sqlite3.Connection, wanted: Wanted) -> Iterator[Queued]:
    """Yield the messages in this state, put before this time, if these are given."""
    conditions = {"state = ?": wanted.state, "created < ?": wanted.before}
    given = {text: value for text, value in conditions.items() if value is not None}
    where = " AND ".join(["id > ?", *given])
    sql = f"SELECT {COLUMNS} FROM simplemail_messages WHERE {where} ORDER BY id LIMIT ?"
    last = 0
    while rows := db.execute(sql, (last, *given.values(), _PAGE)).fetchall():
        yield from map(Queued.of, rows)
        last = rows[-1][0]
