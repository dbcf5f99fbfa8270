"""Fills in who sends a message if nobody has said so."""

from __future__ import annotations

import copy
from functools import lru_cache

from ..conf import is_said, settings
from ..light import Any


def sent_by(message: Any, address: str) -> Any:
    """Return the message, or a copy that is from this address if nobody has said who sends it.

    That is so where it is from `webmaster@localhost` (in mail to the admins, `root@localhost`),
    and the setting for which this stands is neither in the settings nor in the environment.
    """
    if not address or is_said(getattr(message, "from_email", None)):
        return message
    ours = copy.copy(message)
    ours.from_email = address
    return ours


def fallback(address: str) -> str:
    """Return who sends where nothing else is given: the default sender, or else this address."""
    default: str = settings.DEFAULT_FROM_EMAIL
    return default if is_said(default) or not address else address


@lru_cache(maxsize=64)
def is_address(username: Any) -> bool:
    """Is a login's user name an address that may stand in a message?"""
    from .addresses import addr_spec

    try:
        return "@" in username and addr_spec(username) == username
    except (TypeError, ValueError):
        return False
