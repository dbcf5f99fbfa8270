"""The queue files of this process: one object for each, closed at exit, and safe to fork with."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Callable

from ..light import lock
from .errors import QueueError
from .file import TIMEOUT, File

_files: dict[str, File] = {}  # because opening one takes longer than putting a message
_lock = lock()


def file_at(
    path: str | os.PathLike[str], *, timeout: float = TIMEOUT, unsafe: bool = False
) -> File:
    """Return this process's object for a queue file; the first caller's options count."""
    real = os.path.realpath(path)
    with _lock:
        if real not in _files:
            _files[real] = File(real, timeout=timeout, unsafe=unsafe)
        return _files[real]


def close_files() -> None:
    """Close all queue files of this process. They are opened again when they are used again."""
    for file in list(_files.values()):
        with contextlib.suppress(QueueError):
            file.close()


def _all(act: Callable[[File], None]) -> Callable[[], None]:
    def call() -> None:
        for file in list(_files.values()):
            act(file)

    return call


atexit.register(close_files)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_all(File.before_fork),
        after_in_parent=_all(File.after_fork_in_parent),
        after_in_child=_all(File.after_fork_in_child),
    )
