"""What every backend has: Django's contract, with opening, counting and silence written once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TypeVar

from ..exceptions import InvalidMailer
from ..options import suggestion
from ..receipts import Reply
from ..render import Envelope

logger = logging.getLogger("simplemail")

_Self = TypeVar("_Self", bound="BaseEmailBackend")


class BaseEmailBackend:
    """Takes messages somewhere.

    A new backend writes `send_envelope()`; one that was written for Django and overrides
    `send_messages()` works as it is. The constructor hands what it doesn't know up to here, where
    it is refused. An instance belongs to one thread at a time.

    https://docs.djangoproject.com/en/stable/topics/email/#defining-a-custom-email-backend
    """

    hint = ""
    """What to add to a refused connection's error, set by whoever chose this backend."""

    def __init__(
        self, fail_silently: bool = False, *, alias: str | None = None, **options: Any
    ) -> None:
        self.alias = alias
        self.fail_silently = fail_silently
        self._lock = threading.RLock()
        if options:
            raise _unknown_options(type(self), list(options), alias)

    def open(self) -> bool | None:
        """Make ready to send. True if this call did it, False if it was done already.

        None if there is nothing to open, or if it failed silently.
        """
        return None

    def close(self) -> None:
        """Give back what `open()` took. Safe to call twice, and without `open()`."""

    def __enter__(self: _Self) -> _Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def send_messages(self, email_messages: Iterable[Any]) -> int:
        """Send messages and return how many were handed over; the first failure raises.

        Takes any iterable and holds one message at a time. Opens if need be, and closes what it
        opened. With `fail_silently`, a delivery that fails (OSError) is logged as a warning and
        not counted; a mistake in a message (ValueError) is raised all the same.
        """
        with self._lock:
            opened = None
            count = 0
            try:
                for message in email_messages:
                    if not self.is_ready():
                        opened = self.open()
                        if not self.is_ready():
                            return 0
                    count += self._send_or_log(message)
            finally:
                if opened:
                    self.close()
            return count

    # Tells send_mass_mail() that it needn't make a list. An override hasn't the mark.
    send_messages._takes_any_iterable = True  # type: ignore[attr-defined]

    def is_ready(self) -> bool:
        """Can messages be handed over now, or must `open()` be called first?"""
        return True

    def send_message(self, message: Any) -> Reply | None:
        """Render one message and send it; None if it went nowhere, having no recipients.

        `message` is ours, Django's, the stdlib's, or an `Envelope`.
        """
        return self.send_envelope(Envelope.of(message))

    def send_envelope(self, envelope: Envelope) -> Reply | None:
        """Send one envelope and return what the other side said, or raise. For subclasses."""
        raise NotImplementedError(
            f"{type(self).__name__} must override send_envelope() or send_messages()"
        )

    def __deepcopy__(self: _Self, memo: Any) -> _Self:
        # A copied message goes the same way: connections aren't copied.
        return self

    def __reduce__(self) -> Any:
        raise TypeError(
            "A mailer can't be pickled; leave 'connection' alone and send with using='alias'"
        )

    def _send_or_log(self, message: Any) -> int:
        try:
            return 1 if self.send_message(message) is not None else 0
        except OSError as error:
            if not self.fail_silently:
                raise
            self.log_silenced(error)
            return 0

    def log_silenced(self, error: OSError) -> None:
        """Log an error that `fail_silently` keeps from the caller."""
        where = f" through mailer {self.alias!r}" if self.alias else ""
        logger.warning("Mail was not sent%s (fail_silently): %r", where, error)


def _unknown_options(backend: type, names: list[str], alias: str | None) -> Exception:
    listed = ", ".join(map(repr, names))
    help_ = suggestion(backend, names)
    if alias is None:
        return TypeError(f"{backend.__module__}: unknown options {listed}. {help_}")
    return InvalidMailer(f"Unknown options {listed}. {help_}", alias=alias)
