"""The commands' common arguments and exit status, and the errors of wrong usage."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from ..conf import nearest

DONE, NOT_SENT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class UsageError(ValueError):
    """The command line asks for something that can't be done."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors point at the right help, and never show a value: it may be secret."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"ignored explicit argument .*", "takes no value", message, flags=re.S)
        message = re.sub(r"(invalid \w+(?: \w+)?): .*", r"\1", message, flags=re.S)
        raise UsageError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help")

    def refuse(self, extra: Sequence[str]) -> NoReturn:
        """Raise UsageError for arguments that this command doesn't have."""
        options = [text for text in extra if text.startswith("-")]
        if not options:
            self.error("there are too many arguments")
        # Of -p, the value may follow without a space.
        name = options[0].partition("=")[0] if options[0].startswith("--") else options[0][:2]
        known = [option for action in self._actions for option in action.option_strings]
        self.error(f"there is no option {name}{nearest(name, known)}")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all commands."""
    add = parser.add_argument
    add("--traceback", action="store_true", help="show where in the code an error comes from")


def add_mailer_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all commands that use a mailer."""
    add = parser.add_argument
    add(
        "--mailer",
        metavar="URL",
        help="how to send (default: the environment variable EMAIL_URL, where a password belongs)",
    )
    add(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait for each reply of the server (default: 60)",
    )
    add("-q", "--quiet", action="store_true", help="say nothing when all is well")
    add(
        "--debug",
        action="store_true",
        help="show the conversation with the server, without secrets",
    )


def _seconds(text: str) -> float:
    try:
        if 0 < (seconds := float(text)) <= 1e6:
            return seconds
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("must be a number of seconds, more than 0")
