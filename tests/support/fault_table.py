"""What can happen at each stage of sending a message, and what its receipt must say then."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from simplemail.receipts import Status
from simplemail.testing.server import (
    Close,
    Drip,
    EndlessLine,
    EndlessReply,
    Fault,
    Garbage,
    HalfClose,
    Inject,
    Reset,
    Silence,
)

# Status and exception for a message that is the first of its session. S, R, D and U are SENT,
# REFUSED, DEFERRED and UNKNOWN; the exceptions are in ERRORS. A dot stands for what can't be.
#
# The columns: close, reset and half-close the connection; refuse by 421 (and close), 4xx, 5xx;
# say nothing, or a byte now and then; say what is no reply, a line without an end, a reply
# without an end; say one reply too many, before the right one or after it.
TABLE = """
          close  reset  half   421    4xx    5xx    mute   drip   junk   line   reply  before after

CONNECT   .      D:none .      .      .      .      .      .      .      .      .      .      .
GREETING  D:lost D:cut  D:lost D:conn D:conn D:conn D:time D:time D:junk D:junk D:junk D:conn D:junk
EHLO      D:lost D:lost D:lost D:helo D:helo S      D:time D:time D:junk D:junk D:junk D:junk D:junk
STARTTLS  D:lost D:lost D:lost D:resp D:resp D:resp D:time D:time D:junk D:junk D:junk D:resp D:junk
HANDSHAKE D:tls  D:tls  D:tls  D:tls  D:tls  D:tls  D:time D:tls  D:tls  .      .      .      .
EHLO-TLS  D:lost D:lost D:lost D:helo D:helo S      D:time D:time D:junk D:junk D:junk D:junk D:junk
AUTH      D:lost D:lost D:lost D:auth D:auth D:auth D:time D:time D:junk D:junk D:junk D:auth D:junk
RESPONSE  D:lost D:lost D:lost D:auth D:auth D:auth D:time D:time D:junk D:junk D:junk D:auth D:junk
EHLO-AUTH D:lost D:lost D:lost D:helo D:helo S      D:time D:time D:junk D:junk D:junk D:junk D:junk
MAIL      D:lost D:lost D:lost D:from D:from R:from D:time D:time D:junk D:junk D:junk D:junk D:junk
RCPT      D:lost D:lost D:lost D:rcpt D:rcpt R:rcpt D:time D:time D:junk D:junk D:junk D:junk D:junk
DATA      D:lost D:lost D:lost D:data D:data R:data D:time D:time D:junk D:junk D:junk D:junk D:junk
CONTENT   D:lost D:lost U:lost D:gone D:data R:data U:time U:time U:junk D:time D:time U:junk U:junk
END       U:lost U:lost U:lost D:data D:data R:data U:time U:time U:junk U:junk U:junk U:junk U:junk
END-KEPT  U:lost U:lost U:lost .      .      .      U:time .      .      .      .      .      .
QUIT      S      S      S      S      S      S      S      S      S      S      S      S      S
IDLE      S      S      S      S      S      S      D:time D:time S      .      .      S      .
NOOP      S      S      S      S      S      S      S      S      S      S      S      S      S
RSET      D:lost D:lost D:lost D:lost D:junk D:junk D:time D:time D:junk D:junk D:junk D:junk D:junk
"""

ERRORS: dict[str, tuple[type[BaseException], ...]] = {
    "none": (ConnectionRefusedError,),
    "lost": (smtplib.SMTPServerDisconnected,),
    "cut": (smtplib.SMTPServerDisconnected, ConnectionResetError),
    "time": (TimeoutError,),
    "junk": (smtplib.SMTPException,),
    "conn": (smtplib.SMTPConnectError,),
    "helo": (smtplib.SMTPHeloError,),
    "resp": (smtplib.SMTPResponseException,),
    "poor": (smtplib.SMTPNotSupportedError,),
    "auth": (smtplib.SMTPAuthenticationError,),
    "from": (smtplib.SMTPSenderRefused,),
    "rcpt": (smtplib.SMTPRecipientsRefused,),
    "data": (smtplib.SMTPDataError,),
    # The 421 may get lost when the connection is closed with content still on its way.
    "gone": (smtplib.SMTPDataError, smtplib.SMTPServerDisconnected),
    "tls": (OSError,),
}

STATUSES = {"S": Status.SENT, "R": Status.REFUSED, "D": Status.DEFERRED, "U": Status.UNKNOWN}

CONNECTING = ("CONNECT", "GREETING", "EHLO", "STARTTLS", "HANDSHAKE")
CONNECTING += ("EHLO-TLS", "AUTH", "RESPONSE", "EHLO-AUTH")
LATER = ("IDLE", "NOOP", "RSET")
"""Stages of a session that has been used before."""

_ENDED = ("lost", "time", "junk", "gone")


class Way(NamedTuple):
    """How a message is sent, over which kind of connection, to what kind of server."""

    tls: str  # "", "starttls", "tls"
    extensions: str  # "", "P", "C", "PC": PIPELINING, CHUNKING
    call: str  # "send_mail", "send_messages", "deliver", "iter_deliver"
    session: str  # "new", "open": used before, "pooled": new, of a pool, "kept": used, of a pool
    silent: bool

    @property
    def window(self) -> int:
        """More than 1 is for CHUNKING."""
        return 1 if self.call == "iter_deliver" else 16

    @property
    def chunks(self) -> bool:
        """Does content go by BDAT?"""
        return "C" in self.extensions and self.window > 1

    @property
    def overlaps(self) -> bool:
        """Is the next message on its way before this one's fate is known?"""
        return "P" in self.extensions and self.call != "send_mail"


