"""Presents anything that can be sent as a message, for backends written for Django."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from ..light import Any
from ..rendering.envelope import Envelope


def as_message(thing: Any) -> Any:
    """Return a message as it is; of an envelope or a stdlib message, one that reads like ours.

    Raises ValueError for what can't be sent.
    """
    if hasattr(thing, "message") and callable(getattr(thing, "recipients", None)):
        return thing
    # Asked by name, because this module must not import the messages above it.
    messages: Any = import_module("..message", __package__)
    return messages.ReadBack(Envelope.of(thing, utf8=True))


def as_messages(things: Iterable[Any]) -> Iterable[Any]:
    """Return each thing `as_message()`: of a list, a list; of an iterator, as it is asked for."""
    if isinstance(things, (list, tuple)):
        return [as_message(each) for each in things]
    return map(as_message, things)
