"""Lets several ways of sending take turns against a server, by the clock on the wall.

What is measured is mostly waiting: for the network, and for the server's process. Medians of
rounds in which all ways take part cancel out much of what the neighbours on a machine do; on a
busy one, `chrt --rr 1 python benchmarks/bench_session.py` (as root) cancels out more.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import harness

Way = Callable[[int, int], object]  # gets a port, and how many messages to send there

LONG = 8.0  # seconds: a round that takes longer is mostly simulated network, and needs no second


class Case(Protocol):
    def judge(self, *, quick: bool) -> int:
        """Print figures, and return how many claims about them do not hold."""


class Claim(NamedTuple):
    """`way` is at least so many `times` as fast as `than`, or takes `at_most` so many times.

    `beyond` is what both do besides: its time doesn't count.
    """

    way: str
    times: float = 0.0
    than: str = "Django"
    at_most: float = 0.0
    beyond: str = ""

    def row(self, seconds: Mapping[str, float]) -> str:
        if self.at_most:
            claim = f"takes {1 / self._times(seconds):.2f} times as long as {self.than}"
            claim += f" (at most {self.at_most:.2f})"
        else:
            claim = f"is {self._times(seconds):.1f} times as fast as {self.than} ({self.times:g})"
        doubt = "" if self.holds(seconds) else "   does not hold"
        return f"  {self.way} {claim}{f', {self.beyond} apart' if self.beyond else ''}{doubt}"

    def holds(self, seconds: Mapping[str, float]) -> bool:
        times = self._times(seconds)
        return times >= self.times and (not self.at_most or 1 / times <= self.at_most)

    def _times(self, seconds: Mapping[str, float]) -> float:
        besides = seconds[self.beyond] if self.beyond else 0.0
        return (seconds[self.than] - besides) / max(seconds[self.way] - besides, 1e-9)


class Race(NamedTuple):
    """Who races where, and what is claimed about it."""

    name: str
    sink: Callable[[], AbstractContextManager[int]]
    ways: Mapping[str, Way]
    claims: list[Claim]
    messages: int
    quick: int = 3  # messages, where it only matters that it runs
    rounds: int = 5
    unit: str = "message"

    def judge(self, *, quick: bool) -> int:
        seconds = self.run(quick=quick)
        print(f"\n{self.name}", flush=True)
        for way, each in seconds.items():
            print(f"  {way:24}{each * 1e3:10.3f} ms a {self.unit}{1 / each:12,.0f} a second")
        claims = [] if quick else self.claims  # a few messages show nothing
        for claim in claims:
            print(claim.row(seconds), flush=True)
        return sum(not claim.holds(seconds) for claim in claims)

    def run(self, *, quick: bool = False) -> dict[str, float]:
        """Return each way's median seconds for a message."""
        ways = {name: way for name, way in self.ways.items() if _is_installed(name)}
        count = self.quick if quick else self.messages
        samples: dict[str, list[float]] = {name: [] for name in ways}
        with self.sink() as port:
            for way in [] if quick else ways.values():
                way(port, 1)  # loads modules, fills caches
            for turn in range(1 if quick else self.rounds):
                first = turn % len(ways)
                for name in [*ways][first:] + [*ways][:first]:
                    if not samples[name] or samples[name][-1] * count < LONG:
                        samples[name].append(_time(ways[name], port, count))
        return {name: statistics.median(times) for name, times in samples.items()}


def main(*cases: Case) -> None:
    """Judge cases as the command line says."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="few messages: does it run at all?")
    parser.add_argument("--check", action="store_true", help="exit 1 if a claim does not hold")
    options = parser.parse_args()
    print(harness.versions())
    failed = sum(case.judge(quick=options.quick) for case in cases)
    if options.check and failed:
        sys.exit(f"{failed} claims do not hold")


def _is_installed(name: str) -> bool:
    return name != "aiosmtplib" or importlib.util.find_spec(name) is not None


def _time(way: Way, port: int, count: int) -> float:
    gc.collect()
    start = time.perf_counter()
    way(port, count)
    return (time.perf_counter() - start) / count
