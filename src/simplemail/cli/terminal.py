"""Puts an exception into one sentence, for people who don't read Python."""

from __future__ import annotations

from ..exceptions import ImproperlyConfigured


def sentence(error: BaseException) -> str:
    """Return what happened in words: the exception's own and its notes', on one line."""
    words = [_words(error), *getattr(error, "__notes__", ())]
    return "; ".join(filter(None, words))


def _words(error: BaseException) -> str:
    code = getattr(error, "smtp_code", None)
    if refused := getattr(error, "recipients", None):  # smtplib.SMTPRecipientsRefused
        answers = [f"{who}: {_answer(*reply[:2])}" for who, reply in refused.items()]
        return f"No recipient was accepted ({'; '.join(answers)})"
    if code is not None and len(error.args) > 1:  # smtplib.SMTPResponseException
        sender = getattr(error, "sender", None)
        return f"The sender {sender} was refused: " * bool(sender) + _answer(code, error.args[1])
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, (OSError, ValueError, ImproperlyConfigured)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error} (--traceback shows where)"


def _answer(code: object, text: object) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
