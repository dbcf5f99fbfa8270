"""What is put into the queue, looked up in it and decided about it: SQL inside a transaction.

Every UPDATE names the state that it expects. Where it changes nothing, somebody else was first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..rendering.envelope import Envelope
from . import states
from .outcomes import is_deferred
from .pace import LIFETIME
from .records import COLUMNS, EVENT_COLUMNS, Event, Queued, moment
from .rows import row

Database = sqlite3.Connection | sqlite3.Cursor


class Order(NamedTuple):
    """How a message is to be queued: what `put()` was told, checked. Times are Unix times."""

    mailer: str
    state: str
    due: float
    expires: float | None = None
    lifetime: float = LIFETIME
    key: str | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    at_least_once: bool = False

    @property
    def deadline(self) -> float | None:
        """When it expires. What is held doesn't grow old, unless it was said when."""
        if self.expires is not None or self.state == states.HELD:
            return self.expires
        return self.due + self.lifetime


def put(db: Database, envelope: Envelope, order: Order, now: float) -> Queued:
    """Insert a message, or find the one that has its key."""
    if order.key is not None and (found := _by_key(db, order.key)):
        return found
    recipients = json.dumps(envelope.recipients)
    values = (
        *(order.state, order.mailer, order.priority, order.due, order.expires, order.deadline),
        *(now, now, order.at_least_once, order.key, json.dumps(order.tags)),
        *(envelope.sender, recipients, recipients, envelope.message_id),
        *(envelope.eight_bit, envelope.utf8, len(envelope.content)),
    )
    id_ = db.execute(_INSERT, values).lastrowid or 0
    db.execute("INSERT INTO simplemail_contents VALUES (?, ?)", (id_, envelope.content))
    return as_put(id_, envelope, order, now)


_INSERT_COLUMNS = (
    "state, mailer, priority, due, expires, deadline, created, changed, at_least_once, key, tags, "
    "sender, recipients, remaining, message_id, eight_bit, utf8, size"
)
_MARKS = ", ".join("?" * (_INSERT_COLUMNS.count(",") + 1))
_INSERT = f"INSERT INTO simplemail_messages ({_INSERT_COLUMNS}) VALUES ({_MARKS})"


def as_put(id_: int, envelope: Envelope, order: Order, now: float) -> Queued:
    """Return the record of a message that was just put, without reading it from the file."""
    return Queued(
        id=id_,
        state=order.state,
        mailer=order.mailer,
        priority=order.priority,
        due=moment(order.due),
        expires=moment(order.expires),
        created=moment(now),
        changed=moment(now),
        tries=0,
        crashes=0,
        at_least_once=order.at_least_once,
        key=order.key,
        tags=order.tags,
        sender=envelope.sender,
        recipients=envelope.recipients,
        remaining=envelope.recipients,
        answers={},
        message_id=envelope.message_id,
        size=len(envelope.content),
        reply="",
        error="",
    )


def _by_key(db: Database, key: str) -> Queued | None:
    sql = f"SELECT {COLUMNS} FROM simplemail_messages INDEXED BY simplemail_keys WHERE key = ?"
    found = row(db, sql, (key,))
    return Queued.of(found, already=True) if found else None


def get(db: Database, id_: int) -> Queued | None:
    """Return a message's record."""
    found = row(db, f"SELECT {COLUMNS} FROM simplemail_messages WHERE id = ?", (id_,))
    return Queued.of(found) if found else None


def envelope(db: Database, id_: int) -> Envelope | None:
    """Return what is left to deliver: to the remaining recipients. None if it is gone."""
    found = row(db, _ENVELOPE, (id_,))
    if found is None:
        return None
    sender, remaining, content, message_id, eight_bit, utf8 = found
    recipients = tuple(json.loads(remaining))
    return Envelope(sender, recipients, content, message_id, bool(eight_bit), bool(utf8))


_ENVELOPE = """
SELECT sender, remaining, content, message_id, eight_bit, utf8
FROM simplemail_messages JOIN simplemail_contents ON message = id WHERE id = ?
"""


def events(db: Database, *, message: int | None = None, after: int = 0, limit: int) -> list[Event]:
    """Return events in the order in which they happened: those of one message, or all."""
    if message is None:
        where, values = "id > ?", (after, limit)
    else:
        where, values = "message = ?", (message, limit)
    sql = f"SELECT {EVENT_COLUMNS} FROM simplemail_events WHERE {where} ORDER BY id LIMIT ?"
    return [Event.of(each) for each in db.execute(sql, values).fetchall()]


