"""Makes a queue's file where there is none, and its tables."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from . import schema
from .errors import QueueError
from .mounts import mount_of
from .rows import value


def create(path: str, *, unsafe: bool) -> None:
    """Make the file where there is none. It is for its owner alone.

    Raises QueueError where that can't be, or where a file system can't be trusted.
    """
    if Path(path).name == ":memory:":  # SQLite's word for a database that isn't kept
        raise QueueError(
            "A queue in memory would be lost with its process; give the path of a file, or send "
            "through memory: in tests"
        )
    if not unsafe:
        _check_file_system(path)
    try:
        Path(path).parent.mkdir(0o700, parents=True, exist_ok=True)
        # What exists isn't opened: closing it would drop the locks of SQLite's connections.
        if not Path(path).exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise QueueError(f"The queue {path} can't be made: {error}") from error


def _check_file_system(path: str) -> None:
    mount = mount_of(path)
    if mount and mount.is_shared:
        raise QueueError(
            f"{path} is on {mount.point}, a file system of type {mount.kind}, where "
            "SQLite's write-ahead log can be damaged; put the queue on a local disk, or set "
            "unsafe_filesystem=True if one process alone uses it"
        )


def set_up(db: sqlite3.Connection, path: str, *, unsafe: bool) -> bool:
    """Make the tables, and choose the journal for a file that has none yet.

    True if that is a write-ahead log.
    """
    if unsafe:
        value(db, "PRAGMA journal_mode=DELETE")
    elif not Path(path).stat().st_size:
        value(db, "PRAGMA journal_mode=WAL")
    # An application's own database keeps the journal that it has.
    is_wal: bool = value(db, "PRAGMA journal_mode") == "wal"
    if schema.version_of(db) != schema.VERSION:
        db.execute("BEGIN IMMEDIATE")
        schema.prepare(db, path)
        db.execute("COMMIT")
    return is_wal
