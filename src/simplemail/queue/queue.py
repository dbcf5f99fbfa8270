"""The queue as programs use it: put messages in, look at them, decide about them."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ..backends.handler import as_configured, mailers
from ..rendering.envelope import Envelope, several
from ..threads import in_thread
from . import copies, finding, store
from .errors import QueueError
from .file import TIMEOUT
from .files import file_at
from .orders import Terms, seconds
from .pace import Rate
from .purging import purge
from .putting import put_all
from .records import Event, Health, Queued
from .watching import health, live_workers

DEFAULT_LIMIT = 100


class Queue:
    """Messages in the SQLite file at `path`, on their way.

    `mailer` is the alias of the mailer that delivers what is put here; `rate`, like "100/m", how
    many it may get, whoever sends them. `lifetime` is in seconds, or a timedelta: what couldn't be
    delivered by then expires. `timeout` is how many seconds a call waits for others that write.
    `alias` names this queue in MAILERS; `resolve`, a function, finds a mailer that isn't there.
    `unsafe_filesystem` takes a file on a network too, for one process alone.
    All processes and threads of one machine may use one file.
    With `worker="thread"`, a thread of this process delivers, once something was put.

    What can't be done because of the file raises QueueError, an OSError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        mailer: str = "",
        rate: str = "",
        lifetime: float | timedelta = 4 * 86_400.0,
        timeout: float = TIMEOUT,
        unsafe_filesystem: bool = False,
        alias: str | None = None,
        resolve: Callable[[str], Any] | None = None,
        worker: str = "",
    ) -> None:
        self.mailer = mailer
        self.rate = Rate.of(rate)
        self.lifetime = seconds("lifetime", lifetime)
        self.alias = alias
        self._resolve = resolve
        self.has_worker = worker == "thread"
        self.file = file_at(path, timeout=timeout, unsafe=unsafe_filesystem)

    @classmethod
    def of(cls, alias: str = "default") -> Queue:
        """Return the queue that the mailer called `alias`, of the backend `queue`, puts into.

        Raises MailerDoesNotExist for an unknown alias, ValueError for another kind of mailer.
        """
        queue = getattr(as_configured(alias), "queue", None)
        if not isinstance(queue, Queue):
            raise ValueError(
                f"The mailer {alias!r} is not a queue; pass Queue.of() the alias of one"
            )
        return queue

    @property
    def path(self) -> str:
        """The path of the file, absolute and without symbolic links."""
        return self.file.path

    def __repr__(self) -> str:
        return f"<Queue {self.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. It is opened again when it is used again; at exit it is closed anyway."""
        self.file.close()

    def mailer_named(self, name: str) -> Any:
        """Return the mailer that delivers what was put for the alias `name`."""
        if self._resolve is not None and name == self.mailer:
            return self._resolve(name)
        if not name:
            raise ValueError("The mailer of these messages is a URL that this process doesn't know")
        return mailers[name]

    # Putting

    def put(
        self,
        message: Any,
        *,
        delay: float | timedelta | None = None,
        send_at: datetime | None = None,
        key: str | None = None,
        priority: int = 0,
        expires: float | timedelta | datetime | None = None,
        tags: Iterable[str] = (),
        hold: bool = False,
        at_least_once: bool = False,
        connection: sqlite3.Connection | None = None,
    ) -> Queued:
        """Put a message into the queue. When this returns, it survives a crash and a power cut.

        - `message`: ours, Django's, the standard library's, or an `Envelope`. It is rendered now.
        - `delay`: how long it waits, in seconds or as a timedelta; or `send_at`: until when, as a
          datetime with a time zone.
        - `key`: if a message with this key is in the queue already, nothing is put. The result is
          that one, and its `already` is True.
        - `priority`: of those that are ready, the highest goes first.
        - `expires`: when it isn't worth sending any more: a datetime, or how long after it is due.
        - `tags`: words to find it by.
        - `hold`: it waits for `release()`.
        - `at_least_once`: if nobody knows whether it was sent, it is sent again.
        - `connection`: an open connection to the queue's file in a transaction of yours. The
          message is in the queue if and when you commit, and as durable as your commit is.

        Raises ValueError for what is wrong with the message or an argument.
        """
        terms = Terms(delay, send_at, key, priority, expires, tuple(tags), hold, at_least_once)
        return put_all(self, [message], terms, connection)[0]

    def put_many(
        self,
        messages: Iterable[Any],
        *,
        delay: float | timedelta | None = None,
        send_at: datetime | None = None,
        priority: int = 0,
        expires: float | timedelta | datetime | None = None,
        tags: Iterable[str] = (),
        hold: bool = False,
        at_least_once: bool = False,
        connection: sqlite3.Connection | None = None,
    ) -> list[Queued]:
        """Put `messages` into the queue in one transaction: all or, if this raises, none.

        `delay`, `send_at`, `priority`, `expires`, `tags`, `hold`, `at_least_once` and `connection`
        mean what they mean for `put()`.
        """
        terms = Terms(delay, send_at, None, priority, expires, tuple(tags), hold, at_least_once)
        return put_all(self, several(messages), terms, connection)

    async def aput(self, message: Any, **options: Any) -> Queued:
        """Put `message` as `put()` does, with its `options`, without blocking the event loop."""
        return await in_thread(self, self.put, message, **options)

    async def aput_many(self, messages: Iterable[Any], **options: Any) -> list[Queued]:
        """Put `messages` as `put_many()` does, with its `options`, without blocking."""
        return await in_thread(self, self.put_many, messages, **options)

    # Looking

    def get(self, id_: int) -> Queued | None:
        """Return the record of the message with the id `id_`; None if there is none."""
        with self.file.reading() as db:
            return store.get(db, id_)

    def find(
        self,
        *,
        state: str | None = None,
        to: str | None = None,
        tag: str | None = None,
        older: float | timedelta | None = None,
        limit: int | None = DEFAULT_LIMIT,
    ) -> list[Queued]:
        """Return messages, the oldest first, and no more than `limit` (None: all of them).

        They are in this `state`, have the recipient `to` and the word `tag`, and were put longer
        ago than `older`, in seconds or as a timedelta. Raises ValueError for an unknown state.
        """
        before = None if older is None else time.time() - seconds("older", older)
        wanted = finding.Wanted(state, to, tag, before)
        with self.file.reading() as db:
            return finding.find(db, wanted, limit)

    def envelope(self, id_: int) -> Envelope | None:
        """Return what is left to deliver of the message `id_`; None if its content was dropped."""
        with self.file.reading() as db:
            return store.envelope(db, id_)

    def attempts(self, id_: int) -> list[Event]:
        """Return what happened to the message `id_`, in order."""
        with self.file.reading() as db:
            return store.events(db, message=id_, limit=-1)

    def events(self, after: int = 0, *, limit: int = 1000) -> list[Event]:
        """Return up to `limit` events after the one with the id `after`: a feed to follow."""
        with self.file.reading() as db:
            return store.events(db, after=after, limit=limit)

    def counts(self) -> dict[str, int]:
        """Return how many messages there are in each state."""
        return self.health().counts

    def health(self, *, max_age: float | timedelta | None = None) -> Health:
        """Return counts, workers, mailers, and as `problems` what somebody should look after.

        Mail that has been ready for longer than `max_age` is a problem.
        """
        age = None if max_age is None else seconds("max_age", max_age)
        alive = live_workers(self.file)
        with self.file.reading() as db:
            return health(db, alive, age, time.time())

    # Deciding

    def cancel(self, *ids: int) -> list[int]:
        """Never send the messages `ids`. Returns those for which that could be done."""
        return self._decide(ids, store.CANCEL)

    def hold(self, *ids: int) -> list[int]:
        """Don't send the messages `ids` until `release()`. Returns those that are held now."""
        return self._decide(ids, store.HOLD)

    def release(self, *ids: int) -> list[int]:
        """Send of `ids` what was held, when it is due; and what was waiting, now."""
        return self._decide(ids, store.RELEASE, store.HURRY)

    def retry(self, *ids: int) -> list[int]:
        """Send of `ids` what was refused, has expired or is broken, to those not served."""
        return self._decide(ids, store.RETRY)

    def resend(self, *ids: int) -> list[int]:
        """Send again of `ids` what may have been sent: somebody may get it twice."""
        return self._decide(ids, store.RESEND)

    def settle(self, *ids: int, sent: bool) -> list[int]:
        """Say of those of `ids` that may have been `sent` whether they were; nothing is sent again.

        If they were, recipients who surely weren't served come next: their turn hadn't come.
        """
        if sent:
            return self._decide(ids, store.SETTLE_REST, store.SETTLE_SENT)
        return self._decide(ids, store.SETTLE_UNSENT)

    def _decide(self, ids: Iterable[int], *decisions: store.Decision) -> list[int]:
        with self.file.writing() as db:
            done = store.decide(db, decisions, ids, time.time(), self.lifetime)
        self.file.tell()
        return done

    def pause(self, mailer: str) -> None:
        """Claim nothing more for the alias `mailer` until `resume()`, in any process."""
        self._set_paused(mailer, paused=True)

    def resume(self, mailer: str) -> None:
        """Go on with the alias `mailer`, which was paused or rests because its server failed."""
        self._set_paused(mailer, paused=False)

    def _set_paused(self, mailer: str, *, paused: bool) -> None:
        with self.file.writing() as db:
            store.set_paused(db, mailer, paused=paused)
        self.file.tell()

    # Keeping

    def purge(self, older: float | timedelta) -> int:
        """Delete what was sent or cancelled longer ago than `older`; return how many messages."""
        return purge(self.file, time.time() - seconds("older", older))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the file while it is in use. QueueError if there is something at `path`."""
        with self.file.alone() as db:
            copies.copy(db, path)

    def check(self) -> list[str]:
        """Return what is wrong with the file, as SQLite and the queue's own rules see it."""
        with self.file.reading() as db:
            return copies.check(db)

    @classmethod
    def restore(cls, backup: str | os.PathLike[str], path: str | os.PathLike[str]) -> Queue:
        """Make a queue at `path` of the file `backup`. All that was open is held.

        Raises QueueError if there is something at `path`.
        """
        if Path(path).exists():
            raise QueueError(f"There is a file at {path}; move it away before you restore a backup")
        copies.restore(backup, path)
        return cls(path)
