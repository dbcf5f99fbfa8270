"""The header of a message: which fields it has, in which order, and with which values.

What the user puts into `headers` replaces what would have been generated, in any letter case.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from ..conf import settings
from ..exceptions import BadHeaderError
from ..light import Any
from .addresses import ADDRESS_FIELDS, as_text
from .dates import DATE_FIELDS, check_date, format_date
from .domains import InvalidAddress, shown
from .injection import check_header
from .msgid import DNS_NAME, make_msgid

# RFC 5322, 3.6, and RFC 2045, 3: at most one of each in a message.
_ONCE = {
    "date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references",
    "subject", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip
RECIPIENTS = ("to", "cc", "bcc")
"""Who gets a message, in this order: attributes of a message, and fields of a ready-made header."""


def fields(message: Any) -> list[tuple[str, Any]]:
    """Return the name and value of each field, for `header_line()` to check and to write.

    A value is text, a list of addresses, or a datetime. Raises ValueError for Bcc, which would
    show everybody the blind copies, and for a field that would be there twice; BadHeaderError for
    what `bcc` must not hold.
    """
    extra = _extra(message.extra_headers) if message.extra_headers else {}
    if message.bcc:
        _check_blind_copies(listed("bcc", message.bcc))
    sender = [message.from_email or settings.DEFAULT_FROM_EMAIL]
    subject = message.subject
    if type(subject) is not str:
        subject = "" if subject is None else _value("Subject", subject)
    sender = extra.pop("from", ("From", sender))[1]
    found: list[tuple[str, Any]] = [("Subject", subject), ("From", sender)]
    for name, attribute in (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to")):
        value: Any = getattr(message, attribute)
        if value:
            value = [address for address in listed(attribute, value) if address]
        if extra:
            value = extra.pop(name.lower(), (name, value))[1]
        if value:
            found.append((name, value))
    for name, make in GENERATED.items():
        if name.lower() not in extra:
            found.append((name, make()))
    return [*found, *extra.values()]


def listed(name: str, addresses: Any) -> list[Any]:
    """Return a new list of a message's `to`, `cc`, `bcc` or `reply_to`; None is an empty one.

    Raises TypeError for a text, which would be taken for a list of one-letter addresses, and for
    an iterator, which would be empty when it is read again.
    """
    if type(addresses) is list:
        return addresses.copy()
    if addresses and (isinstance(addresses, (str, bytes)) or hasattr(addresses, "__next__")):
        raise TypeError(f'"{name}" argument must be a list or tuple, not {addresses!r}')
    try:
        return list(addresses or ())
    except TypeError as error:
        text = f'"{name}" argument must be a list or tuple, not {addresses!r}'
        raise TypeError(text) from error


def _check_blind_copies(addresses: list[Any]) -> None:
    # They are in no header, but they don't get past whoever checks a message by composing it.
    try:
        check_header("Bcc", ", ".join(as_text(address) for address in addresses if address))
    except BadHeaderError as error:
        raise BadHeaderError(f"Invalid address: {error}") from None
    except InvalidAddress as error:
        raise error.within("Bcc") from None


def _extra(headers: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return the user's own fields by their name in lower case."""
    if not hasattr(headers, "items"):
        kind = type(headers).__name__
        raise TypeError(f"'headers' must be a dict, like {{'Sender': 'a@example.com'}}, not {kind}")
    extra: dict[str, tuple[str, Any]] = {}
    for name, value in headers.items():
        key = str(name).lower()
        if key == "bcc":
            raise ValueError("Bcc can't be a header: everybody would read it. Use bcc=[...].")
        if key in ("subject", "mime-version", "content-type", "content-transfer-encoding") or (
            key in extra and key in _ONCE
        ):
            raise ValueError(f"The message would contain the header {name!r} twice")
        if value is None:
            raise ValueError(f"The header {name!r} is None; leave it out, or use ''")
        # Names that differ in case alone are two fields, if there may be two.
        key = key if key not in extra else f"{key} {len(extra)}"
        extra[key] = (str(name), _value(str(name), value))
    return extra


def _value(name: str, value: Any) -> Any:
    """Return a value for `header_line()`. Raises TypeError if only its repr() could be written."""
    key = name.lower()
    if isinstance(value, datetime) and key in DATE_FIELDS:
        return value
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return _several(name, value)
    text = value.decode() if isinstance(value, bytes) else str(value)
    # All other forms are in use, so they stay as they are.
    if key == "message-id" and " " in text.strip():
        raise ValueError(f"A Message-ID must be one word, like '<1234@mail.example>', not {text!r}")
    if key in DATE_FIELDS:
        check_date(key, text)
    return text


def _several(name: str, value: Any) -> Any:
    key = name.lower()
    if isinstance(value, (list, tuple)) and key in ADDRESS_FIELDS:
        return value
    if isinstance(value, (list, tuple)) and key in ("references", "in-reply-to"):
        return " ".join(map(str, value))
    kind = type(value).__name__
    raise TypeError(f"The header {name!r} must be text, not the {kind} {shown(value)}")


def _date() -> str | datetime:
    return _local_now() if settings.EMAIL_USE_LOCALTIME else _now()


def _now() -> str:
    return _utc(int(time.time()))


# A date has seconds, in which thousands of messages are written.
@lru_cache(maxsize=1)
def _utc(second: int) -> str:
    return format_date(datetime.fromtimestamp(second, UTC))


def _local_now() -> datetime:
    # Asked anew each time: programs change TZ while they run (time.tzset).
    return datetime.now().astimezone()


GENERATED: Mapping[str, Callable[[], Any]] = {
    "Date": _date,
    "Message-ID": lambda: make_msgid(domain=DNS_NAME),
}
"""What every message gets unless `headers` has it: a field's name, and what makes its value."""
