"""Fixtures for all tests."""

import gc
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

import simplemail
from simplemail.testing.server import TLS_DIR
from support.samples import EVERYTHING, MOST_CASES, few

pytest_plugins = ["pytester", "simplemail.pytest_plugin"]
"""Ours by its module's name: pytest knows it by this one too where simplemail is installed."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep thousands of tests, which stay until the end, out of all garbage collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        if hasattr(gc, "freeze"):  # PyPy has none
            gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect all but a few cases of each test, if this is a run of everything by default."""
    if EVERYTHING or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    kept = few([item.nodeid for item in items])
    left = [item for place, item in enumerate(items) if place not in kept]
    items[:] = [item for place, item in enumerate(items) if place in kept]
    config.hook.pytest_deselected(items=left)


def pytest_report_header() -> str:
    if EVERYTHING:
        return "cases: all"
    return f"cases: {MOST_CASES} of each test at most, unless a path is given; all: SIMPLEMAIL_CI=1"


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Where compiled modules aren't written beside their sources, keep them for this run.

    Without them, each of the hundreds of processes that tests start would compile all of them.
    """
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as directory:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            patch.delenv("PYTHONDONTWRITEBYTECODE")
            patch.setenv("PYTHONPYCACHEPREFIX", directory)
        yield


@pytest.fixture(scope="session")
def tls_ca() -> Path:
    """The CA that signed the test server's certificate."""
    return TLS_DIR / "ca.pem"


@pytest.fixture(scope="session")
def tls_dir() -> Path:
    """Where ca.pem, other-ca.pem, server.pem, wrong-host.pem, expired.pem and client.pem are."""
    return TLS_DIR


@pytest.fixture
def run_pytest(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run pytest with our plugin on `pytester`'s files, in a process of its own.

    In this one, it would forget modules whose classes others hold.
    """
    monkeypatch.setenv("PYTHONPATH", str(Path(simplemail.__file__).parents[1]))

    def run(*options: str) -> pytest.RunResult:
        plugins = ["-p", "no:cacheprovider", "-p", "simplemail.pytest_plugin"]
        return pytester.runpytest_subprocess(*plugins, *options)

    return run
