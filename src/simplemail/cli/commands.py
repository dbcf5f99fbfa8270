"""The commands: one row and one module for each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from ..conf import nearest
from ..inbox import command as inbox
from . import check, config, queue, send, test
from .terminal import Listener
from .usage import Parser, UsageError, add_output_arguments


class Command(NamedTuple):
    """A command: its help, its arguments, and the function that runs it."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Listener], int]
    examples: str = ""


COMMANDS = {
    "send": Command("send a message", send.add_arguments, send.run, send.EXAMPLES),
    "test": Command("send a short message, to see it arrive", test.add_arguments, test.run),
    "check": Command(
        "check each step of sending mail, but send nothing",
        check.add_arguments,
        check.run,
    ),
    "inbox": Command(
        "show on a web page what programs send, and deliver none of it",
        inbox.add_arguments,
        inbox.run,
        inbox.EXAMPLES,
    ),
    "config": Command(
        "show each setting and where it comes from, without secrets",
        config.add_arguments,
        config.run,
    ),
    "queue": Command(
        "deliver, show or repair what is in a queue",
        queue.add_arguments,
        queue.run,
        queue.EXAMPLES,
    ),
}

ABOUT = """\
environment:
  EMAIL_URL             the mailer, if --mailer isn't given. Passwords belong here, and not on
                        the command line, which every user of the machine can read.
  DEFAULT_FROM_EMAIL    the sender, if --from isn't given
  ADMINS, MANAGERS      comma-separated addresses, for `test --admins` and `test --managers`,
  SERVER_EMAIL          their sender (root@localhost),
  EMAIL_SUBJECT_PREFIX  and what their subjects begin with

mailers:
  smtp+tls://user:password@mail.example.com    port 587, STARTTLS
  smtps://user:password@mail.example.com       port 465, TLS
  smtp://localhost                             port 25, unencrypted
  inbox:                                       shows messages on a web page, sends nothing
  console:                                     shows the message, sends nothing
  file:///var/mail/out?format=eml              writes files

exit status: 0 done; 1 not sent, or not to everybody; 2 wrong usage.
"""


def parse(arguments: list[str], version: Callable[[], str]) -> argparse.Namespace:
    """Read a command and its arguments; without a command, ask for help. UsageError if wrong."""
    parser, commands = build(version)
    words = [word for word in arguments if not word.startswith("-")]
    if not arguments:
        arguments = ["--help"]
    elif words and words[0] not in COMMANDS:
        # With other characters it may be a URL with a password, so it isn't shown.
        shown = f" {words[0]!r}" if words[0].isidentifier() else ""
        near = nearest(words[0], COMMANDS) or f"; use one of {', '.join(COMMANDS)}"
        raise UsageError(f"Unknown command{shown}{near}; see simplemail --help")
    args, extra = parser.parse_known_args(arguments)
    if extra:
        commands[args.command].refuse(extra)
    return args


def build(version: Callable[[], str]) -> tuple[Parser, dict[str, Parser]]:
    """Return the parser, and those of the commands."""
    parser = Parser(
        prog="simplemail",
        description="Send mail, and find out why it isn't sent.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=argparse.SUPPRESS,
        const=version,
        help="show program's version number and exit",
    )
    added = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=Parser
    )
    return parser, {name: _add(added, name, command) for name, command in COMMANDS.items()}


class _Version(argparse.Action):
    """Asks for the version, which is its `const`, when it is to be printed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"simplemail {self.const()}")
        parser.exit()


def _add(parsers: argparse._SubParsersAction[Parser], name: str, command: Command) -> Parser:
    parser = parsers.add_parser(
        name,
        help=command.help,
        description=f"{command.help.capitalize()}.",
        epilog=f"{command.examples}\nSee `simplemail --help` for mailers and the environment.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    add_output_arguments(parser)
    return parser
