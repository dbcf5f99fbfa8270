"""How a message shows itself: in a debugger, in a log, and printed."""

from __future__ import annotations

from ..light import Any
from .header import RECIPIENTS
from .mime import as_bytes

_MOST = 3
"""Recipients that are named."""


class Shown:
    """A message's part that says what it is."""

    def __repr__(self) -> str:
        subject = str(getattr(self, "subject", ""))[:60]
        return f"<{type(self).__name__} {subject!r} to {_recipients(self)}>"

    def __str__(self) -> str:
        from .readable import readable

        try:
            return readable(as_bytes(self))
        except ValueError as error:  # which sending it would raise
            return f"{self!r}, which can't be sent: {error}"


def _recipients(message: Any) -> str:
    """Name the recipients that everybody sees, and say how many there are besides."""
    groups = [getattr(message, name, None) or () for name in RECIPIENTS]
    named = [str(each) for group in groups[:2] for each in group if each]
    number = sum(bool(each) for group in groups for each in group)
    others = number - len(named[:_MOST])
    shown = named[:_MOST]
    if others:
        shown.append(f"{others} others" if named else f"{others} in bcc")
    return ", ".join(shown) or "nobody"
