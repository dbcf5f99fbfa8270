"""Finds the queue that a command is about, and reads times as people write them."""

from __future__ import annotations

import argparse
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..backends.handler import DEFAULT_ALIAS, as_configured, get_connection, mailers
from ..backends.urls import is_url
from .usage import UsageError

if TYPE_CHECKING:
    from ..queue import Queue

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def queue_of(args: argparse.Namespace) -> Queue:
    """Return the queue that `--mailer`, the settings of `--app` or the environment name."""
    if args.app is not None:
        _import(args.app)
    if args.mailer is not None and is_url(args.mailer):
        return _checked(get_connection(args.mailer), "--mailer")
    alias = args.mailer or _only_queue()
    return _checked(as_configured(alias), f"The mailer {alias!r}")


def _import(module: str) -> None:
    sys.path.insert(0, "")  # as for `python -m`
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise UsageError(
                f"--app {module}: {error}; give a name that `import` accepts"
            ) from error
        raise


def _only_queue() -> str:
    """Return the alias of the queue: the default mailer, or else the only one there is."""
    found = [alias for alias in mailers if getattr(as_configured(alias), "queue", None)]
    if DEFAULT_ALIAS in found or not found:
        return DEFAULT_ALIAS
    if len(found) > 1:
        names = ", ".join(found)
        raise UsageError(f"There are several queues; name one with --mailer: {names}")
    return found[0]


def _checked(mailer: Any, what: str) -> Queue:
    queue: Queue | None = getattr(mailer, "queue", None)
    if queue is None:
        raise UsageError(
            f"{what} is not a queue; set EMAIL_URL to something like "
            "queue:///var/lib/app/mail.db?mailer=..., or give --app or --mailer"
        )
    return queue


def duration(text: str) -> float:
    """Return the seconds that "90", "10m", "1h" or "7d" mean, for argparse."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise argparse.ArgumentTypeError("must be a time like 90, 10m, 1h or 7d")
    return float(found[1]) * _UNITS[found[2] or "s"]
