"""The messages of an inbox, for many readers: kept, changed, announced, waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..light import tell
from .feed import Feed
from .store import Arrival, Row, Store


class Messages:
    """A store whose changes are announced in `feed`. For any thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.feed = Feed()

    def add(self, arrival: Arrival) -> int:
        """Keep a message and return its id."""
        number, gone = self.store.add(arrival)
        self.feed.publish("message", [number])
        self.feed.publish("deleted", gone)
        return number

    def rows(
        self, search: str = "", *, limit: int = 50, before: int | None = None, after: int = 0
    ) -> list[Row]:
        """Return what a search finds, newest first. Raises WrongSearch."""
        self.store.settle()
        return self.store.rows(search, limit=limit, before=before, after=after)

    def wait(
        self, search: str, *, count: int, after: int, timeout: float
    ) -> tuple[bool, list[Row]]:
        """Wait until `count` messages newer than `after` are found: (True, those, oldest first).

        After `timeout` seconds, (False, all that came instead). Raises WrongSearch.
        """
        deadline = time.monotonic() + timeout
        while True:
            position = self.feed.position
            found = self.rows(search, limit=500, after=after)
            if len(found) >= count:
                return True, found[::-1]
            left = deadline - time.monotonic()
            if left <= 0 or self.feed.is_closed:
                return False, self.rows(limit=100, after=after)[::-1]
            self.feed.after(position, left)

    def mark(self, number: int, *, unread: bool) -> None:
        if self.store.mark(number, unread=unread):
            self.feed.publish("unread" if unread else "read", [number])

    def delete(self, numbers: Iterable[int]) -> list[int]:
        """Delete messages and return the ids of those that were there."""
        gone = self.store.delete(numbers)
        self.feed.publish("deleted", gone)
        return gone

    def forget_files(self, paths: Iterable[str]) -> None:
        """Show these files no longer."""
        self.feed.publish("deleted", self.store.forget_files(paths))

    def keep_settled(self) -> None:
        """Look up what new messages say as they come, until the feed is closed. For a thread."""
        while not self.feed.is_closed:
            position = self.feed.position
            try:
                self.store.settle()
            except Exception as error:
                if not self.feed.is_closed:
                    text = "A message can't be looked up"
                    tell("error", text, to="simplemail.inbox", error=error)
            self.feed.after(position, 3600)

    def close(self) -> None:
        """Wake everybody who waits, then close the store."""
        self.feed.close()
        self.store.close()
