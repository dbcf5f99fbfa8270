"""What `put()` does inside `testing.capture()` and `mail_outbox`: it keeps the message."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..backends import handler
from ..backends.copies import copied
from ..rendering.envelope import Envelope
from .orders import Terms
from .records import Queued
from .store import Order, as_put


def is_on() -> bool:
    """Are all mailers memory just now?"""
    return bool(handler.instead)


def put(
    messages: Iterable[Any], terms: Terms, order: Order, alias: str | None, now: float
) -> list[Queued]:
    """Append copies to `simplemail.outbox`; they have `sent_using` and `queued_with`."""
    outbox: list[Any] = sys.modules[__name__.partition(".")[0]].outbox
    found = []
    for message in messages:
        envelope = Envelope.of(message, eight_bit=False, utf8=True)
        outbox.append(_kept(message, terms, alias))
        found.append(as_put(len(outbox), envelope, order, now))
    return found


def _kept(message: Any, terms: Terms, alias: str | None) -> Any:
    if isinstance(message, Envelope):
        return message
    kept = copied(message)
    kept.sent_using = alias
    kept.queued_with = terms.said()
    return kept
