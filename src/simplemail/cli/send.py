"""`simplemail send`: sends a message, or several from files."""

from __future__ import annotations

import argparse
from typing import Any

from ..message import EmailMessage
from ..receipts import Receipt, Status
from ..rendering.envelope import Envelope
from .composing import add_message_arguments, contents
from .mailer import mailer_of
from .report import report
from .terminal import Listener, complain, sentence
from .usage import NOT_SENT, add_mailer_arguments

EXAMPLES = """\
examples:
  simplemail send --mailer console: --to ann@example.com -s Hello --text "It works."
  df -h | simplemail send --to ops@example.com -s "Disks of $(hostname)"
  simplemail send --to ann@example.com -s News --html-file news.html --inline logo.png
  simplemail send one.eml two.eml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_message_arguments(parser)
    add_mailer_arguments(parser)


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Send what the arguments describe. Of several messages, report each failure on its own."""
    mailer = mailer_of(args)
    messages = contents(args)
    if len(messages) == 1:
        return _send_one(args, listener, mailer, messages[0])
    sent: list[str] = []
    failed = 0
    for name, receipt in zip(args.files, mailer.deliver(messages), strict=True):
        if receipt.status is Status.SENT:
            sent += receipt.envelope.recipients
        else:
            failed += 1
            complain(f"{name}: {_why_not(receipt)}")
    status = report(args, listener, mailer, sent, messages=len(messages) - failed)
    return NOT_SENT if failed else status


def _send_one(
    args: argparse.Namespace, listener: Listener, mailer: Any, message: EmailMessage | Envelope
) -> int:
    [receipt] = mailer.deliver([message])
    _note_doubt(receipt)
    if receipt.error and not listener.warned:
        raise receipt.error
    everybody = message.recipients if isinstance(message, Envelope) else message.recipients()
    sent = list(everybody) if receipt.status is Status.SENT else []
    return report(args, listener, mailer, sent, str(receipt.reply or ""))


def _why_not(receipt: Receipt) -> str:
    _note_doubt(receipt)
    return sentence(receipt.error) if receipt.error else "it was not sent"


def _note_doubt(receipt: Receipt) -> None:
    if receipt.status is Status.UNKNOWN and receipt.error:
        receipt.error.add_note("the server may have it: another try may deliver it twice")
