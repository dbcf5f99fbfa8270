"""Opens sessions: connects, greets, encrypts, logs in."""

from __future__ import annotations

import socket

from ..exceptions import Secret
from ..light import TYPE_CHECKING, NamedTuple
from .channel import Channel
from .greeting import greet, hello, start_tls
from .session import Session

if TYPE_CHECKING:
    import smtplib
    import ssl


class Route(NamedTuple):
    """Where to, and as whom. Sessions by equal routes are interchangeable.

    With `context` there is TLS: from the first byte if `implicit`, by STARTTLS if not; `trust` is
    whom it trusts at this moment, because it may be changed. The certificate must be for
    `server_hostname`. `password` may hold a callable.
    """

    host: str
    port: int
    timeout: float | None
    local_hostname: str
    source_address: tuple[str, int] | None = None
    context: ssl.SSLContext | None = None
    trust: tuple[object, ...] = ()
    implicit: bool = False
    server_hostname: str = ""
    username: str = ""
    password: Secret | None = None
    auth: str | None = None
    allow_cleartext_auth: bool = False
    ehlo_after_auth: bool = False
    notify: str = ""
    ret: str = ""

    def __repr__(self) -> str:
        return f"<Route to {self.host}:{self.port}>"


def dial(route: Route) -> Session:
    """Open a session that is ready for a message. Leaves nothing open if it fails."""
    sock = socket.create_connection(
        (route.host, route.port), route.timeout, source_address=route.source_address
    )
    try:
        # Each write is meant to leave at once, and the next may come before its answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = Channel(sock, route.timeout)
    except BaseException:
        sock.close()
        raise
    session = Session(channel, route.host, notify=route.notify, ret=route.ret)
    try:
        _set_up(session, route)
    except BaseException:
        session.close()
        raise
    return session


def _set_up(session: Session, route: Route) -> None:
    name = route.server_hostname or route.host
    if route.context is not None and route.implicit:
        session.channel.wrap(route.context, name)
    greet(session)
    hello(session, route.local_hostname)
    if route.context is not None and not route.implicit:
        start_tls(session, route.context, name)
        hello(session, route.local_hostname)
    if route.username or route.password or route.auth:
        from . import login

        login.log_in_as(session, route)
        # RFC 4954, 4: only a security layer of SASL's asks for it, and some servers then forget
        # the login.
        if route.ehlo_after_auth:
            hello(session, route.local_hostname)


def as_smtplib(session: Session) -> smtplib.SMTP:
    """Return an smtplib.SMTP that talks over the session's connection, for code that wants one."""
    import smtplib

    smtp = smtplib.SMTP(local_hostname="localhost", timeout=session.channel.timeout or 60)
    smtp.sock = session.channel.sock
    smtp.file = None
    smtp.esmtp_features = dict(session.features)
    smtp.does_esmtp = bool(session.features)
    smtp.ehlo_resp = smtp.helo_resp = session.ehlo.text.encode()
    smtp._host = session.host  # type: ignore[attr-defined]  # its starttls() wants it
    return smtp


def adopt(smtp: smtplib.SMTP, route: Route) -> Session:
    """Return a session over the connection of an smtplib.SMTP, which must be open."""
    smtp.ehlo_or_helo_if_needed()
    assert smtp.sock is not None
    channel = Channel(smtp.sock, route.timeout)
    if hasattr(smtp.sock, "context"):
        channel.expect_tls()
    session = Session(channel, route.host, notify=route.notify, ret=route.ret)
    session.features = dict(smtp.esmtp_features)
    return session
