from __future__ import annotations

import os

import pytest

from simplemail import override_settings
from simplemail.queue import Queue
from simplemail.testing.server import SMTPServer

ROLLBACK = os.environ.get("SIMPLEMAIL_JOURNAL") == "rollback"
"""Asked for by tests/interop/test_old_sqlite.py: then no file has a write-ahead log."""


@pytest.fixture
def server():
    with SMTPServer() as server:
        yield server


@pytest.fixture
def queue(tmp_path, server):
    """A queue whose mailer is the server."""
    options = {"path": tmp_path / "mail.db", "mailer": "smtp", "unsafe_filesystem": ROLLBACK}
    entry = {"BACKEND": "queue", "OPTIONS": options}
    with override_settings(MAILERS={"default": entry, "smtp": server.url}), Queue.of() as queue:
        yield queue
