"""Reports what happened to a command's messages."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .terminal import Listener, complain, tell
from .usage import DONE, NOT_SENT


def report(
    args: argparse.Namespace,
    listener: Listener,
    mailer: Any,
    recipients: list[str],
    reply: str = "",
    *,
    messages: int = 1,
) -> int:
    """Report what happened to the message, unless the mailer has shown it or warned."""
    if not recipients and not listener.warned:
        complain("Nothing was sent")
    if not recipients or listener.warned:
        return NOT_SENT
    if not args.quiet and getattr(mailer, "stream", None) is not sys.stdout:
        tell(_told(mailer, messages, len(set(recipients)), reply))
    return DONE


def _told(mailer: Any, messages: int, recipients: int, reply: str) -> str:
    what = "" if messages == 1 else f" {messages} messages"
    whom = "1 recipient" if recipients == 1 else f"{recipients} recipients"
    if not mailer.sends:
        return f"Handed{what} to {mailer.describe()} for {whom}"
    told = f"Sent{what} to {whom} through {mailer.describe()}"
    return f"{told} ({reply})" if reply else told
