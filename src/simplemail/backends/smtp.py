"""Hands messages to a mail server, over SMTP (RFC 5321)."""

from __future__ import annotations

import ipaddress
import os
import smtplib
import ssl
from typing import Any

from ..conf import settings
from ..exceptions import InvalidMailer
from ..hints import explain
from ..msgid import DNS_NAME
from ..receipts import Reply
from ..render import Envelope
from .base import BaseEmailBackend, logger

_DEFAULT_TIMEOUT = 60.0


class EmailBackend(BaseEmailBackend):
    """A session with a mail server.

    `use_tls` is STARTTLS, and required: it never falls back to clear text. `use_ssl` is TLS from
    the first byte. Certificates and host names are verified, against the system's CAs or those in
    `ca_file`, or as `ssl_context` says. `timeout` is in seconds, for every wait. Credentials don't
    leave this machine unencrypted unless `allow_cleartext_auth` is true.

    Without an alias, the classic EMAIL_* settings fill in what isn't given.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        use_tls: bool | None = None,
        fail_silently: bool = False,
        use_ssl: bool | None = None,
        timeout: float | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        ssl_certfile: str | os.PathLike[str] | None = None,
        *,
        ca_file: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        source_address: str | tuple[str, int] | None = None,
        allow_cleartext_auth: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.host, self.username, self.password = host, username, password
        self.use_tls, self.use_ssl = use_tls, use_ssl
        self.ssl_keyfile, self.ssl_certfile = ssl_keyfile, ssl_certfile
        self.ca_file, self._ssl_context = ca_file, ssl_context
        self.local_hostname = local_hostname
        self.source_address = source_address
        self.allow_cleartext_auth = allow_cleartext_auth
        self.connection: smtplib.SMTP | None = None
        self.port, self.timeout = port, timeout
        if self.alias is None:
            self._fill_from_settings()
        self._check()

    def _fill_from_settings(self) -> None:
        self.host = self.host or settings.EMAIL_HOST
        self.port = self.port or settings.EMAIL_PORT
        for name, setting in {
            "username": "EMAIL_HOST_USER",
            "password": "EMAIL_HOST_PASSWORD",
            "use_tls": "EMAIL_USE_TLS",
            "use_ssl": "EMAIL_USE_SSL",
            "timeout": "EMAIL_TIMEOUT",
            "ssl_keyfile": "EMAIL_SSL_KEYFILE",
            "ssl_certfile": "EMAIL_SSL_CERTFILE",
        }.items():
            if getattr(self, name) is None:
                setattr(self, name, getattr(settings, setting))

    def _check(self) -> None:
        self.use_tls, self.use_ssl = bool(self.use_tls), bool(self.use_ssl)
        if not self.host:
            raise InvalidMailer("OPTIONS must define 'host'.", alias=self.alias)
        if self.use_tls and self.use_ssl:
            if self.alias is None:
                raise ValueError(
                    "EMAIL_USE_TLS/EMAIL_USE_SSL are mutually exclusive, so only set one of those "
                    "settings to True."
                )
            raise InvalidMailer(
                "The 'use_ssl' and 'use_tls' OPTIONS are incompatible. Set at most one of them to "
                "True.",
                alias=self.alias,
            )
        self.port = self._number("port", self.port or self._usual_port(), int, 65535)
        self.timeout = self._number("timeout", self.timeout or _DEFAULT_TIMEOUT, float, 1e6)
        if isinstance(self.source_address, str):
            self.source_address = (self.source_address, 0)

    def _usual_port(self) -> int:
        return 465 if self.use_ssl else 587 if self.use_tls else 25

    def _number(self, name: str, value: Any, kind: Any, most: float) -> Any:
        try:
            number = kind(value)
            if 0 < number <= most:
                return number
        except (TypeError, ValueError):
            number = None
        raise InvalidMailer(
            f"{name!r} must be a number over 0 and up to {most:g}, not {value!r}.",
            alias=self.alias,
        )

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The rules for TLS: the one given, or a new one that verifies certificate and name."""
        if self._ssl_context is None:
            context = ssl.create_default_context(cafile=self.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.ssl_certfile:
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
            self._ssl_context = context
        return self._ssl_context

    def open(self) -> bool | None:
        if self.connection is not None:
            return False
        try:
            self.connection = self._connect()
        except OSError as raised:
            # smtplib hides a time-out inside an SMTPServerDisconnected.
            lost = raised.__context__
            error = lost if isinstance(lost, TimeoutError) else raised
            where, hint = f"{self.host}:{self.port}", self._hint(error)
            explain(error, where, timeout=self.timeout or 0, hint=hint)
            if not self.fail_silently:
                raise error from None
            self.log_silenced(error)
            return None
        return True

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except OSError:
            # What became of the messages was settled before; a lost farewell
            # changes nothing.
            connection.close()

    def is_ready(self) -> bool:
        return self.connection is not None

    def send_message(self, message: Any) -> Reply | None:
        eight_bit = self.connection is None or self.connection.has_extn("8bitmime")
        envelope = Envelope.of(message, eight_bit=eight_bit)
        return self.send_envelope(envelope) if envelope.recipients else None

    def send_envelope(self, envelope: Envelope) -> Reply:
        assert self.connection is not None
        options = [
            *(["BODY=8BITMIME"] if envelope.eight_bit else []),
            *(["SMTPUTF8"] if envelope.utf8 else []),
        ]
        refused = self.connection.sendmail(
            envelope.sender, envelope.recipients, envelope.content, options
        )
        if refused:
            logger.warning(
                "%s refused %d of %d recipients of %s: %r",
                self.host, len(refused), len(envelope.recipients), envelope.message_id, refused,
            )  # fmt: skip
        return Reply(250)

    def _connect(self) -> smtplib.SMTP:
        arguments: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "local_hostname": self.local_hostname or DNS_NAME.get_fqdn(),
            "timeout": self.timeout,
            "source_address": self.source_address,
        }
        if self.use_ssl:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(**arguments, context=self.ssl_context)
        else:
            connection = smtplib.SMTP(**arguments)
        try:
            if self.use_tls:
                connection.starttls(context=self.ssl_context)
            if self.username and self.password:
                self._log_in(connection, self.username, self.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_in(self, connection: smtplib.SMTP, username: str, password: str) -> None:
        assert connection.sock is not None
        encrypted = isinstance(connection.sock, ssl.SSLSocket)
        if not (encrypted or self.allow_cleartext_auth or _is_loopback(connection.sock)):
            raise smtplib.SMTPNotSupportedError(
                f"The password was not sent: the connection to {self.host}:{self.port} is not "
                "encrypted; set use_tls (port 587) or use_ssl (port 465), or "
                "allow_cleartext_auth=True if you must"
            )
        connection.login(username, password)

    def _hint(self, error: OSError) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return (
                "the server refused the user name or the password; many providers want an app "
                "password here"
            )
        return self.hint if isinstance(error, ConnectionRefusedError) else ""


def _is_loopback(sock: Any) -> bool:
    return ipaddress.ip_address(sock.getpeername()[0].partition("%")[0]).is_loopback
