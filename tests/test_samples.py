"""What a default run leaves out: cases of tests that have many, and never a whole test."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

import simplemail
from support.samples import MOST_CASES, few

IDS = [
    *("a.py::one", "a.py::two[x]", "a.py::two[y]"),
    *(f"a.py::many[{n}-{letter}]" for n in range(50) for letter in "abcd"),
    *(f"b.py::Kind::many[[{n}]]" for n in range(MOST_CASES + 1)),
]


def test_each_test_keeps_some_cases_and_one_with_few_keeps_all():
    kept = few(IDS)

    names = Counter(IDS[place].partition("[")[0] for place in kept)
    assert names == {
        "a.py::one": 1,
        "a.py::two": 2,
        "a.py::many": MOST_CASES,
        "b.py::Kind::many": MOST_CASES,
    }


def test_they_are_always_the_same_wherever_the_test_stands():
    alone = [each for each in IDS if "a.py::many" in each]

    assert {alone[place] for place in few(alone)} == {
        IDS[place] for place in few(IDS) if "a.py::many" in IDS[place]
    }


def test_cases_of_two_parameters_are_not_all_of_one_kind():
    cases = [f"t[{n}-{letter}]" for n in range(50) for letter in "abcdef"]

    assert len({cases[place][-2] for place in few(cases)}) > 2


TEST = "import pytest\n@pytest.mark.parametrize('n', range(40))\ndef test_it(n): pass\n"


@pytest.mark.parametrize(("paths", "count"), [([], MOST_CASES), (["tests"], 40)])
def test_only_a_run_that_names_no_path_leaves_cases_out(pytester, monkeypatch, paths, count):
    for name in ("CI", "LONG", "MANY"):
        monkeypatch.delenv(f"SIMPLEMAIL_{name}", raising=False)
    root = Path(simplemail.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{Path(__file__).parent}")
    folder = pytester.mkdir("tests")
    shutil.copy(Path(__file__).with_name("conftest.py"), pytester.path)
    (folder / "test_it.py").write_text(TEST)
    pytester.makeini("[pytest]\ntestpaths = tests\n")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *paths)

    result.assert_outcomes(passed=count, deselected=40 - count)
