"""Django's email without Django, on the standard library alone.

    from simplemail import send_mail

    send_mail("Hello", "It works.", "me@example.com", ["ann@example.com"])

Nothing here loads smtplib, ssl or the email package before it is needed.
"""

from __future__ import annotations

from typing import Any

from .conf import configure, override_settings, settings
from .exceptions import BadHeaderError, ImproperlyConfigured, InvalidMailer, MailerDoesNotExist
from .handler import get_connection, mailers
from .message import (
    DEFAULT_ATTACHMENT_MIME_TYPE,
    DNS_NAME,
    CachedDnsName,
    EmailAlternative,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
    make_msgid,
)
from .shortcuts import mail_admins, mail_managers, send_mail, send_mass_mail

__all__ = [
    "DEFAULT_ATTACHMENT_MIME_TYPE",
    "DNS_NAME",
    "BadHeaderError",
    "CachedDnsName",
    "EmailAlternative",
    "EmailAttachment",
    "EmailMessage",
    "EmailMultiAlternatives",
    "ImproperlyConfigured",
    "InvalidMailer",
    "MailerDoesNotExist",
    "configure",
    "get_connection",
    "mail_admins",
    "mail_managers",
    "mailers",
    "make_msgid",
    "outbox",
    "override_settings",
    "send_mail",
    "send_mass_mail",
    "settings",
]

outbox: list[Any] = []
"""What the memory mailer took, in order. Tests may put a new list here at any time."""


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("simplemail")
        except PackageNotFoundError:
            return "0+not.installed"  # run from a checkout, with PYTHONPATH=src
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
