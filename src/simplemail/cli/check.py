"""`simplemail check`: checks each step of sending mail, and sends nothing."""

from __future__ import annotations

import argparse

from ..backends.checking import OK, WARNING
from .composing import addresses
from .mailer import mailer_of
from .terminal import Listener, one_line, say
from .usage import DONE, add_mailer_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add = parser.add_argument
    add(
        "--to",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="ask whether the server takes mail for this recipient; may be repeated",
    )
    add(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help="ask whether it takes mail from this sender (default: DEFAULT_FROM_EMAIL)",
    )
    add_mailer_arguments(parser)


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Print the result of each step; raise the error of the first that failed."""
    recipients = addresses(args.to)
    mailer = mailer_of(args)
    if not args.quiet:
        say(f"Checking {one_line(mailer.describe())}")
    steps = []
    for step in mailer.iter_check(sender=args.sender, recipients=recipients):
        steps.append(step)
        if not (args.quiet and step.mark == OK):
            say(f"  {step.mark:<8} {step.name:<12} {one_line(step.detail)}".rstrip())
    for step in steps:
        if step.error:
            raise step.error
    if not args.quiet:
        warned = any(step.mark == WARNING for step in steps)
        ready = "See the warnings above" if warned else "Ready to send"
        say(f"{ready}. Nothing was sent.")
    return DONE
