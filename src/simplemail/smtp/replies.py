"""Parses a server's replies (RFC 5321, 4.2), and decides what they and other errors mean."""

from __future__ import annotations

from functools import lru_cache

from ..light import pattern
from ..receipts import Reply, Status

# Octets of one reply line that are kept. RFC 5321 (4.5.3.1.5) allows 512; some servers write more.
LINE = 1_000

# The most octets that a whole reply may have.
REPLY = 100_000

# RFC 5321, 4.2: three digits, then a space or a hyphen and text, or nothing. 1xx is not in use.
# Some servers end their lines in LF alone.
_LINE = pattern(rb"([2-5][0-9]{2})(?:([ -])([^\r\n]*))?\r?\n")

# Nearly all replies: a line of ASCII. The enhanced code has the same class as the code.
_PLAIN = pattern(
    rb"(([245])[0-9]{2}) (?:(\2\.[0-9]{1,3}\.[0-9]{1,3}) )?(?![245]\.)([!-~][ -~]*)?\r?\n"
)

# RFC 2034, 4: the enhanced code stands in front of the text, on every line.
_ENHANCED = pattern(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

_CONTROL = pattern(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def parse(raw: bytes) -> Reply:
    """Read one reply. Raises Broken for what is none."""
    if (plain := _PLAIN.fullmatch(raw)) and len(raw) < LINE:
        enhanced = plain[3].decode() if plain[3] else None
        return Reply(int(plain[1]), (plain[4] or b"").decode(), enhanced)
    if len(raw) > REPLY:
        raise nonsense(raw, f" and so on, over {REPLY:,} octets")
    lines = [_LINE.fullmatch(line) for line in raw.splitlines(keepends=True)]
    codes = [line[1] for line in lines if line]
    if len(codes) < len(lines):
        raise nonsense(raw)
    place = _deciding(codes)
    code = codes[place].decode()
    texts = [_readable((line and line[3]) or b"") for line in lines]
    found = _ENHANCED.match(texts[place])
    if found is None or found[1][0] != code[0]:
        return Reply(int(code), "\n".join(texts))
    prefix = found[1]
    texts = [text.removeprefix(prefix).lstrip() for text in texts]
    return Reply(int(code), "\n".join(texts), prefix)


def _deciding(codes: list[bytes]) -> int:
    """Return the place of the line whose code counts: the last one's, or the last no's.

    RFC 5321, 4.2.1, wants the same code on every line. Where it isn't, a message that was refused
    anywhere must not count as taken.
    """
    refusals = [place for place, code in enumerate(codes) if code >= b"400"]
    return refusals[-1] if refusals else len(codes) - 1


common = lru_cache(maxsize=256)(parse)
"""`parse()` for short replies, most of which are the same few."""


def _readable(text: bytes) -> str:
    """Text that can be logged and printed: UTF-8 where it is (RFC 6531, 3.7.4), no controls."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[:LINE].decode("utf-8", "replace"))


class Broken(Exception):  # noqa: N818 - what it says of the connection
    """The connection is of no more use; `error` is the exception that tells the user why.

    A type of its own, because an OSError may also come from a signal's handler.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


def nonsense(raw: bytes, what: str = "") -> Broken:
    shown = repr(raw[:100]) + ("..." if len(raw) > 100 else "") + what
    said = f"The server said {shown}, which is not an SMTP reply (RFC 5321, 4.2)"
    return Broken(protocol_error(said))


def in_bytes(reply: Reply) -> tuple[int, bytes]:
    """Return code and text as smtplib's exceptions have them: the enhanced code on each line."""
    prefix = f"{reply.enhanced} " if reply.enhanced else ""
    lines = [prefix + line for line in reply.text.split("\n")]
    return reply.code, "\n".join(lines).encode()


def from_bytes(code: int, text: bytes | str) -> Reply:
    """Return as a reply what smtplib's exceptions have of it."""
    text = text.encode() if isinstance(text, str) else text
    lines = text.replace(b"\r", b"").split(b"\n")
    ends = [b"-"] * (len(lines) - 1) + [b" "]
    raw = b"".join(b"%d%s%s\r\n" % (code, end, line) for end, line in zip(ends, lines, strict=True))
    try:
        return parse(raw)
    except Broken:
        return Reply(code, _readable(text))  # a test double may have returned anything


def refused(reply: Reply) -> OSError:
    """Return smtplib's exception for a refusal of the message itself."""
    from smtplib import SMTPDataError

    return SMTPDataError(*in_bytes(reply))


def status_of(error: BaseException, *, foreign: bool = False) -> Status:
    """Decide what an exception means for the one message whose sending raised it.

    For code that only raises. An error that doesn't tell when it happened may have come after the
    server took the message; if the code is `foreign`, a backend written for Django, that is so for
    all but those that are known to come before.
    """
    import smtplib

    if not isinstance(error, OSError):
        mistake = not foreign or isinstance(error, ValueError | TypeError)
        return Status.REFUSED if mistake else Status.UNKNOWN
    before_mail = (
        smtplib.SMTPConnectError,
        smtplib.SMTPHeloError,
        smtplib.SMTPAuthenticationError,
        ConnectionRefusedError,
    )
    if isinstance(error, before_mail):
        return Status.DEFERRED
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    else:
        codes = [getattr(error, "smtp_code", 0)]
    if min(codes, default=0) >= 500:
        return Status.REFUSED
    lost = isinstance(error, smtplib.SMTPServerDisconnected | TimeoutError | ConnectionError)
    return Status.UNKNOWN if (lost or foreign) and not any(codes) else Status.DEFERRED


# What servers answer to a BDAT that they don't know, don't want now, or find too long. Some then
# read the content as commands.
_CHUNK_UNREAD = frozenset((500, 502, 503, 504, 552))


def leaves_content_unread(reply: Reply) -> bool:
    """Is this an answer to BDAT after which the content may be taken for commands?"""
    return reply.code in _CHUNK_UNREAD


def disconnected(what: str, cause: Exception | None = None) -> OSError:
    """Return the exception for a lost connection."""
    from smtplib import SMTPServerDisconnected

    error = SMTPServerDisconnected(f"{what}: {cause}" if cause else what)
    error.__cause__ = cause
    return error


def protocol_error(what: str) -> OSError:
    """Return the exception for a server that doesn't speak SMTP."""
    from smtplib import SMTPException

    return SMTPException(f"{what}; the session was ended")
