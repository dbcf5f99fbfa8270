"""The header of a message: which fields it has, in which order, and with which values.

What the user puts into `headers` replaces what would have been generated, in any letter case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .conf import settings
from .exceptions import BadHeaderError
from .headers import check_header
from .msgid import DNS_NAME, make_msgid

# RFC 5322, 3.6, and RFC 2045, 3: at most one of each in a message.
_ONCE = {
    "date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references",
    "subject", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip
_DATES = {"date", "resent-date", "orig-date"}


def fields(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each field; a value is a str, or a datetime for a date.

    Raises BadHeaderError for what no header may have, ValueError for Bcc, which would show
    everybody the blind copies, and for a field that would be there twice.
    """
    _check_blind_copies(message)
    for name, value in _fields(message):
        if isinstance(value, str):
            check_header(name, value)
        yield name, value


def listed(name: str, addresses: Any) -> list[Any]:
    """Return a new list of a message's `to`, `cc`, `bcc` or `reply_to`; None is an empty one.

    Raises TypeError for a text, which would be taken for a list of one-letter addresses.
    """
    if addresses and isinstance(addresses, (str, bytes)):
        raise TypeError(f'"{name}" argument must be a list or tuple, not the text {addresses!r}')
    return list(addresses or ())


def _check_blind_copies(message: Any) -> None:
    # They are in no header, but they don't get past whoever checks a message by composing it.
    try:
        check_header("Bcc", _joined(message, "bcc"))
    except BadHeaderError as error:
        raise BadHeaderError(f"Invalid address: {error}") from None


def _fields(message: Any) -> Iterator[tuple[str, Any]]:
    extra = _extra(message)
    yield "Subject", str(message.subject)
    sender = str(message.from_email or settings.DEFAULT_FROM_EMAIL)
    yield "From", extra.pop("from", ("From", sender))[1]
    for name in ("To", "Cc", "Reply-To"):
        generated = _joined(message, name.lower().replace("-", "_"))
        given = extra.pop(name.lower(), None)
        if value := given[1] if given else generated:
            yield name, value
    if "date" not in extra:
        yield "Date", datetime.now(UTC) if not settings.EMAIL_USE_LOCALTIME else _local_now()
    if "message-id" not in extra:
        yield "Message-ID", make_msgid(domain=str(DNS_NAME))
    yield from extra.values()


def _joined(message: Any, attribute: str) -> str:
    addresses = listed(attribute, getattr(message, attribute))
    return ", ".join(str(address) for address in addresses if address)


def _extra(message: Any) -> dict[str, tuple[str, Any]]:
    """Return the user's own fields by their name in lower case."""
    extra: dict[str, tuple[str, Any]] = {}
    for name, value in (message.extra_headers or {}).items():
        key = str(name).lower()
        if key == "bcc":
            raise ValueError("Bcc can't be a header: everybody would read it. Use bcc=[...].")
        if key in ("subject", "mime-version", "content-type", "content-transfer-encoding") or (
            key in extra and key in _ONCE
        ):
            raise ValueError(f"The header {name!r} would be in the message twice")
        if value is None:
            raise ValueError(f"The header {name!r} is None; leave it out, or use ''")
        # Names that differ in case alone are two fields, if there may be two.
        key = key if key not in extra else f"{key} {len(extra)}"
        extra[key] = (str(name), _value(key, value))
    return extra


def _value(key: str, value: Any) -> str | datetime:
    if isinstance(value, datetime) and key in _DATES:
        return value
    return value.decode() if isinstance(value, bytes) else str(value)


def _local_now() -> datetime:
    # Asked anew each time: programs change TZ while they run (time.tzset).
    return datetime.now().astimezone()