class Row(NamedTuple):
    """One cell of the table."""

    stage: str
    what: str
    cell: str

    def __str__(self) -> str:
        return f"{self.stage}-{self.what}"

    def place(self, way: Way) -> tuple[str, int]:
        """Return the command it happens at, and at the how-manieth of this session."""
        verb, _, which = self.stage.partition("-")
        number = 2 if which in ("TLS", "AUTH") else 1
        return verb, number + (which == "AUTH" and way.tls == "starttls")

    @property
    def slow(self) -> bool:
        """Does a message wait until time is up?"""
        return self.what in ("mute", "drip") or self.cell.endswith("time")

    def expected(self, way: Way) -> set[str]:
        """Return what may be: cells such as those of the table."""
        used = way.session in ("open", "kept")
        return {self._once_replaced(cell) if used else cell for cell in self._at_first(way)}

    def _at_first(self, way: Way) -> set[str]:
        """What may be, if the message isn't tried again."""
        status, _, error = self.cell.partition(":")
        if self.stage == "EHLO" and self.what in ("5xx", "before") and way.tls == "starttls":
            return {"D:poor"}  # the answer to HELO, which comes next, doesn't offer STARTTLS
        if (self.stage, self.what) == ("CONTENT", "half") and way.tls:
            return {"D:lost", "U:lost"}  # TLS has no half-closed connections
        early = way.chunks and "P" in way.extensions and self.stage in ("MAIL", "RCPT", *LATER)
        if early and error in _ENDED and self.what != "421":
            status = "U"  # the content left with the commands
        if (self.stage, self.what) == ("CONTENT", "before"):
            return {"S", "U:junk"}  # seen only if it came before the last of the content had left
        if (self.stage, self.what) == ("QUIT", "before") and "P" in way.extensions:
            return {"S", "U:junk"}  # QUIT may leave together with the content
        if self.what in ("before", "after") and status == "U" and way.overlaps:
            # With another message on its way, nobody can see which reply was too many.
            return {"S", "U:junk"}
        return {f"{status}:{error}"}

    def _once_replaced(self, cell: str) -> str:
        """A session that was used before, and turns out dead, is replaced."""
        status, _, error = cell.partition(":")
        over = error in _ENDED or self.what == "421"
        return "S" if status == "D" and over else cell

    def fits(self, way: Way) -> bool:
        """Can this happen on this way?"""
        used = way.session in ("open", "kept")
        if self.stage in (CONNECTING if used else LATER):
            return False
        return {
            "STARTTLS": way.tls == "starttls",
            "HANDSHAKE": way.tls != "",
            "EHLO-TLS": way.tls == "starttls",
            "DATA": not way.chunks,
        }.get(self.stage, True)


