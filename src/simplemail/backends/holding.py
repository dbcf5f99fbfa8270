"""Finds, opens and closes the mailers that another mailer sends through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from ..exceptions import ImproperlyConfigured, InvalidMailer
from ..receipts import Receipt, Status
from ..rendering.envelope import Envelope
from ..rendering.sender import sent_by
from ..smtp.replies import status_of
from .base import BaseEmailBackend
from .checking import OK, Step
from .held import held_mailer


class HoldingBackend(BaseEmailBackend):
    """Hands envelopes to other mailers. Subclasses write `_deliver_envelope()`.

    A message is rendered once, as 7-bit, so that any of the mailers' servers can take it: what
    one of them left goes to the next with the same Message-ID and Date.
    """

    held: list[Any]

    _login_matters = True
    """A login for this mailer is refused and not ignored: those that it holds have their own."""
    _keeps_open = False

    def _hold(self, option: str, specs: Any) -> list[Any]:
        """Build the mailers that an option names: by alias, URL, nested dict, or ready made."""
        if isinstance(specs, str) or not isinstance(specs, Iterable):
            raise InvalidMailer(
                f"{option!r} must be a list of mailers (aliases, URLs or dicts), not "
                f"{type(specs).__name__}.",
                alias=self.alias,
            )
        specs = list(specs)
        if nothing := [spec for spec in specs if not spec]:
            text = f"{option!r} must name a mailer by alias, URL or dict, not {nothing[0]!r}."
            raise InvalidMailer(text, alias=self.alias)
        mailers: list[Any] = [
            held_mailer(spec, f"{self.alias or 'mailer'}.{option}[{number}]")
            for number, spec in enumerate(specs)
        ]
        for mailer in mailers:
            if not isinstance(mailer, BaseEmailBackend):
                kind = f"{type(mailer).__module__}.{type(mailer).__name__}"
                raise InvalidMailer(
                    f"{option!r} can only hold subclasses of BaseEmailBackend, not {kind}.",
                    alias=self.alias,
                )
        if not mailers:
            raise InvalidMailer(f"{option!r} must name at least one mailer.", alias=self.alias)
        return mailers

    def open(self) -> bool:
        """Begin to keep mailers open; each is opened when it is first needed."""
        before, self._keeps_open = self._keeps_open, True
        return not before

    def is_ready(self) -> bool:
        return self._keeps_open

    def close(self) -> None:
        self._keeps_open = False
        # Close all, even if one fails.
        with ExitStack() as stack:
            for mailer in self.held:
                stack.callback(mailer.close)

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        """Yield the steps of each mailer held, after one that names it."""
        for mailer in self.held:
            yield Step(OK, "Mailer", mailer.describe())
            yield from mailer.iter_check(sender=sender, recipients=recipients)

    @property
    def own_address(self) -> str:
        return next(filter(None, (mailer.own_address for mailer in self.held)), "")

    @property
    def sends(self) -> bool:
        return any(mailer.sends for mailer in self.held)

    def describe(self) -> str:
        kind = type(self).__module__.rpartition(".")[2]
        return f"{kind} ({', '.join(mailer.describe() for mailer in self.held)})"

    def deliver_message(self, message: Any) -> Receipt:
        try:
            message_of_ours = sent_by(message, self.own_address)
            envelope = Envelope.of(message_of_ours, eight_bit=False, utf8=True)
        except Exception as error:
            return Receipt(message, status_of(error), None, {}, None, error)
        try:
            receipt = self._deliver_envelope(envelope)
        except ImproperlyConfigured:  # of all messages, and not this one's fault
            raise
        except Exception as error:
            status = status_of(error, foreign=True)
            return Receipt(message, status, envelope, {}, None, error)
        # The envelope is the one that went over the wire, which may be another.
        return receipt._replace(message=message, envelope=receipt.envelope or envelope)

    def _deliver_envelope(self, envelope: Envelope) -> Receipt:
        """Deliver one envelope through the right mailers, and return its receipt. A hook."""
        raise NotImplementedError(f"{type(self).__name__} must override _deliver_envelope()")


def deliver_through(mailer: Any, envelope: Envelope) -> Receipt:
    """Deliver one envelope through a mailer, which stays open for the next one."""
    try:
        if not mailer.is_ready():
            mailer.open()
    except OSError as error:
        return Receipt(envelope, Status.DEFERRED, envelope, {}, None, error, str(mailer))
    receipt: Receipt = mailer.deliver([envelope])[0]
    return receipt if receipt.mailer else receipt._replace(mailer=str(mailer))
