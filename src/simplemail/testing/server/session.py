"""One client's session: greeting, EHLO, TLS, login, and the replies that tests script."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import sasl
from .channel import Channel, Hangup
from .faults import Fault, Told
from .limits import TooMuch
from .script import code_of
from .transactions import Received, Transactions

if TYPE_CHECKING:
    from .server import SMTPServer

# RFC 2920, 3.1: these may only be the last command of a group.
_LAST_OF_GROUP = {"EHLO", "HELO", "DATA", "VRFY", "EXPN", "NOOP", "QUIT", "STARTTLS", "AUTH"}
_ENHANCED = re.compile(r"^(\d{3}[ -])\d\.\d+\.\d+ ", re.MULTILINE)
_LONGEST_LINE = 1000
_LONGEST_RESPONSE = 12288  # RFC 4954, 4


class Session:
    """One connection, from the greeting to its end. Tests read its attributes:

    `commands` (lines without their ends), `received` (every byte, after decryption), `turns` (round
    trips that the client waited for; the greeting and the TLS handshake are one each), `offered`
    (extension -> its parameters), `user`, `tls`, `tls_version`, `tls_error`, `peer_certificate`,
    `accepted` (how many messages), `last_accepted`, `closed`.
    """

    def __init__(self, server: SMTPServer, channel: Channel, number: int) -> None:
        self.server = server
        self.channel = channel
        self.number = number
        self.commands: list[str] = []
        self.offered: dict[str, str] = {}
        self.user: str | None = None
        self.tls = False
        self.tls_version: str | None = None
        self.tls_error: OSError | None = None
        self.peer_certificate: dict[str, Any] | None = None
        self.accepted = 0
        self.last_accepted: Received | None = None
        self.closed = False
        self.trailer: Told = None
        self._greeted = False
        self._unknown = "500 5.5.2 Unknown command"
        self._transactions = Transactions(self)
        self._handlers: dict[str, Callable[[str, Told], object]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            **self._transactions.handlers,
            "RSET": self._rset,
            "NOOP": lambda rest, told: self.say(told, "250 2.0.0 OK"),
            "VRFY": lambda rest, told: self.say(told, "252 2.5.2 Cannot tell"),
            "QUIT": self._quit,
        }

    @property
    def received(self) -> bytes:
        return bytes(self.channel.received)

    @property
    def turns(self) -> int:
        return self.channel.turns

    def strike(self, fault: Fault | str | bytes) -> None:
        """Let a fault happen (or send a reply) as soon as the session waits for its client.

        For tests, from their own thread. Returns when the harm is done.
        """
        done = threading.Event()

        def order() -> None:
            try:
                told = fault.strike(self) if isinstance(fault, Fault) else fault
                if told is not None:
                    self.say(told, "")
                self.channel.flush_all()
            finally:
                done.set()

        self.channel.interrupt(order)
        while not done.wait(0.05) and not self.closed:
            pass

    def run(self) -> None:
        """Serve until one side has had enough."""
        try:
            self._serve()
        except Hangup as end:
            with contextlib.suppress(Hangup, OSError):
                end.afterlife()
        except OSError:
            pass  # The client went away, as clients do.
        finally:
            self.channel.close()
            self.closed = True

    def _serve(self) -> None:
        self.channel.pause(self.server.rtt)  # TCP's own handshake
        if self.server.tls:
            self._shake_hands()
        told = self.told("GREETING")
        if self.channel.spoke_first():
            self.violation("spoke before the greeting")
        if self.say(told, self.server.greeting) >= 400:
            # RFC 5321, 3.1: from now on only QUIT is in order.
            self._handlers = {"QUIT": self._quit}
            self._unknown = "503 5.5.1 Go away"
        while True:
            self._command(self._line())

    def _command(self, line: str) -> None:
        if self.server.record:
            self.commands.append(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if self.channel.buffered and verb != "BDAT":
            self.check_group(verb)
        # BDAT's bytes come before its answer.
        told = None if verb == "BDAT" else self.told(line)
        handler = self._handlers.get(verb)
        if handler is None:
            self.say(told, self._unknown)
            return
        if not self._greeted and verb in self._transactions.handlers:
            self.violation(f"{verb} before EHLO")
            told = told or "503 5.5.1 Say EHLO first"
        handler(rest, told)

    def _line(self, longest: int = _LONGEST_LINE) -> str:
        try:
            raw = self.channel.read_through(b"\n", self.server.limits.line)
        except TooMuch:
            self.say(None, "421 4.5.1 A line too long, closing the connection")
            raise
        line = raw.rstrip(b"\r\n")
        if len(raw) != len(line) + 2 or b"\r" in line:
            self.violation(f"a line with a bare CR or LF: {raw[:80]!r}")
        if len(raw) > longest:
            self.violation(f"a line of {len(raw)} octets: {raw[:40]!r}...")
        return line.decode("utf-8", "surrogateescape")

    # For handlers and faults

    def told(self, text: str) -> Told:
        """What the test wants answered, if anything; a fault has struck already."""
        answer = self.server.scripted(text, self)
        return answer.strike(self) if isinstance(answer, Fault) else answer

    def say(self, told: Told, usual: str) -> int:
        """Write the reply that the test wants, or the usual one; its code (0 if it has none)."""
        if told is None:
            offered = "ENHANCEDSTATUSCODES" in self.offered
            told = usual if offered else _ENHANCED.sub(r"\1", usual)
        self.write(told)
        if self.trailer is not None:
            self.write(self.trailer)
            self.trailer = None
        code = code_of(told)
        if code == 421:
            self.channel.flush_all()
            raise Hangup
        return code

    def write(self, reply: str | bytes) -> None:
        """Send a reply with the next flush: bytes as they are, text as lines of SMTP."""
        self.channel.write(reply if isinstance(reply, bytes) else _lines(reply))

    def check_group(self, verb: str) -> None:
        """More has come already: was it allowed to?"""
        if "PIPELINING" not in self.offered:
            self.violation(f"more after {verb} without PIPELINING")
        elif verb in _LAST_OF_GROUP:
            self.violation(f"more after {verb}, which must be the last of its group")

    def violation(self, what: str) -> None:
        """Note what the client did against the RFCs."""
        if self.server.record:
            self.server.violations.append(f"connection {self.number}: {what}")

    # Hello, TLS, login

    def _ehlo(self, rest: str, told: Told) -> None:
        lines = [f"250 {self.server.name}", *self.server.offers(tls=self.tls)]
        if self.server.helo_only:
            lines = ["502 5.5.1 What is EHLO?"]
        if self.say(told, "\n".join(lines)) == 250:
            self._hello(rest, _extensions("\n".join(lines) if told is None else told))

    def _helo(self, rest: str, told: Told) -> None:
        if self.say(told, f"250 {self.server.name}") == 250:
            self._hello(rest, {})

    def _hello(self, name: str, offered: dict[str, str]) -> None:
        if not name:
            self.violation("EHLO without a name")
        self._greeted = True
        self.offered = offered
        self._transactions.forget()

    def _starttls(self, rest: str, told: Told) -> None:
        usual = "220 2.0.0 Go ahead"
        if "STARTTLS" not in self.offered:
            self.violation("STARTTLS is not offered")
            usual = "502 5.5.1 No STARTTLS here"
        if self.say(told, usual) == 220:
            self.channel.flush_all()
            self._shake_hands()
            self._greeted, self.offered, self.user = False, {}, None
            self._transactions.forget()

    def _shake_hands(self) -> None:
        if (told := self.told("HANDSHAKE")) is not None:
            self.say(told, "")
            self.channel.flush_all()
            raise Hangup
        try:
            self.channel.start_tls(self.server.tls_context())
        except OSError as error:
            self.tls_error = error
            raise
        self.tls = True
        tls: Any = self.channel.sock
        self.tls_version = tls.version()
        self.peer_certificate = tls.getpeercert() or None

    def _auth(self, rest: str, told: Told) -> None:
        mechanism, _, initial = rest.partition(" ")
        mechanism = mechanism.upper()
        usual = ""
        if mechanism not in self.offered.get("AUTH", "").upper().split():
            self.violation(f"AUTH {mechanism} is not offered")
            usual = "504 5.5.4 Unknown mechanism"
        elif self.user is not None or self._transactions.is_open:
            self.violation("AUTH after a login or within a transaction")
            usual = "503 5.5.1 Not now"
        elif told is None:
            told, usual = self._log_in(mechanism, initial or None)
        self.say(told, usual)

    def _log_in(self, mechanism: str, initial: str | None) -> tuple[Told, str]:
        """What the test wants answered at the end, and the usual answer."""
        try:
            user = sasl.authenticate(mechanism, initial, self.server.users, self._challenge)
        except _AnsweredError as end:
            return end.told, ""
        except sasl.CancelledError:
            return None, "501 5.7.0 Cancelled"
        except sasl.MalformedError as error:
            self.violation(str(error))
            return None, "501 5.5.2 Malformed"
        if user is None:
            return None, "535 5.7.8 Wrong user name or password"
        self.user = user
        return None, "235 2.7.0 Welcome"

    def _challenge(self, challenge: bytes) -> bytes:
        self.say(None, "334 " + challenge.decode())
        line = self._line(_LONGEST_RESPONSE)
        if (told := self.told(f"RESPONSE {line}")) is not None:
            raise _AnsweredError(told)
        return line.encode("utf-8", "surrogateescape")

    # The end

    def _rset(self, rest: str, told: Told) -> None:
        if self.say(told, "250 2.0.0 OK") == 250:
            self._transactions.forget()

    def _quit(self, rest: str, told: Told) -> None:
        if self.say(told, "221 2.0.0 Bye") == 221:
            self.channel.flush_all()
            raise Hangup


class _AnsweredError(Exception):
    """The test's script ended an AUTH dialogue."""

    def __init__(self, told: Told) -> None:
        self.told = told


@lru_cache(maxsize=256)
def _lines(reply: str) -> bytes:
    """A reply as it goes out: "250 a", newline, "b" (or "250 b") becomes 250-a, 250 b."""
    first, *more = reply.split("\n")
    code = first[:3]
    texts = [first[4:], *(re.sub(rf"^{code}[ -]", "", line) for line in more)]
    lines = [f"{code}-{text}\r\n" for text in texts[:-1]] + [f"{code} {texts[-1]}\r\n"]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _extensions(reply: str | bytes) -> dict[str, str]:
    """What a reply to EHLO offers: keyword -> parameters."""
    text = reply if isinstance(reply, str) else reply.decode("ascii", "replace")
    halves = (re.sub(r"^250[ -]", "", line).partition(" ") for line in text.splitlines()[1:])
    return {keyword.upper(): parameters for keyword, _, parameters in halves}
