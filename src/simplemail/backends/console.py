"""Shows messages on standard output, or any other text stream, instead of sending them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from ..exceptions import ImproperlyConfigured, InvalidMailer
from ..receipts import Reply
from ..rendering.envelope import Envelope
from ..rendering.readable import readable
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Writes each message, a newline, 79 dashes and a newline.

    - `stream`: the text stream to write to; by default standard output.

    Text is shown decoded. Control characters but newline and tab are escaped, so that no message
    can drive the terminal. `fail_silently`, `alias` and other `options` are those of
    `BaseEmailBackend`.
    """

    def __init__(
        self, fail_silently: bool = False, *, stream: TextIO | None = None, **options: Any
    ) -> None:
        super().__init__(fail_silently, **options)
        found = sys.stdout if stream is None else stream
        if found is None:
            raise self._without_stream()
        self.stream: TextIO = found

    def _without_stream(self) -> ImproperlyConfigured:
        text = (
            "The console mailer has nowhere to write: this program has no standard output "
            "(sys.stdout is None); give it a 'stream', or use a file: mailer"
        )
        if self.alias is None:
            return ImproperlyConfigured(text)
        return InvalidMailer(text, alias=self.alias)

    def _own_hook(self) -> Callable[[Any], bool] | None:
        return self._by_hook if self._is_overridden("write_message", _WRITE_MESSAGE) else None

    def _by_hook(self, message: Any) -> bool:
        self.write_message(message)
        self.stream.flush()
        return True

    def write_message(self, message: Any) -> None:
        """Write `message` to `stream`. Django's hook: an override gets every message."""
        self._deliver_for_hook(message, self.deliver_rendered)

    def send_envelope(self, envelope: Envelope) -> Reply:
        text = f"{readable(envelope.content)}\n{'-' * 79}\n"
        # A terminal in the C locale can't show everything, and a message must
        # not fail for that.
        charset = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(text.encode(charset, "backslashreplace").decode(charset))
        self.stream.flush()
        return Reply(250, "shown")


# Kept apart from the class, on which a test may put another one.
_WRITE_MESSAGE = EmailBackend.write_message
