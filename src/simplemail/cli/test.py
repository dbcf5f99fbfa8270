"""`simplemail test`: sends a short message, so that somebody can see it arrive."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from .. import shortcuts
from ..message import EmailMessage
from ..rendering.msgid import DNS_NAME
from .composing import addresses
from .mailer import mailer_of
from .report import report
from .terminal import Listener
from .usage import UsageError, add_mailer_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("address", nargs="*", metavar="ADDRESS")
    parser.add_argument("--admins", action="store_true", help="send one to ADMINS, too")
    parser.add_argument("--managers", action="store_true", help="send one to MANAGERS, too")
    add_mailer_arguments(parser)


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Send one message to the addresses, and one to each of the groups asked for."""
    to = addresses(args.address)
    people = _people(args, to)
    mailer = mailer_of(args)
    subject = f"Test from {DNS_NAME} on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC"
    text = "This message was sent by `simplemail test`. Since you are reading it, mail works.\n"
    messages = [EmailMessage(subject, text, to=to)] if to else []
    for group in _groups(args):
        if message := shortcuts.message_to(group, subject, text, None, None):
            messages.append(message)
    receipts = mailer.deliver(messages)
    for receipt in receipts:
        if receipt.error and not listener.warned:
            raise receipt.error
    return report(args, listener, mailer, people, str(receipts[-1].reply or ""))


def _groups(args: argparse.Namespace) -> list[str]:
    return [name for name in ("MANAGERS", "ADMINS") if getattr(args, name.lower())]


def _people(args: argparse.Namespace, to: list[str]) -> list[str]:
    groups = _groups(args)
    if not to and not groups:
        raise UsageError("No recipients; give an ADDRESS, --admins or --managers")
    people = [*to]
    for name in groups:
        if not (found := shortcuts.addresses_of(name)):
            raise UsageError(f"{name} is empty; set the environment variable {name}")
        people += found
    return people
