"""The tables of a queue.

All names begin with `simplemail_`, because the queue may live in an application's own database.
Indexes are partial, each for one question, and asked for by name: SQLite's planner would choose
a worse one, and a statement whose index is missing fails instead of reading a million rows.
States stand in the SQL as literals: of a parameter, SQLite can't tell that an index has the row.
They are compared one by one: for `IN` with more than two, SQLite builds a table each time that it
asks whether a row belongs in the index, which takes three quarters of the time of an UPDATE.
"""

from __future__ import annotations

import sqlite3

from .errors import QueueError
from .rows import row

VERSION = 1
"""Of the tables. One that is higher was written by a newer release, and is left alone."""

FORMAT = 1
"""Of a message's row. Rows of a newer format wait for a worker that knows it."""

# ids are never used again (AUTOINCREMENT): "queued as 42" must mean one message for ever.
_TABLES = f"""
CREATE TABLE IF NOT EXISTS simplemail_meta (name TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS simplemail_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  format INTEGER NOT NULL DEFAULT {FORMAT},
  state TEXT NOT NULL,
  mailer TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due REAL NOT NULL,
  expires REAL,
  deadline REAL,
  created REAL NOT NULL,
  changed REAL NOT NULL,
  owner INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  at_least_once INTEGER NOT NULL,
  key TEXT,
  tags TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL,
  remaining TEXT NOT NULL,
  answers TEXT NOT NULL DEFAULT '{{}}',
  message_id TEXT NOT NULL,
  eight_bit INTEGER NOT NULL,
  utf8 INTEGER NOT NULL,
  size INTEGER NOT NULL,
  reply TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS simplemail_contents (
  message INTEGER PRIMARY KEY,
  content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS simplemail_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  mailer TEXT NOT NULL,
  worker INTEGER,
  reply TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  answers TEXT NOT NULL DEFAULT '{{}}'
);
CREATE TABLE IF NOT EXISTS simplemail_workers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slot INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  started REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS simplemail_mailers (
  name TEXT PRIMARY KEY,
  paused INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  since REAL NOT NULL DEFAULT 0,
  rest REAL NOT NULL DEFAULT 0,
  probe INTEGER,
  next REAL NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS simplemail_by_priority
  ON simplemail_messages (mailer, priority DESC, id) WHERE state = 'ready' AND format = {FORMAT};
CREATE INDEX IF NOT EXISTS simplemail_by_age
  ON simplemail_messages (mailer, id) WHERE state = 'ready' AND format = {FORMAT};
CREATE INDEX IF NOT EXISTS simplemail_by_due
  ON simplemail_messages (due) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS simplemail_retried
  ON simplemail_messages (changed) WHERE state = 'waiting' AND tries > 0;
CREATE INDEX IF NOT EXISTS simplemail_by_deadline
  ON simplemail_messages (deadline)
  WHERE (state = 'ready' OR state = 'waiting' OR state = 'held') AND deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS simplemail_owned
  ON simplemail_messages (owner) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS simplemail_unfinished
  ON simplemail_messages (state, id)
  WHERE (state = 'held' OR state = 'refused' OR state = 'expired' OR state = 'unknown'
    OR state = 'broken');
CREATE INDEX IF NOT EXISTS simplemail_closed
  ON simplemail_messages (state, changed) WHERE state IN ('sent', 'cancelled');
CREATE INDEX IF NOT EXISTS simplemail_newer
  ON simplemail_messages (format) WHERE format > {FORMAT};
CREATE UNIQUE INDEX IF NOT EXISTS simplemail_keys
  ON simplemail_messages (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS simplemail_history ON simplemail_events (message);
"""

_STATEMENTS = [text for text in map(str.strip, _TABLES.split(";")) if text]


def prepare(db: sqlite3.Connection | sqlite3.Cursor, path: str) -> None:
    """Create the tables where they are missing, inside whatever transaction is open.

    Raises QueueError for tables of a newer release.
    """
    known = version_of(db)
    if known is None:
        for statement in _STATEMENTS:  # not executescript(), which commits
            db.execute(statement)
        db.execute("INSERT INTO simplemail_meta VALUES ('version', ?)", (VERSION,))
    elif known > VERSION:
        raise QueueError(
            f"{path} was written by a newer simplemail (its tables have version {known}, and this "
            f"release knows version {VERSION}); update simplemail here"
        )


def version_of(db: sqlite3.Connection | sqlite3.Cursor) -> int | None:
    """Return the version of the tables; None if there are none."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'simplemail_meta'"
    if not row(db, sql):
        return None
    found = row(db, "SELECT value FROM simplemail_meta WHERE name = 'version'")
    return int(found[0]) if found else None
