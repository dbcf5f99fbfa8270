"""Warns of a sender that means nothing outside of this machine."""

from __future__ import annotations

from functools import lru_cache

from ..light import Any, tell


def check_leaves(sender: str, session: Any) -> None:
    """Log a warning, once, if mail from a sender `@localhost` goes to another machine."""
    if not sender.lower().endswith("@localhost"):
        return
    from .login import is_loopback

    sock = getattr(session.connection, "sock", None)  # which a test's double may not have
    try:
        stays = sock is None or is_loopback(sock)
    except (OSError, TypeError, ValueError):
        return  # it is closed, or it is no real one
    if not stays:
        _warn(sender, session.host)


@lru_cache(maxsize=256)  # once for each
def _warn(sender: str, host: str) -> None:
    tell(
        "warning",
        "The sender %s means nothing to %s, which may refuse the mail; set DEFAULT_FROM_EMAIL "
        "(and SERVER_EMAIL, for mail to the admins)",
        sender,
        host,
    )
