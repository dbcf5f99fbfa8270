"""Shows the `.eml` files of a folder as messages, as they come and go, and never touches them."""

from __future__ import annotations

import os
import threading
import time

from ..light import tell
from ..rendering.readable import escaped
from .files import Found, content_of, found_in
from .messages import Messages
from .reading import Mail
from .store import Arrival

_SECONDS_BETWEEN_LOOKS = 0.25
_TIMES_AS_LONG = 50
"""Files that change in place are looked for after so many times what the last look took."""


class Folder:
    """Keeps `messages` in step with a folder, from `start()` to `stop()`.

    A file is read once it has stopped changing. Links aren't followed, and folders within aren't
    looked into. What isn't shown, and why, is logged once. Raises OSError if there is no folder.
    """

    def __init__(self, path: str | os.PathLike[str], messages: Messages, *, max_size: int) -> None:
        # Not resolved: a folder that takes the place of this one is meant as well.
        self.path = os.path.abspath(path)  # noqa: PTH100
        os.scandir(self.path).close()
        self._messages = messages
        self._max_size = max_size
        self._shown = {name: Found(*each) for name, each in messages.store.files().items()}
        self._seen: dict[str, Found] | None = None
        self._told: set[str] = set()
        self._changed: int | None = None
        self._due = 0.0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, daemon: bool = False) -> None:
        """Follow the folder in a thread."""
        self._thread = threading.Thread(target=self._follow, daemon=daemon)
        self._thread.start()

    def stop(self) -> None:
        """Follow it no longer. Safe to call twice."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def update(self) -> None:
        """Show what has come or changed since the last time, and drop what has gone."""
        began = time.thread_time()
        try:
            seen, others = found_in(self.path)
        except OSError as error:
            self._tell(self.path, error.strerror or str(error))
            return
        took = time.thread_time() - began
        # What is there at first counts as having stopped.
        before, self._seen = seen if self._seen is None else self._seen, seen
        self._due = time.monotonic() + _TIMES_AS_LONG * took if seen == before else 0.0
        for path in others:
            self._tell(path, "it is not a file itself, and links are not followed")
        self._drop([path for path in self._shown if path not in seen])
        self._show_all({path: found for path, found in seen.items() if before.get(path) == found})

    def _follow(self) -> None:
        wait = 0.0
        while not self._ending.wait(wait):
            wait = _SECONDS_BETWEEN_LOOKS
            try:
                if self._is_due():
                    self.update()
            except Exception as error:
                text = "A folder can't be shown"
                tell("error", text, to="simplemail.inbox", error=error)

    def _is_due(self) -> bool:
        """Has a file come or gone, or may one have changed in place?"""
        before = self._changed
        try:
            self._changed = os.stat(self.path).st_mtime_ns  # noqa: PTH116
        except OSError:
            self._changed = None
        return self._changed != before or time.monotonic() >= self._due

    def _show_all(self, ready: dict[str, Found]) -> None:
        paths = [path for path, found in ready.items() if self._shown.get(path) != found]
        for path in sorted(paths, key=lambda path: (ready[path].changed, path)):
            if self._ending.is_set():
                return
            self._show(path, ready[path])
            # One by one, so that whoever reads the list meanwhile waits for one alone.
            self._messages.store.settle()

    def _show(self, path: str, found: Found) -> None:
        if found.size > self._max_size:
            self._tell(path, f"it has {found.size} octets, and --max-size is {self._max_size}")
            return
        try:
            content = content_of(path, found.size)
        except OSError as error:
            self._tell(path, error.strerror or str(error))
            return
        if path in self._shown:
            self._drop([path])
        self._shown[path] = found
        sender, recipients = Mail(content).named
        self._messages.add(Arrival(content, sender, recipients, file=path, arrived=found.changed))

    def _drop(self, paths: list[str]) -> None:
        for path in paths:
            del self._shown[path]
        self._messages.forget_files(paths)

    def _tell(self, path: str, why: str) -> None:
        if path not in self._told:
            self._told.add(path)
            tell("warning", "%s isn't shown: %s", escaped(path), why, to="simplemail.inbox")
