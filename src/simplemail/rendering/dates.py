"""Writes and checks dates (RFC 5322, 3.3)."""

from __future__ import annotations

from datetime import datetime

from ..light import pattern

DATE_FIELDS = {"date", "resent-date", "orig-date"}
"""The names of the fields that hold a date, in lower case."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# Includes the obsolete forms of RFC 5322, 4.3: years of two digits, and zones by name.
_DATE = pattern(
    r"\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s*,\s*)?(\d{1,2})\s+([A-Za-z]{3})\s+(\d{2}|\d{4})"
    r"\s+(\d{2}):(\d{2})(?::(\d{2}))?\s+(?:[+-]\d{4}|[A-Za-z]{1,5})\s*(?:\([^()]*\)\s*)?"
)


def format_date(moment: datetime) -> str:
    """Return the date as in RFC 5322, 3.3. A naive one is in UTC, written with -0000."""
    zone = "-0000" if moment.tzinfo is None else moment.strftime("%z")[:5]
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} {zone}"


def check_date(name: str, text: str) -> None:
    """Raise ValueError unless the text is a date and time of RFC 5322, 3.3."""
    match = _DATE.fullmatch(text)
    if match is None or not _exists(*match.groups("0")):
        raise ValueError(
            f"{name.title()} is not a valid date: {text[:100]!r}; pass a datetime, or text like "
            "'Mon, 23 Nov 2026 06:12:00 +0000'"
        )


def _exists(day: str, month: str, year: str, hour: str, minute: str, second: str) -> bool:
    try:
        # RFC 5322, 3.3 allows leap seconds.
        datetime(
            int(year) + (2000 if len(year) == 2 else 0),
            _MONTHS.index(month.title()) + 1,
            int(day),
            int(hour),
            int(minute),
            59 if second == "60" else int(second),
        )
    except ValueError:
        return False
    return True
