"""Django's email without Django, on the standard library alone.

    from simplemail import send_mail

    send_mail("Hello", "It works.", "me@example.com", ["ann@example.com"])

Nothing here loads smtplib, ssl or the email package before it is needed.
"""

from __future__ import annotations

import sys
from importlib import import_module

if sys.version_info < (3, 11):  # noqa: UP036 - whoever reads this runs an older one
    raise ImportError(
        f"simplemail needs Python 3.11 or newer; this is {'.'.join(map(str, sys.version_info[:3]))}"
    )

from .light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aio import (
        adeliver,
        aiter_deliver,
        amail_admins,
        amail_managers,
        asend_mail,
        asend_mass_mail,
    )
    from .backends.handler import get_connection, mailers
    from .conf import configure, override_settings, settings
    from .exceptions import BadHeaderError, ImproperlyConfigured, InvalidMailer, MailerDoesNotExist
    from .message import EmailMessage, EmailMultiAlternatives
    from .receipts import Receipt, RecipientReceipt, Reply, Status
    from .rendering.addresses import check_address
    from .rendering.envelope import Envelope
    from .rendering.msgid import DNS_NAME, CachedDnsName, make_msgid
    from .rendering.parts import DEFAULT_ATTACHMENT_MIME_TYPE, EmailAlternative, EmailAttachment
    from .rendering.plain_text import text_from_html
    from .rendering.unsubscribe import unsubscribe_headers
    from .shortcuts import (
        deliver,
        iter_deliver,
        mail_admins,
        mail_managers,
        send_mail,
        send_mass_mail,
    )
    from .smtp.pool import close_pools

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
    "RecipientReceipt",
    "Reply",
    "Status",
    "adeliver",
    "aiter_deliver",
    "amail_admins",
    "amail_managers",
    "asend_mail",
    "asend_mass_mail",
    "check_address",
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
    "text_from_html",
    "unsubscribe_headers",
]

_HOMES = {
    "aio": "adeliver aiter_deliver amail_admins amail_managers asend_mail asend_mass_mail",
    "backends.handler": "get_connection mailers",
    "conf": "configure override_settings settings",
    "exceptions": "BadHeaderError ImproperlyConfigured InvalidMailer MailerDoesNotExist",
    "message": "EmailMessage EmailMultiAlternatives",
    "receipts": "Receipt RecipientReceipt Reply Status",
    "rendering.addresses": "check_address",
    "rendering.envelope": "Envelope",
    "rendering.msgid": "CachedDnsName DNS_NAME make_msgid",
    "rendering.parts": "DEFAULT_ATTACHMENT_MIME_TYPE EmailAlternative EmailAttachment",
    "rendering.plain_text": "text_from_html",
    "rendering.unsubscribe": "unsubscribe_headers",
    "shortcuts": "deliver iter_deliver mail_admins mail_managers send_mail send_mass_mail",
    "smtp.pool": "close_pools",
}
"""Where the public names are. A module is loaded when one of its names is first asked for."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

outbox: list[EmailMessage] = []
"""The messages that the memory mailer took, in order. Tests may replace this list."""


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        module = import_module(f"{__name__}.{_HOME_OF[name]}")
        return globals().setdefault(name, getattr(module, name))
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("simplemail-py")  # "simplemail" on PyPI is somebody else's package
        except PackageNotFoundError:
            return "0+not.installed"  # run from a checkout, with PYTHONPATH=src
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
