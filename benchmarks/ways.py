"""Sends the same messages in every way: by simplemail, Django, aiosmtplib."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from email.message import EmailMessage as StdlibMessage
from types import ModuleType
from typing import Any

import harness  # finds simplemail
import small_text


def simplemail_messages(messages: int) -> Iterator[Any]:
    from simplemail import EmailMessage

    return (EmailMessage(*small_text.arguments(number)) for number in range(messages))


def iter_deliver(port: int, messages: int, window: int = 1) -> None:
    from simplemail import Status, get_connection

    mailer = get_connection("smtp", host="127.0.0.1", port=port, window=window)
    for receipt in mailer.iter_deliver(simplemail_messages(messages)):
        assert receipt.status is Status.SENT, receipt


def send_messages(port: int, messages: int) -> None:
    from simplemail import get_connection

    mailer = get_connection("smtp", host="127.0.0.1", port=port)
    assert mailer.send_messages(list(simplemail_messages(messages))) == messages


def send_mass_mail(port: int, messages: int) -> None:
    from simplemail import configure, send_mass_mail

    configure(MAILERS={"default": f"smtp://127.0.0.1:{port}"})
    assert send_mass_mail(list(map(small_text.arguments, range(messages)))) == messages


def send_mail(port: int, messages: int, **options: Any) -> None:
    """Call send_mail() in a loop."""
    mail = our_mail(port, **options)
    for number in range(messages):
        mail.send_mail(*small_text.arguments(number))
    mail.close_pools()


def our_mail(port: int, **options: Any) -> ModuleType:
    """Return our package, configured for this server."""
    import simplemail

    options = {"host": "127.0.0.1", "port": port, **options}
    simplemail.configure(MAILERS={"default": {"BACKEND": "smtp", "OPTIONS": options}})
    return simplemail


def django_mail(port: int, **options: Any) -> ModuleType:
    """Return Django's mail module, configured for this server."""
    settings = _django_settings()
    options = {"host": "127.0.0.1", "port": port, **options}
    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAILERS["default"] = {"BACKEND": backend, "OPTIONS": options}
    from django.core import mail

    return mail


@functools.cache
def _django_settings() -> Any:
    harness.require_django()
    from django.conf import settings

    settings.configure(MAILERS={})
    return settings


def django_send_messages(port: int, messages: int) -> None:
    mail = django_mail(port)
    batch = [mail.EmailMessage(*small_text.arguments(number)) for number in range(messages)]
    assert mail.mailers.default.send_messages(batch) == messages


def django_send_mail(port: int, messages: int, **options: Any) -> None:
    mail = django_mail(port, **options)
    for number in range(messages):
        mail.send_mail(*small_text.arguments(number))


def aiosmtplib_one_session(port: int, messages: int) -> None:
    asyncio.run(_aiosmtplib_one_session(port, messages))


async def _aiosmtplib_one_session(port: int, messages: int) -> None:
    import aiosmtplib

    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
        for number in range(messages):
            await smtp.send_message(stdlib_message(number))


def aiosmtplib_send(port: int, messages: int, **options: Any) -> None:
    asyncio.run(_aiosmtplib_send(port, messages, options))


async def _aiosmtplib_send(port: int, messages: int, options: dict[str, Any]) -> None:
    import aiosmtplib

    for number in range(messages):
        message = stdlib_message(number)
        await aiosmtplib.send(message, hostname="127.0.0.1", port=port, **options)


def stdlib_message(number: int) -> StdlibMessage:
    subject, body, sender, to = small_text.arguments(number)
    message = StdlibMessage()
    message["Subject"], message["From"], message["To"] = subject, sender, ", ".join(to)
    message.set_content(body)
    return message
