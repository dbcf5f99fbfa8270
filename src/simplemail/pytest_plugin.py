"""Fixtures for pytest, there wherever simplemail is installed.

They load what they need when a test asks for them. `-p no:simplemail.pytest_plugin` leaves them
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .testing import Inbox, SMTPServer

# Its asserts then say with which values they failed. Must come before it is imported.
pytest.register_assert_rewrite("simplemail.testing.contract")


@pytest.fixture
def mail_outbox() -> Iterator[list[Any]]:
    """The list of what the test sends: every mailer, named ones too, is memory meanwhile."""
    from .testing import capture

    with capture() as outbox:
        yield outbox


@pytest.fixture
def smtp_server() -> Iterator[SMTPServer]:
    """A real SMTP server in a thread, on a free port of 127.0.0.1; `smtp_server.url` leads there.

    A test that needs another kind makes its own: `with SMTPServer(starttls=True) as server`.
    """
    from .testing import SMTPServer

    with SMTPServer() as server:
        yield server


@pytest.fixture
def mail_inbox() -> Iterator[Inbox]:
    """An inbox for mail of other processes, which send to `mail_inbox.smtp_url`.

    `mail_inbox.wait_for(to="ann@example.com")` waits for what they send.
    """
    from .testing import Inbox

    with Inbox() as inbox:
        yield inbox
