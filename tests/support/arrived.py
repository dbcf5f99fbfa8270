"""Says what a test server has received, without parsing whole messages, which takes long."""

from __future__ import annotations

import re
from collections.abc import Iterable

from simplemail.testing.server import Received

_SUBJECT = re.compile(rb"^Subject: ([ -~]*)\r$", re.MULTILINE)


def subject(received: Received) -> str:
    """Return the subject of a message, which is short and ASCII."""
    match = _SUBJECT.search(received.content)
    assert match, received.content[:1000]
    return match[1].decode()


def subjects(messages: Iterable[Received]) -> list[str]:
    """Return their subjects, in the same order."""
    return [subject(received) for received in messages]
