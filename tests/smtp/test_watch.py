"""A near server is waited for awake, a far one asleep, and which is which is learnt."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from simplemail.smtp import watch as watch_module
from simplemail.smtp.watch import AWAKE, TOO_SHORT, Watch


@pytest.fixture
def ends() -> Iterator[tuple[Watch, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Watch(ours), theirs


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, ends: tuple[Watch, socket.socket]) -> list[int]:
    """Count the looks of each wait, on a clock on which a look takes an eighth of AWAKE."""
    watch, _ = ends
    clock, found = count(0.0, 0.0625), [0]

    def look(limit: float) -> bool:
        found[-1] += 1
        return False

    monkeypatch.setattr(watch_module, "perf_counter", clock.__next__)
    monkeypatch.setattr(watch_module, "AWAKE", 0.5)
    monkeypatch.setattr(watch_module, "TOO_SHORT", 0.5 / 32)
    watch._look_for = 0.5
    monkeypatch.setattr(watch, "_look", look)
    return found


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
    assert not watch_module._waiting


def test_who_comes_late_is_looked_for_less_and_less(
    ends: tuple[Watch, socket.socket], looks: list[int]
) -> None:
    watch, server = ends
    server.sendall(b"x")
    for _ in range(7):
        watch._comes_soon()
        looks.append(0)

    assert looks == [9, 5, 3, 2, 1, 0, 0, 0]
    assert watch._look_for == watch_module.TOO_SHORT


def test_who_comes_early_again_is_looked_for_again(
    ends: tuple[Watch, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, server = ends
    server.sendall(b"x")
    watch._look_for = TOO_SHORT
    budgets = []
    for slept in (10.0, AWAKE, AWAKE / 2, AWAKE / 2, 0.0, 0.0, 0.0, 0.0):
        monkeypatch.setattr(watch_module, "perf_counter", iter([0.0, slept]).__next__)
        assert watch._comes_later(None)
        budgets.append(watch._look_for / TOO_SHORT)

    assert budgets == [1, 1, 2, 4, 8, 16, 32, 32]
    assert TOO_SHORT * 32 == AWAKE


def test_nobody_looks_while_another_thread_waits(
    ends: tuple[Watch, socket.socket], looks: list[int]
) -> None:
    watch, server = ends
    ours, theirs = socket.socketpair()
    with ours, theirs:
        other = threading.Thread(target=Watch(ours).wait_to_read, args=[None])
        other.start()
        while not watch_module._waiting:
            pass
        server.sendall(b"x")

        assert watch.wait_to_read(None)
        assert looks == [0]
        theirs.sendall(b"x")
        other.join()

    assert watch._look_for == watch_module.AWAKE
    assert not watch_module._waiting


def test_nobody_looks_where_the_server_needs_the_only_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "_processors", lambda: 1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(ours)
        theirs.sendall(b"x")

        assert not watch._comes_soon()
        assert watch._comes_later(None)
        assert not watch._comes_soon()


@pytest.mark.parametrize("system", ["Linux", "macOS"])
def test_the_processors_are_those_we_may_use(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    if system == "Linux":
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3}, raising=False)
    else:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)

    assert watch_module._processors() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_does_not_wait_with_its_parent_s_threads(
    ends: tuple[Watch, socket.socket],
) -> None:
    watch, server = ends
    other = threading.Thread(target=watch.wait_to_read, args=[None])
    other.start()
    while not watch_module._waiting:
        pass
    child = os.fork()
    if child == 0:
        os._exit(len(watch_module._waiting))
    _, status = os.waitpid(child, 0)
    server.sendall(b"x")
    other.join()

    assert status == 0


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
