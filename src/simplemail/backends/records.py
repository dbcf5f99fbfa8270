"""Writes to files whole or not at all: a disk may be full, and a directory may vanish."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

# Where a system lacks one of these flags, it has no such links, or no such difference.
_WRITE = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)

_REMEDIES = {
    errno.ENOENT: "its directory is gone: create it again, or set another 'file_path'",
    errno.ENOSPC: "make room on the disk, or set another 'file_path'",
    errno.EFBIG: "the file has reached the size limit: move it away, or raise the limit",
    errno.EACCES: "let this user write there, or set another 'file_path'",
    errno.EROFS: "set a 'file_path' on a disk that can be written to",
    errno.ELOOP: "it is a symbolic link, and simplemail doesn't follow those: remove it",
}
if hasattr(errno, "EDQUOT"):
    _REMEDIES[errno.EDQUOT] = _REMEDIES[errno.ENOSPC]


class RecordFile:
    """A file at whose end records are added, each of them whole or not at all.

    It is opened again and again under one name. A name that is `secret` (nobody could guess it)
    must be of a file that was made here: anything else that appears there is refused.
    """

    def __init__(self, path: str, *, secret: bool) -> None:
        self.path = path
        self._secret = secret
        self._made: tuple[int, int] | None = None  # device and inode, from the first opening on
        self._file: int | None = None

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def open(self) -> None:
        """Open the file; make it if it isn't there. OSError says how to mend what is wrong."""
        with _explained(self.path):
            self._file = self._opened()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def add(self, record: bytes) -> None:
        """Add a record; if that fails, or is interrupted, the file is as it was before."""
        assert self._file is not None
        start, written = os.fstat(self._file).st_size, 0
        with _explained(self.path):
            try:
                while written < len(record):
                    written += os.write(self._file, record[written:])
            except BaseException:
                # An interrupt may come before `written` is counted. In a file that others write
                # to, what is behind our start may be theirs.
                if self._secret or os.fstat(self._file).st_size == start + written:
                    os.ftruncate(self._file, start)
                raise

    def _opened(self) -> int:
        flags = _WRITE | os.O_APPEND
        try:
            if self._secret and self._made is None:
                raise FileNotFoundError  # and whatever is there, isn't ours
            file = os.open(self.path, flags)
        except FileNotFoundError:
            file = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            self._made = None
        try:
            self._check(os.fstat(file))
        except BaseException:
            os.close(file)
            raise
        return file

    def _check(self, found: os.stat_result) -> None:
        """Raise OSError unless this is the file that it was at the first opening."""
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "It is not a regular file")
        identity = found.st_dev, found.st_ino
        if self._secret and self._made not in (None, identity):
            raise FileExistsError(errno.EEXIST, "Another file has replaced it")
        self._made = identity


def write_new(path: str, content: bytes) -> None:
    """Write a file that isn't there yet. Under its name it is whole, or it is not there."""
    directory, name = os.path.split(path)
    part = os.path.join(directory, f".{name}.part")  # noqa: PTH118
    with _explained(path):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "The file exists already")
        file = os.open(part, _WRITE | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_and_name(file, content, part, path)
        except BaseException:
            os.unlink(part)  # noqa: PTH108
            raise


def _write_and_name(file: int, content: bytes, part: str, path: str) -> None:
    try:
        written = 0
        while written < len(content):
            written += os.write(file, content[written:])
    finally:
        os.close(file)
    os.rename(part, path)  # noqa: PTH104


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Give the system's errors the path and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # a signal handler's, say
            raise
        raise unwritable(error, path) from error


def unwritable(error: OSError, path: object) -> OSError:
    """Return the error for a mail that could not be written, of the same kind, with the remedy."""
    text = f"The mail was not written: {error.strerror}"
    if remedy := _REMEDIES.get(error.errno or 0):
        text += f"; {remedy}"
    return OSError(error.errno, text, str(path))
