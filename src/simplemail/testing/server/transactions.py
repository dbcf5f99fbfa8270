"""MAIL, RCPT and the content: what one session hands over, judged and kept."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING

from .faults import Fault, Told
from .limits import TooMuch
from .script import code_of

if TYPE_CHECKING:
    from .session import Session

_PATH = re.compile(r'<((?:"(?:\\.|[^"\\])*"|[^">])*)>(?: (.*))?')
_NUMBER = re.compile("[0-9]{1,15}")
_EXTENSIONS = {  # of MAIL's and RCPT's parameters
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "AUTH": "AUTH",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
}
_LONGEST_LINE = 1000  # RFC 5321, 4.5.3.1.6, with its CRLF
_NO_RECIPIENTS = "554 5.5.1 No valid recipients"
_TOO_BIG = "552 5.3.4 Message too big"


class Received:
    """A message that the server took, with its envelope; `turn` is the session's when it came."""

    def __init__(self, sender: str, parameters: dict[str, str], session: Session) -> None:
        self.sender = sender
        self.parameters = parameters
        self.session = session
        self.user = session.user
        self.tls = session.tls
        self.recipients: list[str] = []
        self.recipient_parameters: dict[str, dict[str, str]] = {}
        self.content = b""
        self.chunks = 0
        self.turn = 0

    @cached_property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def __repr__(self) -> str:
        return f"<Received from {self.sender!r} for {self.recipients}, {len(self.content)} octets>"


