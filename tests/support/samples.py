"""Some of many cases: a default run takes a sample, CI all of them.

CI sets SIMPLEMAIL_CI=1; who asks for more still, by SIMPLEMAIL_LONG or SIMPLEMAIL_MANY, gets it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

EVERYTHING = any(os.environ.get(f"SIMPLEMAIL_{name}") for name in ("CI", "LONG", "MANY"))


def sample(cases: Iterable[T], one_in: int, start: int = 0) -> list[T]:
    """Return every `one_in`-th case from number `start` on, always the same ones; in CI, all.

    Tests that are made for several ways or places give each a start of its own: together, they
    then run all cases by default too.
    """
    cases = list(cases)
    return cases if EVERYTHING else cases[start % one_in :: one_in]
