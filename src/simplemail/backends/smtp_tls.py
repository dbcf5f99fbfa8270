"""The rules for TLS of an SMTP mailer: a context of the user's own, or one made of its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..light import TYPE_CHECKING, Any
from ..smtp import tls

if TYPE_CHECKING:
    import ssl

    from ..exceptions import Secret


class TLSRules:
    """The part of an SMTP mailer that knows whom it trusts."""

    alias: str | None
    ca_file: Any
    ssl_certfile: Any
    ssl_keyfile: Any
    _key_password: Secret | None
    _ssl_context: ssl.SSLContext | None
    _own_context: ssl.SSLContext | None

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


# Kept apart from the class, on which a test may put another one.
_SSL_CONTEXT = TLSRules.ssl_context
