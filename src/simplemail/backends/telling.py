"""Decides what a mailer raises, and what it only logs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from ..light import TYPE_CHECKING, Any, tell
from ..receipts import Receipt, Status

if TYPE_CHECKING:
    from typing import TypeGuard


class Telling:
    """The part of a mailer that hides failed deliveries if `fail_silently` is true."""

    alias: str | None
    fail_silently: bool

    _underway: Receipt | None = None
    """What is known of the message that is being sent, for an exception that interrupts it."""

    def _untold(self, told: Any, error: BaseException, known: Sequence[Receipt]) -> list[Receipt]:
        """Return the receipts that an interrupted call hasn't passed on: `known` is the last."""
        found = untold(told, error, known)
        underway = self._underway
        if found or underway is None or any(underway is each for each in known):
            return found
        return [underway]

    def _raise_or_log(self, receipt: Receipt) -> None:
        if receipt.error is None or self.silences(receipt.error):
            self.log_receipt(receipt)
        else:
            raise receipt.error

    def silences(self, error: BaseException | None) -> TypeGuard[OSError]:
        """Does `fail_silently` hide `error`? It hides failed deliveries, never mistakes."""
        return self.fail_silently and isinstance(error, OSError)

    def log_receipt(self, receipt: Receipt) -> None:
        """Log what nobody might notice in `receipt`: refused recipients and silenced errors."""
        if receipt.status is Status.SENT:
            if receipt.refused:
                self._log_refused(receipt)
            return
        if receipt.status is Status.REFUSED and receipt.error is None:
            warn("A message was not sent: it has no recipients (%s)", receipt.message_id)
        if self.silences(receipt.error):
            self.log_silenced(receipt.error)

    def _log_refused(self, receipt: Receipt) -> None:
        refused = [f"{name} ({reply})" for name, reply in receipt.refused.items()]
        number = len(refused)
        # A hook of Django's sends what it likes: what, isn't known then.
        count = len(receipt.envelope.recipients) if receipt.envelope else number
        shown = ", ".join(refused[:10]) + (f" and {number - 10} others" if number > 10 else "")
        warn("%d of %d recipients of %s were refused: %s", number, count, receipt.message_id, shown)

    def log_silenced(self, error: OSError) -> None:
        """Log `error`, which `fail_silently` hides from the caller."""
        if self.alias:
            warn("Mail was not sent through mailer %r (fail_silently): %r", self.alias, error)
        else:
            warn("Mail was not sent (fail_silently): %r", error)


def warn(text: str, *values: object) -> None:
    """Log a warning on the logger `simplemail`."""
    tell("warning", text, *values)


def untold(told: Any, error: BaseException, known: Sequence[Receipt] = ()) -> list[Receipt]:
    """Return the receipts that the generator `told` still has, when `error` came from elsewhere.

    It may have come in the middle of passing one on: what is `known` already isn't among them.
    """
    try:
        told.throw(error)
    except BaseException as raised:
        if raised is not error:
            raise
    found: list[Receipt] = getattr(error, "receipts", [])
    return [each for each in found if not (known and each is known[-1])]


def passing_on(
    told: Generator[Receipt, None, None], note: Callable[[Receipt], object]
) -> Iterator[Receipt]:
    """Note and yield each receipt; an exception in between gets those that `told` still has."""
    try:
        for receipt in told:
            note(receipt)
            yield receipt
    except GeneratorExit:
        raise
    except BaseException as error:
        error.receipts = untold(told, error)  # type: ignore[attr-defined]
        raise
    finally:
        told.close()


class KeptForError:
    """Gives a receipt to an exception that comes before the caller has heard of it."""

    def __init__(self, receipt: Receipt) -> None:
        self.receipt = receipt

    def __enter__(self) -> None:
        """Begin to pass it on."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and kind is not GeneratorExit:
            error.receipts = [self.receipt]  # type: ignore[attr-defined]