def note(db: Database, message: int, now: float, kind: str, **more: Any) -> None:
    """Write into the history what happened to a message; its row has its new state by then."""
    values = {"worker": None, "reply": "", "error": "", "answers": "{}", **more}
    db.execute(_NOTE, (message, now, kind, *[values[name] for name in _NOTED], message))


_NOTED = ("worker", "reply", "error", "answers")
_NOTE = """
INSERT INTO simplemail_events (message, at, kind, worker, reply, error, answers, state, mailer)
SELECT ?, ?, ?, ?, ?, ?, ?, state, mailer FROM simplemail_messages WHERE id = ?
"""


# What a person decides


class Decision(NamedTuple):
    """From which states a message goes to which, and what else changes in its row.

    One `for_the_rest` is about recipients who surely were not served, and may be later: `:left`, as
    JSON. It is for messages that have some.
    """

    kind: str
    before: tuple[str, ...]
    changes: str
    for_the_rest: bool = False


_LATER = "CASE WHEN due > :now THEN 'waiting' ELSE 'ready' END"
_ALIVE = "deadline = coalesce(expires, :now + :lifetime)"
_AFRESH = "due = :now, expires = NULL, deadline = :now + :lifetime, tries = 0, crashes = 0"

CANCEL = Decision("cancelled", (states.READY, states.WAITING, states.HELD), "state = 'cancelled'")
HOLD = Decision("held", (states.READY, states.WAITING), "state = 'held', deadline = expires")
RELEASE = Decision("released", (states.HELD,), f"state = {_LATER}, {_ALIVE}")
HURRY = Decision("released", (states.WAITING,), f"state = 'ready', due = :now, {_ALIVE}")
RETRY = Decision(
    "retried", (states.REFUSED, states.EXPIRED, states.BROKEN), f"state = 'ready', {_AFRESH}"
)
RESEND = Decision("resent", (states.UNKNOWN,), f"state = 'ready', {_AFRESH}")
SETTLE_SENT = Decision("settled", (states.UNKNOWN,), "state = 'sent', remaining = '[]'")
SETTLE_REST = Decision(
    "settled",
    (states.UNKNOWN,),
    f"state = 'ready', remaining = :left, {_AFRESH}",
    for_the_rest=True,
)
SETTLE_UNSENT = Decision("settled", (states.UNKNOWN,), "state = 'refused'")


def decide(
    db: Database, decisions: Iterable[Decision], ids: Iterable[int], now: float, lifetime: float
) -> list[int]:
    """Carry a decision out; return the ids of the messages for which it could be."""
    return [id_ for id_ in ids if any(_decide(db, each, id_, now, lifetime) for each in decisions)]


def _decide(db: Database, decision: Decision, id_: int, now: float, lifetime: float) -> bool:
    left = _left(db, id_) if decision.for_the_rest else []
    if decision.for_the_rest and not left:
        return False
    before = ", ".join(f"'{state}'" for state in decision.before)
    sql = f"UPDATE simplemail_messages SET {decision.changes}, changed = :now"
    values = {"id": id_, "now": now, "lifetime": lifetime, "left": json.dumps(left)}
    changed = db.execute(f"{sql} WHERE id = :id AND state IN ({before})", values).rowcount
    if changed:
        note(db, id_, now, decision.kind)
        drop_content(db, id_)
    return bool(changed)


def _left(db: Database, id_: int) -> list[str]:
    """Return the recipients who surely were not served, and may be later."""
    sql = "SELECT remaining, answers FROM simplemail_messages WHERE id = ?"
    for remaining, answers in db.execute(sql, (id_,)).fetchall():
        told = json.loads(answers)
        return [who for who in json.loads(remaining) if is_deferred(told.get(who, ""))]
    return []


def drop_content(db: Database, id_: int) -> None:
    """Forget what a message says, if there is nothing left to be done with it."""
    db.execute(
        "DELETE FROM simplemail_contents WHERE message = ? AND (SELECT state FROM "
        "simplemail_messages WHERE id = message) IN ('sent', 'cancelled')",
        (id_,),
    )


def set_paused(db: Database, mailer: str, *, paused: bool) -> None:
    """Pause a mailer, or let it go on at once, whatever its server did before."""
    db.execute("INSERT OR IGNORE INTO simplemail_mailers (name) VALUES (?)", (mailer,))
    afresh = "" if paused else ", failures = 0, rest = 0, error = ''"
    db.execute(f"UPDATE simplemail_mailers SET paused = ?{afresh} WHERE name = ?", (paused, mailer))
