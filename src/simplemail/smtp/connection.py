"""The connection to a mail server: an smtplib.SMTP over a channel that limits every wait."""

from __future__ import annotations

import logging  # noqa: F401 - what an open session may need is loaded with the first one
import smtplib
import socket
import sys
from collections import deque
from contextlib import contextmanager

from ..light import TYPE_CHECKING, Any
from . import tls
from .channel import Channel
from .greeting import greet, hello, own_name, sends_elsewhere, start_tls
from .reaching import Host
from .replies import Broken, in_bytes
from .session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from ..receipts import Reply
    from .route import Route


class Connection(smtplib.SMTP):
    """An smtplib.SMTP whose methods work as its documentation says, between our own messages.

    It keeps what smtplib can't: each reply is there within `timeout` seconds, or the connection
    ends with smtplib.SMTPServerDisconnected; `starttls()` verifies the certificate. While answers
    to messages of ours are `outstanding`, whatever sends or reads raises RuntimeError. After use by
    somebody else it is `touched`, and our next message begins with RSET.
    """

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        timeout: float | None,
        *,
        local_hostname: str = "localhost",
        source_address: Any = None,
        implicit_tls: ssl.SSLContext | None = None,
        server_hostname: str = "",
    ) -> None:
        super().__init__(
            local_hostname=local_hostname,
            timeout=timeout,  # type: ignore[arg-type]  # None is no limit, as for sockets
            source_address=source_address,
        )
        self.channel = Channel(sock, timeout)
        self.host = host
        self.server_hostname = certified_name(server_hostname or host)
        self.implicit_tls = implicit_tls
        """The TLS context if TLS begins with the first byte."""
        self.verified: Callable[[], ssl.SSLContext] = tls.context
        """Returns the context for a `starttls()` that is given none."""
        self.needs_tls = False  # no message may be sent in clear text
        self.left_out: frozenset[str] = frozenset()  # extensions not to be used
        self.outstanding: deque[Any] = deque()
        self.touched = False
        self._due = 0  # answers to commands that somebody else has sent
        self._goes_on = False  # the last of them asked for more, such as the content

    @property
    def sock(self) -> socket.socket | None:
        """The socket, None if it is closed."""
        return None if self.channel.closed else self.channel.sock

    @sock.setter
    def sock(self, sock: socket.socket | None) -> None:  # pyright: ignore  # smtplib has a variable
        if sock is self.sock:
            return
        self.touched = True
        self.channel.close()
        self.learn({})
        if sock is not None:
            self._due, self._goes_on = 1, False  # the greeting
            self.channel = Channel(sock, self.timeout)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connect, for `connect()`. The certificate must be for the host that was asked for."""
        if host != self.host:
            self.host, self.server_hostname = host, certified_name(host)
        sock = Host(host, port, timeout, self.source_address).open()
        channel = Channel(sock, timeout)
        if self.implicit_tls is not None:
            channel.wrap(self.implicit_tls, self.server_hostname)
        return channel.sock

    def send(self, s: Any) -> None:
        """Send bytes, or text in `command_encoding`."""
        self._check_free()
        self._say("send:", s)
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        sys.audit("smtplib.send", self, data)
        self.touched = True
        self._due += not self._goes_on
        self._goes_on = False
        with self._ends_if_it_fails():
            self.channel.write(data)

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of the server's next reply."""
        self._check_free()
        with self._ends_if_it_fails():
            reply = self.channel.reply()
        self._goes_on = 300 <= reply.code < 400
        self._due = max(0, self._due - (not self._goes_on))
        code, text = in_bytes(reply)
        self._say("reply:", (code, text))
        return code, text

    def _say(self, what: str, value: object) -> None:
        """Print for those who have called `set_debuglevel()`."""
        if self.debuglevel > 0:
            print(what, repr(value), file=sys.stderr)

    def _check_free(self) -> None:
        if self.outstanding:
            raise RuntimeError(
                "The server's answers to messages on their way are still to come; use "
                "mailer.connection before or after them, not in between"
            )
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")

    @contextmanager
    def _ends_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except Broken as broken:
            self.close()
            if isinstance(broken.error, TimeoutError):
                raise smtplib.SMTPServerDisconnected(str(broken.error)) from broken.error
            raise broken.error from broken.error.__cause__
        except BaseException:
            self.close()
            raise

    # The parameters are those of Python 3.12: the files for a key are deprecated before it.
    def starttls(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, context: ssl.SSLContext | None = None
    ) -> tuple[int, bytes]:
        """Encrypt the connection by `context`, or else as the mailer would: verified.

        Anything received before the handshake may be injected, so it ends the connection.
        """
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server.")
        code, text = self.docmd("STARTTLS")
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        self.encrypt(context or self.verified())
        return code, text

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Put TLS around the connection after the server has accepted STARTTLS."""
        try:
            self.channel.start_tls(context, self.server_hostname)
        except BaseException:
            self.close()  # the server's state is unknown now
            raise
        self.learn({})

    def learn(self, features: Mapping[str, str], reply: Reply | None = None) -> None:
        """Note what the server offers, and its answer to EHLO; without one, all is forgotten."""
        self.esmtp_features = {
            name: value for name, value in features.items() if name not in self.left_out
        }
        self.does_esmtp = bool(features)
        self.ehlo_resp = self.helo_resp = None if reply is None else in_bytes(reply)[1]

    def ehlo(self, name: str = "") -> tuple[int, bytes]:
        """Greet the server, and learn what it offers but for what was left out."""
        answer = super().ehlo(name)
        for extension in self.left_out:
            self.esmtp_features.pop(extension, None)
        return answer

    def leave_out(self, extension: str) -> None:
        """Don't use an extension, now or after another EHLO."""
        self.left_out |= {extension}
        self.esmtp_features.pop(extension, None)

    @property
    def is_greeted(self) -> bool:
        """Was EHLO or HELO accepted, and does that still count?"""
        return self.ehlo_resp is not None or self.helo_resp is not None

    @property
    def lacks_tls(self) -> bool:
        """Is it in clear text, though its mailer forbids that?"""
        return self.needs_tls and not self.channel.encrypted

    @property
    def is_in_step(self) -> bool:
        """Has every command been answered, and every answer been read?"""
        return not self._due


