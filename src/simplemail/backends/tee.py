"""Sends through one mailer, and hands copies to others: an archive, the console."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..receipts import Receipt, Status
from ..rendering.envelope import Envelope
from .holding import HoldingBackend, deliver_through
from .telling import warn


class EmailBackend(HoldingBackend):
    """Sends through `mailer`, and what was sent also through each of `copies`.

    - `mailer`: the mailer whose result counts: an alias of MAILERS, a URL, an entry like those in
      MAILERS, or a backend object.
    - `copies`: a list of mailers that get copies.
    - `everything`: if true, also copy messages that could not be sent.

    A copy that fails is logged as a warning on the logger `simplemail`, and changes nothing.
    `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailer: Any = None,
        copies: Iterable[Any] = (),
        everything: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.mailer, *self.copies = self._hold("mailer", [mailer]) + self._hold("copies", copies)
        self.held = [self.mailer, *self.copies]
        self.everything = everything

    def _deliver_envelope(self, envelope: Envelope) -> Receipt:
        receipt = deliver_through(self.mailer, envelope)
        if receipt.status is Status.SENT or self.everything:
            for copy in self.copies:
                self._copy(copy, envelope)
        return receipt

    def _copy(self, mailer: Any, envelope: Envelope) -> None:
        try:
            receipt = deliver_through(mailer, envelope)
            failed = None if receipt.status is Status.SENT else receipt.error or receipt.status
        except Exception as error:
            # Even for bad configuration: the message was sent, and errors make people resend.
            failed = error
        if failed is not None:
            warn("No copy of %s through %s: %r", envelope.message_id, mailer, failed)
