"""The ways to send several messages through an SMTP mailer; `send_messages()` tells no receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simplemail import EmailMessage, aio
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt

Way = Callable[[EmailBackend, list[EmailMessage]], list[Receipt]]


def deliver(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    return mailer.deliver(messages)


def iter_deliver(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    return list(mailer.iter_deliver(iter(messages)))


def send_messages(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    assert mailer.send_messages(messages) == len(messages)
    return []


def send_an_iterator(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    assert mailer.send_messages(iter(messages)) == len(messages)
    return []


def send_one_by_one(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    """Send by the default mailer, which must be this one."""
    assert [each.send() for each in messages] == [1] * len(messages)
    return []


def adeliver(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    """Deliver by the default mailer, which must be this one."""
    return asyncio.run(aio.adeliver(messages))
