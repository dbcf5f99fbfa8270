"""One inbox: its store, its SMTP server and its page, started and stopped together."""

from __future__ import annotations

import errno
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from . import places, routes
from .app import App
from .defaults import HTTP_PORT, KEEP, MAX_SIZE, SMTP_PORT
from .folder import Folder
from .guard import Guard, Names, is_loopback, reached_at
from .messages import Messages
from .receiver import TLS, Receiver
from .release import Release
from .store import Store
from .web import WebServer

_PORTS_TRIED = 50
_Listener = TypeVar("_Listener")


class Options(NamedTuple):
    """How to run an inbox. `smtp` and `http` are (host, port); port 0 is any that is free. With
    `tls`, the SMTP server offers STARTTLS.

    Mail is kept in `store`, or in a temporary file that goes when the inbox stops. `token` is
    what a browser must show; without loopback there must be one. The `.eml` files of `folder` are
    shown as well. `daemon` lets the program end while the inbox runs.
    """

    http: tuple[str, int] = ("127.0.0.1", HTTP_PORT)
    smtp: tuple[str, int] | None = ("127.0.0.1", SMTP_PORT)
    tls: TLS | None = None
    store: Path | None = None
    folder: Path | None = None
    keep: int = KEEP
    max_size: int = MAX_SIZE
    token: str | None = None
    allow_hosts: Sequence[str] = ()
    release: Release | None = None
    daemon: bool = False


class InboxServer:
    """Runs from `start()` to `stop()`. `key` opens it to programs that may read the run file."""

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 - a value
        listening = [options.http, *([options.smtp] if options.smtp else [])]
        if not options.token and not all(is_loopback(host) for host, _ in listening):
            hosts = ", ".join(host for host, _ in listening)
            raise ValueError(f"Others can reach {hosts}: give a token, or listen on 127.0.0.1")
        self.key = secrets.token_urlsafe(24)
        self._options = options
        self._ending = ExitStack()

    def start(self) -> Self:
        """Listen. Raises StoreInUse, ValueError for a store that is none, or OSError."""
        with ExitStack() as started:
            self._start(started)
            self._ending = started.pop_all()
        return self

    def stop(self) -> None:
        """Close connections, files and threads. Safe to call twice."""
        self._ending.close()

    @property
    def address(self) -> str:
        """The page's address, with the token if it takes one."""
        token = self._options.token
        return f"{self.url}/?token={token}" if token else f"{self.url}/"

    def _start(self, started: ExitStack) -> None:
        options = self._options
        self.messages = Messages(Store(self._store_path(started), keep=options.keep))
        started.callback(self.messages.close)
        keeper = threading.Thread(target=self.messages.keep_settled, daemon=options.daemon)
        keeper.start()
        started.callback(keeper.join)
        started.callback(self.messages.feed.close)
        folder = self._folder()
        self.smtp_url = self._receive(started) if options.smtp else ""
        web = _on_free_port(*options.http, partial(WebServer, daemon=options.daemon))
        started.callback(web.stop)
        # Streams end with the feed, so that the web server doesn't wait for them.
        started.callback(self.messages.feed.close)
        host, port = web.server_address[:2]
        self.url = f"http://{reached_at(str(host))}:{port}"
        self._serve(web, port)
        if folder:
            folder.start(daemon=options.daemon)
            started.callback(folder.stop)

    def _folder(self) -> Folder | None:
        if self._options.folder:
            size = self._options.max_size
            return Folder(self._options.folder, self.messages, max_size=size)
        # Those that another inbox with this store has shown.
        self.messages.forget_files(self.messages.store.files())
        return None

    def _store_path(self, started: ExitStack) -> Path:
        if self._options.store:
            return self._options.store
        folder = tempfile.mkdtemp(prefix="simplemail-inbox-")
        started.callback(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder, "inbox.sqlite3")

    def _receive(self, started: ExitStack) -> str:
        assert self._options.smtp

        def receiver(host: str, port: int) -> Receiver:
            size, tls = self._options.max_size, self._options.tls
            return Receiver(self.messages, host, port, max_size=size, tls=tls).start()

        found = _on_free_port(*self._options.smtp, receiver)
        started.callback(found.stop)
        return found.url

    def _serve(self, web: WebServer, port: int) -> None:
        options = self._options
        cookie = f"simplemail-{port}"
        guard = Guard(
            Names(options.http[0], options.allow_hosts),
            keys=[self.key, *([options.token] if options.token else [])],
            locked=options.token is not None,
            cookie=cookie,
        )
        app = App(
            self.messages,
            release=options.release,
            max_size=options.max_size,
            cookie=cookie,
            smtp_url=self.smtp_url,
            proof=partial(places.proof, self.key),
        )
        web.start(guard, partial(routes.answer, app))


def _on_free_port(host: str, port: int, listen: Callable[[str, int], _Listener]) -> _Listener:
    """Listen at this port, or at the next one that is free."""
    last = min(port + _PORTS_TRIED, 65_536) - 1 if port else 0
    reason = ""
    for number in range(port, last + 1):
        try:
            return listen(host, number)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES) or not port:
                place = f"{reached_at(host)}:{port}"
                text = f"Can't listen at {place}: {error.strerror or error}"
                raise OSError(error.errno, text) from error
            reason = error.strerror or ""
    raise OSError(errno.EADDRINUSE, f"No port from {port} to {last} is free ({reason})")
