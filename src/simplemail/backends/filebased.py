"""Writes messages to files, for development and for archives."""

from __future__ import annotations

import datetime
import itertools
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..conf import classic
from ..exceptions import ImproperlyConfigured, InvalidMailer
from ..receipts import Reply
from ..rendering.envelope import Envelope
from .base import BaseEmailBackend
from .checking import FAILED, OK, Step
from .options import but_not

FORMATS = ("log", "eml")


class EmailBackend(BaseEmailBackend):
    """Writes to a directory that only its owner can read.

    `format="log"` makes one file per instance, as Django does: each message, a newline, 79 dashes
    and a newline. `format="eml"` makes one file per message, which mail programs open. Names
    begin with the date and never collide, between threads or processes.
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
        self._stream: BinaryIO | None = None
        self._name: str | None = None
        self._numbers = itertools.count(1)

    def open(self) -> bool:
        if self._stream is not None or self.format == "eml":
            return False
        self._stream = self._create(self._log_name(), os.O_APPEND)
        return True

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def is_ready(self) -> bool:
        return self._stream is not None or self.format == "eml"

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        import tempfile

        try:
            # By doing it: os.access() says yes to root on a read-only disk, too.
            with tempfile.TemporaryFile(dir=self.file_path):
                yield Step(OK, "Directory", f"{self.file_path} can be written to")
        except OSError as error:
            yield Step(FAILED, "Directory", error=error)

    def describe(self) -> str:
        return f"files in {self.file_path}"

    def send_envelope(self, envelope: Envelope) -> Reply:
        if self.format == "eml":
            name = f"{_timestamp()}-{secrets.token_hex(8)}-{next(self._numbers)}.eml"
            with self._create(name, os.O_EXCL) as stream:
                stream.write(envelope.content)
            return Reply(250, f"written to {name}")
        opened = self.open()
        try:
            assert self._stream is not None
            content = envelope.content.replace(b"\r\n", b"\n")
            self._stream.write(b"%b\n%b\n" % (content, b"-" * 79))
            self._stream.flush()
        finally:
            if opened:
                self.close()
        return Reply(250, f"written to {self._log_name()}")

    def _log_name(self) -> str:
        # The same after close() and open(): one file for each instance.
        if self._name is None:
            self._name = f"{_timestamp()}-{secrets.token_hex(8)}.log"
        return self._name

    def _create(self, name: str, flags: int) -> BinaryIO:
        flags |= os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(Path(self.file_path, name), flags, 0o600), "wb")

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
        path = os.path.abspath(file_path)  # noqa: PTH100 - Path.resolve() follows links
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
        """Return the error with an alias, or the one in the terms of the classic settings."""
        if self.alias is None:
            return ImproperlyConfigured(classic or text)
        return InvalidMailer(text, alias=self.alias)


def _timestamp() -> str:
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