def certified_name(host: str) -> str:
    """Return a host's name as certificates have it: without the dot that ends a full DNS name."""
    return host.removesuffix(".")


def dial(route: Route) -> Session:
    """Open a session that is ready for a message. Leaves nothing open if it fails.

    If one address of the host can't be reached, or greets with 421, the next one is tried.
    """
    host = Host(route.host, route.port, route.connect_timeout, route.source_address)
    while True:
        session = _open(route, host)
        try:
            _set_up(session, route)
        except BaseException as error:
            session.close()
            if not (sends_elsewhere(error) and host.give_up()):
                raise
        else:
            host.has_answered()
            return session


def _open(route: Route, host: Host) -> Session:
    if route.connect is not None:
        sock = route.connect(route.host, route.port, route.connect_timeout)
    else:
        sock = host.open()
    try:
        connection = Connection(
            sock,
            route.host,
            route.timeout,
            local_hostname=route.local_hostname or own_name(sock),
            source_address=route.source_address,
            implicit_tls=route.context if route.implicit else None,
            server_hostname=route.server_hostname,
        )
    except BaseException:
        sock.close()
        raise
    connection.needs_tls = route.context is not None
    connection.left_out = frozenset(route.left_out)
    return Session(connection, notify=route.notify, ret=route.ret)


def _set_up(session: Session, route: Route) -> None:
    if route.context is not None and route.implicit:
        session.channel.wrap(route.context, session.connection.server_hostname)
    greet(session)
    hello(session, session.connection.local_hostname)
    if route.context is not None and not route.implicit:
        start_tls(session, route.context)
        hello(session, session.connection.local_hostname)
    if route.username or route.password or route.auth:
        from . import login

        login.log_in_as(session, route)
        # RFC 4954, 4: only a security layer of SASL's asks for it, and some servers then forget
        # the login.
        if route.ehlo_after_auth:
            hello(session, session.connection.local_hostname)
