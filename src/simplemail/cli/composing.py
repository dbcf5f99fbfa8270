"""The messages that the command line of `simplemail send` describes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from ..message import EmailMessage, EmailMultiAlternatives
from ..rendering.addresses import mailboxes, quote, quote_local
from ..rendering.envelope import Envelope, WaysUnclear
from .usage import UsageError

STDIN = "-"

_OF_A_NEW_MESSAGE = (
    *("subject", "text", "text_file", "html", "html_file"),
    *("attach", "inline", "reply_to", "header"),
)


def add_message_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `contents()` reads."""
    add = parser.add_argument
    who: dict[str, Any] = {"action": "append", "default": [], "metavar": "ADDRESS"}
    several: dict[str, Any] = {"action": "append", "default": [], "metavar": "FILE"}
    add("--to", **who, help="a recipient; may be repeated, or hold several, separated by commas")
    add("--cc", **who, help="a recipient of a copy, shown to everybody")
    add("--bcc", **who, help="a recipient of a copy, shown to nobody")
    add("--from", dest="sender", metavar="ADDRESS", help="the sender (default: DEFAULT_FROM_EMAIL)")
    add("--reply-to", **who, help="where answers go, if not to the sender")
    add("-s", "--subject", metavar="TEXT")
    add("--text", metavar="TEXT", help="the text (default: what is piped in)")
    add("--text-file", metavar="FILE", help="a file with the text, in UTF-8; - is standard input")
    add("--html", metavar="HTML", help="the text as HTML, beside the plain text or alone")
    add("--html-file", metavar="FILE", help="a file with the HTML, in UTF-8; - is standard input")
    add("--attach", **several, help="a file to attach; may be repeated")
    add(
        "--inline",
        **several,
        help='an image for the HTML, which shows logo.png by <img src="cid:logo.png">; may be '
        "repeated",
    )
    add(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="one more header field, like 'X-Campaign: spring'; may be repeated",
    )
    add(
        "-t",
        dest="whole",
        action="store_true",
        help="take a whole message from standard input, and the recipients from its To, Cc and "
        "Bcc, as sendmail -t does",
    )
    add(
        "files",
        nargs="*",
        metavar="FILE.eml",
        help="a complete message: sent as it is, without its Bcc, to the addresses in its header "
        "or to those given with --to, --cc and --bcc; - is the text from standard input",
    )


def contents(args: argparse.Namespace) -> list[EmailMessage | Envelope]:
    """Make what is to be sent, reading files and standard input. UsageError for what is missing."""
    if args.whole:
        return [_piped(args)]
    if args.files and args.files != [STDIN]:
        return [_ready_made(args, name) for name in args.files]
    if not any(map(addresses, (args.to, args.cc, args.bcc))):
        raise UsageError("No recipients; give --to ADDRESS")
    return [_message(args)]


def addresses(lists: Iterable[str]) -> list[str]:
    """Return each address of some comma-separated lists. ValueError for what isn't an address."""
    found = [each for text in lists if text.strip() for each in mailboxes(text)]
    return [_written(each.display_name, each.local, each.domain) for each in found]


def _written(name: str, local: str, domain: str) -> str:
    address = f"{quote_local(local)}@{domain}" if domain else quote_local(local)
    return f"{quote(name)} <{address}>" if name else address


def _ready_made(args: argparse.Namespace, name: str) -> Envelope:
    if name == STDIN:
        raise UsageError(
            "- means the text of a new message; for a whole message, use -t without files"
        )
    _check_unchanged(args, name)
    return _envelope(args, name, _read(name))


def _piped(args: argparse.Namespace) -> Envelope:
    if args.files:
        raise UsageError("-t takes the message from standard input; leave out the files")
    if given := [option for option in ("to", "cc", "bcc") if getattr(args, option)]:
        raise UsageError(f"-t takes the recipients from the message; leave out --{given[0]}")
    _check_unchanged(args, "what is piped in")
    return _envelope(args, "Standard input", _completed(_read(STDIN), args.sender))


