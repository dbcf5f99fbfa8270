"""Reads rows to their end: PyPy's sqlite3 keeps a statement open until then, and its lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any


def row(
    db: sqlite3.Connection | sqlite3.Cursor, sql: str, values: Sequence[Any] = ()
) -> tuple[Any, ...] | None:
    """Return the only row that a statement gives; None if it gives none."""
    found: list[tuple[Any, ...]] = db.execute(sql, values).fetchall()
    return found[0] if found else None


def value(db: sqlite3.Connection | sqlite3.Cursor, sql: str, values: Sequence[Any] = ()) -> Any:
    """Return the only value that a statement gives; it gives one in any case."""
    return db.execute(sql, values).fetchall()[0][0]
