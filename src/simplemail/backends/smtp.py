"""Hands messages to a mail server, over SMTP (RFC 5321)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from ..exceptions import Secret, hiding_frames
from ..light import TYPE_CHECKING, Any
from ..receipts import Receipt, Reply
from ..rendering.envelope import Envelope
from ..rendering.sender import is_address
from ..smtp.delivery import DeliveryAgent
from ..smtp.hints import explain_refusal
from ..smtp.opening import put_away
from ..smtp.replies import disconnected
from .base import BaseEmailBackend
from .smtp_connecting import Connecting
from .smtp_options import CHECKED, fill_from_settings, right
from .telling import passing_on

if TYPE_CHECKING:
    import os
    import ssl
    from typing import TypeGuard

    from ..smtp.foreign import ForeignSession
    from ..smtp.route import Route
    from ..smtp.session import Session
    from .checking import Step


class EmailBackend(Connecting, BaseEmailBackend):
    """A session with a mail server. Certificates and host names are always verified.

    - `host`, `port`: the server. The port is by default 25, 587 with `use_tls`, 465 with `use_ssl`.
    - `username`, `password`: the login, if there are both. `password` may be a function, called
      for each login, that returns a fresh token or password. An address as the user name is the
      sender if nobody names one.
    - `use_tls`: STARTTLS, required: never clear text. `use_ssl`: TLS from the first byte.
    - `timeout`: seconds to wait for each answer, 60 by default.
    - `ssl_certfile`, `ssl_keyfile`, `ssl_keyfile_password`: a client certificate (PEM), its key,
      and the key's password or a function that returns it.
    - `ca_file`: the authorities to trust (PEM), instead of the system's. `ssl_context`: a context
      of your own, instead of all these files.
    - `server_hostname`: the name that the certificate must have, by default `host`.
    - `local_hostname`: the name to greet with. `source_address`: the address to connect from.
    - `connect_timeout`: seconds to connect, if not `timeout`. `connect`: a function that does it.
    - `auth`: the one mechanism to use, like "plain". `allow_cleartext_auth`: log in on another
      machine without TLS. `ehlo_after_auth`: greet again after the login.
    - `window`: how many messages `iter_deliver()` may hand over before the first answer. More than
      1 says that this server is trusted with the text of a message that it hasn't agreed to take
      (CHUNKING, RFC 3030): one that refuses it unread takes the text for commands.
    - `retries`: how often to try a message again that surely didn't arrive, after a pause.
    - `keep_alive`: seconds for which up to `pool_size` sessions stay open for the next messages.
    - `max_messages`, `max_lifetime`: how many messages a session takes, and after how many seconds
      it takes no more; by default 500 and 600 if it is kept, and else no limit of ours.
    - `max_connections`: how many connections by all threads may be open at a time; others wait,
      for `timeout` seconds at most.
    - `max_recipients`: how many recipients a transaction has at most. If a message has more, it
      takes several; so it does by itself where the server says that there are too many.
    - `notify`, `ret`: the delivery reports to ask for (RFC 3461), if the server offers them.
    - `extensions`: those to do without even if the server offers them, like "-PIPELINING,-CHUNKING"
      or a list of such names.

    `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`. Without an alias,
    the classic EMAIL_* settings fill in what isn't given; inside a Django project, Django's do,
    unless simplemail has its own.
    """

    _ignored = {
        "prep_address": "override send_envelope(), whose envelope has the addresses",
        "_close_connection": "override close()",
    }

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | Callable[[], str] | None = None,
        use_tls: bool | None = None,
        fail_silently: bool = False,
        use_ssl: bool | None = None,
        timeout: float | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        ssl_certfile: str | os.PathLike[str] | None = None,
        *,
        ssl_keyfile_password: str | Callable[[], str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        source_address: str | tuple[str, int] | None = None,
        connect_timeout: float | None = None,
        connect: Callable[[str, int, float | None], Any] | None = None,
        server_hostname: str | None = None,
        auth: str | None = None,
        allow_cleartext_auth: bool = False,
        ehlo_after_auth: bool = False,
        window: int = 1,
        retries: int = 0,
        keep_alive: float = 0,
        pool_size: int = 16,
        max_messages: int | None = None,
        max_lifetime: float | None = None,
        max_connections: int | None = None,
        max_recipients: int | None = None,
        notify: str = "",
        ret: str = "",
        extensions: str | Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.password = password
        self._key_password: Secret | None = Secret.of(ssl_keyfile_password or None)
        # From here on, error reporters would show this frame's variables.
        del password, ssl_keyfile_password
        with hiding_frames():
            super().__init__(fail_silently, **options)
        self.host, self.port, self.username, self.timeout = host, port, username, timeout
        self.use_tls, self.use_ssl = use_tls, use_ssl
        self.ssl_keyfile, self.ssl_certfile = ssl_keyfile, ssl_certfile
        self.ca_file, self._ssl_context = ca_file, ssl_context
        self._own_context: ssl.SSLContext | None = None
        self.local_hostname, self.source_address = local_hostname, source_address
        self.connect_timeout, self.connect = connect_timeout, connect
        self.auth, self.ehlo_after_auth = auth, ehlo_after_auth
        self.allow_cleartext_auth, self.server_hostname = allow_cleartext_auth, server_hostname
        self.window, self.retries, self.notify, self.ret = window, retries, notify, ret
        self.extensions = extensions
        self.keep_alive, self.pool_size = keep_alive, pool_size
        self.max_messages, self.max_lifetime = max_messages, max_lifetime
        self.max_connections, self.max_recipients = max_connections, max_recipients
        self._session: Session | ForeignSession | None = None
        self._route: Route | None = None  # of a session that may go into the pool
        if self.alias is None:
            fill_from_settings(self)
        given = {name: getattr(self, name) for name in CHECKED}
        for name, value in right(self.alias, given).items():
            setattr(self, name, value)

    @property
    def password(self) -> Any:
        """The password, or the callable that returns it."""
        return None if self._password is None else self._password.reveal()

    @password.setter
    def password(self, value: Any) -> None:
        self._password: Secret | None = Secret.of(value)

    def __str__(self) -> str:
        return self.alias or self.describe()

    @property
    def connection_class(self) -> Any:
        """The class of connections: smtplib's, which here stands for a faster subclass of it.

        A subclass of this backend may name another one, such as smtplib.LMTP, by an attribute or a
        property. Messages then go through its `sendmail()`, one at a time.
        """
        import smtplib

        return smtplib.SMTP_SSL if self.use_ssl else smtplib.SMTP

    @property
    def connection(self) -> Any:
        """The open connection, an smtplib.SMTP; None if there is none.

        Between messages, its methods work as smtplib's documentation says. What is set here,
        connected and logged in, is sent through by its `sendmail()`, and closed with the mailer.
        """
        if self._session is None:
            return None
        self._route = None  # whoever has it may use it as long as they like
        return self._session.connection

    @connection.setter
    def connection(self, smtp: Any) -> None:
        if self._session is not None:
            if smtp is self._session.connection:
                return
            self._session.close()
        self._session = self._route = None
        if smtp is not None:
            from ..smtp.foreign import ForeignSession

            self._session = ForeignSession(smtp, self._way())
            self._session.limit(self.max_messages, self.max_lifetime, self.max_recipients)

    def open(self) -> bool | None:
        if self._stand_in() is not None:
            return True  # and nobody is called
        if self._session is not None and self._session.is_open:
            return False
        try:
            self._leave_behind()
            self._session = self._connect()
        except OSError as error:
            if not self.silences(error):
                raise
            self.log_silenced(error)
            return None
        return True

    def _renew(self) -> Session | ForeignSession:
        """Open another session for messages, by `open()` if a subclass has its own."""
        self._leave_behind()
        if self._is_overridden("open", _OPEN):
            self.open()
        else:
            self._session = self._connect()
        if self._session is None:
            raise disconnected(f"{type(self).__qualname__}.open() has opened no connection")
        return self._session

    def _leave_behind(self) -> None:
        """Let go of a session that can't be used. Whoever is already using it finishes."""
        session = self._session
        if session is not None and session.changing:
            session.close()  # an exception came in between, and left it nobody knows how
        if session is not None and session.busy:
            session.retire()
            self._session = None
        else:
            self.close()

    def close(self) -> None:
        session, self._session = self._session, None
        route, self._route = self._route, None
        if session is not None:
            put_away(session, route, keep_alive=self.keep_alive, size=self.pool_size)

    def is_ready(self) -> bool:
        return self._session is not None

    def iter_deliver(self, messages: Iterable[Any]) -> Iterator[Receipt]:
        if self._stand_in() is not None or self.has_own_send_messages() or self._own_hook():
            yield from super().iter_deliver(messages)
            return
        opening = not self.is_ready()
        told = self._agent(leaving=opening).each_noted(messages, self._lock, self._explain)
        try:
            yield from passing_on(told, self.log_receipt)
        finally:
            if opening:
                self.close()

    def _hand_over(self, messages: Iterable[Any]) -> Generator[Receipt, None, None]:
        if not self._may_overlap(messages):
            yield from super()._hand_over(messages)
            return
        opened = False
        if not self.is_ready():
            opened = yield from self._open_for(messages[0])
            if not self.is_ready():
                return
        agent = self._agent(leaving=opened, stopping=not self.fail_silently)
        try:
            yield from agent.each_noted(messages, self._lock, self._explain)
        finally:
            if opened:
                self.close()

    def _may_overlap(self, messages: Iterable[Any]) -> TypeGuard[list[Any]]:
        """May commands for one message travel with another's content, or QUIT with the last's?"""
        if not isinstance(messages, list) or len(messages) < (2 if self.is_ready() else 1):
            return False
        return not (self._own_hook() or any(self._is_overridden(*each) for each in _EACH))

    def _explain(self, receipt: Receipt) -> None:
        explain_refusal(receipt.error, self)

    def _own_hook(self) -> Callable[[Any], object] | None:
        return self._send if self._is_overridden("_send", _SEND) else None

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        from .smtp_check import check_of

        yield from check_of(self, sender, recipients).run()

    @property
    def own_address(self) -> str:
        return self.username or "" if is_address(self.username) else ""

    @property
    def sends(self) -> bool:
        return True

    def describe(self) -> str:
        if (self.host or "").startswith("/"):
            return f"the Unix socket {self.host}"
        scheme = "smtps" if self.use_ssl else "smtp+tls" if self.use_tls else "smtp"
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host
        return f"{scheme}://{host}:{self.port}"

    def _send(self, email_message: Any) -> bool:
        """Send one message over what is open. Django's hook: an override gets every message."""
        return self._deliver_for_hook(email_message, self.deliver_rendered)

    def deliver_rendered(self, message: Any) -> Receipt:
        self._underway = receipt = self._agent().deliver(message)
        self._explain(receipt)
        return receipt

    def send_envelope(self, envelope: Envelope) -> Reply:
        receipt = self.deliver_rendered(envelope)
        if receipt.error is not None:
            raise receipt.error
        return receipt.reply or Reply(250)

    def ready_session(self, already: Any = None) -> tuple[Session | ForeignSession, bool]:
        """Return a session for a message, busy only if they have it `already`, and if it is new."""
        session = self._session
        if session is None or (session.busy and session is not already) or not session.ready():
            session = self._renew()
        return session, session.fresh

    def _agent(self, *, leaving: bool = False, stopping: bool = False) -> DeliveryAgent:
        options = {"window": self.window, "retries": self.retries}
        leaving, sender = leaving and not self.keep_alive, self.own_address
        return DeliveryAgent(self, **options, leaving=leaving, stopping=stopping, sender=sender)


# Kept apart from the class, on which a test may put other ones.
_SEND, _OPEN = EmailBackend._send, EmailBackend.open
_EACH = [(name, getattr(EmailBackend, name)) for name in ("deliver_message", "deliver_rendered")]
