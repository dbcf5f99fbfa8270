"""Checks the arguments of `put()`, before anything is rendered or locked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from . import states
from .store import Order


class Terms(NamedTuple):
    """How somebody wants a message to be sent, in the words of `put()`."""

    delay: float | timedelta | None = None
    send_at: datetime | None = None
    key: str | None = None
    priority: int = 0
    expires: float | timedelta | datetime | None = None
    tags: tuple[str, ...] = ()
    hold: bool = False
    at_least_once: bool = False

    def said(self) -> dict[str, Any]:
        """Return what was said, without what is as if nothing were said."""
        usual = self._field_defaults
        return {name: value for name, value in self._asdict().items() if value != usual[name]}


def order_of(terms: Terms, mailer: str, lifetime: float, now: float) -> Order:
    """Return what is to be written down. Raises ValueError or TypeError for what can't be meant."""
    due = _due(terms, now)
    _check_kinds(terms)
    state = states.HELD if terms.hold else states.WAITING if due > now else states.READY
    return Order(
        mailer,
        state,
        due,
        _expiry(terms.expires, due, now),
        lifetime,
        terms.key,
        terms.priority,
        terms.tags,
        terms.at_least_once,
    )


def seconds(name: str, value: float | timedelta) -> float:
    """Return a time span in seconds. Raises ValueError if it isn't one."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e11:
        raise ValueError(f"{name!r} must be seconds, or a timedelta, and not negative: {value!r}")
    return float(value)


def _due(terms: Terms, now: float) -> float:
    if terms.delay is not None and terms.send_at is not None:
        raise ValueError("Give 'delay' or 'send_at', not both")
    if terms.delay is not None:
        return now + seconds("delay", terms.delay)
    return now if terms.send_at is None else max(now, _time("send_at", terms.send_at))


def _time(name: str, value: Any) -> float:
    if not isinstance(value, datetime):
        raise ValueError(f"{name!r} must be a datetime, not {value!r}")
    if value.utcoffset() is None:
        # It may mean another moment on another machine, and two in the night of autumn's change.
        raise ValueError(f"{name!r} must have a time zone, like datetime.now(UTC), not {value!r}")
    return value.timestamp()


def _expiry(expires: float | timedelta | datetime | None, due: float, now: float) -> float | None:
    if expires is None:
        return None
    if isinstance(expires, datetime):
        end = _time("expires", expires)
        if end <= max(due, now):
            raise ValueError(f"'expires' is before the message is due: {expires!r}")
        return end
    return due + seconds("expires", expires)


def _check_kinds(terms: Terms) -> None:
    if terms.key is not None and (not isinstance(terms.key, str) or not terms.key):
        raise ValueError(f"'key' must be a non-empty string, not {terms.key!r}")
    if isinstance(terms.priority, bool) or not isinstance(terms.priority, int):
        raise ValueError(f"'priority' must be a whole number, not {terms.priority!r}")
    if abs(terms.priority) >= 1 << 31:
        raise ValueError(f"'priority' must fit into 32 bits, not {terms.priority!r}")
    if wrong := [tag for tag in terms.tags if not isinstance(tag, str)]:
        raise ValueError(f"'tags' must be strings, not {wrong[0]!r}")
