"""One message's SMTP commands, and the server's answers to them (RFC 5321, 3.3)."""

from __future__ import annotations

from enum import Enum

from ..light import TYPE_CHECKING, Any, pattern
from ..receipts import RecipientReceipt, Reply, Status
from ..rendering.addresses import is_simple
from .replies import in_bytes, refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn


class Asked(Enum):
    """What the server was asked to take, in words. RCPT isn't here: it has the recipient's text."""

    RSET = "RSET"
    MAIL = "MAIL"
    DATA = "DATA"
    CONTENT = "the content"
    QUIT = "QUIT"

    def __str__(self) -> str:
        return str(self.value)


RSET, MAIL, DATA, CONTENT, QUIT = Asked

# Allowed between the angle brackets: a quoted local part, or nothing that ends the path.
_PATH = pattern(r'"(?:[^"\\\r\n]|\\.)*"(?:@[^\s<>]+)?|[^\s<>]*')

Question = Asked | str
Steps = list[tuple[bytes, Question]]
Fate = tuple[Status, OSError | None]


class Transaction:
    """What is known about one message on its way.

    `refused` holds each recipient's refusal; `reply` is the answer that settled the message.
    """

    by_recipient: Mapping[str, RecipientReceipt] = {}
    """Empty, because one answer to the content is for all recipients."""

    __slots__ = (
        "asks",
        "begun",
        "chunked",
        "early",
        "end",
        "envelope",
        "fate",
        "leads",
        "over",
        "refused",
        "reply",
        "sender_reply",
        "ungrouped",
        "unread",
    )

    def __init__(self, envelope: Any, asks: Steps, *, chunked: bool = False) -> None:
        self.envelope = envelope
        self.asks = asks
        self.sender_reply: Reply | None = None
        self.refused: dict[str, Reply] = {}
        self.reply: Reply | None = None  # the answer to the content, or to DATA
        self.over = False  # no more answers will come
        self.early = False  # the answer to the content came before its end had left
        self.end = 0  # where the content ends in all that the channel sends
        self.chunked = chunked  # it goes by BDAT
        self.unread = False  # which the server refused, maybe without reading the content
        self.begun = False  # may anything of it have left?
        self.leads = False  # it is the first of its session
        self.ungrouped = False  # the server seems not to read commands that come together
        self.fate: Fate | None = None  # when it is finished

    def hear(self, asked: Question, reply: Reply) -> None:
        """Take the answer to one step."""
        if asked is MAIL:
            self.sender_reply = reply
        elif asked is CONTENT or asked is DATA:
            if reply.code != 354:
                self.reply, self.over = reply, True
        elif isinstance(asked, str) and reply.code >= 300:
            self.refused[asked] = reply

    @property
    def taken(self) -> bool:
        """Has the server accepted the content?"""
        return self.reply is not None and self.reply.code < 300

    @property
    def hopeless(self) -> bool:
        """Has the server refused the sender, or every recipient?"""
        if self.sender_reply is not None and self.sender_reply.code >= 300:
            return True
        return len(self.refused) == len(set(self.envelope.recipients))

    def refusal(self) -> OSError | None:
        """Return smtplib's exception for the server's refusal, or None if there is none."""
        import smtplib

        if self.sender_reply is not None and self.sender_reply.code >= 300:
            return smtplib.SMTPSenderRefused(*in_bytes(self.sender_reply), self.envelope.sender)
        if self.hopeless:
            answers = {name: in_bytes(answer) for name, answer in self.refused.items()}
            return smtplib.SMTPRecipientsRefused(answers)
        if self.reply is not None and self.reply.code >= 300:
            return refused(self.reply)
        return None


