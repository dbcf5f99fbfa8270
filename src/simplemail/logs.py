"""Mails log records: the first one at once, and many as one digest.

LOGGING = {
    "version": 1,
    "handlers": {"mail": {"class": "simplemail.logs.MailHandler", "level": "ERROR"}},
    "root": {"handlers": ["mail"]},
}
"""

from __future__ import annotations

import html as markup
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from .conf import settings
from .light import Addresses, lock
from .message import EmailMultiAlternatives
from .shortcuts import addresses_of

_LONGEST_SUBJECT = 200
_SHOWN_IN_FULL = 10
_MOST_KINDS = 100
_LONGEST_TEXT = 100_000
"""Characters of a record. Ten of them, in UTF-8, stay below what mail servers take."""

_Kind = tuple[str, str, str]


class MailHandler(logging.Handler):
    """Sends log records by mail.

    - `level`: ignore records below this one.
    - `to`: a list of addresses; by default the setting ADMINS.
    - `using`: the alias of the mailer; without it, the default one.
    - `from_email`: the sender, by default the setting SERVER_EMAIL.
    - `subject_prefix`: what subjects begin with, by default EMAIL_SUBJECT_PREFIX.
    - `html`: if true, send the text as HTML, too.
    - `interval`: seconds between two mails. 0 mails each record at once.
    - `background`: if true, a thread sends, and the program doesn't wait for the mail server.

    The first record is mailed at once. Those that follow within `interval` seconds are held, and
    mailed as one digest at its end: how often each message came, and the first ones in full.
    `flush()` sends what is held now, and so does `close()`. logging closes its handlers when the
    program ends.

    It never raises into the program: it reports errors on standard error, as logging does
    (`logging.raiseExceptions`). What is logged while it sends is not mailed, so there is no
    endless loop. Sending takes as long as the mailer does, at most its `timeout` for every answer.
    """

    def __init__(
        self,
        level: int | str = logging.NOTSET,
        *,
        to: Addresses | None = None,
        using: str | None = None,
        from_email: str | None = None,
        subject_prefix: str | None = None,
        html: bool = False,
        interval: float = 60.0,
        background: bool = False,
    ) -> None:
        recipients = None if to is None else _listed(to)
        _check_interval(interval)
        super().__init__(level)  # which logging remembers: nothing half made
        self.to = recipients
        self.using = using
        self.from_email = from_email
        self.subject_prefix = subject_prefix
        self.html = html
        self.interval = interval
        self.background = background
        self._sending = threading.local()
        self._start_over()

        self._has_told = False  # warned that there are no recipients

    def _start_over(self) -> None:
        self._state = lock()
        self._held = _Digest()
        self._next_at = float("-inf")
        self._timer: threading.Timer | None = None
        self._is_closed = False
        self._process = os.getpid()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take `record`, unless a filter or this handler's own sending forbids it."""
        if getattr(self._sending, "now", False):
            return False
        passed: Any = self.filter(record)  # the record itself, perhaps changed, from Python 3.12 on
        if passed:
            # Not under logging's own lock, which would hold up every thread
            # that logs for as long as the mail server takes.
            self.emit(record if passed is True else passed)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Mail `record` now, or hold it for the next digest."""
        try:
            self._leave_to_parent()
            # Not under the lock: formatting a record may itself log.
            entry = _entry(record, self.format(record))
            with self._state:
                self._held.add(entry)
                ready = self._take_if_due()
            if ready is not None:
                self._send(ready)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Send what is held now. Waits if a mail is just being sent."""
        self._leave_to_parent()
        with self._state:
            timer, self._timer = self._timer, None
            ready = self._take()
        if timer is not None:
            timer.cancel()
        self._send_or_tell(ready)
        if timer is not None and timer is not threading.current_thread():
            timer.join()

    def close(self) -> None:
        """Send what is held, and hold nothing from now on. Safe to call twice."""
        self._leave_to_parent()
        with self._state:
            self._is_closed = True
        self.flush()
        super().close()

    def _leave_to_parent(self) -> None:
        """After fork(), forget what is held: it is the parent's to send."""
        if os.getpid() != self._process:
            self._start_over()

    def _take_if_due(self) -> _Digest | None:
        """Take what is held if this thread may send it; otherwise start a timer for it."""
        wait = self._next_at - time.monotonic()
        if self._is_closed or (wait <= 0 and not self.background):
            return self._take()
        if self._timer is None:
            # A daemon, or the program's end would wait for it; logging calls
            # close() then, which sends what is held.
            self._timer = threading.Timer(max(wait, 0), self._send_on_time)
            self._timer.daemon = True
            self._timer.start()
        return None

    def _take(self) -> _Digest:
        taken, self._held = self._held, _Digest()
        if taken.count:
            self._next_at = time.monotonic() + self.interval
        return taken

    def _send_on_time(self) -> None:
        """Run by the timer. It stays `_timer` while it sends, so that `flush()` waits for it."""
        with self._state:
            ready = self._take()
        self._send_or_tell(ready)
        with self._state:
            if self._timer is threading.current_thread():
                self._timer = None
                if self._held.count:
                    self._take_if_due()

    def _send_or_tell(self, digest: _Digest) -> None:
        try:
            self._send(digest)
        except Exception:
            self.handleError(logging.makeLogRecord({"msg": digest.subject()}))

    def _send(self, digest: _Digest) -> None:
        recipients = addresses_of("ADMINS") if self.to is None else self.to
        if not recipients:
            self._tell_of_nobody()
        if not digest.count or not recipients:
            return
        prefix = (
            settings.EMAIL_SUBJECT_PREFIX if self.subject_prefix is None else self.subject_prefix
        )
        mail = EmailMultiAlternatives(
            one_line(f"{prefix}{digest.subject()}"),
            body := digest.text(),
            self.from_email or settings.SERVER_EMAIL,
            recipients,
        )
        if self.html:
            mail.attach_alternative(f"<pre>{markup.escape(body)}</pre>", "text/html")
        self._sending.now = True
        try:
            mail.send(using=self.using)
        finally:
            self._sending.now = False

    def _tell_of_nobody(self) -> None:
        """Warn, only once, that no log record is mailed: ADMINS may be empty on purpose."""
        if not self._has_told and logging.raiseExceptions and sys.stderr is not None:
            self._has_told = True
            print(
                "simplemail.logs.MailHandler has no recipients: set ADMINS, or pass to=[...]",
                file=sys.stderr,
            )


