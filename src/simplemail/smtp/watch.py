"""Waits until a socket can be read or written."""

from __future__ import annotations

import select
from time import monotonic

from ..light import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Watch:
    """Watches one socket, also when TLS is put around it."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()  # TLS has the same
        self._poll = _reader(self._descriptor)

    def can_be_read(self) -> bool:
        """Is there anything to read now, be it the end or an error?"""
        return bool(self._poll(0))

    def wait_to_read(self, deadline: float | None) -> bool:
        """Wait for something to read. False if nothing came before the deadline (monotonic())."""
        return bool(self._poll(_milliseconds(deadline, monotonic())))

    def wait(self, deadline: float | None, *, read: bool, write: bool) -> bool:
        """Wait for either of what is asked for. False if neither came before the deadline."""
        limit = _milliseconds(deadline, monotonic())
        if not hasattr(select, "poll"):  # Windows
            readers = [self._descriptor] if read else []
            writers = [self._descriptor] if write else []
            return any(select.select(readers, writers, [], _seconds(limit)))
        events = (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
        poll = select.poll()
        poll.register(self._descriptor, events)
        return bool(poll.poll(limit))


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
