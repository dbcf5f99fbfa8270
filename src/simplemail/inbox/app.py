"""What the handlers of requests share: the inbox they answer for, and how they read requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .defaults import MAX_SIZE
from .guard import Refused
from .messages import Messages
from .reading import Mail
from .release import Release
from .store import Row
from .web import Asked

LATEST = -1
"""Stands for the newest message's id."""


class App(NamedTuple):
    """One inbox as the web sees it. `proof(challenge)` shows whoever knows the key who we are."""

    messages: Messages
    release: Release | None = None
    max_size: int = MAX_SIZE
    cookie: str = ""
    smtp_url: str = ""
    proof: Callable[[str], str] = lambda challenge: ""


def found(app: App, number: int) -> tuple[Row, Mail]:
    """Return a message. Refused if there is none."""
    store = app.messages.store
    store.settle()
    number = store.latest() if number == LATEST else number
    row, content = store.row(number), store.content(number)
    if row is None or content is None:
        raise Refused(404, "There is no such message; it may have been deleted")
    return row, Mail(content)


def json_object(asked: Asked, limit: int = 1_000_000) -> dict[str, Any]:
    """Return the request's body, a JSON object."""
    try:
        value = json.loads(asked.read(limit))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "Send a JSON object")
    return value


def number(asked: Asked, name: str, default: int, *, least: int = 0, most: int = 10**12) -> int:
    """Return a parameter that is a whole number."""
    given = asked.target.query.get(name, str(default))
    if not (re.fullmatch("[0-9]{1,13}", given) and least <= int(given) <= most):
        raise Refused(400, f"{name} is a whole number from {least} to {most}, not {given[:40]!r}")
    return int(given)


def seconds(asked: Asked, name: str, default: float, most: float) -> float:
    """Return a parameter that is a number of seconds."""
    given = asked.target.query.get(name, f"{default:g}")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", given) or float(given) > most:
        raise Refused(400, f"{name} is a number of seconds, at most {most:g}")
    return float(given)
