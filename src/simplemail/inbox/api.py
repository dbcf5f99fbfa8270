"""Answers the paths under /api: JSON for programs, tests and the page."""

from __future__ import annotations

import binascii
from base64 import b64decode

from . import shown
from .answers import Answer, data, problem
from .app import App, found, json_object, number, seconds
from .guard import Refused
from .reading import Mail
from .store import Arrival
from .web import Asked

MOST_LISTED = 500
LONGEST_WAIT = 300.0

_FORM = 'Send {"sender": "...", "recipients": ["..."], "content": "base64"}, or the message itself'


def list_messages(app: App, asked: Asked) -> Answer:
    limit = number(asked, "limit", 50, most=MOST_LISTED)
    before = number(asked, "before", 0)
    search = asked.target.query.get("q", "")
    rows = app.messages.rows(search, limit=limit + 1, before=before or None)
    total, unread = app.messages.store.counts()
    return data(
        {
            "messages": [shown.summary(row) for row in rows[:limit]],
            "more": len(rows) > limit,
            "total": total,
            "unread": unread,
            "release": app.release is not None,
        }
    )


def post_message(app: App, asked: Asked) -> Answer:
    """Take a message as it is, for those whom its header names, or as JSON with its envelope."""
    kind = (asked.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json":
        arrival = _enveloped(asked, app.max_size)
    else:
        content = asked.read(app.max_size)
        arrival = Arrival(content, *Mail(content).named)
    return data({"id": app.messages.add(arrival)}, 201)


def _enveloped(asked: Asked, max_size: int) -> Arrival:
    given = json_object(asked, max_size * 4 // 3 + 1_000_000)
    sender, recipients = given.get("sender", ""), given.get("recipients", [])
    is_sound = isinstance(sender, str) and isinstance(recipients, list)
    if not is_sound or not all(isinstance(each, str) for each in recipients):
        raise Refused(400, _FORM)
    try:
        content = b64decode(given.get("content", b""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refused(400, _FORM) from None
    if not content or len(content) > max_size:
        raise Refused(413 if content else 400, f"A message has from 1 to {max_size} octets")
    return Arrival(content, sender, tuple(recipients))


def delete_messages(app: App, asked: Asked) -> Answer:
    numbers = app.messages.store.numbers(asked.target.query.get("q", ""))
    return data({"deleted": app.messages.delete(numbers)})


def get_message(app: App, asked: Asked, id_: int) -> Answer:
    return data(shown.details(*found(app, id_)))


def mark_message(app: App, asked: Asked, id_: int) -> Answer:
    row, _ = found(app, id_)
    change = json_object(asked)
    if set(change) != {"unread"} or not isinstance(change["unread"], bool):
        raise Refused(400, 'Send {"unread": true} or {"unread": false}')
    app.messages.mark(row.id, unread=change["unread"])
    return data({"id": row.id, "unread": change["unread"]})


def delete_message(app: App, asked: Asked, id_: int) -> Answer:
    row, _ = found(app, id_)
    if row.file is not None:
        raise Refused(409, f"This message is the file {row.file}; delete that")
    return data({"deleted": app.messages.delete([row.id])})


def get_headers(app: App, asked: Asked, id_: int) -> Answer:
    return data({"headers": shown.headers(found(app, id_)[1])})


def get_parts(app: App, asked: Asked, id_: int) -> Answer:
    return data({"parts": shown.parts(found(app, id_)[1])})


def get_links(app: App, asked: Asked, id_: int) -> Answer:
    return data({"links": shown.links(found(app, id_)[1])})


def get_warnings(app: App, asked: Asked, id_: int) -> Answer:
    return data({"warnings": shown.found_warnings(*found(app, id_))})


def wait(app: App, asked: Asked) -> Answer:
    """Answer when enough has come that the search finds; after the timeout, with what came."""
    count = number(asked, "count", 1, least=1, most=MOST_LISTED)
    after = number(asked, "after", 0)
    timeout = seconds(asked, "timeout", 10, LONGEST_WAIT)
    search = asked.target.query.get("q", "")
    has_come, rows = app.messages.wait(search, count=count, after=after, timeout=timeout)
    listed = [shown.summary(row) for row in rows]
    if has_come:
        return data({"messages": listed})
    wanted = "no such message" if count == 1 else f"fewer than {count} such messages"
    return problem(408, f"After {timeout:g} s there is {wanted}", came=listed)
