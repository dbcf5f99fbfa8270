"""Puts messages into a durable queue, from which a worker delivers them later."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from ..exceptions import InvalidMailer
from ..receipts import Reply
from ..rendering.envelope import Envelope
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Puts each message into the SQLite file at `path`; a worker hands it to `mailer` later.

    - `path`: the file. It is made if it isn't there.
    - `mailer`: the alias of another entry of MAILERS.
    - `rate`: how many messages that one may get, whoever sends them, like "100/m".
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
        unsafe_filesystem: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        if not path:
            raise InvalidMailer("OPTIONS must define 'path', the queue's file.", alias=self.alias)
        if not mailer or ":" in mailer or mailer == self.alias:
            # Not shown: a URL may hold a password, and the file must not.
            text = "OPTIONS must define 'mailer', the alias of another mailer, which delivers."
            raise InvalidMailer(text, alias=self.alias)
        # By name: the queue's room stands above this one.
        room = import_module("..queue", __package__)
        try:
            self.queue: Any = room.Queue(
                path,
                mailer=mailer,
                rate=rate,
                unsafe_filesystem=unsafe_filesystem,
                alias=self.alias,
            )
        except ValueError as error:
            raise InvalidMailer(str(error), alias=self.alias) from None

    def send_envelope(self, envelope: Envelope) -> Reply:
        return Reply(250, str(self.queue.put(envelope)))
