"""A real SMTP server in a thread, for tests. You decide what it answers."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from .channel import Channel
from .faults import Fault
from .limits import Limits
from .sasl import MECHANISMS
from .script import Answer, Reply, Script
from .session import Session
from .transactions import Received

EXTENSIONS = (
    "PIPELINING",
    "SIZE 33554432",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "CHUNKING",
    "DSN",
)
TLS_DIR = Path(__file__).parent.parent / "tls"
"""Certificates for tests: of this server (`ca.pem`, `server.pem`), of a client, and bad ones."""


class SMTPServer:
    """Listens on a free port of 127.0.0.1 from `start()` to `stop()`, or for a `with` block.

    - `extensions`: lines of the EHLO reply, without STARTTLS and AUTH.
    - `tls_extensions`: those within TLS; None means the same.
    - `starttls`: offer STARTTLS.
    - `tls`: begin with TLS.
    - `certificate`: a PEM file with the key and the chain; `ca_file`: the CA that signed it.
    - `client_ca`: demand a client certificate of this CA.
    - `users`: {name: password or token}. With `starttls`, AUTH is offered within TLS only,
      unless `auth_in_clear`.
    - `auth`: the mechanisms to offer; `auth_required`: refuse MAIL without a login.
    - `helo_only`: don't know EHLO.
    - `forgiving`: don't ask for RSET after content that was refused for want of recipients.
    - `rtt`: the round-trip time of a simulated network, in seconds.
    - `record`: if false, keep counts only, for millions of messages.
    - `limits`: for clients that can't be trusted.

    All of them are attributes, too. A change counts from the next EHLO or connection on.
    """

    host = "127.0.0.1"
    name = "test.example"
    greeting = "220 test.example ESMTP"

    def __init__(
        self,
        *,
        extensions: Iterable[str] = EXTENSIONS,
        tls_extensions: Iterable[str] | None = None,
        starttls: bool = False,
        tls: bool = False,
        certificate: str | Path = TLS_DIR / "server.pem",
        ca_file: str | Path = TLS_DIR / "ca.pem",
        client_ca: str | Path | None = None,
        users: Mapping[str, str] | None = None,
        auth: Sequence[str] = MECHANISMS,
        auth_required: bool = False,
        auth_in_clear: bool = False,
        helo_only: bool = False,
        forgiving: bool = False,
        rtt: float = 0.0,
        record: bool = True,
        limits: Limits = Limits(),  # noqa: B008 - a value
    ) -> None:
        self.extensions = list(extensions)
        self.tls_extensions = None if tls_extensions is None else list(tls_extensions)
        self.starttls = starttls
        self.tls = tls
        self.certificate = certificate
        self.ca_file = ca_file
        self.client_ca = client_ca
        self.users: Mapping[str, str] = dict(users or {})
        self.auth = list(auth)
        self.auth_required = auth_required
        self.auth_in_clear = auth_in_clear
        self.helo_only = helo_only
        self.forgiving = forgiving
        self.rtt = rtt
        self.record = record
        self.limits = limits
        self.port = 0
        self.messages: list[Received] = []
        self.accepted = 0
        self.connections: list[Session] = []
        self.violations: list[str] = []
        self.most_open = 0
        self._script = Script()
        self._changed = threading.Condition(threading.RLock())
        self._accepted_connections = 0
        self._open: dict[Session, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._context: tuple[object, ssl.SSLContext] | None = None

    # Running

    def start(self) -> Self:
        """Listen; at the same port as before, if there was a before."""
        if self._acceptor is None:
            if self._listener is None:
                self._listener = self._bind()
            self._listener.listen(128)
            self._acceptor = threading.Thread(target=self._accept, args=[self._listener])
            self._acceptor.start()
        return self

    def stop(self) -> None:
        """Drop all connections and wait until every thread has ended. Safe to call twice."""
        self.kill()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def kill(self) -> None:
        """Drop all connections and refuse new ones (the port stays ours) until `start()`."""
        if self._acceptor is None:
            return
        listener, acceptor = self._listener, self._acceptor
        assert listener is not None
        self._listener = self._acceptor = None
        # A connection of our own wakes accept() on every platform.
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port)):
            acceptor.join()
        acceptor.join()
        listener.close()
        with self._changed:
            threads = dict(self._open)
        for session in threads:
            session.channel.hang_up()
        for thread in threads.values():
            thread.join()
        # Bound but not listening: connections are refused, and nobody else gets the port.
        self._listener = self._bind()

    def restart(self) -> None:
        """Drop all connections, and listen again."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """A mailer URL for this server: TLS, its CA and the first user included."""
        scheme = "smtps" if self.tls else "smtp+tls" if self.starttls else "smtp"
        user = "".join(f"{quote(n, '')}:{quote(p, '')}@" for n, p in [*self.users.items()][:1])
        query = f"?ca_file={quote(str(self.ca_file))}" if self.tls or self.starttls else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user}{host}:{self.port}{query}"

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self.host, self.port))
        except OSError:
            sock.close()
            raise
        self.port = sock.getsockname()[1]
        return sock

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if self._acceptor is None:
                sock.close()
                return
            most = self.limits.connections
            if most is not None and len(self._open) >= most:
                with contextlib.suppress(OSError), sock:
                    sock.sendall(b"421 4.7.0 Too many connections\r\n")
                continue
            with self._changed:
                channel = Channel(sock, rtt=self.rtt, record=self.record)
                channel.on_wait = self._notify
                channel.idle = self.limits.idle
                session = Session(self, channel, self._accepted_connections)
                thread = threading.Thread(target=self._run, args=[session])
                self._accepted_connections += 1
                self.connections.append(session)
                self._open[session] = thread
                self.most_open = max(self.most_open, len(self._open))
                self._changed.notify_all()
            thread.start()

    def _run(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._changed:
                del self._open[session]
                if not self.record:
                    self.connections.remove(session)
                self._changed.notify_all()

    # Scripting

    def script(
        self,
        command: str | re.Pattern[str],
        answer: Answer | Sequence[Answer],
        *,
        nth: int | None = None,
        after: int = 0,
    ) -> None:
        """Answer a command this way. The newest rule that fits counts.

        - `command`: the beginning of a line in any letter case, a pattern, or GREETING, HANDSHAKE
          (TLS), RESPONSE (a line of the AUTH dialogue), CONTENT, or END (of the content, by DATA
          or BDAT).
        - `answer`: a reply ("550 5.1.1 No", more lines after a newline; bytes go out as they are),
          a Fault, a function (line, session) -> answer, or None for the usual answer. A list holds
          the answers to the first, second, ... such command; the usual ones follow.
        - `nth`: answer only the nth such command like this, counted from 1.
        - `after`: for CONTENT, the number of octets to read first. A reply there is the last.

        Replies have their natural effect: after 250 a recipient is one, and 421 closes.
        """
        self._script.add(command, answer, nth=nth, after=after)
        self.has_script = True

    def unscript(self) -> None:
        """Answer as usual again."""
        self._script.clear()
        self.has_script = False

    has_script = False

    def strike(self, fault: Fault | str | bytes, connection: int = -1) -> None:
        """Let `fault`, or a reply that nobody asked for, happen to an idle connection, now.

        `connection` counts from 0, in the order of connecting; -1 is the latest.
        """
        self.connections[connection].strike(fault)

    # Reading

    @property
    def turns(self) -> int:
        """Round trips that clients waited for, over all connections."""
        return sum(session.turns for session in self.connections)

    @property
    def commands(self) -> list[str]:
        """The commands of all connections, one connection after the other."""
        return [command for session in self.connections for command in session.commands]

    @property
    def open_connections(self) -> int:
        """How many are open now; `most_open` is the most there ever were at a time.

        A client that has just gone without QUIT may still be counted.
        """
        return len(self._open)

    def wait_for(self, predicate: Callable[[], object], timeout: float = 10.0) -> None:
        """Wait until `predicate()` is true. It is called whenever something happens, and often.

        Raises TimeoutError after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not predicate():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{predicate} is still false after {timeout} s")
                # Not everything is announced, a byte received for one.
                self._changed.wait(0.02)

    # For sessions

    def offers(self, *, tls: bool) -> list[str]:
        """The lines of an EHLO reply."""
        lines = self.extensions if not tls or self.tls_extensions is None else self.tls_extensions
        lines = list(lines)
        if self.starttls and not tls:
            lines.append("STARTTLS")
        if self.users and (tls or not self.starttls or self.auth_in_clear):
            lines.append(" ".join(["AUTH", *self.auth]))
        return lines

    def scripted(self, text: str, session: Session) -> Reply:
        return self.script_for(text, session)[0] if self.has_script else None

    def script_for(self, text: str, session: Session) -> tuple[Reply, int]:
        return self._script.find(text, session)

    def take(self, message: Received) -> None:
        """Keep an accepted message."""
        with self._changed:
            self.accepted += 1
            if self.record:
                self.messages.append(message)
            self._changed.notify_all()

    def tls_context(self) -> ssl.SSLContext:
        """The server's side of TLS; made once for each certificate."""
        key = (self.certificate, self.client_ca)
        if self._context is None or self._context[0] != key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            if self.client_ca is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.client_ca)
            self._context = (key, context)
        return self._context[1]

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
