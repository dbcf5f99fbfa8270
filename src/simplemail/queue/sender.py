"""A thread that hands batches of messages to mailers."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..light import tell
from ..receipts import Receipt
from ..rendering.envelope import Envelope
from . import claims
from .claims import Batch, Entry
from .errors import QueueError
from .outcomes import Outcome, broken, outcome, told
from .pace import pace_of
from .states import BROKEN

if TYPE_CHECKING:
    from .file import File
    from .writer import Writer


class Desk(NamedTuple):
    """What senders share: where to read and write, whose messages they are, and whom to tell."""

    file: File
    writer: Writer
    worker: Callable[[], int]
    mailer_named: Callable[[str], Any]
    must_stop: Callable[[], bool]
    tell: Callable[[Entry, Outcome], None]


class Sender:
    """Sends one batch after another. Its mailer stays open between those for the same one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mailer: Any = None
        self._name: str | None = None

    def send(self, batch: Batch) -> None:
        """Send a batch, and see to it that each of its messages has a state that says so."""
        worker = self._desk.worker()
        mailer = self._opened(batch, worker)
        if mailer is None:
            return
        try:
            entries = self._desk.writer.do(
                lambda db: claims.begin(db, worker, batch.ids, time.time()), durable=True
            )
        except QueueError as error:
            tell("error", "Nothing is sent, because the outcome couldn't be recorded: %s", error)
            give_back(self._desk, batch, worker)
            return
        _Handover(self._desk, batch.mailer, worker, entries).run(mailer)

    def close(self) -> None:
        """Close the mailer that is open."""
        mailer, self._mailer, self._name = self._mailer, None, None
        if mailer is not None:
            try:
                mailer.close()
            except Exception as error:
                tell("warning", "Closing the mailer %s failed: %s", mailer, told(error))

    def _opened(self, batch: Batch, worker: int) -> Any:
        """Return the mailer, open; None if that can't be, and then the messages are given back."""
        try:
            if self._name != batch.mailer:
                self.close()
                self._mailer, self._name = self._desk.mailer_named(batch.mailer), batch.mailer
            if not self._mailer.is_ready():
                if self._is_at_rest(batch, worker):
                    self._desk.writer.later(partial(_put_back, worker=worker, batch=batch))
                    return None
                self._mailer.open()
                if not self._mailer.is_ready():  # fail_silently
                    raise OSError("it could not be opened, and its fail_silently hides the reason")
        except Exception as error:
            self.close()
            tell("warning", "The mailer %r can't send: %s", batch.mailer, told(error))
            give_back(self._desk, batch, worker, told(error))
            return None
        return self._mailer

    def _is_at_rest(self, batch: Batch, worker: int) -> bool:
        """Would this be a connection too many, because its server has failed meanwhile?"""
        try:
            with self._desk.file.reading() as db:
                pace = pace_of(db, batch.mailer)
        except QueueError:  # nothing is sent then, because nothing can be written either
            return False
        return pace.is_failing and pace.probe != worker


def give_back(desk: Desk, batch: Batch, worker: int, error: str = "") -> None:
    """Give all back: it was no message's fault, but the mailer's if there is an error."""
    now = time.time()

    def act(db: sqlite3.Connection) -> None:
        claims.give_back(db, worker, batch.ids, now)
        if error:
            claims.server_failed(db, batch.mailer, worker, error, now)
        else:
            claims.give_up_probe(db, batch.mailer, worker)

    desk.writer.later(act)
    if error:
        with contextlib.suppress(QueueError):  # the writer goes on trying
            desk.writer.do(lambda db: None)  # whoever connects next must know of the failure


def _put_back(db: sqlite3.Connection, *, worker: int, batch: Batch) -> None:
    claims.give_back(db, worker, batch.ids, time.time())


class _Handover:
    """One batch on its way through an open mailer."""

    def __init__(self, desk: Desk, mailer: str, worker: int, entries: list[Entry]) -> None:
        self._desk = desk
        self._mailer = mailer
        self._worker = worker
        self._to_begin = deque(entries)
        self._begun: deque[Entry] = deque()
        self._server_failed: bool | None = None  # nobody knows yet

    def run(self, mailer: Any) -> None:
        """Send all of it. Whatever the mailer does, nothing is left without a state."""
        try:
            with contextlib.closing(mailer.iter_deliver(self._envelopes())) as receipts:
                for receipt in receipts:
                    self._settle(receipt)
            if self._begun:
                raise RuntimeError("it reported nothing about some of its messages")
        except BaseException as error:
            self._break(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._give_rest_back()

    def _envelopes(self) -> Iterator[Envelope]:
        """Yield what to send. What was not asked for has surely not begun."""
        while self._to_begin and not self._server_failed and not self._desk.must_stop():
            entry = self._to_begin.popleft()
            if entry.envelope is None:
                self._record(entry, Outcome(BROKEN, entry.remaining, {}, "", entry.error))
            else:
                self._begun.append(entry._replace(envelope=None))  # it may be large
                yield entry.envelope

    def _settle(self, receipt: Receipt) -> None:
        entry = self._begun.popleft()
        found = outcome(entry.remaining, receipt, at_least_once=entry.at_least_once)
        self._record(entry, found)
        if found.server_failed != self._server_failed:
            self._server_failed = found.server_failed
            self._tell_about_server(found)

    def _record(self, entry: Entry, found: Outcome) -> None:
        record = claims.Record(self._worker, entry, found, time.time())
        self._desk.writer.gather(claims.record, record, partial(_look_at, record))
        self._desk.tell(entry, found)

    def _tell_about_server(self, found: Outcome) -> None:
        mailer, worker, now = self._mailer, self._worker, time.time()

        def act(db: sqlite3.Connection) -> None:
            if found.server_failed:
                claims.server_failed(db, mailer, worker, found.error, now)
            else:
                claims.server_works(db, mailer)

        self._desk.writer.later(act)

    def _break(self, error: BaseException) -> None:
        """Set aside what was on its way when the mailer raised what none should raise."""
        tell("error", "The mailer %r broke: %s", self._mailer, told(error), error=error)
        while self._begun:
            entry = self._begun.popleft()
            self._record(entry, broken(entry.remaining, error))

    def _give_rest_back(self) -> None:
        ids, mailer, worker = [entry.id for entry in self._to_begin], self._mailer, self._worker
        now = time.time()
        knows = self._server_failed is not None
        if not ids and knows:
            return

        def act(db: sqlite3.Connection) -> None:
            claims.give_back(db, worker, ids, now)
            if not knows:
                claims.give_up_probe(db, mailer, worker)

        self._desk.writer.later(act)


def _look_at(record: claims.Record, is_ours: bool) -> None:
    if not is_ours:
        id_, worker = record.entry.id, record.worker
        tell("error", "Meanwhile message %d was taken from worker %d", id_, worker)
