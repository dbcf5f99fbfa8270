"""Takes mail in by SMTP, from whoever may reach the port."""

from __future__ import annotations

from ..testing.server.limits import Limits
from ..testing.server.sasl import ANYBODY
from ..testing.server.server import SMTPServer
from ..testing.server.transactions import Received
from .messages import Messages
from .store import Arrival

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN")
LONGEST_LINE = 4_096  # of a command
MOST_CONNECTIONS = 100
SECONDS_OF_SILENCE = 300.0


class Receiver(SMTPServer):
    """An SMTP server that keeps what it takes in `messages`, for any recipient and any login."""

    name = "inbox.localhost"
    greeting = "220 inbox.localhost ESMTP simplemail: nothing is delivered from here"

    def __init__(self, messages: Messages, host: str, port: int, *, max_size: int) -> None:
        limits = Limits(max_size, LONGEST_LINE, SECONDS_OF_SILENCE, MOST_CONNECTIONS)
        extensions = (*EXTENSIONS, f"SIZE {max_size}")
        super().__init__(extensions=extensions, forgiving=True, record=False, limits=limits)
        self.host, self.port = host, port
        self.users, self.auth = ANYBODY, ["PLAIN", "LOGIN"]
        self._kept = messages

    @property
    def url(self) -> str:
        """A mailer URL for this server."""
        return f"smtp://{self.host}:{self.port}"

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
