"""Tells whoever waits that something has happened in the inbox."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

from ..light import lock

_KEPT = 1_000
MOST_FOLLOWERS = 32


class Event(NamedTuple):
    """`kind` is "message", "read", "unread" or "deleted"; `ids` say of which messages."""

    number: int
    kind: str
    ids: list[int]


class Feed:
    """A row of events that any number of threads follow, each at its own pace."""

    def __init__(self) -> None:
        self._changed = threading.Condition(lock())
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._next = 1
        self._followers = 0
        self.is_closed = False

    @property
    def position(self) -> int:
        """The number of the last event, to follow from."""
        return self._next - 1

    def publish(self, kind: str, ids: list[int]) -> None:
        if not ids:
            return
        with self._changed:
            self._events.append(Event(self._next, kind, ids))
            self._next += 1
            self._changed.notify_all()

    def join(self) -> bool:
        """Take one of the places for followers, until `leave()`; False if there is none."""
        with self._changed:
            has_place = self._followers < MOST_FOLLOWERS
            self._followers += has_place
        return has_place

    def leave(self) -> None:
        with self._changed:
            self._followers -= 1

    def after(self, position: int, timeout: float) -> list[Event] | None:
        """Wait for events after this one, for so many seconds; [] if none came.

        None if the feed was closed, or went on too far to tell what was missed.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self.is_closed and self._next - 1 <= position:
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)
            if self.is_closed or position < self._next - 1 - len(self._events):
                return None
            return [event for event in self._events if event.number > position]

    def close(self) -> None:
        """Wake everybody who waits, for the last time."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
