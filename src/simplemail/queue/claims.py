"""What workers do to messages: claim, begin, record, give back, recover. SQL inside a transaction.

Every UPDATE names the state and the owner that it expects. Where it changes nothing, somebody else
has decided, and the worker keeps its hands off.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from . import store
from .outcomes import Outcome
from .pace import Pace, Rate, backoff, keep, pace_of
from .states import BROKEN, EXPIRED, READY, SENDING, UNKNOWN, WAITING

CRASHES = 3
"""A message with which so many workers died is set aside."""

RateOf = Callable[[str], Rate | None]

_A_LOT = 500  # rows changed in one transaction, so that nobody waits long for it


class Batch(NamedTuple):
    """Messages that one sender hands to one mailer, in this order."""

    mailer: str
    ids: tuple[int, ...]


class Entry(NamedTuple):
    """A message that is being sent."""

    id: int
    remaining: tuple[str, ...]
    answers: Mapping[str, str]
    tries: int
    at_least_once: bool


# Workers


def register(db: sqlite3.Connection, slot: int, pid: int, host: str, now: float) -> int:
    """Enter a worker; return its id, which is never used again."""
    sql = "INSERT INTO simplemail_workers (slot, pid, host, started) VALUES (?, ?, ?, ?)"
    return db.execute(sql, (slot, pid, host, now)).lastrowid or 0


def is_registered(db: sqlite3.Connection, worker: int) -> bool:
    """Is this worker on the list? Others strike one that they take for dead."""
    sql = "SELECT 1 FROM simplemail_workers WHERE id = ?"
    return db.execute(sql, (worker,)).fetchone() is not None


def unregister(db: sqlite3.Connection, worker: int) -> None:
    """Strike a worker that has nothing any more."""
    db.execute("DELETE FROM simplemail_workers WHERE id = ?", (worker,))


def recover(db: sqlite3.Connection, worker: int, pid: int, now: float) -> int:
    """Take back what a dead worker had; return how many messages that were.

    What it had only claimed is ready again. What it was sending may have been sent.
    """
    rows = db.execute(_OWNED, (worker,)).fetchall()
    for id_, before, crashes, at_least_once in rows:
        state = _after_crash(before, crashes + 1, at_least_once=bool(at_least_once))
        due = now + backoff(crashes + 1) if state == WAITING else now
        error = f"the worker with pid {pid} died while it had this message ({before})"
        db.execute(_RECOVER, (state, error, due, now, id_, before, worker))
        store.note(db, id_, now, "recovered", worker=worker, error=error)
    db.execute("UPDATE simplemail_mailers SET probe = NULL WHERE probe = ?", (worker,))
    unregister(db, worker)
    return len(rows)


_OWNED = """
SELECT id, state, crashes, at_least_once
FROM simplemail_messages INDEXED BY simplemail_owned WHERE owner = ?
"""
_RECOVER = """
UPDATE simplemail_messages
SET state = ?, crashes = crashes + 1, owner = NULL, error = ?, due = ?, changed = ?
WHERE id = ? AND state = ? AND owner = ?
"""


def _after_crash(before: str, crashes: int, *, at_least_once: bool) -> str:
    if before == SENDING and not at_least_once:
        return UNKNOWN
    if crashes >= CRASHES:
        return BROKEN
    return WAITING if before == SENDING else READY


# What time brings


def promote(db: sqlite3.Connection, now: float) -> None:
    """Expire what is too old, and make ready what is due."""
    for (id_,) in db.execute(_OVERDUE, (now, _A_LOT)).fetchall():
        db.execute(
            "UPDATE simplemail_messages SET state = 'expired', changed = ? WHERE id = ? "
            "AND state IN ('ready', 'waiting', 'held')",
            (now, id_),
        )
        store.note(db, id_, now, EXPIRED)
    db.execute(_DUE, (now, now, _A_LOT))
    # What was put off in the future was put off before the clock was set back.
    db.execute(_FROM_THE_FUTURE, (now, now + 60, _A_LOT))


_OVERDUE = """
SELECT id FROM simplemail_messages INDEXED BY simplemail_by_deadline
WHERE state IN ('ready', 'waiting', 'held') AND deadline IS NOT NULL AND deadline <= ? LIMIT ?
"""
_DUE = """
UPDATE simplemail_messages SET state = 'ready', changed = ? WHERE state = 'waiting' AND id IN (
  SELECT id FROM simplemail_messages INDEXED BY simplemail_by_due
  WHERE state = 'waiting' AND due <= ? ORDER BY due LIMIT ?)
"""
_FROM_THE_FUTURE = """
UPDATE simplemail_messages SET state = 'ready', changed = ? WHERE state = 'waiting' AND id IN (
  SELECT id FROM simplemail_messages INDEXED BY simplemail_retried
  WHERE state = 'waiting' AND tries > 0 AND changed > ? LIMIT ?)
