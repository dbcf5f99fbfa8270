"""Finds the `.eml` files of a folder and reads them, even if others can put anything there."""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

# A pipe would keep open() waiting, and a link lead out of the folder. Windows has neither.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


class Found(NamedTuple):
    """What tells that a file has changed: its size in octets, and its time since 1970."""

    size: int
    changed: float


def found_in(folder: str) -> tuple[dict[str, Found], list[str]]:
    """Return the `.eml` files of a folder by path, and the paths that are called so but are none.

    A folder that isn't there has no files. Raises OSError for one that can't be read.
    """
    found: dict[str, Found] = {}
    others: list[str] = []
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return found, others
    with entries:
        for entry in entries:
            if not entry.name.lower().endswith(".eml"):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # deleted meanwhile
                continue
            if stat.S_ISREG(status.st_mode):
                found[entry.path] = Found(status.st_size, status.st_mtime)
            else:
                others.append(entry.path)
    return found, others


def content_of(path: str, size: int) -> bytes:
    """Return the first `size` octets of a file. Raises OSError, also if it is no regular file."""
    file = os.open(path, _READ)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        return opened.read(size)
