"""The server, login and TLS rules of a session."""

from __future__ import annotations

from ..light import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from ..exceptions import Secret


class Route(NamedTuple):
    """A server, a login and TLS rules. Sessions with equal routes are interchangeable.

    With `context` there is TLS: from the first byte if `implicit`, by STARTTLS if not; `trust` is
    whom it trusts at this moment, because it may be changed. The certificate must be for
    `server_hostname`. `password` may hold a callable.
    """

    host: str
    port: int
    timeout: float | None
    local_hostname: str
    """What EHLO says; "" for this machine's name or address."""

    source_address: tuple[str, int] | None = None
    connect_timeout: float | None = None
    connect: Callable[[str, int, float | None], socket.socket] | None = None
    """Opens the connection in another way, such as through a proxy."""

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
    left_out: tuple[str, ...] = ()
    """Extensions that aren't used even if they are offered, in lower case."""

    @classmethod
    def of(
        cls,
        mailer: Any,
        password: Secret | None,
        context: ssl.SSLContext | None,
        trust: tuple[object, ...],
    ) -> Route:
        """Return the route that a mailer's options mean."""
        return cls(
            mailer.host or "",
            mailer.port or 0,
            mailer.timeout,
            mailer.local_hostname or "",
            mailer.source_address,
            mailer.connect_timeout or mailer.timeout,
            mailer.connect,
            context,
            trust,
            bool(mailer.use_ssl),
            mailer.server_hostname or "",
            mailer.username or "",
            password,
            mailer.auth,
            mailer.allow_cleartext_auth,
            mailer.ehlo_after_auth,
            mailer.notify,
            mailer.ret,
            mailer.extensions and tuple([name[1:].lower() for name in mailer.extensions]),
        )

    def __repr__(self) -> str:
        return f"<Route to {self.host}:{self.port}>"
