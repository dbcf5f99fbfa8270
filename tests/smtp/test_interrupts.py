"""An exception may come at any moment: nobody gets another's mail, and no receipt lies.

In a process of its own (tests/support/interrupts.py), because it traces. SIMPLEMAIL_LONG=1 tries
more places, SIMPLEMAIL_MANY=1 every opcode with each exception, which takes hours.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "interrupts.py"
MANY = bool(os.environ.get("SIMPLEMAIL_MANY"))
LONG = bool(os.environ.get("SIMPLEMAIL_LONG"))
KINDS = ["chunking", "pipelining", "plain"]
ALL = {"ways": ["open", "pool", "list", "iter", "parts"], "sizes": [100, 100_000]}
FEW = {"ways": ["pool", "iter", "parts"], "sizes": [100_000]}

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="opcodes are CPython's"
)


def start(kind: str, **options: object) -> subprocess.Popen[str]:
    asked = {"kinds": [kind], **(ALL if LONG or MANY else FEW), **options}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), json.dumps(asked)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def complaints(**options: object) -> str:
    """Return what went wrong, a line each. All kinds of servers run at once."""
    found = []
    with ExitStack() as stack:
        for run in [stack.enter_context(start(kind, **options)) for kind in KINDS]:
            output, errors = run.communicate()
            assert run.returncode == 0, errors
            *lines, places = output.splitlines() or [""]
            assert int(places.split()[0]) > 0
            found += lines
    return "\n".join(found)


def test_an_exception_at_any_opcode() -> None:
    sample = {"all": True} if MANY else {"sample": 25 if LONG else 4}

    assert complaints(opcodes=True, **sample) == ""


@pytest.mark.skipif(not (LONG or MANY), reason="takes minutes: set SIMPLEMAIL_LONG")
def test_an_exception_at_any_line() -> None:
    sizes = ALL["sizes"] if MANY else [100_000]

    assert complaints(opcodes=False, sizes=sizes) == ""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such signals")
def test_a_signal_at_a_random_moment() -> None:
    count = 500 if MANY else 30 if LONG else 8

    assert complaints(signals=count, longest=0.02) == ""
