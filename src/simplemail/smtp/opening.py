"""Finds a session for a mailer: from the pool, a new one, or through another class."""

from __future__ import annotations

from functools import lru_cache

from ..exceptions import InvalidMailer
from ..light import TYPE_CHECKING, Any
from . import foreign

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .pool import Pool
    from .route import Route
    from .session import Session


def open_session(
    kind: Any, route: Route, context: Callable[[], ssl.SSLContext], *, kept: bool
) -> Session | foreign.ForeignSession:
    """Return a session that is ready for a message; `kept`, if there is one, it may be used before.

    `kind` is the class of its connection, where smtplib's own stand for ours. `context` makes the
    rules for a STARTTLS that somebody asks for by hand.
    """
    # Our class is a subclass of smtplib's, and must not be made while a test has that replaced.
    if not foreign.is_smtplibs_own(kind):
        return foreign.connect(kind, route)
    if route.host.startswith("/"):
        raise InvalidMailer(
            f"'host' is a path, {route.host!r}; use a name or an address, or a connection_class "
            "that connects to a Unix socket, such as smtplib.LMTP"
        )
    # smtplib takes longer to load than a mail to send.
    from .connection import dial

    session = (pool().take(route) if kept else None) or dial(route)
    session.connection.verified = context
    return session


def put_away(
    session: Session | foreign.ForeignSession, route: Route | None, *, keep_alive: float, size: int
) -> None:
    """Put a session into the pool, if that is asked for, or end it."""
    if keep_alive and route is not None and not isinstance(session, foreign.ForeignSession):
        pool().give(route, session, keep_alive=keep_alive, size=size)
    else:
        session.quit()


@lru_cache(maxsize=1)
def pool() -> Pool:
    from .pool import pool as sessions

    return sessions
