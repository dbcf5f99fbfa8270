"""What `put()` does inside `testing.capture()` and `mail_outbox`: it keeps the message."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..backends import handler
from ..backends.copies import copied
from ..rendering.envelope import Envelope
from .orders import Terms
from .records import Queued, moment
from .store import Order


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
        found.append(_queued(len(outbox), envelope, order, now))
    return found


def _kept(message: Any, terms: Terms, alias: str | None) -> Any:
    if isinstance(message, Envelope):
        return message
    kept = copied(message)
    kept.sent_using = alias
    kept.queued_with = terms.said()
    return kept


def _queued(id_: int, envelope: Envelope, order: Order, now: float) -> Queued:
    return Queued(
        id=id_,
        state=order.state,
        mailer=order.mailer,
        priority=order.priority,
        due=moment(order.due),
        expires=moment(order.expires),
        created=moment(now),
        changed=moment(now),
        tries=0,
        crashes=0,
        at_least_once=order.at_least_once,
        key=order.key,
        tags=order.tags,
        sender=envelope.sender,
        recipients=envelope.recipients,
        remaining=envelope.recipients,
        answers={},
        message_id=envelope.message_id,
        size=len(envelope.content),
        reply="",
        error="",
    )