class Transactions:
    """One session's transactions, one after the other.

    The methods take what follows the verb, and what the test wants answered if anything.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._channel = session.channel
        self._server = session.server
        self.handlers = {
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
        }
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after RSET."""
        self._current: Received | None = None
        self._tried = False
        self._chunks = bytearray()
        self._chunk_failed = False
        self._answered_early = False

    @property
    def is_open(self) -> bool:
        return self._current is not None

    # The envelope

    def _mail(self, rest: str, told: Told) -> None:
        sender, parameters = self._path("FROM:", rest)
        usual = "250 2.1.0 OK"
        if self._current is not None:
            self._session.violation("MAIL within a transaction")
            usual = "503 5.5.1 Nested MAIL command"
        elif self._server.auth_required and self._session.user is None:
            usual = "530 5.7.0 Log in first"
        elif sender is None:
            usual = "501 5.5.4 MAIL FROM:<address>"
        elif not _NUMBER.fullmatch(size := parameters.get("SIZE") or "0"):
            usual = "501 5.5.4 SIZE is a number of octets"
        elif self._exceeds_limit(int(size)):
            usual = _TOO_BIG
        if self._session.say(told, usual) == 250:
            self.forget()
            self._current = Received(sender or "", parameters, self._session)
            self._check_ascii("MAIL", rest)

    def _rcpt(self, rest: str, told: Told) -> None:
        recipient, parameters = self._path("TO:", rest)
        usual = "250 2.1.5 OK"
        if self._current is None:
            # No violation: it may have been pipelined with a MAIL that was refused.
            usual = "503 5.5.1 MAIL first"
        elif recipient is None:
            usual = "501 5.5.4 RCPT TO:<address>"
        code = self._session.say(told, usual)
        if self._current is not None:
            self._check_ascii("RCPT", rest)
            self._tried = True
            if code in (250, 251, 252):
                self._current.recipients.append(recipient or "")
                self._current.recipient_parameters[recipient or ""] = parameters

    def _path(self, word: str, rest: str) -> tuple[str | None, dict[str, str]]:
        """The address (None if there is none) and the parameters of MAIL or RCPT."""
        found = _PATH.fullmatch(rest, len(word)) or _PATH.fullmatch(rest[len(word) :].strip())
        if found is None or not rest.upper().startswith(word + "<"):
            self._session.violation(f"not {word}<address>: {rest!r}")
        if found is None:
            return None, {}
        parameters = {}
        for parameter in (found[2] or "").split():
            name, _, value = parameter.partition("=")
            parameters[name.upper()] = value
            extension = "BINARYMIME" if value == "BINARYMIME" else _EXTENSIONS.get(name.upper())
            if extension not in self._session.offered:
                what = extension or "an extension for it"
                self._session.violation(f"{parameter} without {what}")
        return found[1], parameters

    def _check_ascii(self, verb: str, rest: str) -> None:
        assert self._current is not None
        if not rest.isascii() and "SMTPUTF8" not in self._current.parameters:
            self._session.violation(f"{verb} {rest!r} is not ASCII and SMTPUTF8 not asked for")

    # The content

    def _data(self, rest: str, told: Told) -> None:
        if self._body() == "BINARYMIME":
            self._session.violation("DATA after BODY=BINARYMIME")
        refusal = self._refusal()
        if self._session.say(told, refusal or "354 Go ahead") != 354:
            if refusal and self._server.forgiving:
                self.forget()
            return
        try:
            content = self._content(None)
        except TooMuch:
            self._session.say(None, _TOO_BIG)
            self.forget()
            return
        self._check_line_ends(content)
        if self._channel.buffered:
            self._session.check_group("the content")
        self._end(content)

    def _bdat(self, rest: str, told: Told) -> None:
        size, _, last = rest.partition(" ")
        if "CHUNKING" not in self._session.offered:
            self._session.violation("BDAT without CHUNKING")
            told = told or "502 5.5.1 BDAT is not offered"
        if not _NUMBER.fullmatch(size):
            self._session.say(told, "501 5.5.4 BDAT size [LAST]")
            return
        try:
            chunk = self._content(int(size))
        except TooMuch:
            self._session.say(None, _TOO_BIG)
            self._chunk_failed = True
            return
        if self._channel.buffered:
            self._session.check_group("BDAT")
        is_last = last.upper() == "LAST"
        told = told or self._session.told(f"BDAT {rest}")
        refusal = self._refusal()
        if self._answered_early:
            self._answered_early, self._chunk_failed = False, True
        elif is_last and told is None and refusal is None:
            self._keep(chunk)
            self._end(bytes(self._chunks))
            return
        elif self._session.say(told, refusal or f"250 2.0.0 {size} octets") == 250:
            self._keep(chunk)
        else:
            self._chunk_failed = True
        if is_last and self._server.forgiving:
            self.forget()

    def _keep(self, chunk: bytes) -> None:
        self._chunks += chunk
        if self._current is not None:
            self._current.chunks += 1

    def _refusal(self) -> str | None:
        """Why no content may come now."""
        if self._current is None:
            return "503 5.5.1 MAIL first"
        if self._chunk_failed:
            self._session.violation("more content after a failed BDAT, without RSET")
            return "503 5.5.1 RSET first"
        if not self._tried:
            self._session.violation("content without RCPT")
        return None if self._current.recipients else _NO_RECIPIENTS

    def _content(self, size: int | None) -> bytes:
        """The content as meant: of BDAT `size` octets, of DATA all up to the dot."""
        if self._server.has_script:
            self._trouble_within(size)
        most = self._server.limits.content
        if size is not None:
            if most is not None and len(self._chunks) + size > most:
                self._channel.forget(size)
                raise TooMuch
            return self._channel.read(size)
        if self._channel.peek(3) == b".\r\n":
            self._channel.read(3)
            return b""
        stuffed = self._channel.read_through(b"\r\n.\r\n", None if most is None else most + 3)
        return _unstuffed(stuffed)

    def _trouble_within(self, size: int | None) -> None:
        answer, after = self._server.script_for("CONTENT", self._session)
        if answer is None:
            return
        if size is None:
            self._channel.need(after, end=b"\r\n.\r\n")
        else:
            self._channel.need(min(after, size))
        told = answer.strike(self._session) if isinstance(answer, Fault) else answer
        if told is not None:
            self._answered_early = True
            self._session.say(told, "")
            self._channel.flush()

    def _check_line_ends(self, content: bytes) -> None:
        if not self._server.record:
            return
        ends = content.count(b"\r\n")
        if content.count(b"\n") != ends or content.count(b"\r") != ends:
            self._session.violation("a bare CR or LF in the content")

    # The end

    def _end(self, content: bytes) -> None:
        """Judge a complete message, keep it or not, and answer."""
        current = self._current
        if self._answered_early or current is None:
            if not self._answered_early:
                self._session.say(None, _NO_RECIPIENTS)
            self.forget()
            return
        self._check_content(content)
        usual = f"250 2.0.0 OK queued as {self._server.accepted + 1}"
        if not current.recipients:
            usual = _NO_RECIPIENTS
        elif self._exceeds_limit(len(content)):
            usual = _TOO_BIG
        current.content, current.turn = content, self._session.turns
        answer = self._server.scripted("END", self._session)
        if isinstance(answer, Fault) and answer.accept:
            self._accept(current)
        told = answer.strike(self._session) if isinstance(answer, Fault) else answer
        # The record comes first: a client that has its reply may look at once.
        if code_of(usual if told is None else told) == 250:
            self._accept(current)
        self._session.say(told, usual)
        self.forget()

    def _exceeds_limit(self, size: int) -> bool:
        limit = int(self._session.offered.get("SIZE") or 0)
        return 0 < limit < size

    def _check_content(self, content: bytes) -> None:
        if not self._server.record:
            return
        body = self._body()
        if body == "7BIT" and not content.isascii():
            self._session.violation("8-bit content without BODY=8BITMIME")
        if body != "BINARYMIME" and len(content) > _LONGEST_LINE:
            longest = max(map(len, content.split(b"\r\n"))) + 2
            if longest > _LONGEST_LINE:
                self._session.violation(f"a line of {longest} octets in the content")

    def _body(self) -> str:
        return self._current.parameters.get("BODY", "7BIT").upper() if self._current else "7BIT"

    def _accept(self, message: Received) -> None:
        if message is not self._session.last_accepted:
            self._session.last_accepted = message
            self._session.accepted += 1
            self._server.take(message)


def _unstuffed(content: bytes) -> bytes:
    """Content as it was before SMTP, of which the last three octets end it."""
    # RFC 5321, 4.5.2: a dot at the beginning of a line is not part of it.
    if content.startswith(b".") or content.find(b"\r\n.", 0, -3) >= 0:
        return (b"\r\n" + content[:-3]).replace(b"\r\n.", b"\r\n")[2:]
    return content[:-3]
