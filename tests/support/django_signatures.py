"""How Django's mail can be called: parameters in the order in which some release takes them.

Read from Django 4.2.16, 5.0.9, 5.1.15, 5.2, 6.0 and 6.1. Since 6.0 most parameters are meant to be
given by keyword, but their old positions are still accepted; `using` has always been by keyword.
"""

from __future__ import annotations

from typing import NamedTuple

RELEASES = ("4.2", "5.0", "5.1", "5.2", "6.0", "6.1")


class Form(NamedTuple):
    """What a release, and those after it, accepts."""

    since: str
    positional: str
    required: int = 0
    keyword_only: str = ""


_MAIL_ADMINS = "subject message fail_silently connection html_message"
_MESSAGE = "subject body from_email to bcc connection attachments headers"

FUNCTIONS = {
    "send_mail": [
        Form(
            since,
            "subject message from_email recipient_list fail_silently auth_user auth_password "
            "connection html_message",
            4,
            using,
        )
        for since, using in [("4.2", ""), ("6.1", "using")]
    ],
    "send_mass_mail": [
        Form(since, "datatuple fail_silently auth_user auth_password connection", 1, using)
        for since, using in [("4.2", ""), ("6.1", "using")]
    ],
    "mail_admins": [Form("4.2", _MAIL_ADMINS, 2), Form("6.1", _MAIL_ADMINS, 2, "using")],
    "mail_managers": [Form("4.2", _MAIL_ADMINS, 2), Form("6.1", _MAIL_ADMINS, 2, "using")],
    "get_connection": [Form("4.2", "backend fail_silently")],
    "EmailMessage": [Form("4.2", f"{_MESSAGE} cc reply_to")],
    "EmailMultiAlternatives": [Form("4.2", f"{_MESSAGE} alternatives cc reply_to")],
}

METHODS = {
    "message": [Form("4.2", ""), Form("6.0", "", 0, "policy")],
    "recipients": [Form("4.2", "")],
    "send": [Form("4.2", "fail_silently"), Form("6.1", "fail_silently", 0, "using")],
    "attach": [Form("4.2", "filename content mimetype")],
    "attach_file": [Form("4.2", "path mimetype", 1)],
    "attach_alternative": [Form("4.2", "content mimetype", 2)],
    "body_contains": [Form("5.2", "text", 1)],
}
"""Those of EmailMultiAlternatives; `self` is left out."""
