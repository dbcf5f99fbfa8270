"""Whoever wants one connection too many waits, for as long as it may."""

from __future__ import annotations

from typing import Any

import pytest

from simplemail.smtp import places
from simplemail.smtp.places import Line, Place
from simplemail.smtp.retrying import NoPlace


class Bell:
    """Stands for a lock: remembers for how long it was waited for."""

    def __init__(self, rings: bool) -> None:
        self.rings, self.waits = rings, list[Any]()

    def acquire(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return self.rings


@pytest.mark.parametrize(("seconds", "timeout"), [(None, -1), (0.0, 0.0), (2.5, 2.5)])
@pytest.mark.parametrize("rings", [True, False])
def test_a_place_waits_for_its_bell(seconds: float | None, timeout: float, rings: bool) -> None:
    place = Place(Line(), "a route")
    bell = Bell(rings)
    place._bell = bell  # type: ignore[assignment]

    assert place.wait(seconds) is rings
    assert bell.waits == [timeout]


@pytest.mark.parametrize(
    ("seconds", "waits"), [(None, [None] * 3), (10.0, [9.0, 8.0, 7.0]), (1.5, [0.5, 0.0, 0.0])]
)
def test_all_waits_together_have_one_limit(
    seconds: float | None, waits: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line()
    held = line.enter("a route", 1, None, lambda: None)
    asked: list[float | None] = []
    clock = iter(range(100, 200))
    monkeypatch.setattr(places, "monotonic", lambda: next(clock))
    monkeypatch.setattr(Place, "wait", lambda self, limit: asked.append(limit) or True)
    found = line.enter("a route", 1, seconds, lambda: "a session" if len(asked) == 3 else None)

    assert found == "a session"
    assert asked == waits
    assert isinstance(held, Place)
    held.leave()


def test_who_waited_too_long_is_told_and_leaves() -> None:
    line = Line()
    held = line.enter("a route", 1, None, lambda: None)
    with pytest.raises(NoPlace, match=r"max_connections, 1\) were in use for 0 s"):
        line.enter("a route", 1, 0.0, lambda: None)

    assert len(line._places) == 1
    assert isinstance(line.enter("another route", 1, 0.0, lambda: None), Place)
    assert isinstance(held, Place)


@pytest.mark.parametrize("way", ["leave", "forget it"])
def test_what_becomes_free_rings_for_all_who_wait(way: str) -> None:
    line = Line()
    held = line.enter("a route", 1, None, lambda: None)
    waiting = [Place(line, "a route") for _ in range(2)]
    line._places.extend(places.ref(each, line._drop) for each in waiting)
    assert not any(each.wait(0.0) for each in waiting)
    if way == "leave":
        assert isinstance(held, Place)
        held.leave()
    del held

    assert all(each.wait(0.0) for each in waiting)
    assert len(line._places) == 2
