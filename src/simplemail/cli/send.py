"""The message that the command line of `simplemail send` describes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..message import EmailMessage, EmailMultiAlternatives
from ..rendering.addresses import mailboxes, quote, quote_local
from ..rendering.envelope import Envelope, WaysUnclear

STDIN = "-"

EXAMPLES = """\
examples:
  simplemail send --mailer console: --to ann@example.com --subject Hello --text "It works."
  df -h | simplemail send --to ops@example.com --subject "Disks of $(hostname)"
  simplemail send --to ann@example.com --html-file news.html --attach news.pdf
  simplemail send saved.eml
"""


class UsageError(ValueError):
    """The command line asks for something that can't be done."""


class Letter(NamedTuple):
    """What to hand to a mailer, and for whom it is."""

    content: EmailMessage | Envelope
    recipients: list[str]

    @classmethod
    def of(cls, args: argparse.Namespace) -> Letter:
        """Make the letter, reading files and standard input. UsageError if something is missing."""
        if args.file not in (None, STDIN):
            return _ready_made(args)
        if not any(map(addresses, (args.to, args.cc, args.bcc))):
            raise UsageError("No recipients; give --to ADDRESS")
        message = _message(args)
        return cls(message, message.recipients())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `Letter.of()` reads."""
    add = parser.add_argument
    who: dict[str, Any] = {"action": "append", "default": [], "metavar": "ADDRESS"}
    add("--to", **who, help="may be repeated, or hold several addresses with commas between")
    add("--cc", **who, help="gets a copy, and everybody can see that")
    add("--bcc", **who, help="gets a copy, and nobody can see that")
    add("--from", dest="sender", metavar="ADDRESS", help="the sender (default: DEFAULT_FROM_EMAIL)")
    add("--subject", metavar="TEXT")
    add("--text", metavar="TEXT", help="the text; default: standard input, if it is piped")
    add("--text-file", metavar="FILE", help="the text is in this file (UTF-8; - is standard input)")
    add("--html-file", metavar="FILE", help="the text as HTML, beside the plain text or alone")
    add("--attach", action="append", default=[], metavar="FILE", help="may be repeated")
    add(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="one more header field, like 'Reply-To: ann@example.com'; may be repeated",
    )
    add(
        "file",
        nargs="?",
        metavar="FILE.eml",
        help="a complete message: sent byte for byte as it is, but for Bcc, to the addresses in "
        "its headers, or to those given with --to, --cc and --bcc; - is the text from standard "
        "input",
    )


def addresses(lists: Iterable[str]) -> list[str]:
    """Return each address of some comma-separated lists. ValueError for what isn't an address."""
    found = [each for text in lists if text.strip() for each in mailboxes(text)]
    return [_written(each.display_name, each.local, each.domain) for each in found]


def _written(name: str, local: str, domain: str) -> str:
    address = f"{quote_local(local)}@{domain}" if domain else quote_local(local)
    return f"{quote(name)} <{address}>" if name else address


def _ready_made(args: argparse.Namespace) -> Letter:
    for name in ("subject", "text", "text_file", "html_file", "attach", "header"):
        if getattr(args, name) not in (None, []):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} can't change {args.file}, which is sent as it is")
    to = addresses([*args.to, *args.cc, *args.bcc])
    content = _read(args.file)
    try:
        # As it is, it may need SMTPUTF8; a server that hasn't got it will be told apart then.
        envelope = Envelope.of(content, sender=args.sender, recipients=to or None, utf8=True)
    except ValueError as error:
        unclear = isinstance(error, WaysUnclear)
        remedy = "; give --from ADDRESS and --to ADDRESS" if unclear else ""
        raise UsageError(f"{args.file} can't be sent: {error}{remedy}") from None
    if not envelope.recipients:
        raise UsageError(f"{args.file} names no recipients; give --to ADDRESS")
    return Letter(envelope, list(envelope.recipients))


def _message(args: argparse.Namespace) -> EmailMessage:
    html = _text_of(args.html_file) if args.html_file else None
    text = _text(args, html)
    message = EmailMultiAlternatives(
        args.subject or "",
        html if text is None else text,
        args.sender,
        addresses(args.to),
        addresses(args.bcc),
        headers=_headers(args.header),
        cc=addresses(args.cc),
    )
    if text is None:
        message.content_subtype = "html"
    elif html is not None:
        message.attach_alternative(html, "text/html")
    for name in args.attach:
        message.attach(Path(name).name, _read(name))
    return message


def _text(args: argparse.Namespace, html: str | None) -> str | None:
    """Return the plain text; None if there is HTML alone."""
    sources = {"--text": args.text, "--text-file": args.text_file, STDIN: args.file}
    given = {name: value for name, value in sources.items() if value is not None}
    if len(given) > 1:
        raise UsageError(f"Give the text once, not as {' and '.join(given)}")
    if args.text is not None:
        return str(args.text)
    if STDIN in (args.text_file, args.file) and args.html_file == STDIN:
        raise UsageError("Standard input can't be both the text and the HTML")
    if given:
        return _text_of(args.text_file or STDIN)
    if html is not None:
        return None
    if sys.stdin is not None and not sys.stdin.isatty():
        return _text_of(STDIN)
    if args.attach:
        return ""
    raise UsageError("No text; give --text TEXT, --text-file FILE, or pipe it into the command")


def _headers(given: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"--header {header!r} is not of the form 'Name: value'")
        if name.strip() in headers:
            raise UsageError(f"--header gives {name.strip()!r} twice")
        headers[name.strip()] = value.strip(" \t")
    return headers


def _text_of(path: str) -> str:
    try:
        return _read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        name = "Standard input" if path == STDIN else path
        raise UsageError(
            f"{name} is not text in UTF-8; convert it, or send it with --attach"
        ) from None


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read() if sys.stdin is not None else b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"Can't read {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise UsageError(f"Can't read {path!r}: {error}") from None
