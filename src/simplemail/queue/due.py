"""What time brings: messages that are due or too old, and when to look again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from . import store
from .pace import Pace, Rate, pace_of
from .rows import row, value
from .states import EXPIRED

RateOf = Callable[[str], Rate | None]

_A_LOT = 500  # rows changed in one transaction, so that nobody waits long for it


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
WHERE (state = 'ready' OR state = 'waiting' OR state = 'held') AND deadline IS NOT NULL
  AND deadline <= ? LIMIT ?
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
    times = [value(db, sql) for sql in _NEXT]
    changed = value(db, _LAST_RETRIED)
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
WHERE (state = 'ready' OR state = 'waiting' OR state = 'held') AND deadline IS NOT NULL
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
    first = row(db, _FIRST_MAILER)
    while first:
        found.append(first[0])
        first = row(db, _NEXT_MAILER, first)
    return found


_FIRST_MAILER = """
SELECT mailer FROM simplemail_messages INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 ORDER BY mailer LIMIT 1
"""
_NEXT_MAILER = """
SELECT mailer FROM simplemail_messages INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 AND mailer > ? ORDER BY mailer LIMIT 1
"""
