"""Waits end when there is something, or at their deadline."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator

import pytest

from simplemail.smtp import watch as watch_module
from simplemail.smtp.watch import Watch


@pytest.fixture
def ends() -> Iterator[tuple[Watch, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Watch(ours), theirs


class Asked:
    """Stands for the system's poll(): remembers what it is asked, and finds nothing."""

    def __init__(self) -> None:
        self.questions: list[tuple[int, float | None]] = []

    def register(self, descriptor: int, events: int) -> None:
        self.events = events

    def poll(self, limit: float | None) -> list[object]:
        self.questions.append((self.events, limit))
        return []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(select, "poll", lambda: asked)
    monkeypatch.setattr(watch_module, "monotonic", lambda: 9.5)
    return asked


@pytest.mark.parametrize(("deadline", "limit"), [(None, None), (10.0, 500), (9.0, 0)])
def test_the_system_is_asked_once_for_what_is_wanted(
    deadline: float | None, limit: float | None, asked: Asked
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(ours)
        assert not watch.can_be_read()
        assert not watch.wait_to_read(deadline)
        assert not watch.wait(deadline, read=True, write=False)
        assert not watch.wait(deadline, read=False, write=True)
        assert not watch.wait(deadline, read=True, write=True)

    both = select.POLLIN | select.POLLOUT
    assert asked.questions == [
        (select.POLLIN, 0),
        (select.POLLIN, limit),
        (select.POLLIN, limit),
        (select.POLLOUT, limit),
        (both, limit),
    ]


@pytest.mark.parametrize(("deadline", "limit"), [(None, None), (10.0, 0.5), (9.0, 0)])
def test_without_poll_it_is_asked_in_seconds(
    deadline: float | None, limit: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    questions: list[tuple[int, int, float | None]] = []

    def ask(
        readers: list[int], writers: list[int], others: list[int], limit: float | None
    ) -> tuple[list[int], list[int], list[int]]:
        questions.append((len(readers), len(writers), limit))
        return [], [], []

    monkeypatch.delattr(select, "poll")
    monkeypatch.setattr(select, "select", ask)
    monkeypatch.setattr(watch_module, "monotonic", lambda: 9.5)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(ours)
        assert not watch.can_be_read()
        assert not watch.wait_to_read(deadline)
        assert not watch.wait(deadline, read=True, write=False)
        assert not watch.wait(deadline, read=False, write=True)

    assert questions == [(1, 0, 0), (1, 0, limit), (1, 0, limit), (0, 1, limit)]


def test_what_is_there_is_found(ends: tuple[Watch, socket.socket]) -> None:
    watch, server = ends
    assert not watch.can_be_read()
    server.sendall(b"x")

    assert watch.can_be_read()
    assert watch.wait_to_read(None)
    assert watch.wait(None, read=True, write=False)
    assert watch.wait(None, read=False, write=True)


def test_the_end_of_the_connection_can_be_read(ends: tuple[Watch, socket.socket]) -> None:
    watch, server = ends
    server.close()

    assert watch.can_be_read()
    assert watch.wait_to_read(None)


def test_a_wait_ends_at_its_deadline(ends: tuple[Watch, socket.socket]) -> None:
    watch, _ = ends
    now = watch_module.monotonic()

    assert not watch.wait_to_read(now + 0.02)
    assert watch_module.monotonic() >= now + 0.02
    assert not watch.wait(now, read=True, write=False)


def test_who_waits_sleeps(
    ends: tuple[Watch, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No busy waiting: however long it takes, the system is asked once."""
    watch, server = ends
    asked: list[float | None] = []
    usual = watch._poll
    monkeypatch.setattr(watch, "_poll", lambda limit: asked.append(limit) or usual(limit))
    sender = threading.Timer(0.05, server.sendall, [b"x"])
    sender.start()

    assert watch.wait_to_read(None)
    assert asked == [None]
    sender.join()


def test_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delattr(watch_module.select, "poll")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(ours)
        now = watch_module.monotonic()
        assert not watch.can_be_read()
        assert not watch.wait_to_read(now + 0.02)
        assert watch.wait(now + 60, read=False, write=True)
        assert not watch.wait(now, read=True, write=False)
        theirs.sendall(b"x")

        assert watch.can_be_read()
        assert watch.wait_to_read(None)
        assert watch.wait(None, read=True, write=False)


@pytest.mark.parametrize(
    ("deadline", "limit"), [(None, None), (10.0, 500), (9.5, 0), (1.0, 0), (9.625, 125)]
)
def test_what_is_left_is_in_milliseconds_and_never_negative(
    deadline: float | None, limit: float | None
) -> None:
    """poll() would take that for no limit."""
    assert watch_module._milliseconds(deadline, 9.5) == limit
