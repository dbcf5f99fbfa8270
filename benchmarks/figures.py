"""Prints figures beside their bars: what was measured, and what it should have been."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

SOURCE = str(Path(__file__).resolve().parents[1] / "src")
sys.path.insert(0, SOURCE)
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCE}


class Figure(NamedTuple):
    """Something measured. `most` or `least` is the bar; without one it is only told."""

    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        is_low = self.most is None or self.value <= self.most
        return is_low and (self.least is None or self.value >= self.least)

    def __str__(self) -> str:
        bars = [("at most", self.most), ("at least", self.least)]
        bar = "".join(f"{word} {each:,.4g}" for word, each in bars if each is not None)
        mark = "" if self.holds else "  MISSED"
        return f"{self.what:<62} {self.value:>10,.4g} {self.unit:<5} {bar}{mark}".rstrip()


Measure = Callable[[bool], Iterable[Figure]]  # the argument: quickly?


def main(*measures: Measure) -> None:
    """Measure what the command line says, and print it."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="little of each: does it run at all?")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is missed")
    options = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"SQLite {sqlite3.sqlite_version}")
    missed = 0
    for measure in measures:
        for figure in measure(options.quick):
            print(figure, flush=True)
            missed += not figure.holds
    if options.check and missed:
        sys.exit(f"{missed} bars missed")
