"""Puts messages into a durable queue, from which a worker delivers them later."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from ..conf import settings
from ..exceptions import InvalidMailer
from ..receipts import Reply
from ..rendering.envelope import Envelope
from .base import BaseEmailBackend
from .checking import FAILED, OK, Step
from .handler import mailers
from .held import held_mailer
from .urls import SHORT_NAMES, is_url


class EmailBackend(BaseEmailBackend):
    """Puts each message into the SQLite file at `path`; a worker hands it to `mailer` later.

    - `path`: the file. It is made if it isn't there.
    - `mailer`: the alias of another entry of MAILERS, or a URL, which isn't written into the file.
    - `rate`: how many messages that one may get, whoever sends them, like "100/m".
    - `worker`: with "thread", a thread of this process delivers, from the first message on that
      it puts.
    - `unsafe_filesystem`: take a file on a network filesystem, too, for one process alone.

    A message has been sent, as far as this mailer is concerned, when it is in the file.
    `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        path: str | os.PathLike[str] | None = None,
        mailer: str = "",
        rate: str = "",
        worker: str = "",
        unsafe_filesystem: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        if not path:
            raise InvalidMailer("OPTIONS must define 'path', the queue's file.", alias=self.alias)
        if worker not in ("", "thread"):
            raise InvalidMailer("'worker' must be 'thread', or be left out", alias=self.alias)
        is_own = self._is_own(mailer)
        # By name: the queue's room stands above this one.
        room = import_module("..queue", __package__)
        try:
            self.queue: Any = room.Queue(
                path,
                mailer="" if is_own else mailer,
                rate=rate,
                unsafe_filesystem=unsafe_filesystem,
                alias=self.alias,
                resolve=(lambda _: self._held(mailer)) if is_own else None,
                worker=worker,
            )
        except ValueError as error:
            raise InvalidMailer(str(error), alias=self.alias) from None

    def _is_own(self, mailer: str) -> bool:
        """Is the mailer a URL or a short name? An alias is one that there is."""
        if not mailer or mailer == self.alias:
            text = (
                "OPTIONS must define 'mailer', the alias or URL of another mailer, which delivers."
            )
            raise InvalidMailer(text, alias=self.alias)
        if is_url(mailer) or (mailer in SHORT_NAMES and mailer not in mailers):
            self._held(mailer)
            return True
        if settings.MAILERS is not None:  # without it, the worker's process may have one
            self._held(mailer)
        return False

    def _held(self, mailer: str) -> Any:
        return held_mailer(mailer, f"{self.alias or 'queue'}.mailer")

    def send_envelope(self, envelope: Envelope) -> Reply:
        return Reply(250, str(self.queue.put(envelope)))

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        """Yield whether the file can be used, and then the steps of the mailer that delivers."""
        try:
            health = self.queue.health()
        except OSError as error:
            yield Step(FAILED, "Queue", error=error)
            return
        yield Step(OK, "Queue", f"{health.counts['ready']} messages are ready in {self.queue.path}")
        yield from self.queue.mailer_named(self.queue.mailer).iter_check(
            sender=sender, recipients=recipients
        )

    def describe(self) -> str:
        return f"the queue {self.queue.path}"
