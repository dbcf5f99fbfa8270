"""Finds out, step by step, whether a mailer can send, without sending anything."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import smtplib
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exceptions import ImproperlyConfigured
from ..rendering.msgid import DNS_NAME
from ..smtp import greeting
from ..smtp.channel import Channel
from ..smtp.hints import NAME_MISMATCH, explain
from ..smtp.session import Session
from . import certificates
from .mailer import mailer_of
from .terminal import Listener, one_line, say
from .usage import DONE, add_mailer_arguments

if TYPE_CHECKING:
    from ..backends.smtp import EmailBackend as SMTPMailer

OK, WARNING, FAILED = "ok", "warning", "failed"

SOON = 14
"""Days before its end from which a certificate is worth a warning."""


class Step(NamedTuple):
    """What one step found out. A step that failed is the last, and has the error that says why."""

    mark: str
    name: str
    detail: str = ""
    error: OSError | ImproperlyConfigured | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_mailer_arguments(parser)


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Say what each step found out; raise the error of the one that failed."""
    mailer = mailer_of(args)
    if not args.quiet:
        say(f"Checking {one_line(described(mailer))}")
    for step in check(mailer):
        if not (args.quiet and step.mark == OK):
            say(f"  {step.mark:<8} {step.name:<12} {one_line(step.detail)}".rstrip())
        if step.error:
            raise step.error
    if not args.quiet:
        say("Ready to send. Nothing was sent.")
    return DONE


def check(mailer: Any) -> Iterator[Step]:
    """Yield each step's result as soon as it is known.

    An SMTP server is spoken to as for a message, up to the point where the message would begin.
    """
    if is_smtp(mailer):
        yield from _SMTPCheck(mailer).run()
    elif hasattr(mailer, "file_path"):
        yield _directory(mailer)
    else:
        promise = inspect.getdoc(type(mailer)) or "there is nothing to check"
        yield Step(OK, "Mailer", promise.partition("\n")[0])


def described(mailer: Any) -> str:
    """Return which mailer this is, without user and password: "smtps://mail.example.com:465"."""
    if is_smtp(mailer):
        scheme = "smtps" if mailer.use_ssl else "smtp+tls" if mailer.use_tls else "smtp"
        return f"{scheme}://{_where(mailer)}"
    if hasattr(mailer, "file_path"):
        return f"files in {mailer.file_path}"
    return f"{type(mailer).__module__}.{type(mailer).__qualname__}"


def is_smtp(mailer: Any) -> bool:
    """Does this mailer speak to a server?"""
    from ..backends.smtp import EmailBackend

    return isinstance(mailer, EmailBackend)


def _where(mailer: Any) -> str:
    host = f"[{mailer.host}]" if ":" in mailer.host else mailer.host
    return f"{host}:{mailer.port}"


def _directory(mailer: Any) -> Step:
    try:
        # By doing it: os.access() says yes to root on a read-only disk, too.
        with tempfile.TemporaryFile(dir=mailer.file_path):
            return Step(OK, "Directory", f"{mailer.file_path} can be written to")
    except OSError as error:
        return Step(FAILED, "Directory", error=error)


class _SMTPCheck:
    """A first session finds out what the server is; a second, the mailer's own, logs in."""

    def __init__(self, mailer: SMTPMailer) -> None:
        self.mailer = mailer
        self.host, self.port = str(mailer.host), int(mailer.port or 0)
        self.name = mailer.local_hostname or DNS_NAME.get_fqdn()
        self.addresses: list[str] = []
        self.sessions: list[Session] = []
        self.warnings: list[str] = []
        self.hint = ""
        self.explained = False  # by the mailer itself

    def run(self) -> Iterator[Step]:
        try:
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
        finally:
            for session in self.sessions:
                session.close()

    def _plan(self) -> list[tuple[str, Callable[[], str]]]:
        plan = [("Name", self.resolve), ("Connection", self.connect)]
        if self.mailer.use_ssl:
            plan += [("TLS", self.encrypt), ("Certificate", self.certificate)]
        plan += [("Greeting", self.greeting), ("EHLO", self.hello)]
        if self.mailer.use_tls:
            plan += [("STARTTLS", self.start_tls), ("Certificate", self.certificate)]
            plan += [("EHLO", self.hello)]  # RFC 3207, 4.2: what was offered before is void
        plan += [("AUTH", self.auth), ("QUIT", self.quit)]
        return plan + [("Login", self.log_in)] * bool(self._has_credentials)

    @property
    def _certified(self) -> str:
        """The name that the certificate must be for."""
        return self.mailer.server_hostname or self.host

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
        explain(error, _where(self.mailer), timeout=self.mailer.timeout or 0, hint=self.hint)

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
                    "every message tries it first; repair it, or take it out of the DNS"
                )
        return f"to {self.addresses[0]} in {(time.monotonic() - began) * 1000:.0f} ms"

    def _connect_to(self, address: str) -> None:
        source: Any = self.mailer.source_address
        sock = socket.create_connection((address, self.port), self.mailer.timeout, source)
        self.sessions.append(Session(Channel(sock, self.mailer.timeout), self.host))

    def greeting(self) -> str:
        greeting.greet(self._session)
        return str(self._session.greeting)

    def hello(self) -> str:
        greeting.hello(self._session, self.name)
        features = self._session.features
        if "starttls" in features and not self.mailer.use_tls:
            self.warnings.append("mail travels unencrypted, but needn't: use smtp+tls:// (use_tls)")
        return ", ".join(f"{k.upper()} {v}".strip() for k, v in features.items()) or "no extensions"

    def start_tls(self) -> str:
        greeting.start_tls(self._session, self.mailer.ssl_context, self._certified)
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
            self.warnings.append("there is a user name without a password, so nobody logs in")
        if self._has_credentials and not methods:
            raise smtplib.SMTPNotSupportedError(
                f"{_where(self.mailer)} offers no login (AUTH) here; "
                + ("leave out user and password" if self._encrypted else "try use_tls on port 587")
            )
        return ", ".join(methods) or "not offered"

    @property
    def _encrypted(self) -> bool:
        return bool(self.mailer.use_ssl or self.mailer.use_tls)

    def quit(self) -> str:
        self._session.quit()
        return "done"

    def log_in(self) -> str:
        # The mailer's own way, so that what is found is what a message will find.
        self.mailer.fail_silently, self.explained = False, True
        try:
            self.mailer.open()
        finally:
            self.mailer.close()
        return "accepted"

    def _other_names(self) -> str:
        """Connect again without comparing names, to say which ones the certificate is for."""
        # Not the mailer's own context: nothing may be sent by these rules.
        context = ssl.create_default_context(cafile=self.mailer.ca_file)
        context.check_hostname = False
        with contextlib.suppress(OSError):
            self._connect_to(self.addresses[0])
            if self.mailer.use_tls:
                greeting.greet(self._session)
                greeting.hello(self._session, self.name)
                greeting.start_tls(self._session, context, self._certified)
            else:
                self._session.channel.wrap(context, self._certified)
            return f"it is for {certificates.names(self._socket.getpeercert() or {})}"
        return ""
