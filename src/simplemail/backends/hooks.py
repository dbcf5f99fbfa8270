"""Calls the methods that backends written for Django override, and judges what they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType

from ..light import Any
from ..receipts import Receipt, Status
from ..smtp.replies import status_of
from .delivered import as_message, as_messages
from .ignored import refuse_ignored
from .telling import Telling


def _asking_first(send_messages: Callable[..., Any]) -> Callable[..., Any]:
    """Return an overridden `send_messages()` that gets messages alone, as it does from Django.

    It sends nothing inside `testing.capture()`: a backend object that was made before the test
    would get out otherwise.
    """

    @wraps(send_messages)
    def asking(self: Any, email_messages: Any, *args: Any, **kwargs: Any) -> Any:
        memory = self._stand_in()
        if memory is not None:
            return memory.send_messages(email_messages)
        return send_messages(self, as_messages(email_messages), *args, **kwargs)

    return asking


def _own_send_messages(cls: type[Hooked]) -> Callable[..., Any] | None:
    """Return the `send_messages()` that a class has or gets from a mixin; None if it inherits one.

    That of a backend among its bases has been dealt with.
    """
    if Hooked in cls.__bases__:  # which defines what the others override
        return None
    order: list[Any] = list(cls.__mro__)
    home = next(base for base in order if "send_messages" in vars(base))
    own = vars(home)["send_messages"]
    if not isinstance(own, FunctionType) or (home is not cls and issubclass(home, Hooked)):
        return None
    is_another_name = any(own is getattr(base, own.__name__, None) for base in cls.__bases__)
    return None if is_another_name and home is cls else own


class Hooked(Telling):
    """A mailer's part that hands messages to a method of Django's, where a subclass has one."""

    _told: list[Receipt] | None = None
    """For the method that a hook overrides, to put its receipts into."""

    _ignored: Mapping[str, str] = {}
    """What Django's backend of this kind has and ours doesn't, with what to do instead."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_ignored(cls, cls._ignored)
        own = _own_send_messages(cls)
        if own is not None:
            cls.send_messages = _asking_first(own)  # type: ignore[attr-defined]  # it is there

    def _stand_in(self) -> Any:
        raise NotImplementedError

    def _own_hook(self) -> Callable[[Any], object] | None:
        """Return the method that Django calls for each message, if it is overridden or patched.

        That is `_send()` of the SMTP backend, and `write_message()` of console and file. For
        backends that Django has.
        """
        return None

    def _deliver_by_hook(self, hook: Callable[[Any], object], message: Any) -> Receipt:
        """Deliver `message` through `hook`, a method that was written for Django, and tells little.

        Where it calls the one that it overrides, that one's receipts tell more.
        """
        told: list[Receipt] = []
        before, self._told = self._told, told
        try:
            taken = bool(hook(as_message(message)))
        except Exception as error:
            return _by_hook(message, told, status_of(error, foreign=True), error)
        finally:
            self._told = before
        return _by_hook(message, told, Status.SENT if taken else Status.UNKNOWN)

    def _deliver_for_hook(self, message: Any, deliver: Callable[[Any], Receipt]) -> bool:
        """Call `deliver` with `message`, for the method that a hook overrides.

        Returns whether it was sent, and raises as Django's does.
        """
        receipt = deliver(message)
        if self._told is not None:
            self._told.append(receipt)
        if receipt.error is not None and not self.silences(receipt.error):
            raise receipt.error
        if self._told is None or receipt.error is not None:
            self.log_receipt(receipt)
        return receipt.status is Status.SENT

    def _is_overridden(self, name: str, ours: object) -> bool:
        """Is the method `name` not `ours`, but a subclass's, the instance's, a patched one?"""
        return getattr(getattr(self, name), "__func__", None) is not ours


def _by_hook(
    message: Any, told: list[Receipt], status: Status, error: Exception | None = None
) -> Receipt:
    """Return the receipt of a message that went through a hook, from those that it was told."""
    if not told:
        return Receipt(message, status, error=error)
    last = told[-1]
    if len(told) == 1 and error in (None, last.error):
        return last._replace(message=message, error=error)  # which the hook may have caught
    # It sent several, or what it sent and then did failed.
    sent = error is None and all(receipt.status is Status.SENT for receipt in told)
    status = Status.SENT if sent else Status.UNKNOWN
    return Receipt(message, status, last.envelope, {}, last.reply, error)
