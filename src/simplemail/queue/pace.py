"""How fast and how often: backoff of messages, rest of failing servers, rates of mailers."""

from __future__ import annotations

import random
import re
import sqlite3
from typing import NamedTuple

from .rows import row

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LIFETIME = 4 * DAY
"""Seconds after which a message that couldn't be sent is given up."""

FAILURES = 3
"""So many failures in a row, and a server is left alone for a while."""

FIRST_REST, LONGEST_REST = 30.0, 15 * MINUTE

_UNITS = {"s": 1.0, "m": MINUTE, "h": HOUR, "d": DAY}


def backoff(tries: int) -> float:
    """Return how many seconds to wait after so many tries: a minute doubling to an hour.

    Give or take a fifth, so that what failed together isn't tried together.
    """
    return min(MINUTE * 2.0 ** min(tries - 1, 10), HOUR) * random.uniform(0.8, 1.2)


class Rate(NamedTuple):
    """At most so many messages in so many seconds, evenly spread."""

    most: int
    seconds: float

    @classmethod
    def of(cls, text: str) -> Rate | None:
        """Read "100/m": the units are s, m, h and d. "" is no limit. Raises ValueError."""
        if not text:
            return None
        found = re.fullmatch(r"\s*(\d+)\s*/\s*([smhd])\s*", text)
        if not found or not int(found[1]):
            raise ValueError(f"Write a rate like '100/m' (s, m, h or d), not {text!r}")
        return cls(int(found[1]), _UNITS[found[2]])

    @property
    def spacing(self) -> float:
        """Seconds between two messages."""
        return self.seconds / self.most

    @property
    def burst(self) -> int:
        """How many may go at once: what a second has room for, and one at least."""
        return max(1, int(1 / self.spacing))


class Pace(NamedTuple):
    """How a mailer is doing: one row that all workers share."""

    name: str
    paused: int = 0
    failures: int = 0
    since: float = 0.0
    rest: float = 0.0
    probe: int | None = None
    next: float = 0.0
    error: str = ""

    @property
    def is_failing(self) -> bool:
        return self.failures >= FAILURES

    def rests_until(self, now: float) -> float:
        """Return when its server may be tried again; that is no later than its rest is long."""
        # The clock may have been set back since.
        return min(self.since, now) + self.rest if self.is_failing else 0.0

    def allowed(self, now: float, wanted: int, rate: Rate | None) -> int:
        """Return how many of so many messages may be claimed now."""
        if self.paused or self.probe is not None or self.rests_until(now) > now:
            return 0
        wanted = 1 if self.is_failing else wanted
        return wanted if rate is None else min(wanted, self._within(now, rate))

    def _within(self, now: float, rate: Rate) -> int:
        ahead = self._next(now, rate) - now
        return max(0, int((rate.burst * rate.spacing - ahead) / rate.spacing + 1e-6))

    def _next(self, now: float, rate: Rate) -> float:
        # Never further ahead than a burst, unless the clock was set back.
        is_possible = self.next <= now + rate.burst * rate.spacing + 1
        return max(self.next, now) if is_possible else now

    def room_at(self, now: float, rate: Rate | None) -> float:
        """Return when `allowed()` may say yes, as far as time alone decides that."""
        if rate is None or self.is_failing:
            return self.rests_until(now)
        return self._next(now, rate) - (rate.burst - 1) * rate.spacing

    def after(self, count: int, now: float, rate: Rate | None) -> Pace:
        """Return the row after so many messages were claimed."""
        if rate is None or not count:
            return self
        return self._replace(next=self._next(now, rate) + count * rate.spacing)

    def after_failure(self, now: float, worker: int, error: str) -> Pace:
        """Return the row after the server failed once more."""
        failed = self._replace(failures=self.failures + 1, error=error)
        # Those who were on their way when the rest began don't make it longer.
        if failed.failures < FAILURES or (self.is_failing and self.probe != worker):
            return failed
        rest = min(self.rest * 2, LONGEST_REST) if self.is_failing else FIRST_REST
        return failed._replace(since=now, rest=rest, probe=None)

    def after_success(self) -> Pace:
        """Return the row after the server did what a server does."""
        return self._replace(failures=0, rest=0.0, probe=None, error="")


def pace_of(db: sqlite3.Connection, mailer: str) -> Pace:
    """Return a mailer's row, or a fresh one."""
    sql = f"SELECT {', '.join(Pace._fields)} FROM simplemail_mailers WHERE name = ?"
    found = row(db, sql, (mailer,))
    return Pace(*found) if found else Pace(mailer)


def keep(db: sqlite3.Connection, pace: Pace) -> None:
    """Write a mailer's row."""
    marks = ", ".join("?" * len(pace))
    db.execute(f"INSERT OR REPLACE INTO simplemail_mailers VALUES ({marks})", pace)
