"""Streams what happens in the inbox to the page, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .answers import NO_DOCUMENT, Answer, problem
from .feed import MOST_FOLLOWERS, Event
from .messages import Messages
from .shown import summary

SECONDS_BETWEEN_SIGNS = 15.0


def stream(messages: Messages) -> Answer:
    """Answer with a stream that begins now. It never ends by itself."""
    if not messages.feed.join():
        return problem(503, f"More than {MOST_FOLLOWERS} event streams are open")
    return Answer(200, "text/event-stream", _pieces(messages), NO_DOCUMENT)


def _pieces(messages: Messages) -> Iterator[bytes]:
    try:
        position = messages.feed.position
        yield b": hello\n\n"
        while True:
            events = messages.feed.after(position, SECONDS_BETWEEN_SIGNS)
            if events is None:
                return  # the page comes back, and reads the list anew
            if not events:
                yield b": still here\n\n"
            for event in events:
                position = event.number
                yield _written(messages, event)
    finally:
        messages.feed.leave()


def _written(messages: Messages, event: Event) -> bytes:
    value: dict[str, Any] = {"ids": event.ids}
    if event.kind == "message":
        messages.store.settle()
        row = messages.store.row(event.ids[0])
        if row is None:
            return b""
        value = summary(row)
    total, unread = messages.store.counts()
    text = json.dumps({**value, "totals": [total, unread]}, separators=(",", ":"))
    return f"event: {event.kind}\ndata: {text}\n\n".encode()
