"""Shows messages on standard output, or any other text stream, instead of sending them."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from ..receipts import Reply
from ..rendering.envelope import Envelope
from ..rendering.readable import readable
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Writes each message, a newline, 79 dashes and a newline.

    Text is shown decoded. Control characters but newline and tab are escaped, so that no message
    can drive the terminal.
    """

    def __init__(
        self, fail_silently: bool = False, *, stream: TextIO | None = None, **options: Any
    ) -> None:
        super().__init__(fail_silently, **options)
        self.stream = stream or sys.stdout

    def send_envelope(self, envelope: Envelope) -> Reply:
        text = f"{readable(envelope.content)}\n{'-' * 79}\n"
        # A terminal in the C locale can't show everything, and a message must
        # not fail for that.
        charset = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(text.encode(charset, "backslashreplace").decode(charset))
        self.stream.flush()
        return Reply(250, "shown")
