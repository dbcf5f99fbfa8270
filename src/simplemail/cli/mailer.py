"""Finds the mailer for a command."""

from __future__ import annotations

import argparse
from typing import Any

from ..backends.handler import get_connection, is_configured, mailers
from ..exceptions import InvalidMailer
from .usage import UsageError


def mailer_of(args: argparse.Namespace) -> Any:
    """Build the mailer that `--mailer`, the settings or the environment name."""
    mailer = _named(args.mailer)
    if args.timeout is not None:
        _limit(mailer, args.timeout)
    return mailer


def _named(spec: str | None) -> Any:
    if spec == "":
        raise UsageError(
            "--mailer is empty; give a URL like smtp+tls://mail.example.com, or leave it out to "
            "use the environment variable EMAIL_URL"
        )
    if spec is None and not is_configured():
        raise UsageError(
            "No mailer is configured; set the environment variable EMAIL_URL or give --mailer, "
            "like smtp+tls://mail.example.com to send, or --mailer console: to see the message"
        )
    if spec is None or spec in mailers:
        return mailers[spec or "default"]
    try:
        return get_connection(spec)
    except InvalidMailer as error:
        if ":" not in spec:
            error.add_note("write a server as smtp+tls://mail.example.com")
        raise


def _limit(mailer: Any, seconds: float) -> None:
    """Set the time limit of a mailer, and of those that it holds."""
    if hasattr(mailer, "timeout"):
        mailer.timeout = seconds
    for held in getattr(mailer, "held", ()):
        _limit(held, seconds)
