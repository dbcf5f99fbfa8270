"""Measures the same work done in several ways, fairly: in turns, on one Python, by medians.

A machine that slows down for a second slows all of them down, since they take turns within it. What
is counted is the process's own CPU time, so neighbours on a busy machine cost less than they could.
"""

from __future__ import annotations

import argparse
import email.policy
import functools
import gc
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

Work = Callable[[int], object]  # the argument makes every message different


class Case(NamedTuple):
    """One claim: the ways to do it, and how many times as fast as Django ours has to be."""

    name: str
    simplemail: Work
    django: Work
    by_hand: Work
    times_django: float  # the claim
    peak: float = 0.0  # claim: memory at the peak, in sizes of the content
    content_size: int = 0


class Result(NamedTuple):
    case: Case
    seconds: dict[str, float]  # a call, by way
    peaks: dict[str, float]  # in sizes of the content, by way

    @property
    def times_django(self) -> float:
        return self.seconds["Django"] / self.seconds["simplemail"]

    @property
    def holds(self) -> bool:
        peak = not self.case.peak or self.peaks["simplemail"] <= self.case.peak
        return self.times_django >= self.case.times_django and peak


def main(*cases: Case) -> None:
    """Run cases as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run at all?")
    parser.add_argument("--check", action="store_true", help="exit 1 if a claim does not hold")
    options = parser.parse_args()
    print(_header())
    failed = 0
    for case in cases:
        result = measure(case, rounds=3 if options.quick else 15, quick=options.quick)
        print(_row(result), flush=True)
        failed += not result.holds
    if options.check and failed:
        sys.exit(f"{failed} of {len(cases)} claims do not hold")


def measure(case: Case, *, rounds: int, quick: bool = False) -> Result:
    """Return the median seconds of a call, and the peak memory where the case asks for it."""
    ways = {"simplemail": case.simplemail, "Django": case.django, "by hand": case.by_hand}
    calls = {name: _calls(work, 0.005 if quick else 0.03) for name, work in ways.items()}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    number = 0
    for turn in range(rounds):
        order = list(ways)[turn % 3 :] + list(ways)[: turn % 3]
        for name in order:
            samples[name].append(_time(ways[name], number, calls[name]))
            number += calls[name]
    peaks = {name: _peak(work, case.content_size) for name, work in ways.items() if case.peak}
    return Result(case, {name: statistics.median(times) for name, times in samples.items()}, peaks)


def _calls(work: Work, seconds: float) -> int:
    """Return how many calls take about so many seconds, and warm the caches up on the way."""
    _time(work, -9, 1)
    calls = 1
    while calls < 10_000 and (each := _time(work, -10 - calls, calls)) * calls < seconds / 4:
        calls *= 4
    return max(1, round(seconds / each))


def _time(work: Work, first: int, calls: int) -> float:
    gc.collect()
    start = time.process_time_ns()
    for number in range(first, first + calls):
        work(number)
    return (time.process_time_ns() - start) / calls / 1e9


def _peak(work: Work, size: int) -> float:
    """Return what a call allocates at its peak, the content itself not counted."""
    gc.collect()
    tracemalloc.start()
    try:
        work(1)
        return tracemalloc.get_traced_memory()[1] / size
    finally:
        tracemalloc.stop()


def _header() -> str:
    columns = f"{'µs a message':38}{'simplemail':>12}{'Django':>12}{'by hand':>12}"
    columns += f"{'faster':>9}{'claim':>7}{'of limit':>10}"
    return f"{versions()}\n{columns}"


def versions() -> str:
    """Name what is measured."""
    require_django()
    import django

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, Django {django.__version__}"


def _row(result: Result) -> str:
    case, seconds = result.case, result.seconds
    row = f"{case.name:38}"
    row += "".join(f"{seconds[name] * 1e6:12,.1f}" for name in seconds)
    row += f"{result.times_django:8.1f}x{case.times_django:6.0f}x"
    row += f"{seconds['simplemail'] / seconds['by hand']:9.1f}x"
    if result.peaks:
        row += f"\n{'  peak memory, sizes of the content':38}"
        row += "".join(f"{peak:12.2f}" for peak in result.peaks.values())
        row += f"{'':9}{case.peak:6.1f}x"
    return row + ("" if result.holds else "   does not hold")


def django_bytes(
    subject: str, body: str, sender: str, to: list[str], html: str = "", attachment: bytes = b""
) -> bytes:
    """Return the bytes that Django 6.1's smtp backend sends for a message."""
    message = _django_class()(subject, body, sender, to)
    if html:
        message.attach_alternative(html, "text/html")
    if attachment:
        message.attach("data.bin", attachment, "application/octet-stream")
    return message.message(policy=email.policy.SMTP).as_bytes()


@functools.cache
def _django_class() -> type:
    require_django()
    from django.conf import settings

    settings.configure()
    from django.core.mail import EmailMultiAlternatives

    return EmailMultiAlternatives


def require_django() -> None:
    """Exit if there is no Django, or an older one than the claims are about."""
    try:
        import django
    except ImportError:
        sys.exit("The claims compare with Django 6.1, which is not installed")
    if django.VERSION < (6, 1):
        sys.exit(f"The claims are about Django 6.1; this is {django.__version__}")


def simplemail_bytes(
    subject: str, body: str, sender: str, to: list[str], html: str = "", attachment: bytes = b""
) -> bytes:
    """Return what simplemail sends for the same."""
    message = _simplemail_class()(subject, body, sender, to)
    if html:
        message.attach_alternative(html, "text/html")
    if attachment:
        message.attach("data.bin", attachment, "application/octet-stream")
    return message.as_bytes()


@functools.cache
def _simplemail_class() -> type:
    from simplemail import EmailMultiAlternatives

    return EmailMultiAlternatives


def head(number: int, subject: str, to: str) -> str:
    """Return by hand, without a single check, the headers that every message has."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    return (
        f"MIME-Version: 1.0\r\nSubject: {subject}\r\nFrom: shop@example.com\r\nTo: {to}\r\n"
        f"Date: {date}\r\nMessage-ID: <{time.time_ns()}.{number}@mail.example.com>\r\n"
    )
