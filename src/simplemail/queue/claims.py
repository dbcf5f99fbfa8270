"""What workers do to messages: claim, begin, record, give back. SQL inside a transaction.

Every UPDATE names the state and the owner that it expects. Where it changes nothing, somebody else
has decided, and the worker keeps its hands off.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..rendering.envelope import Envelope
from . import store
from .due import RateOf, mailers_with_mail
from .members import CRASHES, is_registered
from .outcomes import Outcome
from .pace import backoff, keep, pace_of
from .rows import row
from .states import EXPIRED, SENT, WAITING


class Batch(NamedTuple):
    """Messages that one sender hands to one mailer, in this order."""

    mailer: str
    ids: tuple[int, ...]


class Entry(NamedTuple):
    """A message that is being sent. If it can't be read, there is an `error`, and no `envelope`."""

    id: int
    mailer: str
    remaining: tuple[str, ...]
    answers: Mapping[str, str]
    tries: int
    at_least_once: bool
    envelope: Envelope | None = None
    error: str = ""


# Claiming


class Wish(NamedTuple):
    """How many batches a worker has senders for, and which messages it wants first."""

    worker: int
    batches: int
    size: int
    rate_of: RateOf
    busy: Mapping[str, int] = {}
    by_age: bool = False


def claim(db: sqlite3.Connection, wish: Wish, now: float) -> list[Batch]:
    """Claim messages: for each mailer in turn a batch, as long as there are senders for them.

    Mailers with fewer batches under way come first, so that a slow one leaves room for others.
    """
    found: list[Batch] = []
    if not is_registered(db, wish.worker):
        return found  # whose messages nobody would take back
    names = sorted(mailers_with_mail(db), key=lambda name: wish.busy.get(name, 0))
    while names and len(found) < wish.batches:
        name = names.pop(0)
        if batch := _claim_from(db, name, wish, now):
            found.append(batch)
            names.append(name)
    return found


def _claim_from(db: sqlite3.Connection, mailer: str, wish: Wish, now: float) -> Batch | None:
    pace, rate = pace_of(db, mailer), wish.rate_of(mailer)
    wanted = pace.allowed(now, wish.size, rate)
    order = _BY_AGE if wish.by_age else _BY_PRIORITY
    rows = db.execute(order, (mailer, wanted)).fetchall() if wanted else []
    ids = _together(rows)
    if not ids:
        return None
    db.executemany(_CLAIM, [(wish.worker, now, id_) for id_ in ids])
    if pace.is_failing:
        pace = pace._replace(probe=wish.worker)
    if pace.is_failing or rate is not None:
        keep(db, pace.after(len(ids), now, rate))
    return Batch(mailer, ids)


_COLUMNS = "SELECT id, crashes, size FROM simplemail_messages"
_BY_PRIORITY = f"""
{_COLUMNS} INDEXED BY simplemail_by_priority
WHERE state = 'ready' AND format = 1 AND mailer = ? ORDER BY priority DESC, id LIMIT ?
"""
_BY_AGE = f"""
{_COLUMNS} INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 AND mailer = ? ORDER BY id LIMIT ?
"""
_CLAIM = """
UPDATE simplemail_messages SET state = 'claimed', owner = ?, changed = ?
WHERE id = ? AND state = 'ready'
"""
_MOST_OCTETS = 16 << 20


