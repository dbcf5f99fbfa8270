"""What every backend has: Django's contract, with opening, counting and silence written once."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from types import TracebackType

from ..light import Any, TypeVar, lock
from ..receipts import Receipt, Reply, Status
from ..rendering.envelope import Envelope, several
from ..smtp.replies import refused, status_of
from .checking import Checkable, Step
from .delivered import as_message
from .handler import stand_in
from .hooks import Hooked
from .options import unknown_options, without_djangos_own
from .telling import KeptForError

__all__ = ["BaseEmailBackend", "Step"]

_Self = TypeVar("_Self", bound="BaseEmailBackend")


_MOST = 1_000
"""Receipts that `send_messages()` keeps of an iterator's messages, for an error that may come."""


class BaseEmailBackend(Hooked, Checkable):
    """Takes messages somewhere.

    A new backend writes `send_envelope()`. One that was written for Django and overrides
    `send_messages()` works as it is.

    - `fail_silently`: if true, messages that can't be delivered are logged as warnings on the
      logger `simplemail` instead of raising, and aren't counted.
    - `alias`: the mailer's name in MAILERS; None if it has none.
    - `options`: those that no subclass took. They are refused: InvalidMailer with an alias,
      TypeError without.

    An instance belongs to one thread at a time. It can't be pickled.
    """

    hint = ""
    """What to add to a refused connection's error, set by whoever chose this backend."""

    built_from: str | None = None
    """The alias by which `mailers` made it, with no other options: so it pickles."""

    def __init__(
        self, fail_silently: bool = False, *, alias: str | None = None, **options: Any
    ) -> None:
        self.alias = alias
        self.fail_silently = fail_silently
        self._lock = lock()
        if options and (unknown := without_djangos_own(options, type(self))):
            raise unknown_options(type(self), list(unknown), alias)

    @property
    def own_address(self) -> str:
        """The sender of messages that have none, where no setting names one; "" if unknown."""
        return ""

    def __repr__(self) -> str:
        kind = f"{type(self).__module__.rpartition('.')[2]}.{type(self).__name__}"
        alias = f" {self.alias!r}" if getattr(self, "alias", None) else ""
        # Not what isn't a host: half made, the mailer may have a URL there, with its password.
        host = str(getattr(self, "host", None) or "")
        is_host = host.replace(".", "").replace("-", "").isalnum() and getattr(self, "port", None)
        return f"<{kind}{alias}{f' at {host}:{self.port}' if is_host else ''}>"  # type: ignore[attr-defined]

    def __str__(self) -> str:
        """Name the mailer in a receipt or a log: by its alias, or by what it is. Never a secret."""
        return self.alias or type(self).__module__.rpartition(".")[2]

    def open(self) -> bool | None:
        """Get ready to send. True if this call did it, False if it was done already.

        None if there is nothing to open, or if opening failed silently.
        """
        return None

    def close(self) -> None:
        """Close what `open()` opened. Safe to call twice, and without `open()`."""

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
        """Send messages and return how many were handed over. The first failure raises.

        `email_messages`: any iterable of messages, read one at a time. The backend is opened if
        need be, and closed again if this call opened it. With `fail_silently`, a delivery that
        fails (OSError) is logged as a warning and not counted; a mistake in a message (ValueError)
        is raised all the same.

        The exception has `receipts`: what happened to each message up to the one that failed. Those
        of sent messages have envelopes without content, and no message if it isn't in a list. Of an
        iterator's messages these are the last thousand; `earlier` counts the sent ones before.
        """
        if (memory := self._stand_in()) is not None:
            return memory.send_messages(email_messages)
        with self._lock:
            keep = isinstance(email_messages, (list, Sequence))  # the caller has them all anyway
            receipts: deque[Receipt] = deque(maxlen=None if keep else _MOST)
            self._underway = None
            number = sent = 0
            told = self._hand_over(email_messages)
            try:
                for receipt in told:
                    if receipts:
                        receipts[-1] = _brief(receipts[-1], keep)
                    receipts.append(receipt)
                    number += 1
                    sent += receipt.status is Status.SENT
                    self._raise_or_log(receipt)
            except BaseException as error:
                kept, last = [*receipts][:-1], [*receipts][-1:]
                if not (last and error is last[0].error):
                    last += self._untold(told, error, last)
                kept += [_brief(each, keep) for each in last]
                error.receipts = kept  # type: ignore[attr-defined]
                error.earlier = number - len(receipts)  # type: ignore[attr-defined]
                raise
            finally:
                told.close()
            return sent

    def _hand_over(self, messages: Iterable[Any]) -> Generator[Receipt, None, None]:
        """Send messages for `send_messages()`, which stops reading receipts at the first failure.

        Opens if need be, and closes what it opened. For backends that know a faster way.
        """
        opened = False
        try:
            for message in several(messages):
                if not self.is_ready():
                    opened = yield from self._open_for(message)
                    if not self.is_ready():
                        return
                yield self.deliver_message(message)
        finally:
            if opened:
                self.close()

    def _open_for(self, message: Any) -> Generator[Receipt, None, bool]:
        """Open for a message, and return whether this call did it; else yield its receipt.

        What is wrong with the message is raised first: who sent it is never kept from that.
        """
        try:
            opened = bool(self.open())
        except OSError as error:
            _check(message)
            yield _unsent(message, error)
            return False
        if not self.is_ready():
            _check(message)
        return opened

    async def asend_messages(self, email_messages: Iterable[Any]) -> int:
        """Send `email_messages` as `send_messages()` does, without blocking the event loop."""
        sent: int = await import_module("..threads", __package__).in_thread(
            self, self.send_messages, email_messages
        )
        return sent

    def deliver(self, messages: Iterable[Any]) -> list[Receipt]:
        """Send `messages`, any iterable, and return a list with one receipt for each, in order.

        A message that fails doesn't raise, and doesn't stop the others. An exception that
        interrupts it, such as KeyboardInterrupt, has `receipts` of those before.
        """
        receipts: list[Receipt] = []
        self._underway = None
        told: Any = self.iter_deliver(messages)
        try:
            for receipt in told:
                receipts.append(receipt)
        except BaseException as error:
            error.receipts = receipts + self._untold(told, error, receipts)  # type: ignore[attr-defined]
            raise
        return receipts

    def iter_deliver(self, messages: Iterable[Any]) -> Iterator[Receipt]:
        """Send messages, yielding one receipt for each, in order, as soon as its fate is known.

        `messages`: any iterable, read as receipts are asked for. A message that fails doesn't
        raise, and doesn't stop the others. Other problems raise, such as bad configuration. The
        backend is opened if need be, and closed again if this call opened it, also when the caller
        stops early.
        """
        if (memory := self._stand_in()) is not None:
            yield from memory.iter_deliver(messages)
            return
        opened = False
        deliver = self._deliver_by_count if self.has_own_send_messages() else self.deliver_message
        try:
            for message in several(messages):
                with self._lock:
                    try:
                        if not self.is_ready() and self.open():
                            opened = True
                    except OSError as error:
                        receipt = _unsent(message, error)
                    else:
                        receipt = deliver(message) if self.is_ready() else _unsent(message)
                with KeptForError(receipt):
                    self.log_receipt(receipt)
                    yield receipt
        finally:
            if opened:
                self.close()

    def deliver_message(self, message: Any) -> Receipt:
        """Send `message` over what is open, and return its receipt. For subclasses."""
        hook = self._own_hook()
        deliver = partial(self._deliver_by_hook, hook) if hook else self.deliver_rendered
        self._underway = receipt = deliver(message)
        return receipt

    def deliver_rendered(self, message: Any) -> Receipt:
        """Render `message`, hand it to `send_message()`, and return its receipt."""
        self._underway = Receipt(message, Status.DEFERRED)
        envelope = None
        reply: Any = None
        try:
            envelope = Envelope.of(message, utf8=True)
            self._underway = Receipt(message, Status.UNKNOWN, envelope)
            reply = self.send_message(message, envelope)
        except Exception as error:
            return Receipt(message, status_of(error), envelope, {}, None, error)
        if reply is not None and not isinstance(reply, Reply):
            raise TypeError(
                f"{type(self).__qualname__}.send_envelope() must return a Reply, like Reply(250), "
                f"or None if the message went nowhere, not {type(reply).__name__}"
            )
        if reply is not None and reply.code >= 400:
            refusal = refused(reply)
            return Receipt(message, status_of(refusal), envelope, {}, reply, refusal)
        status = Status.REFUSED if reply is None else Status.SENT
        return Receipt(message, status, envelope, {}, reply)

    def _deliver_by_count(self, message: Any) -> Receipt:
        """Deliver through a `send_messages()` written for Django, which reports only a count."""
        try:
            count = self.send_messages([as_message(message)])
        except Exception as error:
            return Receipt(message, status_of(error, foreign=True), error=error)
        return Receipt(message, Status.SENT if count else Status.UNKNOWN)

    def has_own_send_messages(self) -> bool:
        """Is `send_messages()` overridden, or patched? Then nothing may be sent around it.

        Nor may it be handed an iterator: Django promises a list.
        """
        return self._is_overridden("send_messages", _SEND_MESSAGES)

    def _stand_in(self) -> BaseEmailBackend | None:
        """Return the memory mailer that takes messages in place of this one, inside capture()."""
        return stand_in(self)

    def is_ready(self) -> bool:
        """Can messages be sent now, or must `open()` be called first?"""
        return True

    def send_message(self, message: Any, envelope: Envelope) -> Reply | None:
        """Send `message`, for which `envelope` was rendered. None means that it went nowhere.

        `message` is ours, Django's, the stdlib's, or the envelope itself. For subclasses that
        want more than the envelope.
        """
        return self.send_envelope(envelope)

    def send_envelope(self, envelope: Envelope) -> Reply | None:
        """Send `envelope` and return what the other side said, or raise. For subclasses.

        A reply of 400 or more is a refusal, as in SMTP. None means that the message went nowhere.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must override send_envelope() or send_messages()"
        )

    def __deepcopy__(self: _Self, memo: Any) -> _Self:
        # A copied message uses the same mailer: connections aren't copied.
        return self

    def __reduce__(self) -> Any:
        if self.built_from is None:
            raise TypeError(
                "Only a mailer that comes from mailers['alias'] can be pickled, as its alias; take "
                "'connection' from there, or leave it alone and send with using='alias'"
            )
        return _by_alias, (self.built_from,)


# Kept apart from the class, on which a test may put another one.
_SEND_MESSAGES = BaseEmailBackend.send_messages


def _check(message: Any) -> None:
    """Raise ValueError if a message that found no server is itself wrong.

    No server would make it right, so this is raised first, even if errors are silenced.
    """
    Envelope.of(message, utf8=True)


def _by_alias(alias: str) -> Any:
    return import_module(".handler", __package__).mailers[alias]


def _unsent(message: Any, error: OSError | None = None) -> Receipt:
    return Receipt(message, Status.DEFERRED, None, {}, None, error)


def _brief(receipt: Receipt, keep: bool) -> Receipt:
    """Return the part of a receipt that is worth keeping when a million more may follow."""
    if receipt.status is not Status.SENT or receipt.envelope is None:
        return receipt
    # Nothing that could be wrong, and this is done for each of them.
    sender, recipients, _, *rest = receipt.envelope
    envelope = tuple.__new__(Envelope, (sender, recipients, b"", *rest))
    return Receipt(receipt.message if keep else None, Status.SENT, envelope, *receipt[3:])
