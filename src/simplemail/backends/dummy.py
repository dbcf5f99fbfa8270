"""Takes every message and keeps none."""

from __future__ import annotations

from ..receipts import Reply
from ..rendering.envelope import Envelope
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Takes every message and keeps none.

    Its only options are those of `BaseEmailBackend`: `fail_silently`, `alias`; any other of the
    `options` is refused.
    """

    def send_envelope(self, envelope: Envelope) -> Reply:
        return Reply(250, "discarded")
