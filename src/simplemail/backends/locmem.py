"""Keeps messages in `simplemail.outbox`, for tests."""

from __future__ import annotations

import sys
from typing import Any

from ..receipts import Reply
from ..rendering.envelope import Envelope
from ..rendering.parts import BYTES
from .base import BaseEmailBackend
from .copies import copied


class EmailBackend(BaseEmailBackend):
    """Appends a copy of every message to the list `simplemail.outbox`.

    The copy's `sent_using` is the mailer's alias, or None. Its only options are those of
    `BaseEmailBackend`: `fail_silently`, `alias`; any other of the `options` is refused.
    """

    def _stand_in(self) -> None:
        return None  # it keeps messages as it is

    def send_message(self, message: Any, envelope: Envelope) -> Reply:
        if message is envelope or isinstance(message, BYTES):
            return self.send_envelope(envelope)
        kept = copied(message)
        kept.sent_using = self.alias
        _outbox().append(kept)
        return Reply(250, "kept in simplemail.outbox")

    def send_envelope(self, envelope: Envelope) -> Reply:
        _outbox().append(envelope)
        return Reply(250, "kept in simplemail.outbox")


def _outbox() -> list[Any]:
    # Looked up each time: tests put new lists there.
    package = sys.modules[__name__.partition(".")[0]]
    outbox: list[Any] = package.outbox
    return outbox
