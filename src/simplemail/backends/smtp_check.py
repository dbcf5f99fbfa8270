"""Checks each step of sending through a server, without sending anything."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from ..exceptions import ImproperlyConfigured
from ..rendering.addresses import addr_spec
from ..rendering.sender import fallback
from ..smtp import certificates, greeting
from ..smtp.connection import Connection, certified_name
from ..smtp.foreign import is_smtplibs_own
from ..smtp.hints import explain, explain_refusal, given_by
from ..smtp.reaching import Host
from ..smtp.session import Session
from ..smtp.tls_hints import NAME_MISMATCH
from .checking import FAILED, OK, WARNING, Step

if TYPE_CHECKING:
    from .smtp import EmailBackend

SOON = 14
"""A certificate that expires within this many days is worth a warning."""

PATIENCE = 10.0
"""The longest wait of a step, in seconds, because somebody is watching."""


class SMTPCheck:
    """A first session finds out what the server is; a second, the mailer's own, logs in and asks.

    The mailer's limits are lowered for as long as this takes.
    """

    def __init__(self, mailer: EmailBackend, sender: str | None, recipients: Sequence[str]) -> None:
        self.mailer = mailer
        self.sender, self.recipients = sender, recipients
        self.host, self.port = str(mailer.host), int(mailer.port or 0)
        self.addresses: list[str] = []
        self.sessions: list[Session] = []
        self.warnings: list[str] = []
        self.hint = ""
        self.explained = False  # by the mailer itself
        self.was_open = mailer.is_ready()

    def run(self) -> Iterator[Step]:
        with self._attentive():
            yield from self._steps()

    @contextlib.contextmanager
    def _attentive(self) -> Iterator[None]:
        """Let the mailer fail at once, on a connection of its own, which is closed again."""
        mailer = self.mailer
        timeout = min(mailer.timeout or PATIENCE, PATIENCE)
        now = {"timeout": timeout, "fail_silently": False, "retries": 0, "keep_alive": 0}
        before = {name: getattr(mailer, name) for name in now}
        try:
            for name, value in now.items():
                setattr(mailer, name, value)
            yield
        finally:
            for session in self.sessions:
                session.close()
            self._leave()
            for name, value in before.items():
                setattr(mailer, name, value)

    def _steps(self) -> Iterator[Step]:
        for name, action in self._plan():
            try:
                yield Step(OK, name, action())
            except (OSError, ImproperlyConfigured) as error:
                untrusted = isinstance(error, ssl.SSLCertVerificationError)
                self._explain(error)
                yield Step(FAILED, "Certificate" if untrusted else name, error=error)
                return
            yield from (Step(WARNING, name, warning) for warning in self.warnings)
            self.warnings.clear()

    def _plan(self) -> list[tuple[str, Callable[[], str]]]:
        plan = [("Name", self.resolve), ("Connection", self.connect)]
        if self.mailer.use_ssl:
            plan += [("TLS", self.encrypt), ("Certificate", self.certificate)]
        plan += [("Greeting", self.greeting), ("EHLO", self.hello)]
        if self.mailer.use_tls:
            plan += [("STARTTLS", self.start_tls), ("Certificate", self.certificate)]
            plan += [("EHLO", self.hello)]  # RFC 3207, 4.2: forget what was offered before
        plan.append(("AUTH", self.auth))
        if self._has_credentials:
            plan.append(("Login", self.log_in))
        plan.append(("MAIL", self.mail))
        if self.recipients:
            plan.append(("RCPT", self.rcpt))
        return [*plan, ("QUIT", self.quit)]

    @property
    def _certified(self) -> str:
        """The name that the certificate must be for."""
        return certified_name(self.mailer.server_hostname or self.host)

    @property
    def _where(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def _session(self) -> Session:
        return self.sessions[-1]

    @property
    def _has_credentials(self) -> bool:
        return bool(self.mailer.username and self.mailer.password)

    def _explain(self, error: OSError | ImproperlyConfigured) -> None:
        if self.explained or not isinstance(error, OSError):
            return
        if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in NAME_MISMATCH:
            self.hint = self._other_names()
        seconds, given = self.mailer.timeout or 0, given_by(self.mailer)
        explain(error, self._where, timeout=seconds, hint=self.hint, given=given)

    def resolve(self) -> str:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        self.addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        if self.addresses == [self.host]:
            return f"{self.host} is an address, not a name"
        return f"{self.host} is {', '.join(self.addresses)}"

    def connect(self) -> str:
        began = time.monotonic()
        while not self.sessions:
            try:
                self._connect_to(self.addresses[0])
            except OSError as error:
                if len(self.addresses) == 1:
                    raise
                self.warnings.append(
                    f"{self.addresses.pop(0)} can't be reached ({error.strerror or error}), and "
                    "every message tries it first; fix it, or remove it from the DNS"
                )
        return f"to {self.addresses[0]} in {(time.monotonic() - began) * 1000:.0f} ms"

    def _connect_to(self, address: str) -> None:
        timeout, source = self.mailer.timeout, cast("tuple[str, int]", self.mailer.source_address)
        if connect := self.mailer.connect:
            sock = connect(address, self.port, timeout)
        else:
            sock = Host(address, self.port, timeout, source).open()
        connection = Connection(
            sock,
            self.host,
            timeout,
            local_hostname=self.mailer.local_hostname or greeting.own_name(sock),
            server_hostname=self._certified,
        )
        self.sessions.append(Session(connection))

    def greeting(self) -> str:
        greeting.greet(self._session)
        return str(self._session.greeting)

    def hello(self) -> str:
        greeting.hello(self._session, self._session.connection.local_hostname)
        features = self._session.features
        if "starttls" in features and not self.mailer.use_tls:
            self.warnings.append(
                "mail travels unencrypted, though the server offers TLS: use smtp+tls:// (use_tls)"
            )
        return ", ".join(f"{k.upper()} {v}".strip() for k, v in features.items()) or "no extensions"

    def start_tls(self) -> str:
        greeting.start_tls(self._session, self.mailer.ssl_context)
        return self._cipher()

    def encrypt(self) -> str:
        self._session.channel.wrap(self.mailer.ssl_context, self._certified)
        return self._cipher()

    @property
    def _socket(self) -> ssl.SSLSocket:
        assert isinstance(self._session.channel.sock, ssl.SSLSocket)
        return self._session.channel.sock

    def _cipher(self) -> str:
        return f"{self._socket.version()}, {(self._socket.cipher() or ['?'])[0]}"

    def certificate(self) -> str:
        certificate = self._socket.getpeercert()
        if not certificate:
            self.warnings.append("not verified: the ssl_context given does not ask for it")
            return "accepted"
        if (left := certificates.days_left(certificate)) < SOON:
            self.warnings.append(f"ends in {left} days, and then nothing will be sent; renew it")
        return certificates.described(certificate)

    def auth(self) -> str:
        methods = self._session.features.get("auth", "").split()
        if self.mailer.username and not self.mailer.password:
            self.warnings.append("there is a user name without a password, so there is no login")
        if self._has_credentials and not methods:
            raise smtplib.SMTPNotSupportedError(
                f"{self._where} offers no login (AUTH) here; "
                + ("leave out user and password" if self._encrypted else "try use_tls on port 587")
            )
        return ", ".join(methods) or "not offered"

    @property
    def _encrypted(self) -> bool:
        return bool(self.mailer.use_ssl or self.mailer.use_tls)

    def log_in(self) -> str:
        self._open()
        return "accepted"

    def _open(self) -> None:
        # As the mailer itself connects, so that messages will find the same. The first session
        # is ended before, because some servers allow only one at a time.
        self._session.quit()
        self.explained = True
        self.mailer.open()

    def mail(self) -> str:
        if not (self._has_credentials or self.mailer.is_ready()):
            self._open()
        given = fallback(self.mailer.own_address) if self.sender is None else self.sender
        sender = addr_spec(given, utf8=True) if given else ""
        options = [] if sender.isascii() else ["SMTPUTF8"]
        code, text = self._connection.mail(sender, options)
        if code != 250:
            raise self._refused(smtplib.SMTPSenderRefused(code, text, sender))
        if not self.recipients:
            self._connection.rset()
        return f"from {sender or 'nobody (<>)'}"

    def rcpt(self) -> str:
        answers = {who: self._connection.rcpt(addr_spec(who, utf8=True)) for who in self.recipients}
        self._connection.rset()
        if refused := {who: answer for who, answer in answers.items() if answer[0] // 100 != 2}:
            raise self._refused(smtplib.SMTPRecipientsRefused(refused))
        return ", ".join(answers)

    @property
    def _connection(self) -> smtplib.SMTP:
        assert self.mailer.connection is not None
        connection: smtplib.SMTP = self.mailer.connection
        return connection

    def _refused(self, error: OSError) -> OSError:
        explain_refusal(error, self.mailer)
        return error

    def quit(self) -> str:
        self._leave()
        return "done"

    def _leave(self) -> None:
        """End the mailer's session, unless it was open before."""
        if not self.was_open:
            self.mailer.close()

    def _other_names(self) -> str:
        """Connect again without comparing names, to say which ones the certificate is for."""
        # Not the mailer's own context, so that nothing is ever sent under these rules.
        context = ssl.create_default_context(cafile=self.mailer.ca_file)
        context.check_hostname = False
        with contextlib.suppress(OSError):
            self._connect_to(self.addresses[0])
            if self.mailer.use_tls:
                greeting.greet(self._session)
                greeting.hello(self._session, self._session.connection.local_hostname)
                greeting.start_tls(self._session, context)
            else:
                self._session.channel.wrap(context, self._certified)
            return f"it is for {certificates.names(self._socket.getpeercert() or {})}"
        return ""