"""


def next_time(db: sqlite3.Connection, now: float, rate_of: RateOf) -> float | None:
    """Return when there will be something to do, `now` or earlier if there is; None if never."""
    times = [db.execute(sql).fetchone()[0] for sql in _NEXT]
    (changed,) = db.execute(_LAST_RETRIED).fetchone()
    if changed is not None and changed > now + 60:
        times.append(now)
    times += [_open_at(pace_of(db, name), now, rate_of(name)) for name in mailers_with_mail(db)]
    return min((time for time in times if time is not None), default=None)


_NEXT = (
    """
SELECT min(due) FROM simplemail_messages INDEXED BY simplemail_by_due WHERE state = 'waiting'
""",
    """
SELECT min(deadline) FROM simplemail_messages INDEXED BY simplemail_by_deadline
WHERE state IN ('ready', 'waiting', 'held') AND deadline IS NOT NULL
""",
)
_LAST_RETRIED = """
SELECT max(changed) FROM simplemail_messages INDEXED BY simplemail_retried
WHERE state = 'waiting' AND tries > 0
"""


def _open_at(pace: Pace, now: float, rate: Rate | None) -> float | None:
    if pace.paused or pace.probe is not None:
        return None  # a person, or the probe's outcome, will change the file
    return now if pace.allowed(now, 1, rate) else pace.room_at(now, rate)


def waits_for_rate(db: sqlite3.Connection) -> bool:
    """Is there mail that only a rate keeps from being claimed?"""
    paces = [pace_of(db, name) for name in mailers_with_mail(db)]
    return any(not (pace.paused or pace.is_failing) for pace in paces)


def mailers_with_mail(db: sqlite3.Connection) -> list[str]:
    """Return the mailers for which messages are ready, by one look into the index for each."""
    found: list[str] = []
    row = db.execute(_FIRST_MAILER).fetchone()
    while row:
        found.append(row[0])
        row = db.execute(_NEXT_MAILER, row).fetchone()
    return found


_FIRST_MAILER = """
SELECT mailer FROM simplemail_messages INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 ORDER BY mailer LIMIT 1
"""
_NEXT_MAILER = """
SELECT mailer FROM simplemail_messages INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 AND mailer > ? ORDER BY mailer LIMIT 1
"""


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
    for id_ in ids:
        db.execute(_CLAIM, (wish.worker, now, id_))
    if not ids:
        return None
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


def begin(db: sqlite3.Connection, worker: int, ids: Iterable[int], now: float) -> list[Entry]:
    """Write down that these messages are being sent; return those that really are.

    To be committed before the first octet of MAIL leaves.
    """
    entries = []
    for id_ in ids:
        if db.execute(_BEGIN, (now, id_, worker, now)).rowcount:
            remaining, answers, tries, once = db.execute(_ENTRY, (id_,)).fetchone()
            who = tuple(json.loads(remaining))
            entries.append(Entry(id_, who, json.loads(answers), tries, bool(once)))
        elif db.execute(_TOO_LATE, (now, id_, worker, now)).rowcount:
            store.note(db, id_, now, EXPIRED, worker=worker)
    return entries


_BEGIN = """
UPDATE simplemail_messages SET state = 'sending', tries = tries + 1, changed = ?
WHERE id = ? AND state = 'claimed' AND owner = ? AND (deadline IS NULL OR deadline > ?)
"""
_TOO_LATE = """
UPDATE simplemail_messages SET state = 'expired', owner = NULL, changed = ?
WHERE id = ? AND state = 'claimed' AND owner = ? AND deadline <= ?
"""
_ENTRY = "SELECT remaining, answers, tries, at_least_once FROM simplemail_messages WHERE id = ?"


def give_back(db: sqlite3.Connection, worker: int, ids: Iterable[int], now: float) -> None:
    """Make ready again what a worker had, and surely has not begun to hand over."""
    for id_ in ids:
        db.execute(_GIVE_BACK, (now, id_, worker))


_GIVE_BACK = """
UPDATE simplemail_messages
SET tries = tries - (state = 'sending'), state = 'ready', owner = NULL, changed = ?
WHERE id = ? AND state IN ('claimed', 'sending') AND owner = ?
"""


def record(db: sqlite3.Connection, worker: int, entry: Entry, outcome: Outcome, now: float) -> bool:
    """Write down what became of a message. False if it is this worker's no more."""
    remaining = json.dumps(outcome.remaining)
    answers = json.dumps({**entry.answers, **outcome.answers})
    due = now + backoff(entry.tries) if outcome.state == WAITING else now
    values = (outcome.state, remaining, answers, outcome.reply, outcome.error, due, now)
    if not db.execute(_RECORD, (*values, entry.id, worker)).rowcount:
        return False
    new = json.dumps(outcome.answers)
    kind = "deferred" if outcome.state == WAITING else outcome.state
    words = {"reply": outcome.reply, "error": outcome.error, "answers": new}
    store.note(db, entry.id, now, kind, worker=worker, **words)
    store.drop_content(db, entry.id)
    return True


_RECORD = """
UPDATE simplemail_messages
SET state = ?, remaining = ?, answers = ?, reply = ?, error = ?, due = ?, changed = ?, owner = NULL
WHERE id = ? AND state = 'sending' AND owner = ?
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
