"""The last look at bytes before they leave, and the standard library's generator under that look.

What simplemail writes itself is right by construction; other people's messages and parts, and
those that a subclass composes, are not, on every CPython.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from ..exceptions import BadHeaderError
from ..light import Any, pattern
from .bodies import base64_blocks, encode_octets
from .field import header_line

_LONG_LINE = pattern(rb"\n[^\r\n]{999}")
# One field: RFC 5322, 2.2. Patterns are possessive: they never look twice at an octet.
_FIELD = rb"([!-9;-~]++)[ \t]*+:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+"
_ONE_FIELD = pattern(_FIELD)
_HEADER = pattern(rb"(?:%s)*+" % _FIELD)


def check_octets(content: bytes) -> None:
    """Raise ValueError for what no mail may hold (RFC 5321, 4.5.3.1.6; RFC 5322, 2.3).

    That is NUL, CR or LF alone, and lines over 998 octets. Costs no Python per line.
    """
    if b"\0" in content:
        raise ValueError(f"The message holds a NUL octet, at {content.index(0)}: mail can't")
    ends = content.count(b"\r\n")
    if content.count(b"\r") != ends or content.count(b"\n") != ends:
        raise ValueError("The message holds a CR or LF alone: lines of mail end in CRLF")
    if _LONG_LINE.match(b"\n" + content[:1000]) or _LONG_LINE.search(content):
        raise ValueError("The message has a line over 998 octets: mail can't, encode the part")


def header_end(content: bytes) -> int:
    """Return where the header ends: after its last field, before the empty line.

    Raises ValueError if it isn't one: if something else comes before the empty line.
    """
    match = _HEADER.match(content)
    end = match.end() if match else 0
    if content[end : end + 2] not in (b"\r\n", b""):
        line = content[end : end + 60].partition(b"\r\n")[0]
        raise ValueError(f"The header is malformed: {line!r} is no field like 'Name: value'")
    return end


def generated(message: Any, *, eight_bit: bool = True, utf8: bool = False) -> bytes:
    """Return a stdlib message or part in bytes with CRLF, written by its own generator.

    Raises BadHeaderError when a field came out as more than one, and ValueError for what
    `check_octets()` refuses.
    """
    from email.generator import BytesGenerator

    if not eight_bit:
        message = _in_seven_bits(message)
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_policy(eight_bit, utf8)).flatten(message)
    content = out.getvalue()
    check_octets(content)
    return content


def _in_seven_bits(message: Any) -> Any:
    """Return a copy whose parts are encoded where they must be.

    The generator would do it, but trips over parts without a charset, and on some patch releases
    over those with one.
    """
    from copy import deepcopy  # needed by few messages, and slow to load

    message = deepcopy(message)
    for part in message.walk():
        encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
        if part.is_multipart():
            if encoding in ("8bit", "binary"):
                part.replace_header("Content-Transfer-Encoding", "7bit")
        elif encoding not in ("base64", "quoted-printable"):
            data = part.get_payload(decode=True) or b""
            if not data.isascii():
                _encode(part, data)
    return message


def _encode(part: Any, data: bytes) -> None:
    if part.get_content_maintype() == "text" and data.endswith(b"\n"):
        encoding, body = encode_octets(data.replace(b"\r\n", b"\n"))
    else:
        encoding, body = "base64", b"".join(base64_blocks(data))
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(body.decode("ascii"))


# Their values have parameters, which only the header object itself can write.
_MIME = {"content-type", "content-disposition", "content-transfer-encoding", "mime-version"}


@lru_cache(maxsize=4)
def _policy(eight_bit: bool, utf8: bool) -> Any:
    """Return a policy that has each field of each part written or looked at by us."""
    from email.header import Header
    from email.policy import EmailPolicy

    class CheckedPolicy(EmailPolicy):
        def fold_binary(self, name: str, value: Any) -> bytes:
            if isinstance(value, Header):  # of the legacy classes
                value = value.encode()
            elif hasattr(value, "name") and name.lower() not in _MIME:
                return header_line(name, str(value), utf8=utf8)
            folded = super().fold_binary(name, value)
            match = _ONE_FIELD.fullmatch(folded)
            if match is None or match[1] != name.encode():
                raise BadHeaderError(
                    f"Header values may not contain linefeed or carriage return characters; {name} "
                    f"would become {folded!r}"
                )
            return folded

    return CheckedPolicy(linesep="\r\n", cte_type="8bit" if eight_bit else "7bit", utf8=utf8)
