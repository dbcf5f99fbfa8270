"""Finds a session for a mailer: from the pool, a new one, or through another class."""

from __future__ import annotations

from functools import lru_cache

from ..exceptions import InvalidMailer
from ..light import TYPE_CHECKING, Any, TypeVar
from . import foreign

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .pool import Pool
    from .route import Route
    from .session import Session

_Session = TypeVar("_Session", bound="Session | foreign.ForeignSession")


def open_session(
    kind: Any,
    route: Route,
    context: Callable[[], ssl.SSLContext],
    *,
    kept: bool,
    most: int | None = None,
) -> Session | foreign.ForeignSession:
    """Return a session that is ready for a message; `kept`, if there is one, it may be used before.

    If `most` connections by this route are open already, it waits for one of them, and raises
    NoPlace if that takes too long. `kind` is the class of its connection, where smtplib's own stand
    for ours. `context` makes the rules for a STARTTLS that somebody asks for by hand.
    """
    # Our class is a subclass of smtplib's, and must not be made while a test has that replaced.
    if not foreign.is_smtplibs_own(kind):
        return _in_place(route, most, lambda: foreign.connect(kind, route))
    if route.host.startswith("/"):
        raise InvalidMailer(
            f"'host' is a path, {route.host!r}; use a name or an address, or a connection_class "
            "that connects to a Unix socket, such as smtplib.LMTP"
        )
    # smtplib takes longer to load than a mail to send.
    from .connection import dial

    session = pool().take(route) if kept else None
    if session is None:
        session = _in_place(route, most, lambda: dial(route))
    session.connection.verified = context
    return session


def _in_place(route: Route, most: int | None, connect: Callable[[], _Session]) -> _Session:
    """Connect when that is allowed, or take a session that has become free meanwhile."""
    if most is None:
        return connect()
    from .places import Place, line

    found = line.enter(route, most, route.timeout, lambda: pool().take(route))
    if not isinstance(found, Place):
        return found  # type: ignore[return-value]  # only our own sessions are in the pool
    try:
        session = connect()
    except BaseException:
        found.leave()
        raise
    session.place = found
    return session


def put_away(
    session: Session | foreign.ForeignSession, route: Route | None, *, keep_alive: float, size: int
) -> None:
    """Put a session into the pool, if that is asked for, or end it."""
    if keep_alive and route is not None and not isinstance(session, foreign.ForeignSession):
        pool().give(route, session, keep_alive=keep_alive, size=size)
        if session.place is not None:
            session.place.offer()  # somebody may wait for it
    else:
        session.quit()


@lru_cache(maxsize=1)
def pool() -> Pool:
    from .pool import pool as sessions

    return sessions
