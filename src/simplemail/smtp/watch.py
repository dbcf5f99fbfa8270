"""Waits until a socket can be read or written: for a moment awake, and then asleep."""

from __future__ import annotations

import os
import select
from time import monotonic, perf_counter

from ..light import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

# How long something to read is looked for, in seconds, before we sleep until it comes. A server on
# this machine answers sooner than anybody wakes up: going without sleep makes send_messages() twice
# as fast there.
AWAKE = 0.0004

# A watch that looks for less than this does not look at all.
TOO_SHORT = AWAKE / 32

_waiting: set[int] = set()
"""The watches of all threads that wait for something to read."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)  # its threads are not there


class Watch:
    """Watches one socket, also when TLS is put around it.

    How long it looks before it sleeps is learnt: half as long after it was in vain, twice as long
    after a sleep that was shorter than the longest look. So over a network it soon gives up. It
    doesn't look at all where one processor is all there is, which the server would need, nor while
    another thread waits as well: there is work for the processors.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()  # TLS has the same
        self._look_for = AWAKE if _processors() > 1 else 0.0
        # One for looking and one for sleeping, which a signal's handler may interrupt to look.
        self._look, self._sleep = _reader(self._descriptor), _reader(self._descriptor)

    def can_be_read(self) -> bool:
        """Is there anything to read now, be it the end or an error?"""
        return bool(self._look(0))

    def wait_to_read(self, deadline: float | None) -> bool:
        """Wait for something to read. False if nothing came before the deadline (monotonic())."""
        try:
            _waiting.add(id(self))
            return self._comes_soon() or self._comes_later(deadline)
        finally:
            _waiting.discard(id(self))

    def _comes_soon(self) -> bool:
        if self._look_for <= TOO_SHORT or len(_waiting) > 1:
            return False
        until = perf_counter() + self._look_for  # monotonic() has long ticks on some systems
        while not self._look(0):
            if perf_counter() > until or len(_waiting) > 1:
                self._look_for /= 2
                return False
        self._look_for = AWAKE
        return True

    def _comes_later(self, deadline: float | None) -> bool:
        began = perf_counter()
        found = self._sleep(_milliseconds(deadline, monotonic()))
        if perf_counter() - began < AWAKE:  # a look would have found it
            self._look_for = min(2 * self._look_for, AWAKE)
        return bool(found)

    def wait(self, deadline: float | None, *, read: bool, write: bool) -> bool:
        """Wait for either of what is asked for. False if neither came before the deadline."""
        limit = _milliseconds(deadline, monotonic())
        if not hasattr(select, "poll"):  # Windows
            mine = [self._descriptor]
            return any(select.select(mine * read, mine * write, [], _seconds(limit)))
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN * read | select.POLLOUT * write)
        return bool(poll.poll(limit))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _milliseconds(deadline: float | None, now: float) -> float | None:
    return None if deadline is None else max(0.0, deadline - now) * 1000


def _seconds(limit: float | None) -> float | None:
    return None if limit is None else limit / 1000


def _reader(descriptor: int) -> Callable[[float | None], object]:
    """Return a function that waits so many milliseconds for something to read."""
    if not hasattr(select, "poll"):  # Windows
        return lambda limit: select.select([descriptor], [], [], _seconds(limit))[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll
