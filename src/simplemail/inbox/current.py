"""Hands this program's messages to the inbox of its directory, and starts one if none runs."""

from __future__ import annotations

import atexit
import os
import time
from pathlib import Path
from typing import NamedTuple

from ..light import tell
from . import places
from .client import Client, find
from .database import StoreInUse
from .defaults import HTTP_PORT
from .server import InboxServer, Options
from .store import Arrival

_SECONDS_TO_START = 5.0


class _Own(NamedTuple):
    """An inbox that this process runs. After fork(), the child has it without its threads."""

    server: InboxServer
    place: places.Place
    running: places.Running


# At most one: what a program sends stands on one page.
_own: list[_Own] = []


def keep(content: bytes, sender: str, recipients: tuple[str, ...], *, port: int = HTTP_PORT) -> str:
    """Put a message into the inbox and return a sentence that says where. Raises OSError."""
    place = inbox(port)
    if isinstance(place, Client):
        number = place.add(content, sender, recipients)
    else:
        number = place.messages.add(Arrival(content, sender, recipients))
    return f"message {number} in the inbox at {place.url}"


def inbox(port: int = HTTP_PORT) -> InboxServer | Client:
    """Return this process's inbox, or the one that runs for its directory, or start one."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        if _own and _own[0].running.process == os.getpid():
            return _own[0].server
        directory = Path.cwd()
        if client := find(directory):
            return client
        try:
            return _start(directory, port)
        except StoreInUse:
            # Somebody else is starting it, and can be found in a moment.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _start(directory: Path, port: int) -> InboxServer:
    place = places.place_of(directory)
    options = Options(http=("127.0.0.1", port), smtp=None, store=place.store, daemon=True)
    server = InboxServer(options).start()
    running = places.Running(server.url, server.key, os.getpid())
    places.announce(place, running)
    _own[:] = [_Own(server, place, running)]
    atexit.register(close)
    tell(
        "warning",
        "Mail is shown at %s while this program runs, and sent nowhere. "
        "Afterwards, `simplemail inbox` in %s shows it.",
        server.address,
        directory,
        to="simplemail.inbox",
    )
    return server


def close() -> None:
    """Stop this process's inbox, if it runs one; the mail is kept. Safe to call twice."""
    while _own:
        server, place, running = _own.pop()
        if running.process == os.getpid():
            places.withdraw(place, running)
            server.stop()
