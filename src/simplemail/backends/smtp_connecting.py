"""Connects an SMTP mailer to its server, by its own rules for TLS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..light import TYPE_CHECKING, Any
from ..smtp import tls
from ..smtp.hints import explain, given_by
from ..smtp.opening import open_session
from ..smtp.retrying import NoPlace, trying
from ..smtp.route import Route

if TYPE_CHECKING:
    import ssl

    from ..exceptions import Secret
    from ..smtp.foreign import ForeignSession
    from ..smtp.session import Session


class Connecting:
    """The part of an SMTP mailer that knows whom it trusts, and how to reach them."""

    alias: str | None
    host: str | None
    port: int | None
    timeout: float | None
    use_tls: bool | None
    use_ssl: bool | None
    retries: int
    keep_alive: float
    max_messages: int | None
    max_lifetime: float | None
    max_connections: int | None
    max_recipients: int | None
    hint: str
    connection_class: Any
    ca_file: Any
    ssl_certfile: Any
    ssl_keyfile: Any
    _key_password: Secret | None
    _ssl_context: ssl.SSLContext | None
    _own_context: ssl.SSLContext | None
    _password: Secret | None
    _route: Route | None

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The rules for TLS: those given, or ours, which verify certificate and name.

        It is this mailer's own: what you change counts for it, and for no other mailer.
        """
        if self._ssl_context is not None:
            return self._ssl_context
        if self._own_context is None:
            self._own_context = tls.own_context(*self._tls_files(), alias=self.alias)
        return self._own_context

    @ssl_context.setter
    def ssl_context(self, context: ssl.SSLContext) -> None:
        self._ssl_context = context

    def _tls_files(self) -> tuple[Any, Any, Any, Secret | None]:
        return self.ca_file, self.ssl_certfile, self.ssl_keyfile, self._key_password

    def _context(self) -> Callable[[], ssl.SSLContext]:
        """Return a function that returns the rules for TLS.

        It holds no reference to the mailer, so that a pooled session doesn't keep it alive.
        """
        given = self._ssl_context or self._own_context
        if type(self).ssl_context is not _SSL_CONTEXT:  # Django's users override it
            given = self.ssl_context
        if given is not None:
            return lambda: given
        return partial(tls.context, *self._tls_files(), alias=self.alias)

    def _connect(self) -> Session | ForeignSession:
        """Take a session from the pool or open one, with retries."""
        try:
            return trying(self._connect_once, self.retries)
        except NoPlace:
            raise
        except OSError as error:
            hint = self.hint if isinstance(error, ConnectionRefusedError) else ""
            where, seconds = f"{self.host}:{self.port}", self.timeout or 0
            explain(error, where, timeout=seconds, hint=hint, given=given_by(self))
            raise

    def _connect_once(self) -> Session | ForeignSession:
        route, kept = self._way(), bool(self.keep_alive)
        kind, most = self.connection_class, self.max_connections
        session = open_session(kind, route, self._context(), kept=kept, most=most)
        session.limit(self.max_messages, self.max_lifetime, self.max_recipients)
        self._route = route
        return session

    def _way(self) -> Route:
        context = self._context()() if self.use_tls or self.use_ssl else None
        return Route.of(self, self._password, context, tls.trust(context))


# Kept apart from the class, on which a test may put another one.
_SSL_CONTEXT = Connecting.ssl_context
