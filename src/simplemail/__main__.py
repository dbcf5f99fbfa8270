"""Mail from the command line: `python -m simplemail`, or `simplemail` once it is installed."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from . import __version__, shortcuts
from .backends.handler import get_connection, is_configured, mailers
from .cli import check as diagnose
from .cli import send as letter
from .cli.send import UsageError, addresses
from .cli.terminal import sentence
from .conf import override_settings, settings
from .exceptions import ImproperlyConfigured, InvalidMailer
from .receipts import Status
from .rendering.msgid import DNS_NAME
from .rendering.readable import escaped

DONE, NOT_SENT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_LISTS = ("ADMINS", "MANAGERS")
_FROM_ENVIRONMENT = ("DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "EMAIL_SUBJECT_PREFIX", *_LISTS)

_ABOUT = """\
environment:
  EMAIL_URL             the mailer, where --mailer isn't given. A password belongs here and not
                        on the command line, which every user of the machine can read.
  DEFAULT_FROM_EMAIL    the sender, where --from isn't given (webmaster@localhost)
  ADMINS, MANAGERS      comma-separated addresses, for `test --admins` and `test --managers`,
  SERVER_EMAIL          their sender (root@localhost),
  EMAIL_SUBJECT_PREFIX  and what their subjects begin with

mailers:
  smtp+tls://user:password@mail.example.com    port 587, STARTTLS
  smtps://user:password@mail.example.com       port 465, TLS
  smtp://localhost                             port 25, unencrypted
  console:                                     shows the message, sends nothing
  file:///var/mail/out?format=eml              writes files

exit status: 0 done; 1 not sent, or not to everybody; 2 wrong usage.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors are one sentence on standard error."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        _complain("Interrupted")
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return NOT_SENT
        if "--traceback" in arguments:
            print(escaped(_safe(traceback.format_exc())), end="", file=sys.stderr)
        else:
            _complain(sentence(error))
        # An untrusted certificate is a ValueError too, and nobody's wrong usage.
        wrong = isinstance(error, (ValueError, ImproperlyConfigured))
        return WRONG_USAGE if wrong and not isinstance(error, OSError) else NOT_SENT


def _run(arguments: list[str]) -> int:
    args = _parser().parse_args(arguments)
    with override_settings(**_settings_from_environment()), _listening(args) as listener:
        status: int = args.run(args, listener)
    sys.stdout.flush()  # here, where a reader that has gone away is no surprise
    return status


def _send(args: argparse.Namespace, listener: _Listener) -> int:
    mailer = _mailer(args)
    content, recipients = letter.Letter.of(args)
    [receipt] = mailer.deliver([content])
    if receipt.status is Status.UNKNOWN and receipt.error:
        receipt.error.add_note("the server may have it: another try may deliver it twice")
    if receipt.error and not listener.warned:
        raise receipt.error
    sent = recipients if receipt.status is Status.SENT else []
    return _report(args, listener, mailer, sent, str(receipt.reply or ""))


def _test(args: argparse.Namespace, listener: _Listener) -> int:
    to = addresses(args.address)
    groups = [name for name in _LISTS if getattr(args, name.lower())]
    if not to and not groups:
        raise UsageError("Nobody to send to; give an ADDRESS, --admins or --managers")
    everybody = [*to]
    for name in groups:
        if not (found := shortcuts.addresses_of(name)):
            raise UsageError(f"{name} is empty; set the environment variable {name}")
        everybody += found
    mailer = _mailer(args)
    subject = f"Test from {DNS_NAME} on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC"
    text = "This message was sent by `simplemail test`. Since you are reading it, mail works.\n"
    if to:
        shortcuts.send_mail(subject, text, None, to, connection=mailer)
    if args.managers:
        shortcuts.mail_managers(subject, text, connection=mailer)
    if args.admins:
        shortcuts.mail_admins(subject, text, connection=mailer)
    return _report(args, listener, mailer, everybody)


def _check(args: argparse.Namespace, listener: _Listener) -> int:
    mailer = _mailer(args)
    say: Callable[[str], None] = _say if not args.quiet else lambda text: None
    say(f"Checking {_one_line(diagnose.described(mailer))}")
    for step in diagnose.check(mailer):
        tell = say if step.mark == diagnose.OK else _say
        tell(f"  {step.mark:<8} {step.name:<12} {_one_line(step.detail)}".rstrip())
        if step.error:
            raise step.error
    say("Ready to send. Nothing was sent.")
    return DONE


