"""`simplemail inbox`: shows what programs send, on a web page."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from .defaults import HTTP_PORT, KEEP, MAX_SIZE, SMTP_PORT
from .search import WrongSearch, octets

EXAMPLES = """
examples:
  simplemail inbox --open
  simplemail inbox sent --open
  EMAIL_URL=smtp://127.0.0.1:1025 simplemail send --to ann@example.com --subject Hello --text Hi
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add = parser.add_argument
    add(
        "dir",
        metavar="DIR",
        nargs="?",
        type=Path,
        help="a folder whose .eml files are shown as well, as they come and go",
    )
    add(
        "--smtp",
        metavar="[HOST:]PORT",
        type=_listening,
        default=("127.0.0.1", SMTP_PORT),
        help=f"where to accept mail (127.0.0.1:{SMTP_PORT}, or the next port that is free)",
    )
    add(
        "--smtp-starttls",
        action="store_true",
        help="offer STARTTLS, with a certificate for tests, of localhost, 127.0.0.1 and ::1",
    )
    add(
        "--smtp-certfile",
        metavar="FILE",
        type=Path,
        help="offer STARTTLS with this certificate, a PEM file",
    )
    add(
        "--smtp-keyfile",
        metavar="FILE",
        type=Path,
        help="the key of the certificate, if it is in a file of its own",
    )
    add(
        "--http",
        metavar="[HOST:]PORT",
        type=_listening,
        default=("127.0.0.1", HTTP_PORT),
        help=f"where to show it (127.0.0.1:{HTTP_PORT}, or the next port that is free)",
    )
    add(
        "--keep",
        metavar="COUNT",
        type=_count,
        default=KEEP,
        help=f"how many messages to keep, the newest ({KEEP})",
    )
    add(
        "--max-size",
        metavar="SIZE",
        type=_size,
        default=MAX_SIZE,
        help="the largest message to take (50M)",
    )
    add(
        "--store",
        metavar="FILE",
        type=Path,
        help="where to keep the mail (a file of yours for this directory, in the system's "
        "temporary directory)",
    )
    add(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="another host name that browsers may call this inbox by, such as the name of its "
        "container",
    )
    add(
        "--token",
        metavar="TOKEN",
        type=_token,
        help="what browsers need to read the mail (generated if others can reach the port)",
    )
    add(
        "--release",
        metavar="URL",
        help="a mailer through which the page can send single messages on",
    )
    add(
        "--release-allow",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="an address or domain that messages may be released to (any)",
    )
    add("--open", action="store_true", help="open the page in the browser")
    add("--quiet", action="store_true", help="say nothing but errors")


def run(args: argparse.Namespace, listener: Any) -> int:
    """Run an inbox until it is interrupted. Raises ValueError for wrong usage."""
    # Not while the arguments are read: the value of a misspelled option would be taken for it.
    if args.dir and not args.dir.is_dir():
        raise ValueError(f"'{args.dir}' is not a folder; make it, or correct its name")
    # HTTP and SQLite are loaded for this command alone.
    status: int = import_module(".running", __package__).run(args)
    return status


def _listening(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(?:(\[[0-9a-fA-F:.%]+\]|[^\s\[\]:]*):)?([0-9]{1,5})", text)
    if found is None or int(found[2]) > 65_535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a port; write 8025, 127.0.0.1:8025 or [::1]:8025"
        )
    return (found[1] or "127.0.0.1").strip("[]"), int(found[2])


def _token(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._~-]{1,200}", text):  # it stands in a URL and in a cookie
        raise argparse.ArgumentTypeError("a token has letters, digits and -._~ only")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of messages; write 1000")
    return int(text)


def _size(text: str) -> int:
    try:
        return octets(text)
    except WrongSearch as error:
        raise argparse.ArgumentTypeError(str(error)) from None
