"""Opens the SQLite file of a store, for its owner and for one process alone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

_VERSION = 1
_SCHEMA = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived REAL NOT NULL, size INTEGER NOT NULL, unread INTEGER NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL,
    author TEXT NOT NULL, subject TEXT NOT NULL,
    announced_8bit INTEGER NOT NULL, file TEXT,
    attachments INTEGER, preview TEXT
);
CREATE INDEX unsettled ON messages (id) WHERE attachments IS NULL;
CREATE INDEX unread ON messages (id) WHERE unread;
CREATE INDEX kept ON messages (id) WHERE file IS NULL;
CREATE INDEX files ON messages (file) WHERE file IS NOT NULL;
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, subject TEXT, everything TEXT
);
CREATE TABLE contents (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
"""


class StoreInUse(OSError):  # noqa: N818 - not an error of the store
    """Another inbox has this store open."""


def opened(path: Path) -> sqlite3.Connection:
    """Open the file, or make it. Raises StoreInUse, ValueError for a file that is no store."""
    with contextlib.suppress(FileExistsError):
        # O_EXCL, because closing a file that is open elsewhere in this process frees its locks.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, timeout=0)
    try:
        # For one process alone, until it ends: what others add, this one wouldn't announce.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A power cut may cost the last messages; a crash of the program doesn't.
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = WAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise ValueError(f"{path} was written by another version; use another --store FILE")
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT")
    except sqlite3.DatabaseError as error:
        db.close()
        if "locked" in str(error):
            raise StoreInUse(f"Another inbox has {path} open; use another --store FILE") from error
        raise ValueError(
            f"{path} is not the store of an inbox ({error}); use another file"
        ) from error
    except ValueError:
        db.close()
        raise
    return db
