"""Copies messages to keep them as they were when they were sent."""

from __future__ import annotations

import copy

from ..light import Any


def copied(message: Any) -> Any:
    """Return a copy of a message: of all that can be copied, sharing the rest.

    What every mailer sends must be kept too: a subclass's lock, say, or content in a memoryview.
    """
    try:
        return copy.deepcopy(message)
    except Exception:
        # Of any kind: it is other people's code that can't be copied, and sending needn't.
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
            each = [_value(item) for item in value]
            return type(value)._make(each) if hasattr(value, "_make") else tuple(each)
        return value
