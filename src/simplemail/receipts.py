"""What a server said, and what became of a message."""

from __future__ import annotations

from typing import NamedTuple


class Reply(NamedTuple):
    """One SMTP reply (RFC 5321, 4.2): its code, its text, and its enhanced code (RFC 3463)."""

    code: int
    text: str = ""
    enhanced: str | None = None
