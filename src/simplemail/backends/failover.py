"""Tries one mailer after another until one takes the message."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterable
from typing import Any

from ..light import lock
from ..receipts import Receipt, Status
from ..rendering.envelope import Envelope
from .holding import HoldingBackend, deliver_through

# Kept outside of the mailer, because each call makes a new one.
_lock = lock()  # over _down_until
_down_until: dict[str, float] = {}  # by the mailer's name, on time.monotonic()


class EmailBackend(HoldingBackend):
    """Sends through the first of `mailers` that works.

    - `mailers`: a list of mailers, in the order in which to try them: aliases of MAILERS, URLs,
      entries like those in MAILERS, or backend objects.
    - `cooldown`: how many seconds the whole process leaves a mailer alone that can't be reached,
      unless all are down.

    The next mailer is tried only when that is safe: not after a permanent refusal, which is about
    the message, and not when the server may have the message already. `fail_silently`, `alias` and
    other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailers: Iterable[Any] = (),
        cooldown: float = 60.0,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.held = self._hold("mailers", mailers)
        self.cooldown = cooldown

    def _deliver_envelope(self, envelope: Envelope) -> Receipt:
        receipt = None
        for mailer in self._in_order():
            receipt = deliver_through(mailer, envelope)
            if is_down(receipt):
                self._leave_alone(mailer)
            # A permanent refusal is about the message, not about the server; and
            # after an unknown end a second try could deliver it twice.
            if not receipt.retry_is_safe:
                break
        assert receipt is not None  # there is at least one mailer
        return receipt

    def _in_order(self) -> list[Any]:
        """Return the mailers in the order in which they are tried: those that are down last."""
        return down_last(self.held)

    def _leave_alone(self, mailer: Any) -> None:
        until = {_key(mailer): time.monotonic() + self.cooldown}
        with _lock:
            _down_until.update(until)


def down_last(mailers: list[Any]) -> list[Any]:
    """Return these mailers in order, with those that are down at the end."""
    now = time.monotonic()
    with _lock:
        until = dict(_down_until)
    return sorted(mailers, key=lambda mailer: until.get(_key(mailer), now) > now)


def _key(mailer: Any) -> str:
    # A held mailer without an alias is named after its place, which another one may share.
    return f"{mailer} {getattr(mailer, 'host', '')}:{getattr(mailer, 'port', '')}"


def is_down(receipt: Receipt) -> bool:
    """Is the problem in this receipt the mailer's, rather than the message's?"""
    if receipt.status not in (Status.DEFERRED, Status.UNKNOWN):
        return False
    about_the_server = (
        smtplib.SMTPConnectError,
        smtplib.SMTPHeloError,
        smtplib.SMTPAuthenticationError,
        smtplib.SMTPServerDisconnected,
    )
    if isinstance(receipt.error, about_the_server):
        return True
    return isinstance(receipt.error, OSError) and not isinstance(
        receipt.error, smtplib.SMTPException
    )
