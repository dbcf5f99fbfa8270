"""A fuzzer that watches which code runs finds nothing that breaks rendering."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = 50_000 if os.environ.get("SIMPLEMAIL_MANY") == "1" else 2_000


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="needs atheris")
def test_atheris_breaks_nothing():
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "fuzz" / "fuzz_render.py", f"-runs={RUNS}", "-seed=1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=900,
    )

    assert done.returncode == 0, done.stdout + done.stderr
