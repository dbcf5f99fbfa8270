"""Whatever is put into a message, it is refused with a reason or rendered soundly."""

from __future__ import annotations

import os
import random

import pytest

from fuzz.fuzz_render import ByChance, try_one

COUNT = 20_000 if os.environ.get("SIMPLEMAIL_MANY") == "1" else 200


@pytest.mark.parametrize("first", range(0, COUNT, COUNT // 5))
def test_anything_is_refused_or_rendered_soundly(first):
    for seed in range(first, first + COUNT // 5):
        try:
            try_one(ByChance(random.Random(seed)))
        except Exception as error:
            raise AssertionError(f"try_one(ByChance(random.Random({seed})))") from error
