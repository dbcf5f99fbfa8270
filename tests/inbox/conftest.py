"""An inbox for tests, on free ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simplemail.inbox.server import InboxServer
from simplemail.inbox.store import Store
from support.inboxes import running


@pytest.fixture
def inbox() -> Iterator[InboxServer]:
    with running() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite3")
    yield opened
    opened.close()