def _together(rows: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """Return how much of it goes in one batch.

    Those with which workers have died go alone, so that no other is blamed for the next time.
    """
    ids: list[int] = []
    octets = 0
    for id_, crashes, size in rows:
        if ids and (crashes >= CRASHES - 1 or octets + size > _MOST_OCTETS):
            break
        ids.append(id_)
        octets += size
        if crashes >= CRASHES - 1:
            break
    return tuple(ids)


def begin(db: sqlite3.Connection, worker: int, ids: tuple[int, ...], now: float) -> list[Entry]:
    """Write down that these messages are being sent; return those that really are.

    To be committed before the first octet of MAIL leaves.
    """
    begun = db.executemany(_BEGIN, [(now, id_, worker, now) for id_ in ids]).rowcount
    if begun < len(ids):
        _expire_late(db, worker, ids, now)
    found = [row(db, _ENTRY, (id_, worker)) for id_ in ids]
    return [_entry(*each) for each in found if each]


_BEGIN = """
UPDATE simplemail_messages SET state = 'sending', tries = tries + 1, changed = ?
WHERE id = ? AND state = 'claimed' AND owner = ? AND (deadline IS NULL OR deadline > ?)
"""
_ENTRY = """
SELECT id, mailer, remaining, answers, tries, at_least_once,
  sender, content, message_id, eight_bit, utf8
FROM simplemail_messages LEFT JOIN simplemail_contents ON message = id
WHERE id = ? AND state = 'sending' AND owner = ?
"""


def _entry(
    id_: int, mailer: str, remaining: str, answers: str, tries: int, once: int, *rest: Any
) -> Entry:
    """Read a row. What can't be read is an entry, too: it needs a state that says so."""
    who: tuple[str, ...] = ()
    try:
        who = tuple(json.loads(remaining))
        before = json.loads(answers) if answers != "{}" else {}
        sender, content, message_id, eight_bit, utf8 = rest
        if content is None:
            raise ValueError("its content is missing")
        envelope = Envelope(sender, who, content, message_id, bool(eight_bit), bool(utf8))
    except (ValueError, TypeError) as error:
        text = f"it can't be read from the queue: {error}"
        return Entry(id_, mailer, who, {}, tries, bool(once), None, text)
    return Entry(id_, mailer, who, before, tries, bool(once), envelope)


def _expire_late(db: sqlite3.Connection, worker: int, ids: Iterable[int], now: float) -> None:
    for id_ in ids:
        if db.execute(_TOO_LATE, (now, id_, worker, now)).rowcount:
            store.note(db, id_, now, EXPIRED, worker=worker)


_TOO_LATE = """
UPDATE simplemail_messages SET state = 'expired', owner = NULL, changed = ?
WHERE id = ? AND state = 'claimed' AND owner = ? AND deadline <= ?
"""


def give_back(db: sqlite3.Connection, worker: int, ids: Iterable[int], now: float) -> None:
    """Make ready again what a worker had, and surely has not begun to hand over."""
    db.executemany(_GIVE_BACK, [(now, id_, worker) for id_ in ids])


_GIVE_BACK = """
UPDATE simplemail_messages
SET tries = tries - (state = 'sending'), state = 'ready', owner = NULL, changed = ?
WHERE id = ? AND state IN ('claimed', 'sending') AND owner = ?
"""


class Record(NamedTuple):
    """What one worker found out about a message, and when."""

    worker: int
    entry: Entry
    outcome: Outcome
    at: float


def record(db: sqlite3.Connection, records: Sequence[Record]) -> list[bool]:
    """Record outcomes. False for a message that is no longer this worker's."""
    are_ours = [bool(db.execute(_RECORD, _changes(each)).rowcount) for each in records]
    ours = [each for each, is_ours in zip(records, are_ours, strict=True) if is_ours]
    db.executemany(_HISTORY, map(_event, ours))
    sent = [(each.entry.id,) for each in ours if each.outcome.state == SENT]
    db.executemany("DELETE FROM simplemail_contents WHERE message = ?", sent)
    return are_ours


def _changes(record: Record) -> tuple[Any, ...]:
    entry, outcome, at = record.entry, record.outcome, record.at
    due = at + backoff(entry.tries) if outcome.state == WAITING else at
    answers = json.dumps({**entry.answers, **outcome.answers})
    remaining = json.dumps(outcome.remaining) if outcome.remaining else "[]"
    words = (outcome.state, remaining, answers, outcome.reply, outcome.error)
    return (*words, due, at, entry.id, record.worker)


_RECORD = """
UPDATE simplemail_messages
SET state = ?, remaining = ?, answers = ?, reply = ?, error = ?, due = ?, changed = ?, owner = NULL
WHERE id = ? AND state = 'sending' AND owner = ?
"""


def _event(record: Record) -> tuple[Any, ...]:
    entry, outcome = record.entry, record.outcome
    kind = "deferred" if outcome.state == WAITING else outcome.state
    who = (entry.id, record.at, kind, outcome.state, entry.mailer, record.worker)
    return (*who, outcome.reply, outcome.error, json.dumps(outcome.answers))


_HISTORY = """
INSERT INTO simplemail_events (message, at, kind, state, mailer, worker, reply, error, answers)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def server_failed(db: sqlite3.Connection, mailer: str, worker: int, error: str, now: float) -> None:
    """Count a failure of a mailer's server."""
    keep(db, pace_of(db, mailer).after_failure(now, worker, error))


def server_works(db: sqlite3.Connection, mailer: str) -> None:
    """Forget the failures of a mailer's server."""
    pace = pace_of(db, mailer)
    if pace.failures:
        keep(db, pace.after_success())


def give_up_probe(db: sqlite3.Connection, mailer: str, worker: int) -> None:
    """Let others probe a server, because this worker found nothing out."""
    sql = "UPDATE simplemail_mailers SET probe = NULL WHERE name = ? AND probe = ?"
    db.execute(sql, (mailer, worker))
