"""Django's email without Django, on the standard library alone.

    from simplemail import send_mail

    send_mail("Hello", "It works.", "me@example.com", ["ann@example.com"])

Nothing here loads smtplib, ssl or the email package before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from .receipts import Receipt, Reply, Status
from .render import Envelope
from .shortcuts import (
    deliver,
    iter_deliver,
    mail_admins,
    mail_managers,
    send_mail,
    send_mass_mail,
)

if TYPE_CHECKING:
    from .aio import (
        adeliver,
        aiter_deliver,
        amail_admins,
        amail_managers,
        asend_mail,
        asend_mass_mail,
    )
    from .pool import close_pools

__all__ = [
    "DEFAULT_ATTACHMENT_MIME_TYPE",
    "DNS_NAME",
    "BadHeaderError",
    "CachedDnsName",
    "EmailAlternative",
    "EmailAttachment",
    "EmailMessage",
    "EmailMultiAlternatives",
    "Envelope",
    "ImproperlyConfigured",
    "InvalidMailer",
    "MailerDoesNotExist",
    "Receipt",
    "Reply",
    "Status",
    "adeliver",
    "aiter_deliver",
    "amail_admins",
    "amail_managers",
    "asend_mail",
    "asend_mass_mail",
    "close_pools",
    "configure",
    "deliver",
    "get_connection",
    "iter_deliver",
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


_LATER = {
    "adeliver": "aio",
    "aiter_deliver": "aio",
    "amail_admins": "aio",
    "amail_managers": "aio",
    "asend_mail": "aio",
    "asend_mass_mail": "aio",
    "close_pools": "pool",
}
"""Public names whose modules are loaded when they are asked for, and what they need with them."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module = import_module(f"{__name__}.{_LATER[name]}")
        return globals().setdefault(name, getattr(module, name))
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("simplemail")
        except PackageNotFoundError:
            return "0+not.installed"  # run from a checkout, with PYTHONPATH=src
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
