"""What can be wrong with a configuration or a header.

Delivery errors are the standard library's own: `smtplib.SMTPException`, `OSError` and their
children, so that every `except` written for Django keeps working.
"""

from __future__ import annotations


class ImproperlyConfigured(Exception):  # noqa: N818 - Django's name
    """A setting is missing or wrong."""


class InvalidMailer(ImproperlyConfigured):
    """A mailer's entry in `MAILERS`, or its URL, is wrong.

    With an alias, the text says whose: `MAILERS['news']: ...`.
    """

    def __init__(self, message: str, *, alias: str | None = None) -> None:
        super().__init__(message if alias is None else f"MAILERS[{alias!r}]: {message}")
        self.alias = alias

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), str(self), self.__dict__))


class MailerDoesNotExist(InvalidMailer, KeyError):  # noqa: N818 - Django's name
    """No mailer has this alias. Also a `KeyError`, so that `mailers` behaves as a mapping."""

    def __init__(self, *, alias: str | None) -> None:
        if isinstance(alias, str) and "://" in alias:  # not shown: it may hold a password
            super().__init__("A URL is no alias; use connection=get_connection(url) instead.")
        else:
            super().__init__(f"The mailer {alias!r} is not configured.")
        self.alias = alias

    # KeyError's own would put the sentence into quotes.
    __str__ = Exception.__str__


class BadHeaderError(ValueError):
    """A header, an address or a file name holds a line break or another control character."""


def _restore(kind: type[InvalidMailer], text: str, state: dict[str, object]) -> InvalidMailer:
    """Rebuild an exception from its finished text: `args` alone would lose the alias."""
    error = kind.__new__(kind, text)
    error.args = (text,)
    error.__dict__.update(state)
    return error
