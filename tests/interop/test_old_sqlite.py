"""The queue's tests with SQLite 3.24, which lacks RETURNING and STRICT; and without WAL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / ".ci-work" / "old-sqlite" / "libsqlite3.so.0"
VERSION = "import sqlite3; print(sqlite3.sqlite_version)"
TESTS = [
    f"tests/queue/test_{name}.py" for name in ("queue", "states", "world", "joining", "writer")
]


def run(*arguments, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}
    environment.pop("SIMPLEMAIL_CI", None)  # for more of each
    command = [sys.executable, *arguments]
    pipe = subprocess.PIPE
    return subprocess.run(command, env=environment, cwd=ROOT, text=True, stdout=pipe, check=False)


def has_old_sqlite():
    return LIBRARY.exists() and run("-c", VERSION, LD_PRELOAD=str(LIBRARY)).stdout == "3.24.0\n"


@pytest.mark.skipif(
    not has_old_sqlite(), reason=".ci/install-old-sqlite built nothing for this one"
)
@pytest.mark.parametrize("test", TESTS)
def test_the_queue_works_with_an_old_sqlite(test):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", test, LD_PRELOAD=str(LIBRARY))

    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not os.environ.get("SIMPLEMAIL_CI"), reason="SIMPLEMAIL_CI=1 runs them again")
@pytest.mark.parametrize("test", TESTS)
def test_the_queue_works_with_the_rollback_journal(test):
    but = ["-k", "not reader_that_stays"]  # which does block others then
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", test, *but]
    done = run(*arguments, SIMPLEMAIL_JOURNAL="rollback")

    assert done.returncode == 0, done.stdout