def rows() -> list[Row]:
    header, *lines = [line for line in TABLE.splitlines() if line.strip()]
    found = []
    for line in lines:
        stage, *cells = line.split()
        found += [Row(stage, *pair) for pair in zip(header.split(), cells, strict=True)]
    return [row for row in found if row.cell != "."]


WAYS = [
    Way(*values)
    for values in product(
        ["", "starttls", "tls"],
        ["PC", "P", "C", ""],
        ["send_mail", "send_messages", "deliver", "iter_deliver"],
        ["new", "open", "pooled", "kept"],
        [False, True],
    )
]

MANY = bool(os.environ.get("SIMPLEMAIL_MANY"))
CI = bool(os.environ.get("SIMPLEMAIL_CI"))


def ways(row: Row, number: int) -> Iterator[Way]:
    """Return one way for a row, another for each; in CI two, and with MANY all that may matter."""
    fitting = [way for way in WAYS if row.fits(way)]
    if MANY:
        yield from (way for way in fitting if _matters(row, way))
        return
    seen: list[Way] = []
    for i in range(len(fitting)):
        way = fitting[(number * 37 + i * 61) % len(fitting)]
        if not any(way.call == w.call or way.tls == w.tls != "" for w in seen):
            seen.append(way)
            yield way
        if len(seen) == (2 if CI and not row.slow else 1):
            return


def _matters(row: Row, way: Way) -> bool:
    """Can it make a difference?

    What is offered can't, before a message comes; nor, after that, how TLS began, nor that a new
    session may be kept; nor, at QUIT, how a message came without PIPELINING. And silence is kept
    by who doesn't know what kind of server it is.
    """
    if way.silent:
        return (way.tls, way.extensions) == ("starttls" if "TLS" in row.stage else "", "PC")
    if row.stage in CONNECTING:
        return way.extensions == "PC"
    if way.session == "pooled" and way.call not in ("send_mail", "deliver"):
        return False
    if row.stage == "QUIT" and "P" not in way.extensions:
        return False
    return not way.tls or (way.tls == "tls") == (way.call in ("send_mail", "deliver"))


def fault(row: Row, timeout: float) -> Fault | str:
    """Make what happens; a slow one takes longer than `timeout`."""
    accept = row.stage == "END-KEPT"
    code = "535 5.7.8" if row.stage in ("AUTH", "RESPONSE") else "554 5.0.0"
    made: dict[str, Callable[[], Fault | str]] = {
        "close": lambda: Close(accept=accept),
        "reset": lambda: Reset(accept=accept),
        "half": lambda: HalfClose(accept=accept),
        "421": lambda: "421 4.3.2 Too tired",
        "4xx": lambda: "451 4.0.0 Not today",
        "5xx": lambda: f"{code} Never ever",
        "mute": lambda: Silence(accept=accept),
        "drip": lambda: Drip(_SLOW_TLS if row.stage == "HANDSHAKE" else None, interval=timeout / 5),
        "junk": Garbage,
        "line": EndlessLine,
        "reply": EndlessReply,
        "before": lambda: Inject("250 2.0.0 Surprise"),
        "after": lambda: Inject("250 2.0.0 Surprise", after=True),
    }
    return made[row.what]()


# The beginning of a TLS record that would be long.
_SLOW_TLS = b"\x16\x03\x03\x20\x00" + bytes(200)
