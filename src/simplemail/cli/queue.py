"""`simplemail queue`: runs a worker, and shows and repairs what is in a queue."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from . import queue_deciding as deciding
from . import queue_looking as looking
from . import queue_worker as worker
from .terminal import Listener
from .usage import Parser, add_output_arguments

EXAMPLES = """\
examples:
  simplemail queue run --app shop.mail          deliver, until it is stopped
  simplemail queue run --drain                  deliver what there is, and exit
  simplemail queue status --max-age 10m         exit status 1 if somebody must look
  simplemail queue list unknown
  simplemail queue settle 4711 --sent
"""


class Action(NamedTuple):
    """An action of `simplemail queue`: its help, its arguments, and its function."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Listener], int]


ACTIONS = {
    "run": Action("deliver what is in the queue", worker.add_arguments, worker.run),
    "status": Action(
        "show how the queue is doing; exit status 1 if it needs attention",
        looking.add_status_arguments,
        looking.status,
    ),
    "list": Action("list messages", looking.add_list_arguments, looking.list_messages),
    "show": Action("show a message and its history", looking.add_show_arguments, looking.show),
    "check": Action("check the queue's file", looking.add_no_arguments, looking.check),
    "retry": Action(
        "retry messages that were refused, expired or broken", deciding.add_ids, deciding.decide
    ),
    "resend": Action(
        "resend messages that may have been sent: somebody may get them twice",
        deciding.add_ids,
        deciding.decide,
    ),
    "settle": Action(
        "record whether messages that may have been sent were sent",
        deciding.add_settle_arguments,
        deciding.settle,
    ),
    "hold": Action("don't send messages until `release`", deciding.add_ids, deciding.decide),
    "release": Action("send messages that are held or waiting", deciding.add_ids, deciding.decide),
    "cancel": Action("never send messages", deciding.add_ids, deciding.decide),
    "pause": Action("stop sending through a mailer", deciding.add_mailer, deciding.pause),
    "resume": Action("send through a mailer again", deciding.add_mailer, deciding.resume),
    "purge": Action(
        "delete what was sent or cancelled", deciding.add_purge_arguments, deciding.purge
    ),
    "backup": Action(
        "back up the queue's file while it is in use", deciding.add_file, deciding.backup
    ),
    "restore": Action(
        "restore the queue's file from a backup, with all messages held",
        deciding.add_file,
        deciding.restore,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of this command."""
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", dest="action", required=True, parser_class=Parser
    )
    for name, action in ACTIONS.items():
        added = actions.add_parser(
            name,
            help=action.help,
            description=f"{action.help[0].upper()}{action.help[1:]}.",
            allow_abbrev=False,
        )
        action.add_arguments(added)
        add_queue_arguments(added)
        add_output_arguments(added)


def add_queue_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all actions, which choose the queue."""
    add = parser.add_argument
    add("--app", metavar="MODULE", help="import this module first: it calls configure()")
    add(
        "--mailer",
        metavar="NAME",
        help="the queue: an alias of MAILERS, or a URL (default: EMAIL_URL from the environment)",
    )


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Do what was asked for."""
    return ACTIONS[args.action].run(args, listener)