def _completed(content: bytes, sender: str | None) -> bytes:
    """Return a message with the fields that RFC 5322, 3.6 requires and that replies rely on.

    Programs that pipe a message in leave these to sendmail, and so to us.
    """
    present = {name.lower() for name in BytesHeaderParser().parsebytes(content)}
    head = EmailMessage(from_email=sender).as_bytes().partition(b"\r\n\r\n")[0] + b"\r\n"
    fields = re.findall(rb"((From|Date|Message-ID): (?:[^\r]|\r\n[ \t])*\r\n)", head)
    missing = b"".join(field for field, name in fields if name.decode().lower() not in present)
    return (missing if b"\r" in content else missing.replace(b"\r\n", b"\n")) + content


def _check_unchanged(args: argparse.Namespace, what: str) -> None:
    for name in _OF_A_NEW_MESSAGE:
        if getattr(args, name) not in (None, []):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} can't change {what}, which is sent as it is")


def _envelope(args: argparse.Namespace, name: str, content: bytes) -> Envelope:
    to = addresses([*args.to, *args.cc, *args.bcc])
    try:
        # It may need SMTPUTF8; whether the server has it shows when it is sent.
        envelope = Envelope.of(content, sender=args.sender, recipients=to or None, utf8=True)
    except ValueError as error:
        unclear = isinstance(error, WaysUnclear)
        remedy = "; give --from ADDRESS and --to ADDRESS" if unclear else ""
        raise UsageError(f"{name} can't be sent: {error}{remedy}") from None
    if not envelope.recipients:
        remedy = "write them into its To" if args.whole else "give --to ADDRESS"
        raise UsageError(f"{name} names no recipients; {remedy}")
    return envelope


def _message(args: argparse.Namespace) -> EmailMessage:
    html = _html(args)
    text = _text(args, html)
    message = EmailMultiAlternatives(
        args.subject or "",
        text or "",
        args.sender,
        addresses(args.to),
        addresses(args.bcc),
        headers=_headers(args.header),
        cc=addresses(args.cc),
        reply_to=addresses(args.reply_to),
    )
    for name in args.attach:
        message.attach(Path(name).name, _read(name))
    if html is not None:
        html = _with_images(message, html, args.inline)
    elif args.inline:
        raise UsageError("--inline is for images in HTML; give --html or --html-file, or --attach")
    if text is None:
        message.body, message.content_subtype = html or "", "html"
    elif html is not None:
        message.attach_alternative(html, "text/html")
    return message


def _html(args: argparse.Namespace) -> str | None:
    if args.html is not None and args.html_file is not None:
        raise UsageError("Give the HTML once, not as --html and --html-file")
    if args.html_file is not None:
        return _text_of(args.html_file)
    return None if args.html is None else str(args.html)


def _with_images(message: EmailMessage, html: str, names: Iterable[str]) -> str:
    """Add images to the message, and return the HTML that refers to them by their Content-IDs."""
    for path in names:
        name = Path(path).name
        # Up to the quote or bracket that ends it: "cid:a.png" is not in "cid:a.png2".
        reference = re.compile(rf"cid:{re.escape(name)}(?=[\"')\s>])")
        if not reference.search(html):
            raise UsageError(f'The HTML doesn\'t show {name}; write <img src="cid:{name}">')
        content_id = message.attach_inline(_read(path), name)
        html = reference.sub(f"cid:{content_id}", html)
    return html


def _text(args: argparse.Namespace, html: str | None) -> str | None:
    """Return the plain text; None if there is HTML alone."""
    dash = args.files[0] if args.files else None
    sources = {"--text": args.text, "--text-file": args.text_file, STDIN: dash}
    given = {name: value for name, value in sources.items() if value is not None}
    if len(given) > 1:
        raise UsageError(f"Give the text once, not as {' and '.join(given)}")
    if args.text is not None:
        return str(args.text)
    if STDIN in (args.text_file, dash) and args.html_file == STDIN:
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
