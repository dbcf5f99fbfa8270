"""What the queue says about a message: values, which know nothing of the file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

COLUMNS = (
    "id, state, mailer, priority, due, expires, created, changed, tries, crashes, at_least_once, "
    "key, tags, sender, recipients, remaining, answers, message_id, size, reply, error"
)
"""What `Queued.of()` wants of a message's row, in this order."""

EVENT_COLUMNS = "id, message, at, kind, state, mailer, worker, reply, error, answers"


class Queued(NamedTuple):
    """A message in the queue, as it was when it was looked at.

    Times are aware datetimes in UTC. `recipients` are all that the message had, `remaining` those
    that have yet to be served, `answers` what the server said about each of them last. `mailer` is
    the alias of the one that delivers it ("" is the queue's own, given as a URL). `tries` counts
    the times that it was handed over, `crashes` the workers that died with it. `already` is True
    if its key was in the queue before, and nothing was put.
    """

    id: int
    state: str
    mailer: str
    priority: int
    due: datetime
    expires: datetime | None
    created: datetime
    changed: datetime
    tries: int
    crashes: int
    at_least_once: bool
    key: str | None
    tags: tuple[str, ...]
    sender: str
    recipients: tuple[str, ...]
    remaining: tuple[str, ...]
    answers: dict[str, str]
    message_id: str
    size: int
    reply: str
    error: str
    already: bool = False

    @classmethod
    def of(cls, row: Iterable[Any], *, already: bool = False) -> Queued:
        """Make one of a row of `COLUMNS`."""
        found = cls(*row)
        return found._replace(
            due=moment(found.due),
            expires=moment(found.expires),
            created=moment(found.created),
            changed=moment(found.changed),
            at_least_once=bool(found.at_least_once),
            tags=tuple(json.loads(found.tags)),  # type: ignore[arg-type]  # text in the row
            recipients=tuple(json.loads(found.recipients)),  # type: ignore[arg-type]
            remaining=tuple(json.loads(found.remaining)),  # type: ignore[arg-type]
            answers=json.loads(found.answers),  # type: ignore[arg-type]
            already=already,
        )

    def __str__(self) -> str:
        return f"{'already ' * self.already}queued as {self.id}"


class Event(NamedTuple):
    """Something that happened to a message: a try, or what a person decided.

    Its `id` grows by the order of events: ask `events(after=id)` for what came later.
    """

    id: int
    message: int
    at: datetime
    kind: str
    state: str
    mailer: str
    worker: int | None
    reply: str
    error: str
    answers: dict[str, str]

    @classmethod
    def of(cls, row: Iterable[Any]) -> Event:
        """Make one of a row of `EVENT_COLUMNS`."""
        found = cls(*row)
        answers: Any = found.answers
        return found._replace(at=moment(found.at), answers=json.loads(answers))


class MailerState(NamedTuple):
    """How the queue stands to one of its mailers.

    `resting_until` is when the server is tried again, after `failures` in a row.
    """

    name: str
    paused: bool
    failures: int
    resting_until: datetime | None
    error: str


class WorkerState(NamedTuple):
    """A worker that is alive: its process holds a lock that no dead one can hold."""

    id: int
    pid: int
    host: str
    started: datetime


class Health(NamedTuple):
    """What somebody who looks after the queue should know. `problems` are sentences."""

    counts: dict[str, int]
    oldest: float | None
    workers: list[WorkerState]
    mailers: list[MailerState]
    problems: list[str]


def moment(seconds: Any) -> Any:
    """Return seconds since the epoch as an aware datetime, None as None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
