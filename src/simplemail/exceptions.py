"""The exceptions for wrong configuration and headers, and what keeps secrets out of errors.

Delivery errors are the standard library's own: `smtplib.SMTPException`, `OSError` and their
children, so that every `except` written for Django keeps working.
"""

from __future__ import annotations

import sys

from .light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class ImproperlyConfigured(Exception):  # noqa: N818 - Django's name
    """A setting is missing or wrong."""


class InvalidMailer(ImproperlyConfigured):
    """A mailer's entry in `MAILERS`, or its URL, is wrong.

    - `message`: what is wrong.
    - `alias`: the alias of the mailer, also an attribute. The text begins with it:
      `MAILERS['news']: ...`. None if the mailer has none.
    """

    def __init__(self, message: str, *, alias: str | None = None) -> None:
        super().__init__(message if alias is None else f"MAILERS[{alias!r}]: {message}")
        self.alias = alias

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), str(self), self.__dict__))


class MailerDoesNotExist(InvalidMailer, KeyError):  # noqa: N818 - Django's name
    """No mailer has the alias `alias`, which is also an attribute.

    It is a `KeyError` too, as that of a dict, because `mailers` is a mapping.
    """

    def __init__(self, *, alias: str | None) -> None:
        if isinstance(alias, str) and "://" in alias:  # not shown: it may contain a password
            super().__init__("A URL is not an alias; use connection=get_connection(url) instead.")
        else:
            super().__init__(f"The mailer {alias!r} is not configured.")
        self.alias = alias

    # KeyError.__str__() would put the sentence into quotes.
    __str__ = Exception.__str__


class BadHeaderError(ValueError):
    """A header, an address or a file name holds a line break or another control character."""


def _restore(kind: type[InvalidMailer], text: str, state: dict[str, object]) -> InvalidMailer:
    """Unpickle an exception: `args` alone would lose the alias."""
    error = kind.__new__(kind, text)
    error.args = (text,)
    error.__dict__.update(state)
    return error


class Secret:
    """Holds a value that no traceback, log or `repr()` shows; `reveal()` returns it.

    It isn't a str: error reporters that copy each frame's variables copy texts as they are, and
    look into tuples, lists and dicts. Equal values make equal secrets.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @staticmethod
    def of(value: Any) -> Any:
        """Return the value as a secret; None, and one that is a secret already, as it is.

        Its type is Any, so that an argument can be replaced by its secret.
        """
        return value if value is None or isinstance(value, Secret) else Secret(value)

    def reveal(self) -> Any:
        """Return the value. Use it at once, and don't assign it to a variable."""
        return self._value

    @staticmethod
    def revealed(options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with their secrets revealed, for code that knows nothing of these."""
        return {k: v.reveal() if isinstance(v, Secret) else v for k, v in options.items()}

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "<not shown>"


class hiding_frames:  # noqa: N801 - it reads as a statement
    """Takes the library's frames out of the traceback of whatever is raised within the block.

    For code whose variables hold secrets: error reporters, and `pytest -l`, show the variables of
    each frame. The frames of other people's code stay, such as those of a backend's constructor.
    """

    __slots__ = ("_outer",)

    def __enter__(self) -> None:
        self._outer = sys.exc_info()[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _hide(error, {id(self._outer)})


def _hide(error: BaseException | None, done: set[int]) -> None:
    """Hide the frames of an error, and of the errors that caused it."""
    if error is None or id(error) in done:
        return
    done.add(id(error))
    error.__traceback__ = _foreign(error.__traceback__)
    _hide(error.__cause__, done)
    _hide(error.__context__, done)


def _foreign(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without our frames, and without the stdlib's that we called."""
    kept: list[TracebackType] = []
    called_by_us = True
    while traceback is not None:
        root = str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if root == __package__:
            called_by_us = True
        elif not (called_by_us and root in sys.stdlib_module_names):
            called_by_us = False
            kept.append(traceback)
        traceback = traceback.tb_next
    rest: TracebackType | None = None
    for each in reversed(kept):
        each.tb_next = rest
        rest = each
    return rest
