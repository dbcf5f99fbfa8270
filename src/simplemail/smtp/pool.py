"""Keeps sessions open for the next message (`keep_alive`)."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Hashable
from time import monotonic

from ..light import NamedTuple, lock
from .session import Session

# The limits of one session, in seconds and messages, because servers have limits too.
LONGEST_LIFE = 600.0
MOST_MESSAGES = 500


class _Idle(NamedTuple):
    session: Session
    until: float


class Pool:
    """Sessions by their route, shared by all threads of this process.

    Decides under the lock which to take or drop, and talks to servers outside of it.
    """

    def __init__(self) -> None:
        self._lock = lock()
        self._idle: dict[Hashable, list[_Idle]] = {}
        self._sweeper: threading.Timer | None = None
        self._sweep_due = 0.0  # when the sweeper will wake up

    def take(self, route: Hashable) -> Session | None:
        """Return a live session for this route, or None."""
        while True:
            with self._lock:
                sessions = self._idle.get(route)
                if not sessions:
                    return None
                session, until = sessions.pop()  # the one used last is the most likely to be alive
                if not sessions:
                    del self._idle[route]
            if monotonic() < until and session.alive():
                return session
            session.quit()

    def give(self, route: Hashable, session: Session, *, keep_alive: float, size: int) -> None:
        """Keep a session for `keep_alive` seconds, if it can be used and there is room."""
        now = monotonic()
        until = min(now + keep_alive, session.opened + LONGEST_LIFE)
        usable = session.usable and not session.busy and session.count < MOST_MESSAGES
        with self._lock:
            sessions = self._idle.setdefault(route, [])
            if usable and now < until and len(sessions) < size:
                sessions.append(_Idle(session, until))
                self._sweep_at(until, now)
                return
            if not sessions:
                del self._idle[route]
        session.quit()

    def close(self) -> None:
        """End all sessions. The pool can be used again."""
        with self._lock:
            idle, self._idle = self._idle, {}
            self._stop_sweeper()
        for sessions in idle.values():
            for session, _ in sessions:
                session.quit()

    def forget(self) -> None:
        """Drop all sessions without QUIT: after fork() they belong to the parent."""
        idle = self._idle
        self.__init__()  # type: ignore[misc]  # the lock too may be in use by the parent
        for sessions in idle.values():
            for session, _ in sessions:
                session.channel.close()

    def _sweep_at(self, until: float, now: float) -> None:
        """Make sure that sessions end in time, even if nothing is sent."""
        if self._sweeper is None or until < self._sweep_due:
            self._stop_sweeper()
            self._sweep_due = until
            self._sweeper = threading.Timer(until - now, self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _stop_sweeper(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _sweep(self) -> None:
        now = monotonic()
        over: list[Session] = []
        with self._lock:
            self._stop_sweeper()  # it may have been replaced
            for route, sessions in list(self._idle.items()):
                over += [session for session, until in sessions if until <= now]
                sessions[:] = [entry for entry in sessions if entry.until > now]
                if not sessions:
                    del self._idle[route]
            rest = [until for sessions in self._idle.values() for _, until in sessions]
            if rest:
                self._sweep_at(min(rest), now)
        for session in over:
            session.quit()


pool = Pool()


def close_pools() -> None:
    """Close the sessions that `keep_alive` keeps open, for all mailers of this process.

    This happens by itself when the program ends. Mailers can be used again afterwards.
    """
    pool.close()


atexit.register(pool.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.forget)
