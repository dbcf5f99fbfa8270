"""Copies messages to keep them as they were when they were sent."""

from __future__ import annotations

import copy

from ..light import Any


def copied(message: Any) -> Any:
    """Return a copy of a message: of all that can be copied, sharing the rest.

    Even a message with a lock or a memoryview can be sent, so it must also be kept.
    """
    try:
        return copy.deepcopy(message)
    except Exception:
        # Any error: other people's objects decide how they are copied.
        kept = object.__new__(type(message))
        vars(kept).update({name: _value(value) for name, value in vars(message).items()})
        return kept


def _value(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:
        if isinstance(value, dict):
            return {name: _value(each) for name, each in value.items()}
        if type(value) is list:
            return [_value(each) for each in value]
        if isinstance(value, tuple):
            items = [_value(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        return value
