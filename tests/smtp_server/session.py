"""One client's session: the commands, what they change, and what the client did wrong."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import threading
from collections.abc import Callable
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import sasl
from .channel import Channel, Hangup
from .faults import Fault, Told

if TYPE_CHECKING:
    from .server import SMTPServer

# RFC 2920, 3.1: these may only be the last command of a group.
_LAST_OF_GROUP = {"EHLO", "HELO", "DATA", "VRFY", "EXPN", "NOOP", "QUIT", "STARTTLS", "AUTH"}
_PATH = re.compile(r'<((?:"(?:\\.|[^"\\])*"|[^">])*)>(?: (.*))?')
_PARAMETERS = {  # parameter -> the extension that brings it
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "AUTH": "AUTH",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
}
_ENHANCED = re.compile(r"(\d{3}[ -])\d\.\d+\.\d+ ")
_LONGEST_LINE = 1000
_LONGEST_RESPONSE = 12288  # RFC 4954, 4


class Received:
    """A message that the server took, with its envelope."""

    def __init__(self, sender: str, parameters: dict[str, str]) -> None:
        self.sender = sender
        self.parameters = parameters
        self.recipients: list[str] = []
        self.recipient_parameters: dict[str, dict[str, str]] = {}
        self.content = b""
        self.session: Session | None = None
        self.user: str | None = None
        self.tls = False
        self.chunks = 0
        self.turn = 0
        self.tried = 0

    @cached_property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def __repr__(self) -> str:
        return f"<Received from {self.sender!r} for {self.recipients}, {len(self.content)} octets>"


class Session:
    """One connection, from the greeting to its end. Tests read its attributes:

    `commands` (lines without line ends), `received` (every byte, after decryption), `turns` (round
    trips that the client waited for; the greeting and the TLS handshake are one each), `offered`
    (extension -> parameters), `user`, `tls`, `peer_certificate`, `transactions` (accepted),
    `closed`.
    """

    def __init__(self, server: SMTPServer, channel: Channel, number: int) -> None:
        self.server = server
        self.channel = channel
        self.number = number
        self.commands: list[str] = []
        self.offered: dict[str, str] = {}
        self.greeted = False
        self.tls = False
        self.tls_version: str | None = None
        self.tls_error: OSError | None = None
        self.peer_certificate: dict[str, Any] | None = None
        self.user: str | None = None
        self.transactions = 0
        self.closed = False
        self.trailer: Told = None
        self._transaction: Received | None = None
        self._chunks = bytearray()
        self._failed_chunk = False
        self._answered = False  # the content was, before its end
        self._unknown = "500 5.5.2 Unknown command"
        self._handlers: dict[str, Callable[[str, Told], object]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": lambda _, told: self._say(told or "250 2.0.0 OK"),
            "VRFY": lambda _, told: self._say(told or "252 2.5.2 Cannot tell"),
            "QUIT": self._quit,
        }

    @property
    def received(self) -> bytes:
        return bytes(self.channel.received)

    @property
    def turns(self) -> int:
        return self.channel.turns

    def run(self) -> None:
        """Serve until one side has had enough."""
        try:
            self._serve()
        except Hangup as end:
            with contextlib.suppress(Hangup, OSError):
                end.afterlife()
        except OSError:
            pass  # The client went away, which is its right.
        finally:
            self.channel.close()
            self.closed = True

    def write(self, reply: str | bytes) -> None:
        """Send a reply with the next flush: bytes as they are, lines of text as SMTP has it."""
        self.channel.write(reply if isinstance(reply, bytes) else _lines(reply))

    def _serve(self) -> None:
        if self.server.tls:
            self._shake_hands()
        self.channel.pause(self.server.rtt)  # TCP's own handshake
        if self.channel.spoke_first() and not self.server.tls:
            self.violation("spoke before the greeting")
        if self._say(self._told("GREETING") or self.server.greeting) >= 400:
            self._handlers = {"QUIT": self._quit}
            self._unknown = "503 5.5.1 Go away"  # RFC 5321, 3.1
        while True:
            self._command(self._line())

    def _command(self, line: str) -> None:
        if self.server.record:
            self.commands.append(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if self.channel.buffered and verb != "BDAT":
            self._check_group(verb)
        # BDAT's bytes come before its answer.
        told = None if verb == "BDAT" else self._told(line)
        handler = self._handlers.get(verb)
        if handler is None:
            self._say(told or self._unknown)
        elif verb in ("MAIL", "RCPT", "DATA", "BDAT") and not self.greeted:
            self.violation(f"{verb} before EHLO")
            handler(rest, told or "503 5.5.1 Say EHLO first")
        else:
            handler(rest, told)

    def _line(self, longest: int = _LONGEST_LINE) -> str:
        raw = self.channel.read_line()
        line = raw.rstrip(b"\r\n")
        if raw != line + b"\r\n" or b"\r" in line:
            self.violation(f"a line that doesn't end in CRLF alone: {raw[:80]!r}")
        if len(raw) > longest:
            self.violation(f"a line of {len(raw)} octets: {raw[:40]!r}...")
        return line.decode("utf-8", "surrogateescape")

    def _check_group(self, verb: str) -> None:
        if "PIPELINING" not in self.offered:
            self.violation(f"more after {verb} without PIPELINING")
        elif verb in _LAST_OF_GROUP:
            self.violation(f"more after {verb}, which must be the last of its group")

    def _told(self, text: str) -> Told:
        """What the test wants answered, if anything; faults have struck already."""
        answer = self.server.scripted(text, self)
        return answer.strike(self) if isinstance(answer, Fault) else answer

    def _say(self, reply: Told) -> int:
        """Write a reply and return its code (0 if it has none)."""
        assert reply is not None
        if isinstance(reply, str) and "ENHANCEDSTATUSCODES" not in self.offered:
            reply = _ENHANCED.sub(r"\1", reply)
        self.write(reply)
        if self.trailer is not None:
            trailer, self.trailer = self.trailer, None
            self._say(trailer)
        code = _code(reply)
        if code == 421:
            self.channel.flush_all()
            raise Hangup
        return code

    def strike(self, fault: Fault | str | bytes) -> None:
        """Let a fault happen as soon as the session waits for its client; for other threads."""
        done = threading.Event()

        def order() -> None:
            try:
                reply = fault.strike(self) if isinstance(fault, Fault) else fault
                if reply is not None:
                    self._say(reply)
                self.channel.flush_all()
            finally:
                done.set()

        self.channel.interrupt(order)
        while not done.wait(0.1) and not self.closed:
            pass

    def violation(self, what: str) -> None:
        """Note what the client did against the RFCs."""
        self.server.violations.append(f"connection {self.number}: {what}")

    # Hello, TLS, login

    def _ehlo(self, rest: str, told: Told) -> None:
        if self.server.helo_only and told is None:
            self._say("502 5.5.1 What is EHLO?")
            return
        offered = self.server.offers(tls=self.tls)
        if self._say(told or "\n".join([f"250 {self.server.name}", *offered])) == 250:
            if told is not None:
                text = told if isinstance(told, str) else str(told, "ascii", "replace")
                offered = [re.sub(r"^250[- ]", "", line) for line in text.splitlines()[1:]]
            self.offered = _keywords(offered)
            self._hello()

    def _helo(self, rest: str, told: Told) -> None:
        if self._say(told or f"250 {self.server.name}") == 250:
            self.offered = {}
            self._hello()

    def _hello(self) -> None:
        self.greeted = True
        self._forget()

    def _starttls(self, rest: str, told: Told) -> None:
        if "STARTTLS" not in self.offered:
            told = told or "502 5.5.1 STARTTLS is not offered"
        if self._say(told or "220 2.0.0 Go ahead") == 220:
            self.channel.flush_all()
            self._shake_hands()
            self.greeted, self.offered, self.user = False, {}, None
            self._forget()

    def _shake_hands(self) -> None:
        if (told := self._told("HANDSHAKE")) is not None:
            self._say(told)
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
        if mechanism not in self.offered.get("AUTH", "").split():
            self.violation(f"AUTH {mechanism} is not offered")
            told = told or "504 5.5.4 Unknown mechanism"
        if told is None:
            told = self._authenticate(mechanism, initial or None)
        self._say(told)

    def _authenticate(self, mechanism: str, initial: str | None) -> Told:
        try:
            user = sasl.authenticate(mechanism, initial, self.server.users, self._challenge)
        except _AnsweredError as end:
            return end.reply
        except sasl.MalformedError as error:
            if str(error) != "cancelled":
                self.violation(str(error))
            return "501 5.5.2 " + str(error).replace("\n", " ")
        if user is None:
            return "535 5.7.8 Wrong user name or password"
        self.user = user
        return "235 2.7.0 Welcome"

    def _challenge(self, challenge: bytes) -> bytes:
        self._say("334 " + challenge.decode())
        line = self._line(_LONGEST_RESPONSE)
        told = self._told(f"RESPONSE {line}")
        if told is not None and not str(told).startswith("334"):
            raise _AnsweredError(told)
        if line == "*":
            raise sasl.MalformedError("cancelled")
        return line.encode("utf-8", "surrogateescape")

    # A transaction

    def _mail(self, rest: str, told: Told) -> None:
        sender, parameters = self._path("FROM:", rest)
        limit = int(self.offered.get("SIZE") or 0)
        if self._transaction is not None:
            self.violation("MAIL within a transaction")
            refusal = "503 5.5.1 Nested MAIL command"
        elif self.server.auth_required and self.user is None:
            refusal = "530 5.7.0 Log in first"
        elif sender is None:
            refusal = "501 5.5.4 MAIL FROM:<address>"
        elif limit and int(parameters.get("SIZE") or 0) > limit:
            refusal = "552 5.3.4 Message too big"
        else:
            refusal = ""
        if self._say(told or refusal or "250 2.1.0 OK") == 250:
            self._forget()
            self._transaction = Received(sender or "", parameters)
            self._check_ascii("MAIL", rest)

    def _rcpt(self, rest: str, told: Told) -> None:
        recipient, parameters = self._path("TO:", rest)
        refusal = ""
        if self._transaction is None:
            # After a refused MAIL that was pipelined with it, RCPT is no violation.
            refusal = "503 5.5.1 MAIL first"
        elif recipient is None:
            refusal = "501 5.5.4 RCPT TO:<address>"
        code = self._say(told or refusal or "250 2.1.5 OK")
        if self._transaction is not None:
            self._check_ascii("RCPT", rest)
            self._transaction.tried += 1
            if code in (250, 251, 252):
                self._transaction.recipients.append(recipient or "")
                self._transaction.recipient_parameters[recipient or ""] = parameters

    def _path(self, word: str, rest: str) -> tuple[str | None, dict[str, str]]:
        """The address and the parameters of MAIL or RCPT."""
        found = _PATH.fullmatch(rest[len(word) :].lstrip())
        if rest[: len(word)].upper() != word or rest[len(word) :][:1] != "<" or found is None:
            self.violation(f"not {word}<address>: {rest!r}")
        if found is None:
            return None, {}
        parameters = {}
        for parameter in (found[2] or "").split():
            name, _, value = parameter.partition("=")
            parameters[name.upper()] = value
            extension = "BINARYMIME" if value == "BINARYMIME" else _PARAMETERS.get(name.upper())
            if extension not in self.offered:
                self.violation(f"{parameter} without {extension or 'an extension for it'}")
        return found[1], parameters

    def _check_ascii(self, verb: str, rest: str) -> None:
        assert self._transaction is not None
        if not rest.isascii() and "SMTPUTF8" not in self._transaction.parameters:
            self.violation(f"{verb} {rest!r} is not ASCII, and SMTPUTF8 was not asked for")

    def _data(self, rest: str, told: Told) -> None:
        code = self._say(told or self._no_content_yet() or "354 Go ahead")
        if code == 354:
            content = self._content(None)
            self._check_lines(content)
            if self.channel.buffered:
                self._check_group("the content")
            self._end(content)

    def _bdat(self, rest: str, told: Told) -> None:
        size, _, last = rest.partition(" ")
        if "CHUNKING" not in self.offered:
            self.violation("BDAT without CHUNKING")
            told = told or "502 5.5.1 BDAT is not offered"
        if not size.isdigit():
            self._say(told or "501 5.5.4 BDAT size [LAST]")
            return
        chunk = self._content(int(size))
        if self._answered:
            self._failed_chunk, self._answered = True, False
            return
        refusal = told or self._told(f"BDAT {rest}") or self._no_content_yet()
        if refusal is None and self._failed_chunk:
            self.violation("BDAT after a failed BDAT without RSET")
            refusal = "503 5.5.1 RSET first"
        if self.channel.buffered:
            self._check_group("BDAT")
        if refusal is None and last.upper() == "LAST":
            assert self._transaction is not None
            self._transaction.chunks += 1
            self._end(bytes(self._chunks) + chunk)
        elif self._say(refusal or f"250 2.0.0 {size} octets received") == 250:
            if self._transaction is not None:
                self._transaction.chunks += 1
            self._chunks += chunk
        else:
            self._failed_chunk = True

    def _no_content_yet(self) -> Told:
        if self._transaction is None:
            return "503 5.5.1 MAIL first"
        if not self._transaction.tried:
            self.violation("content without RCPT")
        return None if self._transaction.recipients else "554 5.5.1 No valid recipients"

    def _content(self, size: int | None) -> bytes:
        """The content as meant: of BDAT `size` octets, of DATA all up to the dot."""
        if self.server.has_script:
            self._trouble_within(size)
        if size is not None:
            return self.channel.read(size)
        if self.channel.peek(3) == b".\r\n":
            self.channel.read(3)
            return b""
        stuffed = self.channel.read_through(b"\r\n.\r\n")[:-3]
        # RFC 5321, 4.5.2: a dot at the beginning of a line is not part of it.
        return (b"\r\n" + stuffed).replace(b"\r\n.", b"\r\n")[2:]

    def _trouble_within(self, size: int | None) -> None:
        answer, after = self.server.script_for("CONTENT", self)
        if answer is None:
            return
        self.channel.need(after if size is None else min(after, size), end=b"\r\n.\r\n")
        reply = answer.strike(self) if isinstance(answer, Fault) else answer
        if reply is not None:
            self._answered = True
            self._say(reply)
            self.channel.flush()

    def _check_lines(self, content: bytes) -> None:
        ends = content.count(b"\r\n")
        if content.count(b"\n") != ends or content.count(b"\r") != ends:
            self.violation("a bare CR or LF in the content")
        if content and not content.endswith(b"\r\n"):
            self.violation("the content does not end in CRLF")

    def _end(self, content: bytes) -> None:
        """Judge a complete message."""
        transaction = self._transaction
        if self._answered:
            self._forget()
            return
        answer = self.server.scripted("END", self)
        if transaction is not None:
            self._check_content(content, transaction)
            if isinstance(answer, Fault) and answer.accept:
                self._accept(content, transaction)
        told = answer.strike(self) if isinstance(answer, Fault) else answer
        limit = int(self.offered.get("SIZE") or 0)
        if transaction is None or not transaction.recipients:
            refusal = "554 5.5.1 No valid recipients"
        elif limit and len(content) > limit:
            refusal = "552 5.3.4 Message too big"
        else:
            refusal = ""
        reply = told or refusal or f"250 2.0.0 OK queued as {self.server.accepted + 1}"
        # The record first: a client that has its reply may look at once.
        if transaction is not None and _code(reply) == 250:
            self._accept(content, transaction)
        self._say(reply)
        self._forget()

    def _check_content(self, content: bytes, transaction: Received) -> None:
        body = transaction.parameters.get("BODY", "7BIT").upper()
        if body == "7BIT" and not content.isascii():
            self.violation("8-bit content without BODY=8BITMIME")
        if body != "BINARYMIME" and len(content) > _LONGEST_LINE:
            longest = max(map(len, content.split(b"\r\n"))) + 2
            if longest > _LONGEST_LINE:
                self.violation(f"a line of {longest} octets in the content")

    def _accept(self, content: bytes, transaction: Received) -> None:
        if transaction.session is None:
            transaction.content = content
            transaction.session = self
            transaction.user, transaction.tls = self.user, self.tls
            transaction.turn = self.turns
            self.transactions += 1
            self.server.take(transaction)

    def _rset(self, rest: str, told: Told) -> None:
        if self._say(told or "250 2.0.0 OK") == 250:
            self._forget()

    def _forget(self) -> None:
        self._transaction = None
        self._chunks = bytearray()
        self._failed_chunk = False
        self._answered = False

    def _quit(self, rest: str, told: Told) -> None:
        if self._say(told or "221 2.0.0 Bye") == 221:
            self.channel.flush_all()
            raise Hangup


def _lines(reply: str) -> bytes:
    """A reply as it goes out: `250 a\\n250 b` or `250 a\\nb` becomes `250-a`, `250 b`."""
    first, *more = reply.split("\n")
    code = first[:3]
    texts = [first[4:], *(line.removeprefix(code).lstrip(" -") for line in more)]
    lines = [f"{code}-{text}\r\n" for text in texts[:-1]] + [f"{code} {texts[-1]}\r\n"]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _code(reply: str | bytes) -> int:
    return int(reply[:3]) if reply[:3].isdigit() else 0


def _keywords(lines: list[str]) -> dict[str, str]:
    halves = (line.partition(" ") for line in lines)
    return {keyword.upper(): parameters for keyword, _, parameters in halves}


class _AnsweredError(Exception):
    """The test's script ended an AUTH dialogue."""

    def __init__(self, reply: Told) -> None:
        self.reply = reply
