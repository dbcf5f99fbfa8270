"""Servers to measure against, each in a process of its own, so that none shares our lock."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness  # noqa: F401 - finds simplemail

ROOT = Path(__file__).resolve().parent.parent
USER = {"ann@example.com": "a pass word"}

CHUNKING = ["PIPELINING", "SIZE 33554432", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"]
PIPELINING = CHUNKING[:-1]


@contextlib.contextmanager
def simulated(**options: Any) -> Iterator[int]:
    """The SMTPServer for tests, with its options: `rtt=0.05` is a network with that round trip."""
    process = subprocess.Popen(
        [sys.executable, __file__, json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()  # which it waits for


@contextlib.contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's smtp-sink, which is as fast as a server can be; without it, the one for tests."""
    found = _find()
    if found is None:
        print(
            "no smtp-sink (run .ci/install-servers): against simplemail.testing's", file=sys.stderr
        )
        with simulated(extensions=PIPELINING) as port:
            yield port
        return
    port = _free_port()
    user = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [found, *user, f"127.0.0.1:{port}", "1000"], env={**os.environ, **_libraries(found)}
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


@functools.cache
def _find() -> Path | None:
    """Look where SMTP_SINK says, where .ci/install-servers unpacks it, and on the system."""
    unpacked = Path(os.environ.get("SIMPLEMAIL_SERVERS", ROOT / ".ci-work")) / "servers/postfix"
    places = [os.environ.get("SMTP_SINK"), unpacked / "usr/sbin/smtp-sink", "/usr/sbin/smtp-sink"]
    found = [Path(place) for place in [*places, shutil.which("smtp-sink")] if place]
    return next((path for path in found if path.exists()), None)


def _libraries(program: Path) -> dict[str, str]:
    """Return the environment in which an unpacked program finds its libraries."""
    paths = {str(path.parent) for path in program.parents[2].glob("usr/lib*/**/*.so*")}
    return {} if program.parents[2] == Path("/") else {"LD_LIBRARY_PATH": ":".join(sorted(paths))}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(1_000):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"smtp-sink does not listen on port {port}")


def _serve(options: dict[str, Any]) -> None:
    from simplemail.testing import SMTPServer

    with SMTPServer(**options, record=False) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
