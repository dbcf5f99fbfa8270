"""Real mail servers for tests: on 127.0.0.1, on free ports, in a directory that goes when they do.

`.ci/install-servers` fetches the programs. Nothing that these servers take leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pytest

from .mailboxes import Mail

pytest.register_assert_rewrite("interop.servers.contract", "interop.servers.delivery")


class Server(Protocol):
    """What the tests ask of every server."""

    ports: dict[str, int]
    """The ports by what they do: `plain` and `auth` (no TLS), `starttls`, `tls`, ...."""

    size_limit: int

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def mails(self, box: str) -> list[Mail]: ...

    def wait_for(self, box: str, count: int = 1) -> list[Mail]: ...

    def sessions(self, port: str) -> int: ...

    def missing(self) -> str: ...

    def __enter__(self: _Self) -> _Self: ...

    def __exit__(self, *error: object) -> None: ...


_Self = TypeVar("_Self")
_Server = TypeVar("_Server", bound=Server)


@contextmanager
def running(server: _Server) -> Iterator[_Server]:
    """Start a server; skip the test if it isn't installed, which CI takes for a failure."""
    if reason := server.missing():
        (pytest.fail if os.environ.get("SIMPLEMAIL_CI") else pytest.skip)(reason)
    with server:
        yield server
