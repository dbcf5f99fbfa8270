"""Keeps messages in one SQLite file, readable by its owner alone.

What the list shows stands apart from the contents, so that a list is read without them. A
message is taken as it is; what it says is looked up by `settle()`, after whoever sent it has
its answer and before anybody is shown it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..light import lock
from .database import opened
from .defaults import KEEP, KEEP_OCTETS
from .digest import digest
from .files import content_of
from .reading import Mail
from .search import Condition, condition

_COLUMNS = (
    "m.id, m.arrived, m.size, m.unread, m.sender, m.recipients, m.author, m.subject, "
    "m.announced_8bit, m.file, coalesce(m.attachments, 0), coalesce(m.preview, '')"
)
_LARGE = 1_000_000


class Arrival(NamedTuple):
    """A message on its way in: its octets, and what its envelope says.

    Of a `file`, named by its path, no copy is kept.
    """

    content: bytes
    sender: str = ""
    recipients: tuple[str, ...] = ()
    announced_8bit: bool = True
    file: str | None = None
    arrived: float | None = None


class Row(NamedTuple):
    """What the list shows of a message. `arrived` is in seconds since 1970, `size` in octets."""

    id: int
    arrived: float
    size: int
    unread: bool
    sender: str
    recipients: list[str]
    author: str
    subject: str
    announced_8bit: bool
    file: str | None
    attachments: int
    preview: str


class Store:
    """Messages by id, newest last. Every method may be called from any thread."""

    def __init__(
        self, path: str | Path, *, keep: int = KEEP, keep_octets: int = KEEP_OCTETS
    ) -> None:
        self.path = Path(path)
        self._keep, self._keep_octets = keep, keep_octets
        self._lock = lock()
        self._settling = lock()
        self._db = opened(self.path)
        # Files stay where they are, so that they make no room and need none.
        self._kept, self._octets = self._all(
            "SELECT count(*), coalesce(sum(size), 0) FROM messages WHERE file IS NULL"
        )[0]
        self._files = self._one("SELECT count(*) FROM messages WHERE file IS NOT NULL")

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._db.close()

    # Coming and going

    def add(self, arrival: Arrival) -> tuple[int, list[int]]:
        """Keep a message; return its id, and the ids of old ones that had to make room."""
        mail = Mail(arrival.content)
        sender = ", ".join(mail.values("from"))
        recipients = json.dumps(arrival.recipients, ensure_ascii=False)
        arrived = time.time() if arrival.arrived is None else arrival.arrived
        row = (
            arrived, len(arrival.content), 1, arrival.sender, recipients, sender[:1_000],
            mail.value("subject")[:2_000], arrival.announced_8bit, _name(arrival.file),
        )  # fmt: skip
        with self._lock, self._db:
            found = self._db.execute(
                "INSERT INTO messages (arrived, size, unread, sender, recipients, author, subject,"
                " announced_8bit, file) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                tuple(map(_storable, row)),
            )
            number = found.lastrowid
            assert number is not None
            if arrival.file is not None:
                self._files += 1
                return number, []
            self._write_content(number, arrival.content)
            self._kept += 1
            self._octets += len(arrival.content)
            return number, self._make_room(number)

    def settle(self) -> list[int]:
        """Look up what new messages say; return their ids. Until then no list shows them right."""
        done = []
        with self._settling:
            while pending := self._all(
                "SELECT id FROM messages WHERE attachments IS NULL ORDER BY id LIMIT 100"
            ):
                for (number,) in pending:
                    self._settle(number)
                    done.append(number)
        return done

    def mark(self, number: int, *, unread: bool) -> bool:
        """Mark a message; False if there is none, or it was marked so before."""
        sql = "UPDATE messages SET unread = ? WHERE id = ? AND unread != ?"
        return self._change(sql, unread, number, unread) > 0

    def delete(self, numbers: Iterable[int]) -> list[int]:
        """Delete messages but those that are files; return the ids of those that were there."""
        gone = []
        with self._lock, self._db:
            for number in numbers:
                if self._one("SELECT count(*) FROM messages WHERE id = ? AND file IS NULL", number):
                    self._remove(number)
                    gone.append(number)
        return gone

    def forget_files(self, paths: Iterable[str]) -> list[int]:
        """Drop the messages of files that are gone; return their ids."""
        gone = []
        with self._lock, self._db:
            for path in paths:
                for (number,) in self._all("SELECT id FROM messages WHERE file = ?", _name(path)):
                    self._remove(number)
                    gone.append(number)
        return gone

    # Reading

    def rows(
        self, search: str = "", *, limit: int = 50, before: int | None = None, after: int = 0
    ) -> list[Row]:
        """Return rows that a search finds, newest first, with ids between `after` and `before`.

        Raises WrongSearch.
        """
        where = condition(search)
        values = [*where.values, after, *([] if before is None else [before]), limit]
        sql = self._select(where) + " AND m.id > ?" + (" AND m.id < ?" if before else "")
        return [_row(each) for each in self._all(f"{sql} ORDER BY m.id DESC LIMIT ?", *values)]

    def numbers(self, search: str = "") -> list[int]:
        """Return the ids of all messages that a search finds. Raises WrongSearch."""
        where = condition(search)
        sql = self._select(where).replace(_COLUMNS, "m.id", 1)
        return [number for (number,) in self._all(sql, *where.values)]

    def row(self, number: int) -> Row | None:
        found = self._all(f"SELECT {_COLUMNS} FROM messages m WHERE m.id = ?", number)
        return _row(found[0]) if found else None

    def latest(self) -> int:
        """Return the newest id, 0 if there is no message."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM messages"))

    def content(self, number: int) -> bytes | None:
        """Return a message's octets; None if there is no such message, or its file is gone."""
        found = self._all("SELECT content FROM contents WHERE id = ?", number)
        if found:
            return bytes(found[0][0])
        for path, size in self._all("SELECT file, size FROM messages WHERE id = ?", number):
            with contextlib.suppress(OSError):
                return content_of(os.fsdecode(path), size)
        return None

    def counts(self) -> tuple[int, int]:
        """Return how many messages there are, and how many of them are unread."""
        unread = self._one("SELECT count(*) FROM messages WHERE unread")
        return self._kept + self._files, unread

    def files(self) -> dict[str, tuple[int, float]]:
        """Return size and time of each file that is shown as a message, by path."""
        sql = "SELECT file, size, arrived FROM messages WHERE file IS NOT NULL"
        return {os.fsdecode(path): (size, arrived) for path, size, arrived in self._all(sql)}

    # Inside

    def _settle(self, number: int) -> None:
        content = self.content(number)
        row = self.row(number)
        if row is None:  # deleted meanwhile
            return
        found = digest(content or b"")
        # In angle brackets, so that a search can be for the whole address.
        envelope = [f"<{address}>" for address in row.recipients]
        recipients = "\n".join([*envelope, found.recipients]).casefold()
        sender = f"{row.author}\n<{row.sender}>".casefold()
        everything = "\n".join([sender, row.subject, recipients, found.body])
        with self._lock, self._db:
            changed = self._db.execute(
                "UPDATE messages SET attachments = ?, preview = ? WHERE id = ?",
                (found.attachments, _storable(found.preview), number),
            )
            if changed.rowcount:
                values = (number, sender, recipients, row.subject.casefold(), everything.casefold())
                self._db.execute(
                    "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?)",
                    tuple(map(_storable, values)),
                )

    def _write_content(self, number: int, content: bytes) -> None:
        if len(content) < _LARGE:
            self._db.execute("INSERT INTO contents VALUES (?, ?)", (number, content))
            return
        # SQLite would copy it once more.
        self._db.execute("INSERT INTO contents VALUES (?, zeroblob(?))", (number, len(content)))
        with self._db.blobopen("contents", "content", number) as blob:
            view = memoryview(content)
            for start in range(0, len(content), _LARGE):
                blob.write(view[start : start + _LARGE])

    def _make_room(self, newest: int) -> list[int]:
        gone: list[int] = []
        while self._kept > self._keep or self._octets > self._keep_octets:
            oldest = self._one("SELECT min(id) FROM messages WHERE file IS NULL")
            if oldest is None or oldest == newest:
                break
            self._remove(oldest)
            gone.append(oldest)
        return gone

    def _remove(self, number: int) -> None:
        [(size, file)] = self._all("SELECT size, file FROM messages WHERE id = ?", number)
        if file is None:
            self._kept -= 1
            self._octets -= size
        else:
            self._files -= 1
        for table in ("messages", "texts", "contents"):
            self._db.execute(f"DELETE FROM {table} WHERE id = ?", (number,))

    def _select(self, where: Condition) -> str:
        texts = "JOIN texts t ON t.id = m.id" if "t." in where.sql else ""
        return f"SELECT {_COLUMNS} FROM messages m {texts} WHERE ({where.sql})"

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, tuple(map(_storable, values))).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        return self._all(sql, *values)[0][0]

    def _change(self, sql: str, *values: Any) -> int:
        with self._lock, self._db:
            return self._db.execute(sql, values).rowcount


def _row(values: Any) -> Row:
    row = Row(*values)
    file = None if row.file is None else os.fsdecode(row.file)
    return row._replace(
        unread=bool(row.unread), recipients=json.loads(str(row.recipients)), file=file
    )


def _name(path: str | None) -> bytes | None:
    """Return a path as octets: file names needn't be text."""
    return None if path is None else os.fsencode(path)


def _storable(value: Any) -> Any:
    """Return a value that SQLite takes: a text without lone surrogates."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
