"""An inbox for tests, on free ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simplemail.inbox.server import InboxServer, Options
from simplemail.inbox.store import Store

FREE = ("127.0.0.1", 0)


@pytest.fixture
def inbox() -> Iterator[InboxServer]:
    server = InboxServer(Options(http=FREE, smtp=FREE)).start()
    yield server
    server.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite3")
    yield opened
    opened.close()
