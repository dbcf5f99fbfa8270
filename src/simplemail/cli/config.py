"""`simplemail config`: shows each setting and where it comes from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..backends.checking import Checkable
from ..backends.handler import get_connection, is_configured, mailers
from ..conf import NAMES, from_environment, settings
from ..exceptions import ImproperlyConfigured
from .terminal import Listener, one_line, say, sentence, without_secrets
from .usage import DONE, NOT_SENT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this command has no arguments."""


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Show the settings, and then the mailers that they make. 1 if one of them can't be made."""
    for name in NAMES:
        value, source = _found(name)
        say(f"{name:<22} {source:<12} {one_line(without_secrets(_shown(name, value)))}".rstrip())
    say("")
    return _show_mailers()


def _found(name: str) -> tuple[Any, str]:
    if settings.is_set(name):
        return getattr(settings, name), "configured"
    if name == "EMAIL_URL" and (url := os.environ.get(name)):
        return url, "environment"
    if from_environment(name) is not None:
        return getattr(settings, name), "environment"
    if name in ("DEFAULT_FROM_EMAIL", "SERVER_EMAIL") and _has_own_address():
        return "(the default mailer's user name)", "mailer"
    return getattr(settings, name), "default"


def _has_own_address() -> bool:
    try:
        return bool(getattr(mailers.default, "own_address", ""))
    except (ImproperlyConfigured, OSError, ValueError, TypeError):
        return False  # which is shown below


def _shown(name: str, value: Any) -> str:
    """Return the value as text, or only that there is one if it may contain a password."""
    if value in (None, "", ()):
        return "-"
    if name == "EMAIL_HOST_PASSWORD":
        return "(hidden)"
    if name == "EMAIL_URL":
        return _described(partial(get_connection, value))[0]
    if name == "MAILERS":
        return ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _described(make: Callable[[], Any]) -> tuple[str, int]:
    """Return where a mailer sends and DONE, or why it can't be made and NOT_SENT."""
    try:
        mailer = make()
        # A backend written for Django need not be a subclass of ours.
        known = isinstance(mailer, Checkable)
        return str(mailer.describe() if known else type(mailer).__name__), DONE
    except (ImproperlyConfigured, OSError, ValueError, TypeError) as error:
        return f"wrong: {sentence(error)}", NOT_SENT


def _show_mailers() -> int:
    worst = DONE
    note = "" if is_configured() else " (nothing is configured)"
    for alias in mailers:
        described, status = _described(partial(mailers.__getitem__, alias))
        worst = max(worst, status)
        say(f"mailer {one_line(f'{alias}: {described}{note}')}")
    return worst
