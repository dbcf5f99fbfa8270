"""Limits how many connections by one route are open at a time (`max_connections`)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from time import monotonic
from weakref import ref

from ..light import TypeVar
from .retrying import NoPlace

_Found = TypeVar("_Found")


class Place:
    """A connection's place. It is free again after `leave()`, or when the connection is dropped."""

    __slots__ = ("__weakref__", "_bell", "_line", "route")

    def __init__(self, line: Line, route: Hashable) -> None:
        self._line = line
        self.route = route
        self._bell = threading.Lock()  # locked until it rings: both are one step
        self._bell.acquire()

    def leave(self) -> None:
        """Let somebody else in. Safe to call twice."""
        self._line.remove(self)

    def offer(self) -> None:
        """Tell those who wait that its connection may be used by somebody else."""
        self._line.ring()

    def ring(self) -> None:
        """Have whoever waits here look again."""
        try:  # noqa: SIM105 - garbage collection may call this in the middle of anything
            self._bell.release()
        except RuntimeError:
            pass  # it has rung already

    def wait(self, seconds: float | None) -> bool:
        """Wait until it rings. False if it doesn't within so many seconds."""
        return self._bell.acquire(timeout=-1 if seconds is None else seconds)


class Line:
    """Places in the order in which they were asked for: the first so many by a route are in.

    There is no lock around the list: each step on it is one of Python's own. So nothing can hang
    where garbage collection drops a connection in the middle of this, or in a child after fork().
    It holds no place itself, so that one whose connection was forgotten is free again.
    """

    def __init__(self) -> None:
        self._places: list[ref[Place]] = []

    def enter(
        self,
        route: Hashable,
        most: int,
        seconds: float | None,
        instead: Callable[[], _Found | None],
    ) -> Place | _Found:
        """Return a place among the first `most`, or what `instead` finds while there is none.

        Raises NoPlace after so many seconds.
        """
        place = Place(self, route)
        self._places.append(ref(place, self._drop))
        deadline = None if seconds is None else monotonic() + seconds
        try:
            while not self._is_in(place, most):
                if (found := instead()) is not None:
                    place.leave()
                    return found
                if not place.wait(None if deadline is None else max(0.0, deadline - monotonic())):
                    raise NoPlace(
                        f"All connections that may be open (max_connections, {most}) were in use "
                        f"for {seconds:g} s; raise max_connections, or send with fewer threads"
                    )
        except BaseException:
            place.leave()
            raise
        return place

    def ring(self) -> None:
        """Have all who wait look again: something is free."""
        for each in list(self._places):
            if (place := each()) is not None:
                place.ring()

    def remove(self, place: Place) -> None:
        """Take a place off, if it is still there."""
        for each in list(self._places):
            if each() is place:
                self._drop(each)

    def forget(self) -> None:
        """Begin anew: after fork(), all connections are the parent's."""
        self._places.clear()

    def _drop(self, gone: ref[Place]) -> None:
        try:
            self._places.remove(gone)
        except ValueError:
            return  # somebody else has done so
        self.ring()

    def _is_in(self, place: Place, most: int) -> bool:
        before = 0
        for each in list(self._places):
            other = each()
            if other is place:
                return before < most
            before += other is not None and other.route == place.route
        return True  # in a child, after fork()


line = Line()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=line.forget)
