"""Some of many cases: a default run takes a sample, CI all of them.

CI sets SIMPLEMAIL_CI=1; who asks for more still, by SIMPLEMAIL_LONG or SIMPLEMAIL_MANY, gets it.
Besides, a run of the whole suite takes a few cases of each test; one that names a file or a folder
takes those that the file has.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

MOST_CASES = 6
"""Of each test, in a run of the whole suite."""

EVERYTHING = any(os.environ.get(f"SIMPLEMAIL_{name}") for name in ("CI", "LONG", "MANY"))


def sample(cases: Iterable[T], one_in: int, start: int = 0) -> list[T]:
    """Return every `one_in`-th case from number `start` on, always the same ones; in CI, all.

    Tests that are made for several ways or places give each a start of its own: together, they
    then run all cases by default too.
    """
    cases = list(cases)
    return cases if EVERYTHING else cases[start % one_in :: one_in]


def few(ids: Sequence[str], most: int = MOST_CASES) -> set[int]:
    """Return the places of at most so many cases of each test, always the same ones.

    `ids` are pytest's: the name of a test, then its case in brackets. The cases are drawn, not
    counted off: those of several parameters come in a rhythm.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(ids):
        places[each.partition("[")[0]].append(place)
    return {
        place
        for name, all_ in places.items()
        for place in (all_ if len(all_) <= most else Random(name).sample(all_, most))
    }
