"""Takes mail in by SMTP, from whoever may reach the port."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from ..testing.server.limits import Limits
from ..testing.server.sasl import ANYBODY
from ..testing.server.server import SMTPServer
from ..testing.server.transactions import Received
from .guard import reached_at
from .messages import Messages
from .store import Arrival

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN")
LONGEST_LINE = 4_096  # of a command
MOST_CONNECTIONS = 100
SECONDS_OF_SILENCE = 300.0

_REASONS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "None": "there must be a certificate and its key in PEM",
}
"""What OpenSSL means."""


class TLS(NamedTuple):
    """Offer STARTTLS with this certificate, a PEM file, or without one with the test kit's.

    Its key is in `keyfile`, or in the same file.
    """

    certfile: Path | None = None
    keyfile: Path | None = None


class Receiver(SMTPServer):
    """An SMTP server that keeps what it takes in `messages`, for any recipient and any login.

    With `tls`, clients may use STARTTLS, and needn't. Raises ValueError for a certificate that
    can't be used.
    """

    name = "inbox.localhost"
    greeting = "220 inbox.localhost ESMTP simplemail: nothing is delivered from here"

    def __init__(
        self,
        messages: Messages,
        host: str,
        port: int,
        *,
        max_size: int,
        tls: TLS | None = None,
    ) -> None:
        limits = Limits(max_size, LONGEST_LINE, SECONDS_OF_SILENCE, MOST_CONNECTIONS)
        extensions = (*EXTENSIONS, f"SIZE {max_size}")
        super().__init__(extensions=extensions, forgiving=True, record=False, limits=limits)
        self.host, self.port = host, port
        self.users, self.auth, self.auth_in_clear = ANYBODY, ["PLAIN", "LOGIN"], True
        self.starttls = tls is not None
        self._own = _context(tls) if tls and tls.certfile else None
        self._kept = messages

    @property
    def url(self) -> str:
        """A mailer URL for this server: with STARTTLS, if it is offered."""
        host = reached_at(self.host)
        if not self.starttls:
            return f"smtp://{host}:{self.port}"
        trust = "" if self._own else f"?ca_file={quote(str(self.ca_file))}"
        return f"smtp+tls://{host}:{self.port}{trust}"

    def tls_context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        return self._own or super().tls_context()

    def take(self, message: Received) -> None:
        """Keep an accepted message."""
        is_announced = message.parameters.get("BODY", "7BIT").upper() != "7BIT"
        arrival = Arrival(
            message.content,
            message.sender,
            tuple(message.recipients),
            announced_8bit=is_announced,
        )
        self._kept.add(arrival)
        super().take(message)


def _context(tls: TLS) -> ssl.SSLContext:
    for file in filter(None, tls):
        if not file.is_file():  # OpenSSL doesn't say which one
            raise ValueError(f"There is no file {file} for STARTTLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert tls.certfile
    try:
        context.load_cert_chain(tls.certfile, tls.keyfile, _no_password)
    except OSError as error:
        reason = getattr(error, "reason", None)
        what = _REASONS.get(str(reason), reason)
        files = " and ".join(str(file) for file in tls if file)
        raise ValueError(f"Can't use {files} for STARTTLS: {what}") from error
    return context


def _no_password() -> str:
    # Without this, OpenSSL would ask for one on the terminal.
    raise ValueError("The key for STARTTLS is encrypted; use one that isn't")
