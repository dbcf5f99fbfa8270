"""Writes sentences for people who don't read Python, and never a secret."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator

from ..exceptions import ImproperlyConfigured
from ..rendering.readable import escaped


def say(text: str) -> None:
    """Write the result of a command, to standard output."""
    # What the server says must not fail for a terminal in the C locale.
    charset = sys.stdout.encoding or "utf-8"
    print(text.encode(charset, "backslashreplace").decode(charset), flush=True)


def tell(text: str) -> None:
    """Write one line about what is going on, to standard error."""
    with contextlib.suppress(OSError, ValueError):  # standard error may be closed
        print(one_line(without_secrets(text)), file=sys.stderr)


def complain(text: str) -> None:
    """Write one line about what went wrong, to standard error."""
    tell(f"simplemail: {text}")


def sentence(error: BaseException) -> str:
    """Return an exception's text and its notes on one line."""
    words = [_words(error), *getattr(error, "__notes__", ())]
    return "; ".join(filter(None, words))


def one_line(text: str) -> str:
    """Return the text on one line, its control characters escaped."""
    return escaped(" ".join(text.split()))


def without_secrets(text: str) -> str:
    """Take user and password out of whatever looks like a URL, whoever wrote the text."""
    return re.sub(r"\S+", lambda word: _without_user(word[0]), text)


def _without_user(word: str) -> str:
    start, slashes, rest = word.partition("//")
    _, at, host = rest.rpartition("@")
    return f"{start}//***@{host}" if slashes and at else word


def nobody_reads() -> bool:
    """Is it standard output that broke, as in `simplemail ... | head`, and not the network?"""
    try:
        print(flush=True)
        return False
    except BrokenPipeError:
        # The interpreter flushes again at exit, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True


class Listener(logging.Handler):
    """Shows what the library logs while a command runs, and remembers if that was a warning."""

    warned = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            tell(record.getMessage())
        else:
            # Other loggers, such as that about a missing password, aren't about a message.
            self.warned = self.warned or record.name == "simplemail"
            complain(record.getMessage())


@contextlib.contextmanager
def listening(*, debug: bool) -> Iterator[Listener]:
    """Show what is logged in the block; with `debug`, the dialogue with the server too."""
    logger, wire = logging.getLogger("simplemail"), logging.getLogger("simplemail.wire")
    listener, before = Listener(), wire.level
    logger.addHandler(listener)
    if debug:
        wire.setLevel(logging.DEBUG)
    try:
        yield listener
    finally:
        wire.setLevel(before)
        logger.removeHandler(listener)


def _words(error: BaseException) -> str:
    code = getattr(error, "smtp_code", None)
    if refused := getattr(error, "recipients", None):  # smtplib.SMTPRecipientsRefused
        answers = [f"{who}: {_answer(*reply[:2])}" for who, reply in refused.items()]
        return f"No recipient was accepted ({'; '.join(answers)})"
    if code is not None and len(error.args) > 1:  # smtplib.SMTPResponseException
        answer = _answer(code, error.args[1])
        sender = getattr(error, "sender", None)
        return f"The sender {sender} was refused: {answer}" if sender else answer
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, (OSError, ValueError, ImproperlyConfigured)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error} (--traceback shows where)"


def _answer(code: object, text: object) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