def _report(
    args: argparse.Namespace,
    listener: _Listener,
    mailer: Any,
    recipients: list[str],
    reply: str = "",
) -> int:
    """Say what became of the message, unless the mailer has shown it or has warned already."""
    if listener.warned or not recipients:
        if not listener.warned:
            _complain("Nothing was sent")
        return NOT_SENT
    if not args.quiet and getattr(mailer, "stream", None) is not sys.stdout:
        count = len(set(recipients))
        people = "1 recipient" if count == 1 else f"{count} recipients"
        where = diagnose.described(mailer)
        if diagnose.is_smtp(mailer):
            _tell(f"Sent to {people} through {where}" + f" ({reply})" * bool(reply))
        else:
            _tell(f"Handed to {where} for {people}")
    return DONE


def _mailer(args: argparse.Namespace) -> Any:
    spec = args.mailer
    if spec == "":
        raise UsageError(
            "--mailer is empty; give a URL like smtp+tls://mail.example.com, or leave it out to "
            "use the environment variable EMAIL_URL"
        )
    if spec is None and not is_configured():
        raise UsageError(
            "No mailer is configured; set the environment variable EMAIL_URL or give --mailer, "
            "like smtp+tls://mail.example.com to send, or --mailer console: to see the message"
        )
    if spec is None or spec in mailers:
        return mailers[spec or "default"]
    try:
        return get_connection(spec)
    except InvalidMailer as error:
        if ":" not in spec:
            error.add_note("write a server as smtp+tls://mail.example.com")
        raise


def _complain(text: str) -> None:
    _tell(f"simplemail: {text}")


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody may be listening
        print(_one_line(_safe(text)), file=sys.stderr)


def _say(text: str) -> None:
    # What the server says must not fail for a terminal in the C locale.
    charset = sys.stdout.encoding or "utf-8"
    print(text.encode(charset, "backslashreplace").decode(charset), flush=True)


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))


def _safe(text: str) -> str:
    """Take user and password out of whatever looks like a URL, whoever wrote the text."""
    return re.sub(r"//\S*@", "//***@", text)


def _nobody_reads() -> bool:
    """Is it standard output that broke, as in `simplemail ... | head`, and not the network?"""
    try:
        print(flush=True)
        return False
    except BrokenPipeError:
        # The interpreter flushes once more when it ends, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True


def _settings_from_environment() -> dict[str, Any]:
    found = {name: os.environ.get(name) for name in _FROM_ENVIRONMENT}
    given = {name: v for name, v in found.items() if v and not settings.is_set(name)}
    return {name: addresses([v]) if name in _LISTS else v for name, v in given.items()}


class _Listener(logging.Handler):
    """Shows what the library logs while a command runs, and remembers if that was a warning."""

    warned = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            _tell(record.getMessage())
        else:
            # What others say, of half a login for instance, is about no message.
            self.warned = self.warned or record.name == "simplemail"
            _complain(record.getMessage())


@contextlib.contextmanager
def _listening(args: argparse.Namespace) -> Iterator[_Listener]:
    logger, wire = logging.getLogger("simplemail"), logging.getLogger("simplemail.wire")
    listener, before = _Listener(), wire.level
    logger.addHandler(listener)
    if args.debug:
        wire.setLevel(logging.DEBUG)
    try:
        yield listener
    finally:
        wire.setLevel(before)
        logger.removeHandler(listener)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="simplemail",
        description="Send mail, and find out why it isn't sent.",
        epilog=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"simplemail {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(commands, "send", _send, "send one message", letter.add_arguments, letter.EXAMPLES)
    _add(commands, "test", _test, "send a short message, to see it arrive", _add_test_arguments)
    _add(commands, "check", _check, "say step by step what works, and send nothing")
    return parser


def _add_test_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", nargs="*", metavar="ADDRESS")
    parser.add_argument("--admins", action="store_true", help="send one to ADMINS, too")
    parser.add_argument("--managers", action="store_true", help="send one to MANAGERS, too")


def _add(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace, _Listener], int],
    promise: str,
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
    epilog: str = "",
) -> None:
    """Add a command: its own arguments, and the options that all commands have."""
    command = commands.add_parser(
        name,
        help=promise,
        description=promise.capitalize() + ".",
        epilog=epilog + "\nsee `simplemail --help` for mailers and the environment",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    add_arguments(command)
    add = command.add_argument
    add("--mailer", metavar="URL", help="the way to send (default: what EMAIL_URL says)")
    add("-q", "--quiet", action="store_true", help="say nothing when all is well")
    add("--debug", action="store_true", help="show the dialogue with the server, without secrets")
    add("--traceback", action="store_true", help="show where in the code an error comes from")


if __name__ == "__main__":
    sys.exit(main())
