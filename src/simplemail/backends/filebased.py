"""Writes messages to files, for development and for archives."""

from __future__ import annotations

import datetime
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from ..conf import classic
from ..exceptions import ImproperlyConfigured, InvalidMailer
from ..light import lock
from ..receipts import Receipt, Reply
from ..rendering.envelope import Envelope
from ..smtp.replies import status_of
from .base import BaseEmailBackend
from .checking import FAILED, OK, Step
from .options import but_not
from .records import RecordFile, write_new

FORMATS = ("log", "eml")


class EmailBackend(BaseEmailBackend):
    """Writes to a directory that only its owner can read.

    - `file_path`: the directory. It is made if it isn't there. Without an alias, the default is
      the setting EMAIL_FILE_PATH.
    - `format`: "log" makes one file per instance, as Django does: each message, a newline, 79
      dashes and a newline. "eml" makes one file per message, which mail programs open.

    Names begin with the date and never collide, between threads or processes; those of `.eml` files
    sort in the order of sending. A message is in a file whole, or it is not there.

    `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`. Raises
    ImproperlyConfigured if the directory isn't given, or can't be made or written to.

    Django's hooks `write_message()` and `_get_filename()` are called where they are overridden.
    `write_message()` gets a `stream` in memory, which is written as one record when it returns.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        file_path: str | os.PathLike[str] | None = None,
        *,
        format: str = "log",  # noqa: A002 - the option's name, for users
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        if format not in FORMATS:
            raise self._wrong(f"'format' must be 'log' or 'eml'{but_not(format)}.")
        self.format = format
        self.file_path = self._directory(file_path)
        self.stream: Any = None
        self._fname: str | None = None  # Django's name for it
        self._log: RecordFile | None = None

    def open(self) -> bool | None:
        if self.is_ready():
            return False
        try:
            self._open_log()
        except OSError as error:
            if not self.silences(error):
                raise
            self.log_silenced(error)
            return None
        return True

    def _open_log(self) -> RecordFile:
        if self._log is None:
            secret = not self._is_overridden("_get_filename", _GET_FILENAME)
            self._log = RecordFile(os.fspath(self._get_filename()), secret=secret)
        if not self._log.is_open:
            self._log.open()
        return self._log

    def close(self) -> None:
        stream, self.stream = self.stream, None
        try:
            if self._log is not None:
                self._log.close()
        finally:
            if stream is not None:  # set by an open() that was written for Django
                stream.close()

    def is_ready(self) -> bool:
        is_open = self._log is not None and self._log.is_open
        return is_open or self.stream is not None or self.format == "eml"

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        import tempfile

        try:
            # Try it: os.access() says yes to root even on a read-only disk.
            with tempfile.TemporaryFile(dir=self.file_path):
                yield Step(OK, "Directory", f"{self.file_path} can be written to")
        except OSError as error:
            yield Step(FAILED, "Directory", error=error)

    def describe(self) -> str:
        return f"files in {self.file_path}"

    def _own_hook(self) -> Callable[[Any], object] | None:
        return self._by_hook if self._is_overridden("write_message", _WRITE_MESSAGE) else None

    def _by_hook(self, message: Any) -> bool:
        self.write_message(message)
        self.stream.flush()
        return True

    def _deliver_by_hook(self, hook: Callable[[Any], object], message: Any) -> Receipt:
        if self.stream is not None:
            return super()._deliver_by_hook(hook, message)
        self.stream = record = BytesIO()
        try:
            receipt = super()._deliver_by_hook(hook, message)
        finally:
            self.stream = None
        if receipt.error is not None or not record.getvalue():
            return receipt
        try:
            return receipt._replace(reply=self._write(record.getvalue()))
        except OSError as error:
            return receipt._replace(status=status_of(error), reply=None, error=error)

    def write_message(self, message: Any) -> None:
        """Write one message to `stream`. Django's hook: an override gets every message."""
        self._deliver_for_hook(message, self.deliver_rendered)

    def send_envelope(self, envelope: Envelope) -> Reply:
        if self.format == "eml":
            return self._write(envelope.content)
        content = envelope.content.replace(b"\r\n", b"\n")
        return self._write(b"%b\n%b\n" % (content, b"-" * 79))

    def _write(self, record: bytes) -> Reply:
        """Write one message, to the stream that a hook got or else to a file."""
        if self.stream is not None:
            self.stream.write(record)
            self.stream.flush()
            return Reply(250, "written")
        if self.format == "eml":
            path = os.fspath(self._get_filename())
            write_new(path, record)
        else:
            path = self._add(record)
        return Reply(250, f"written to {os.path.basename(path)}")  # noqa: PTH119

    def _add(self, record: bytes) -> str:
        was_open = self.is_ready()
        log = self._open_log()
        try:
            log.add(record)
        finally:
            if not was_open:
                self.close()
        return log.path

    def _get_filename(self) -> str:
        """Return where to write. Django's hook: an override names the file, with its directory.

        For `format="log"` it is asked once, for `format="eml"` for each message.
        """
        if self.format == "eml":
            name = f"{_stamp()}-{secrets.token_hex(8)}.eml"
            return os.path.join(self.file_path, name)  # noqa: PTH118 - Django's are text
        # The same after close() and open(): one file for each instance.
        if self._fname is None:
            now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
            name = f"{now}-{secrets.token_hex(8)}.log"
            self._fname = os.path.join(self.file_path, name)  # noqa: PTH118
        return self._fname

    def _directory(self, file_path: Any) -> str:
        if file_path is None and self.alias is None:
            file_path = classic("EMAIL_FILE_PATH")
        if file_path is None:
            raise self._wrong(
                "OPTIONS must define 'file_path'.",
                "The EMAIL_FILE_PATH setting must be set to use the file EmailBackend.",
            )
        if not isinstance(file_path, (str, os.PathLike)):
            raise TypeError(f"'file_path' must be a str or a Path, not {file_path!r}")
        # Expands "~"; Path.resolve() isn't used, because it would follow links.
        path = os.path.abspath(os.path.expanduser(file_path))  # noqa: PTH100, PTH111
        try:
            Path(path).mkdir(0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise self._wrong(
                f"'file_path' is not a directory: {path}",
                f"Path for saving email messages exists, but is not a directory: {path}",
            ) from None
        except OSError as error:
            raise self._wrong(
                f"Could not create 'file_path': {path} ({error})",
                f"Could not create directory for saving email messages: {path} ({error})",
            ) from error
        if not os.access(path, os.W_OK):
            raise self._wrong(
                f"'file_path' is not writable: {path}", f"Could not write to directory: {path}"
            )
        return path

    def _wrong(self, text: str, classic: str | None = None) -> ImproperlyConfigured:
        """Return the error, in terms of the option if there is an alias, else of the setting."""
        if self.alias is None:
            return ImproperlyConfigured(classic or text)
        return InvalidMailer(text, alias=self.alias)


# Kept apart from the class, on which a test may put others.
_WRITE_MESSAGE = EmailBackend.write_message
_GET_FILENAME = EmailBackend._get_filename

# Files of the whole process sort in the order of sending, whatever the clock does.
_lock = lock()  # over _last
_last = 0  # nanoseconds


def _stamp() -> str:
    """Return the time in UTC with nanoseconds, always later than the one before."""
    global _last
    with _lock:
        _last = now = max(time.time_ns(), _last + 1)
    seconds, rest = divmod(now, 1_000_000_000)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}-{rest:09}"
