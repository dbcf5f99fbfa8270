"""Shows whatever can be sent as a message, to backends that were written for Django."""

from __future__ import annotations

from importlib import import_module

from ..light import Any
from ..rendering.envelope import Envelope


def as_message(thing: Any) -> Any:
    """Return a message as it is; of an envelope or a stdlib message, one that reads like ours.

    Raises ValueError for what can't be sent.
    """
    if hasattr(thing, "message") and callable(getattr(thing, "recipients", None)):
        return thing
    # By name, for messages stand on a higher floor.
    messages: Any = import_module("..message", __package__)
    return messages.ReadBack(Envelope.of(thing, utf8=True))