class ForeignCheck(SMTPCheck):
    """For a connection that isn't ours, such as smtplib.LMTP: it does several steps at once."""

    def _plan(self) -> list[tuple[str, Callable[[], str]]]:
        word = getattr(self.mailer.connection_class, "ehlo_msg", "ehlo").upper()  # LMTP: LHLO
        plan = [("Connection", self.connect), (word, self.hello), ("MAIL", self.mail)]
        if self.recipients:
            plan.append(("RCPT", self.rcpt))
        return [*plan, ("QUIT", self.quit)]

    def connect(self) -> str:
        began = time.monotonic()
        self.explained = True
        self.mailer.open()
        login = ", and logged in" if self._has_credentials else ""
        kind = type(self._connection).__qualname__
        return f"by {kind}{login}, in {(time.monotonic() - began) * 1000:.0f} ms"

    def hello(self) -> str:
        self._connection.ehlo_or_helo_if_needed()
        features = getattr(self._connection, "esmtp_features", {})
        return ", ".join(f"{k.upper()} {v}".strip() for k, v in features.items()) or "no extensions"


def check_of(mailer: EmailBackend, sender: str | None, recipients: Sequence[str]) -> SMTPCheck:
    """Return the check that fits the connections of this mailer."""
    kind = SMTPCheck if is_smtplibs_own(mailer.connection_class) else ForeignCheck
    return kind(mailer, sender, recipients)
