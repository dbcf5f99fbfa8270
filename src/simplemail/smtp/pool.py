"""Keeps sessions open for the next message (`keep_alive`)."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Hashable
from time import monotonic

from .dialogue import quit_all
from .session import Session

# The limits of one session, in seconds and messages, because servers have limits too.
LONGEST_LIFE = 600.0
MOST_MESSAGES = 500


class _Idle:
    """A session that waits. Compared by identity, so that `list.remove()` is one step."""

    __slots__ = ("route", "session", "until")

    def __init__(self, route: Hashable, session: Session, until: float) -> None:
        self.route, self.session, self.until = route, session, until


class Pool:
    """Sessions by their route, shared by all threads of this process.

    There is no lock: whoever takes an entry off the list has it. So nothing can hang, in a child
    after fork() or where garbage collection gives a session back in the middle of this.
    """

    def __init__(self) -> None:
        self._idle: list[_Idle] = []  # those used last at the end
        self._sweepers: list[_Sweeper] = []  # one, or a few if threads were faster than each other

    def take(self, route: Hashable) -> Session | None:
        """Return a session by this route that is alive, None if there is none."""
        for entry in self._of(route):  # the one used last is the likeliest to live
            if not self._claim(entry):
                continue
            session = entry.session
            if monotonic() < entry.until and session.alive():
                return session
            session.quit()
            if isinstance(session.lost, TimeoutError):
                self._drop(route)
                return None
        return None

    def give(self, route: Hashable, session: Session, *, keep_alive: float, size: int) -> None:
        """Keep a session for `keep_alive` seconds, if it can be used and there is room."""
        now = monotonic()
        until = min(now + keep_alive, session.end or session.opened + LONGEST_LIFE)
        full = session.count >= (session.most or MOST_MESSAGES)
        usable = session.usable and not session.busy and not full
        if not usable or now >= until or not self._will_be_swept(until):
            session.quit()
            return
        entry = _Idle(route, session, until)
        self._idle.append(entry)
        if len(self._of(route)) > size and self._claim(entry):
            session.quit()

    def close(self) -> None:
        """Say goodbye to all servers. The pool can be used again."""
        while self._sweepers:
            self._sweepers.pop().cancel()
        quit_all([entry.session for entry in list(self._idle) if self._claim(entry)])

    def forget(self) -> None:
        """Drop all sessions without a word: after fork() they are the parent's."""
        self._sweepers.clear()
        while self._idle:
            self._idle.pop().session.channel.close()

    def _of(self, route: Hashable) -> list[_Idle]:
        return [entry for entry in reversed(self._idle) if entry.route == route]

    def _claim(self, entry: _Idle) -> bool:
        """Take an entry off the list. False if somebody else has done so."""
        try:
            self._idle.remove(entry)
        except ValueError:
            return False
        return True

    def _drop(self, route: Hashable) -> None:
        """Close the idle sessions by a route on which one has fallen silent: nobody asks them."""
        for entry in self._of(route):
            if entry.session.stale and self._claim(entry):
                entry.session.close()

    def _will_be_swept(self, until: float) -> bool:
        """See to it that sessions end when their time is over, even if nobody sends.

        False if no thread can be started for that: at the end of the program, say.
        """
        if any(sweeper.due <= until for sweeper in list(self._sweepers)):
            return True
        sweeper = _Sweeper(self, until)
        try:
            sweeper.start()
        except RuntimeError:
            return False
        self._sweepers.append(sweeper)
        return True

    def sweep(self, sweeper: _Sweeper) -> None:
        """End the sessions whose time is over."""
        if sweeper in self._sweepers:
            self._sweepers.remove(sweeper)
        now = monotonic()
        over = [entry for entry in list(self._idle) if entry.until <= now and self._claim(entry)]
        rest = [entry.until for entry in list(self._idle)]
        if rest and not self._will_be_swept(min(rest)):
            over += [entry for entry in list(self._idle) if self._claim(entry)]
        quit_all([entry.session for entry in over])


class _Sweeper(threading.Timer):
    """Sweeps a pool once, when a session is `due` to end."""

    def __init__(self, pool: Pool, due: float) -> None:
        super().__init__(max(0.0, due - monotonic()), pool.sweep, [self])
        self.daemon = True
        self.due = due


pool = Pool()


def close_pools() -> None:
    """Close the sessions that `keep_alive` keeps open, for all mailers of this process.

    This happens by itself when the program ends. Mailers can be used again afterwards.
    """
    pool.close()


atexit.register(pool.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.forget)
