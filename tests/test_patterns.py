"""No pattern of the package takes more than linear time, whatever it is fed."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import simplemail
from simplemail.light import pattern
from support.samples import sample
from support.sources import nodes

# A look at short texts, for what is exponential or cubic, at a longer one, and, if that took so
# long that a quadratic pattern could be at work, at doubled ones.
SHORT, MIDDLE, FIRST, LONGEST = (14, 18, 22, 26), 400, 4_096, 65_536
# What the patterns of mail have a special sense for.
UNITS = [
    *("a", "1", " ", ".", ",", ":", ";", "=", "-", "@", "(", "<", "[", '"', "\\", "?", "%", "\n"),
    *("\r\n ", "a ", "a.", "a,", "a=", ";a=b", "; ", "=?", "=?a?q?b?= ", "()", '"a" ', "a: b\r\n"),
]
# What has to be there before some of them begin, or go on.
STARTS = ["", "a", "a@", "a/b;", 'a/b; x="', "A:", "(", "<", '"', "\n", "=?a?q?"]
END = "\x01"


def modules() -> Iterator[Any]:
    for info in pkgutil.walk_packages(simplemail.__path__, "simplemail."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def is_pattern(thing: object) -> bool:
    kinds: Any = (pattern, re.Pattern)
    return isinstance(thing, kinds)


def uses(module: Any) -> dict[str, set[str]]:
    """Return how each name is used in a module: the methods that are called on it."""
    found: dict[str, set[str]] = {}
    for node in nodes(Path(module.__file__)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


def collected() -> dict[str, tuple[Any, list[str]]]:
    """Return each pattern of the package, and its methods that are called somewhere."""
    patterns: dict[int, tuple[str, Any, set[str]]] = {}
    for module in modules():
        called = uses(module)
        for name, thing in vars(module).items():
            if is_pattern(thing):
                where = f"{module.__name__.partition('.')[2]}.{name}"
                _, _, methods = patterns.setdefault(id(thing), (where, thing, set()))
                methods |= called.get(name, set()) & METHODS
    return {
        name: (thing, sorted(methods) or ["fullmatch"])
        for name, thing, methods in patterns.values()
    }


METHODS = {"match", "fullmatch", "search", "findall", "finditer", "sub", "split"}
PATTERNS = collected()


def called(thing: Any, method: str, text: Any) -> float:
    """Return the processor time that one call takes, in seconds."""
    arguments = (text[:0], text) if method == "sub" else (text,)
    start = time.process_time()
    result = getattr(thing, method)(*arguments)
    if method == "finditer":
        for _ in result:
            pass
    return time.process_time() - start


def growth(thing: Any, method: str, start: str, unit: str) -> float:
    """Return by what doubling the input multiplies the time at worst, as far as it is noticed."""

    def taken(size: int) -> float:
        text: Any = start + unit * (size // len(unit)) + END
        text = text.encode("utf-8") if isinstance(thing.pattern, bytes) else text
        return called(thing, method, text)

    for size in (*SHORT, MIDDLE):  # in steps: what is exponential never ends with a longer one
        if taken(size) > 0.02 and min(taken(size), taken(size)) > 0.02:
            return float("inf")
    if taken(FIRST) < 0.001:
        return 0.0
    worst, size = 0.0, FIRST // 4
    while size * 4 <= LONGEST and worst < 3:
        before, after = (min(taken(each) for _ in range(3)) for each in (size, size * 4))
        # Two doublings at once; below a few milliseconds the machine says more than the pattern.
        if after > 0.005:
            worst = max(worst, (after / max(before, 0.000_1)) ** 0.5)
        size *= 2
    return worst


@pytest.mark.parametrize("name", PATTERNS)
def test_twice_the_input_never_takes_three_times_as_long(name):
    """A third of the inputs by default, others for the next pattern; in CI all of them."""
    thing, methods = PATTERNS[name]
    number = list(PATTERNS).index(name)
    for method in methods:
        for place, start in enumerate(STARTS):
            for unit in sample(UNITS, one_in=3, start=number + place):
                found = growth(thing, method, start, unit)
                if found >= 3:  # unless something else took the machine meanwhile
                    found = min(found, growth(thing, method, start, unit))
                assert found < 3, (method, start, unit, found)


def test_all_patterns_are_found():
    assert len(PATTERNS) > 50


@pytest.mark.parametrize("slow", [r"(?:a*)*b", r"[^:]+:", r"(?:a|a)+$", "a+b+c"])
def test_the_measure_sees_what_is_slow(slow):
    assert growth(re.compile(slow), "search", "", "a") >= 3
