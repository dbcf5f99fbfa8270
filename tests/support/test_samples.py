"""A sample is the same in each run, and samples with different starts make up the whole."""

import pytest

from support import samples

CASES = list(range(100))


@pytest.fixture
def by_default(monkeypatch):
    monkeypatch.setattr(samples, "EVERYTHING", False)


def test_is_a_part_and_always_the_same(by_default):
    assert samples.sample(CASES, 7) == samples.sample(iter(CASES), 7) == [*range(0, 100, 7)]


@pytest.mark.parametrize("one_in", [2, 7, 200])
def test_those_of_all_starts_are_the_whole(by_default, one_in):
    parts = [samples.sample(CASES, one_in, start) for start in range(3, one_in + 3)]

    assert sorted(case for part in parts for case in part) == CASES


def test_in_ci_it_is_the_whole(monkeypatch):
    monkeypatch.setattr(samples, "EVERYTHING", True)

    assert samples.sample(CASES, 7, start=3) == CASES