def steps(
    envelope: Any,
    features: Mapping[str, str],
    host: str,
    notify: str = "",
    ret: str = "",
    *,
    chunked: bool = False,
) -> Steps:
    """Write the commands for one message; the last one brings the content (`chunked`, by BDAT) or
    asks for it (DATA).

    Raises, for a message that this server can't be asked to take: ValueError, or the
    smtplib.SMTPException that says why.
    """
    mail, rcpt = parameters(envelope, features, host, notify, ret)
    charset = "utf-8" if envelope.utf8 else "ascii"
    found: Steps = [(f"MAIL FROM:<{envelope.sender}>{mail}\r\n".encode(charset), MAIL)]
    for recipient in envelope.recipients:
        found.append((f"RCPT TO:<{recipient}>{rcpt}\r\n".encode(charset), recipient))
    _check_lines(b"".join([line for line, _ in found]), len(found), "An address")
    for each in (envelope.sender, *envelope.recipients):
        if not (is_simple(each) or _PATH.fullmatch(each)):
            raise ValueError(f"Invalid address {each!r}: it can't be sent to a mail server")
    _check_lines(envelope.content)
    if chunked:  # RFC 3030, 2
        found.append((b"BDAT %d LAST\r\n" % len(ended(envelope.content)), CONTENT))
    else:
        found.append((b"DATA\r\n", DATA))
    return found


def fits(asked: Question, code: int) -> bool:
    """Can a reply with this code be the answer to that step?"""
    if asked is RSET:  # if it is refused, the server's state is unknown (RFC 5321, 4.1.1.5)
        return code in (250, 421)
    return code >= 400 or (code == 354 if asked is DATA else code < 300 and code != 221)


def ended(content: bytes) -> bytes:
    """Return the content with a line end at its end."""
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def stuffed(content: bytes) -> bytes:
    """Return the content as it follows DATA, with the dot at its end (RFC 5321, 4.5.2)."""
    if content.startswith(b"."):
        content = b"." + content
    return ended(content.replace(b"\r\n.", b"\r\n..")) + b".\r\n"


def parameters(
    envelope: Any, features: Mapping[str, str], host: str, notify: str, ret: str
) -> tuple[str, str]:
    """Return the parameters of MAIL and RCPT, of those that the server knows."""
    mail = rcpt = ""
    if "size" in features:  # RFC 1870, 6
        size, limit = len(envelope.content), features["size"]
        if limit.isdecimal() and 0 < int(limit) < size:
            _too_big(envelope.sender, host, size, int(limit))
        mail = f" SIZE={size}"
    if envelope.eight_bit:  # RFC 6152, 3
        if "8bitmime" not in features:
            _not_offered(host, "8BITMIME (RFC 6152)", "8-bit content")
        mail += " BODY=8BITMIME"
    if envelope.utf8:  # RFC 6531, 3.4
        if "smtputf8" not in features:
            _not_offered(host, "SMTPUTF8 (RFC 6531)", "an address or a header in UTF-8")
        mail += " SMTPUTF8"
    if "dsn" in features and (notify or ret):  # RFC 3461, 4
        mail += f" RET={ret}" if ret else ""
        mail += f" ENVID={_xtext(envelope.message_id)}" if envelope.message_id else ""
        rcpt = f" NOTIFY={notify}" if notify else ""
    return mail, rcpt


def _check_lines(data: bytes, count: int | None = None, what: str = "The content") -> None:
    """RFC 5321, 2.3.8: line ends are CRLF, and neither CR nor LF stands alone."""
    ends = data.count(b"\r\n")
    if not (data.count(b"\n") == data.count(b"\r") == ends == (ends if count is None else count)):
        raise ValueError(f"{what} has a line break where none may be, or one that isn't CRLF")


def _too_big(sender: str, host: str, size: int, limit: int) -> NoReturn:
    from smtplib import SMTPSenderRefused

    text = (
        f"5.3.4 The message has {size} octets, and {host} accepts at most {limit}; it was not sent"
    )
    raise SMTPSenderRefused(552, text.encode(), sender)


def _not_offered(host: str, extension: str, need: str) -> NoReturn:
    from smtplib import SMTPNotSupportedError

    raise SMTPNotSupportedError(f"The message has {need}, and {host} doesn't offer {extension}")


def _xtext(text: str) -> str:
    """Encode text for a parameter (RFC 3461, 4)."""
    plain = [c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text]
    return "".join(plain)
