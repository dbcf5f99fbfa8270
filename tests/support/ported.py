"""Packages written for Django with the import lines of mail rewritten, in a process of their own.

That process runs functions of the test's own file. Django can be set up only once in a process, and
each of these packages needs it in another way.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
LIMIT = 120  # seconds; nothing takes so long unless it never ends

MAIL = (
    (r"\bfrom django\.core import mail\b", "import simplemail as mail"),
    (r"\bdjango\.core\.mail\b", "simplemail"),
)
"""What somebody who moves to simplemail changes in code written for Django."""

SETTINGS = (r"\bfrom django\.conf import settings\b", "from simplemail import settings")
"""What they change as well if they leave Django altogether."""


def needs(name: str) -> None:
    """Skip the test module unless the distribution `name` is installed, and Django with it."""
    for each in ("Django", name):
        try:
            distribution(each)
        except PackageNotFoundError:
            reason = f"{each} isn't installed; it is in the dependency group interop"
            pytest.skip(reason, allow_module_level=True)


class Ported:
    """A process that imports `package` as rewritten, and calls functions of the file `uses`."""

    def __init__(
        self, package: str, uses: str, directory: Path, changes: Iterable[tuple[str, str]] = MAIL
    ) -> None:
        ported = directory / "ported"
        copied(package, ported / package, changes)
        path = os.pathsep.join(map(str, (ported, TESTS.parent / "src", TESTS)))
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "support.ported", uses],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Ported":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.stdin.close()
            self._end_in_time(self._process.wait)

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Return what `function` returns there. All values must fit into JSON."""
        request = {"name": function.__name__, "args": args, "options": options}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._end_in_time(self._process.stdout.readline) or "{}")
        if "result" not in answer:
            pytest.fail(answer.get("error", "The process ended"), pytrace=False)
        return answer["result"]

    def _end_in_time(self, wait: Callable[[], Any]) -> Any:
        timer = threading.Timer(LIMIT, self._process.kill)
        timer.start()
        try:
            return wait()
        finally:
            timer.cancel()


def copied(package: str, target: Path, changes: Iterable[tuple[str, str]]) -> None:
    """Copy an installed package to `target`, and change its source."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    shutil.copytree(Path(found.origin).parent, target, ignore=shutil.ignore_patterns("*.pyc"))
    for path in target.rglob("*.py"):
        source = path.read_text("utf-8")
        for pattern, replacement in changes:
            source = re.sub(pattern, replacement, source)
        path.write_text(source, "utf-8")


def serve(path: str) -> None:
    """Call the functions that standard input names, and write what they return to its output."""
    spec = importlib.util.spec_from_file_location("uses", path)
    uses = importlib.util.module_from_spec(spec)
    sys.modules["uses"] = uses
    spec.loader.exec_module(uses)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a package prints
        for line in sys.stdin:
            answers.write(json.dumps(_answer(uses, **json.loads(line))) + "\n")
            answers.flush()


def _answer(uses: Any, name: str, args: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": getattr(uses, name)(*args, **options)}
    except BaseException:  # a failed assertion, or a skip, too
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    serve(sys.argv[1])
