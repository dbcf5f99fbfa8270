"""Opens a connection to a host, which may have several addresses (RFC 8305, RFC 5321, 5.1)."""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Iterable
from errno import EINPROGRESS, EWOULDBLOCK
from itertools import chain, zip_longest
from time import monotonic

from ..light import Any

NEXT = 0.25
"""Seconds after which the next address is tried beside the others (RFC 8305, 5)."""

_MOST = 100

# Which address of a host answered last, by host and port: the others may cost a wait each time.
# Only a preference, so threads may write over each other.
_answered: dict[tuple[str, int], Any] = {}

# As Python has them: where gevent, PySocks or a test put others, they have their own ways.
_SOCKET, _CREATE = socket.socket, socket.create_connection


class Host:
    """A host and its addresses, of which some are given up one after the other."""

    def __init__(self, name: str, port: int, timeout: float | None, source: Any = None) -> None:
        self.name, self.port = name, port
        self.timeout, self.source = timeout, source
        self._left: list[Any] | None = None
        self._reached: Any = None

    def open(self) -> socket.socket:
        """Connect to the address that answers first, within `timeout` seconds.

        Raises what the first address raised, with notes about the others.
        """
        if _is_replaced():
            sock = socket.create_connection((self.name, self.port), self.timeout, self.source)
        else:
            sock = self._open()
        try:
            # Each write is meant to leave at once, and the next may come before its answer.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return sock

    def give_up(self) -> bool:
        """Take the address that was reached off the list. Is another one left?"""
        if self._left is None or self._reached not in self._left:
            return False
        self._left.remove(self._reached)
        return bool(self._left)

    def has_answered(self) -> None:
        """Remember the address that was reached, to begin with it the next time."""
        if self._reached is not None:
            if len(_answered) >= _MOST:
                _answered.clear()
            _answered[self.name, self.port] = self._reached

    def _open(self) -> socket.socket:
        if self._left is None:
            found = socket.getaddrinfo(self.name, self.port, type=socket.SOCK_STREAM)
            self._left = self._in_order(found)
        sock, self._reached = _race(self._left, self.timeout, self.source)
        return sock

    def _in_order(self, found: Iterable[Any]) -> list[Any]:
        """Put the one that answered last first, and the families in turn behind it."""
        each = list(dict.fromkeys(found))
        first = each[0][0]
        ours = [info for info in each if info[0] == first]
        others = [info for info in each if info[0] != first]
        turns = [i for i in chain.from_iterable(zip_longest(ours, others)) if i is not None]
        preferred = _answered.get((self.name, self.port))
        return sorted(turns, key=lambda info: info != preferred)


def _race(infos: Iterable[Any], timeout: float | None, source: Any) -> tuple[socket.socket, Any]:
    """Return the socket that is connected first, and where it leads; the others are closed."""
    ends = None if timeout is None else monotonic() + timeout
    waiting, errors = deque(infos), list[OSError]()
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                if waiting:
                    _begin(waiting.popleft(), source, selector, errors)
                if not selector.get_map():
                    continue  # that one failed at once
                if ends is not None and monotonic() >= ends:
                    late = TimeoutError("timed out")
                    late.seconds = timeout  # type: ignore[attr-defined]  # hints want to know
                    errors.insert(0, late)
                    break
                for key, _ in selector.select(_pause(ends, bool(waiting))):
                    if won := _finished(selector, key, errors):
                        won.settimeout(timeout)
                        return won, key.data
        finally:
            for key in [*selector.get_map().values()]:
                _socket_of(key).close()
    # What one address says of our own need not be true for the others.
    first, *others = sorted(errors, key=lambda error: getattr(error, "option", ""))
    for other in others:
        first.add_note(f"another address of the host: {other}")
    raise first


def _pause(ends: float | None, more: bool) -> float | None:
    left = None if ends is None else max(0, ends - monotonic())
    if not more:
        return left
    return NEXT if left is None else min(NEXT, left)


def _begin(info: Any, source: Any, selector: selectors.BaseSelector, errors: list[OSError]) -> None:
    """Begin to connect to one address, without waiting for it."""
    family, kind, protocol, _, address = info
    sock = None
    try:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        if source:
            _bind(sock, source)
        if (number := sock.connect_ex(address)) not in (0, EINPROGRESS, EWOULDBLOCK):
            raise OSError(number, os.strerror(number))
        selector.register(sock, selectors.EVENT_WRITE, info)
    except OSError as error:
        errors.append(error)
        if sock is not None:
            sock.close()


def _bind(sock: socket.socket, source: Any) -> None:
    try:
        sock.bind(source)
    except OSError as error:
        text = f"Can't use source_address {source!r} ({error.strerror})"
        unusable = OSError(error.errno, text)
        unusable.option = "source_address"  # type: ignore[attr-defined]  # hints want to know
        raise unusable from error


def _finished(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, errors: list[OSError]
) -> socket.socket | None:
    """Return the socket of an attempt that has ended, if it is connected."""
    sock = _socket_of(key)
    selector.unregister(sock)
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if not number:
        return sock
    sock.close()
    errors.append(OSError(number, os.strerror(number)))
    return None


def _socket_of(key: selectors.SelectorKey) -> socket.socket:
    sock: Any = key.fileobj
    return sock  # type: ignore[no-any-return]  # no other was registered


def _is_replaced() -> bool:
    return socket.socket is not _SOCKET or socket.create_connection is not _CREATE
