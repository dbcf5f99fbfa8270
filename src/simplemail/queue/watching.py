"""What somebody who looks after a queue wants to know: counts, ages, workers, servers, problems."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from . import states
from .due import mailers_with_mail
from .file import File
from .locks import FileLock
from .pace import Pace
from .records import Health, MailerState, WorkerState, moment
from .rows import row, value


def lock_of(path: str, slot: int) -> FileLock:
    """Return the lock that a worker holds as long as its process lives.

    Few files, used again and again: one for each worker that runs at the same time.
    """
    return FileLock(f"{path}-worker-{slot}")


def is_alive(path: str, slot: int) -> bool:
    """Does somebody hold this lock? A stopped process does; a dead one can't."""
    lock = lock_of(path, slot)
    try:
        if not lock.try_acquire():
            return True
        lock.release()
        return False
    finally:
        lock.close()


def live_workers(file: File) -> list[WorkerState]:
    """Return the workers whose processes are alive."""
    with file.reading() as db:
        rows = db.execute(
            "SELECT slot, id, pid, host, started FROM simplemail_workers ORDER BY id"
        ).fetchall()
    # The newest in a slot is the one that may hold the lock.
    newest = {slot: WorkerState(id_, pid, host, moment(at)) for slot, id_, pid, host, at in rows}
    return [worker for slot, worker in newest.items() if is_alive(file.path, slot)]


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Return how many messages are in each state. Reads indexes only."""
    found: dict[str, int] = dict.fromkeys(states.ALL, 0)
    for sql in _COUNTS:
        for state, count in db.execute(sql).fetchall():
            found[state] += count
    return found


def _count(state: str, index: str, also: str = "") -> str:
    return (
        f"SELECT '{state}', count(*) FROM simplemail_messages INDEXED BY simplemail_{index} "
        f"WHERE state = '{state}'{also}"
    )


_COUNTS = (
    _count("ready", "by_age", " AND format = 1"),
    _count("waiting", "by_due"),
    """
SELECT state, count(*) FROM simplemail_messages INDEXED BY simplemail_owned
WHERE owner IS NOT NULL GROUP BY state
""",
    """
SELECT state, count(*) FROM simplemail_messages INDEXED BY simplemail_unfinished
WHERE (state = 'held' OR state = 'refused' OR state = 'expired' OR state = 'unknown'
  OR state = 'broken') GROUP BY state
""",
    """
SELECT state, count(*) FROM simplemail_messages INDEXED BY simplemail_closed
WHERE state IN ('sent', 'cancelled') GROUP BY state
""",
)

_NEWER = "SELECT count(*) FROM simplemail_messages INDEXED BY simplemail_newer WHERE format > 1"

_OLDEST = """
SELECT mailer, min(id) FROM simplemail_messages INDEXED BY simplemail_by_age
WHERE state = 'ready' AND format = 1 AND mailer = ?
"""


def health(
    db: sqlite3.Connection, workers: list[WorkerState], max_age: float | None, now: float
) -> Health:
    """Return the whole picture."""
    found = counts(db)
    mailers = [_mailer_state(Pace(*row), now) for row in db.execute(_MAILERS).fetchall()]
    oldest = _age_of_oldest(db, now)
    problems = [
        *_for_a_person(found),
        *(f"The mailer {each.name!r} is paused" for each in mailers if each.paused),
        *(_failing(each) for each in mailers if each.resting_until),
    ]
    if max_age is not None and oldest is not None and oldest > max_age:
        problems.append(f"Mail has been ready for {oldest:.0f} s{_why(workers)}")
    if newer := value(db, _NEWER):
        problems.append(f"{newer} messages were put by a newer simplemail: update the workers")
    return Health(found, oldest, workers, mailers, problems)


_MAILERS = f"SELECT {', '.join(Pace._fields)} FROM simplemail_mailers ORDER BY name"


def _mailer_state(pace: Pace, now: float) -> MailerState:
    until = pace.rests_until(now)
    return MailerState(
        pace.name, bool(pace.paused), pace.failures, moment(until) if until else None, pace.error
    )


def _age_of_oldest(db: sqlite3.Connection, now: float) -> float | None:
    found = [row(db, _OLDEST, (name,)) for name in mailers_with_mail(db)]
    ids = [each[1] for each in found if each]
    if not ids:
        return None
    sql = "SELECT max(created, changed) FROM simplemail_messages WHERE id = ?"
    since: float = value(db, sql, (min(ids),))
    return max(0.0, now - since)


def _why(workers: list[WorkerState]) -> str:
    return "" if workers else ", and no worker runs: start `simplemail queue run`"


def _for_a_person(found: dict[str, int]) -> Iterable[str]:
    for state in states.FOR_A_PERSON:
        if count := found[state]:
            are = "message is" if count == 1 else "messages are"
            yield f"{count} {are} {state}: {_REMEDIES[state]}"


_REMEDIES = {
    states.REFUSED: "see `simplemail queue list refused`; repair the cause and `retry`, or purge",
    states.EXPIRED: "see `simplemail queue list expired`; `retry` sends it after all",
    states.UNKNOWN: "see `simplemail queue list unknown`; `resend` or `settle` them",
    states.BROKEN: "see `simplemail queue list broken`; `retry` when the cause is gone",
}


def _failing(mailer: MailerState) -> str:
    when = f"{mailer.resting_until:%H:%M:%S} UTC"
    return f"The mailer {mailer.name!r} fails, and is tried again at {when}: {mailer.error}"
