"""Turns what somebody types into the search field into a condition of SQL.

invoice  "order 4711"  -draft      in subject, addresses, text and file names
to:ann  from:shop  subject:order   in this field
to:<ann@example.com>               this address, not joann@example.com
has:attachment  is:unread  is:read
larger:100k  smaller:2M            octets
after:2026-05-01  before:2026-06-01  (UTC)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

_TERM = re.compile(r'(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_MOST_TERMS = 20
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


class WrongSearch(ValueError):  # noqa: N818 - what was typed is wrong
    """A search that can't be understood; its text says how to write it."""


class Condition(NamedTuple):
    """A condition over `messages m JOIN texts t`, and its values."""

    sql: str
    values: list[Any]


def condition(search: str) -> Condition:
    """Return the condition that a search stands for. Raises WrongSearch."""
    terms = list(_TERM.finditer(search[:2_000]))[:_MOST_TERMS]
    sqls: list[str] = []
    values: list[Any] = []
    for term in terms:
        minus, name, phrase, word = term.groups()
        text = (phrase if phrase is not None else word) or ""
        kind = _KINDS.get((name or "").lower())
        if kind is None:  # no prefix, or a word that has a colon in it, such as a URL
            kind, text = _anywhere, (f"{name}:" if name else "") + text
        if not text or text[:-1].lower() in _KINDS:  # nothing after its colon yet
            continue
        sql, value = kind(text)
        sqls.append(f"NOT ({sql})" if minus else sql)
        values += value
    return Condition(" AND ".join(sqls) or "1", values)


def _in(column: str) -> Callable[[str], Condition]:
    return lambda text: Condition(f"instr(t.{column}, ?)", [text.casefold()])


_anywhere = _in("everything")


def _has(text: str) -> Condition:
    if text.lower() not in ("attachment", "attachments"):
        raise WrongSearch(f"has:{text} isn't known; write has:attachment")
    return Condition("m.attachments > 0", [])


def _is(text: str) -> Condition:
    if text.lower() not in ("unread", "read"):
        raise WrongSearch(f"is:{text} isn't known; write is:unread or is:read")
    return Condition("m.unread = ?", [text.lower() == "unread"])


def _size(comparison: str) -> Callable[[str], Condition]:
    def sized(text: str) -> Condition:
        return Condition(f"m.size {comparison} ?", [octets(text)])

    return sized


def _date(comparison: str) -> Callable[[str], Condition]:
    def dated(text: str) -> Condition:
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            raise WrongSearch(f"{text!r} is not a date; write one like 2026-05-31") from None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return Condition(f"m.arrived {comparison} ?", [date.timestamp()])

    return dated


_KINDS: dict[str, Callable[[str], Condition]] = {
    "to": _in("recipients"),
    "from": _in("sender"),
    "subject": _in("subject"),
    "has": _has,
    "is": _is,
    "larger": _size(">"),
    "smaller": _size("<"),
    "after": _date(">="),
    "before": _date("<"),
}


def octets(text: str) -> int:
    """Return a size such as 50M, 100k or 2000 in octets. Raises WrongSearch."""
    found = re.fullmatch(r"(\d{1,12})([kmg]?)b?", text.lower())
    if found is None:
        raise WrongSearch(f"{text!r} is not a size; write one like 100k or 2M")
    return int(found[1]) * _SIZES[found[2]]
