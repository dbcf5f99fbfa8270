"""Shows messages on a web page, for development; nothing leaves the machine."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..exceptions import InvalidMailer
from ..receipts import Reply
from ..rendering.envelope import Envelope
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Hands messages to the inbox that `simplemail inbox` runs in this directory or one above.

    If none runs, this program shows the page itself, at `port` of 127.0.0.1 or the next one that
    is free, until it ends; the address is logged once. Messages are kept either way: the next
    inbox of this directory shows them.
    """

    def __init__(self, fail_silently: bool = False, *, port: int = 8025, **options: Any) -> None:
        super().__init__(fail_silently, **options)
        if not 0 <= port <= 65_535:
            raise InvalidMailer(f"'port' is a number up to 65535, not {port}.", alias=self.alias)
        self.port = port

    def send_envelope(self, envelope: Envelope) -> Reply:
        current = import_module("simplemail.inbox.current")
        place = current.keep(envelope.content, envelope.sender, envelope.recipients, port=self.port)
        return Reply(250, place)
