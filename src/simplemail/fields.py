"""The header of a message: which fields it has, in which order, and with which values.

What the user puts into `headers` replaces what would have been generated, in any letter case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .conf import settings
from .msgid import DNS_NAME, make_msgid

# RFC 5322, 3.6, and RFC 2045, 3: at most one of each in a message.
_ONCE = {
    "date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references",
    "subject", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip


def fields(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each field; a value is a str, or a datetime for Date.

    Raises ValueError for Bcc, which would show everybody the blind copies, and for a field that
    would be there twice.
    """
    extra = _extra(message)
    yield "Subject", str(message.subject)
    yield "From", extra.pop("from", ("From", str(message.from_email)))[1]
    for name, addresses in (("To", message.to), ("Cc", message.cc), ("Reply-To", message.reply_to)):
        given = extra.pop(name.lower(), None)
        value = given[1] if given else ", ".join(str(a) for a in addresses or () if a)
        if value:
            yield name, value
    if "date" not in extra:
        yield "Date", datetime.now(UTC) if not settings.EMAIL_USE_LOCALTIME else _local_now()
    if "message-id" not in extra:
        yield "Message-ID", make_msgid(domain=str(DNS_NAME))
    yield from extra.values()


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
        extra[key] = (str(name), value if isinstance(value, datetime) else str(value))
    return extra


def _local_now() -> datetime:
    # Asked anew each time: programs change TZ while they run (time.tzset).
    return datetime.now().astimezone()
