from __future__ import annotations

import pytest

from simplemail import override_settings
from simplemail.queue import Queue
from simplemail.testing.server import SMTPServer


@pytest.fixture
def server():
    with SMTPServer() as server:
        yield server


@pytest.fixture
def queue(tmp_path, server):
    """A queue whose mailer is the server."""
    entry = {"BACKEND": "queue", "OPTIONS": {"path": tmp_path / "mail.db", "mailer": "smtp"}}
    with override_settings(MAILERS={"default": entry, "smtp": server.url}), Queue.of() as queue:
        yield queue