def _listed(to: Addresses) -> list[Any]:
    if isinstance(to, (str, bytes)) or not isinstance(to, Iterable):
        raise TypeError(f"'to' must be a list of addresses, not {to!r}")
    if found := list(to):
        return found
    raise ValueError("'to' is empty; name an address, or leave it out to mail to ADMINS")


def _check_interval(seconds: Any) -> None:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not (number and 0 <= seconds <= threading.TIMEOUT_MAX):
        raise ValueError(f"'interval' must be a number of seconds, 0 or more, not {seconds!r}")


class _Entry(NamedTuple):
    """What is kept of a record: text alone. Dropping other people's objects may run their code."""

    kind: _Kind
    title: str
    text: str


def _entry(record: logging.LogRecord, text: str) -> _Entry:
    title = f"{record.levelname}: {_first_line(record.getMessage())}"
    return _Entry(_kind_of(record), one_line(title), _sendable(text))


class _Digest:
    """Some log records: how often each kind came, and the first ones in full."""

    def __init__(self) -> None:
        self.count = 0
        self._title = ""
        self._kinds: Counter[_Kind] = Counter()
        self._full: list[str] = []

    def add(self, entry: _Entry) -> None:
        self.count += 1
        self._title = self._title or entry.title
        self._kinds[entry.kind if len(self._kinds) < _MOST_KINDS else ("", "", "others")] += 1
        if len(self._full) < _SHOWN_IN_FULL:
            self._full.append(entry.text)

    def subject(self) -> str:
        if self.count == 1:
            return self._title
        most, _ = self._kinds.most_common(1)[0]
        return f"{self.count} log records, most often {most[0]}: {most[2]}"

    def text(self) -> str:
        if self.count == 1:
            return self._full[0]
        rule = "\n" + "-" * 79 + "\n"
        counts = "\n".join(
            f"{count:>7,}  {level} {name}: {message}"
            for (level, name, message), count in self._kinds.most_common()
        )
        shown = len(self._full)
        title = f"The first {shown} in full:" if shown < self.count else "In full:"
        return f"{self.count:,} log records\n\n{counts}\n\n{title}\n{rule}{rule.join(self._full)}"


def _kind_of(record: logging.LogRecord) -> _Kind:
    # By the message before its arguments are filled in: "user %s is gone"
    # is one kind, for all users. The number of kinds is bounded.
    return record.levelname, record.name, one_line(_first_line(str(record.msg)))


def _sendable(text: str) -> str:
    """Return the text as any mail can hold it: of bounded length, without halves of characters."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}\n... and {len(text) - _LONGEST_TEXT:,} more characters"
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _first_line(text: str) -> str:
    # QueueHandler puts a traceback behind the message, in one text.
    return next(iter(text[:_LONGEST_TEXT].strip().splitlines()), "")


def one_line(text: str) -> str:
    """Return the text as a subject can hold it: one line, at most 200 characters."""
    some = text[: _LONGEST_SUBJECT * 10]  # however much was logged
    line = " ".join("".join(c if c.isprintable() else " " for c in some).split())
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1] + "…"
