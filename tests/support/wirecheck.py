"""Says what is wrong with a message's bytes, by the RFCs alone.

It shares no code with simplemail or with Python's email package, on purpose: what both get wrong in
the same way would pass unseen.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

# RFC 5322, 3.3 and 3.4: may stand once at most (Resent-* and trace fields may repeat).
ONCE = frozenset(
    b"date from sender reply-to to cc bcc message-id in-reply-to references subject mime-version "
    b"content-type content-transfer-encoding content-disposition content-id".split()
)
ADDRESSES = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc".split()
)
PARAMETERS = frozenset([b"content-type", b"content-disposition"])
# Never hold encoded-words: RFC 2047, 5, and RFC 2369, 2 for the List- fields.
PLAIN = frozenset(
    b"message-id in-reply-to references content-id date mime-version resent-message-id resent-date "
    b"content-transfer-encoding list-unsubscribe list-unsubscribe-post list-help list-subscribe "
    b"list-post list-owner list-archive".split()
)

FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
# Anything a reader could take for an encoded-word: RFC 2047, 2, loosely.
LOOKS_ENCODED = re.compile(rb"=\?[^ \t\r\n?]*\?[^ \t\r\n?]*\?[^ \t\r\n?]*\?=")
ENCODED_WORD = re.compile(rb"=\?([A-Za-z0-9-]+)(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([!->@-~]*)\?=")
# RFC 2047, 5 (3): what a Q encoded-word may hold inside a phrase.
Q_IN_PHRASE = re.compile(rb"(?:[A-Za-z0-9!*+/_-]|=[0-9A-F]{2})*")
Q_IN_TEXT = re.compile(rb"(?:[!-<>@-~]|=[0-9A-F]{2})*")
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
QP_LINE = re.compile(rb"(?:[\t !-<>-~]|=[0-9A-F]{2})*=?")
BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")

TOKEN = rb"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
DOT_ATOM = ATOM + rb"(?:\." + ATOM + rb")*"
DOMAIN = rb"(?:" + DOT_ATOM + rb"|\[[!-Z^-~]*\])"
ADDR_SPEC = rb"(?:" + DOT_ATOM + rb"|" + QUOTED + rb")(?:@" + DOMAIN + rb")?"
WORD = rb"(?:" + ATOM + rb"|" + QUOTED + rb")"
# obs-phrase would allow dots in it; what is written today must not use it (RFC 5322, 4).
PHRASE = WORD + rb"(?:[ \t]+" + WORD + rb"|(?<=\")" + WORD + rb"|(?=\")" + WORD + rb")*"
MAILBOX = rb"(?:(?:(?:" + PHRASE + rb")[ \t]*)?<" + ADDR_SPEC + rb">|" + ADDR_SPEC + rb")"
MAILBOXES = MAILBOX + rb"(?:[ \t]*,[ \t]*" + MAILBOX + rb")*"
GROUP = rb"(?:" + PHRASE + rb")[ \t]*:[ \t]*(?:" + MAILBOXES + rb")?[ \t]*;"
ADDRESS = rb"(?:" + GROUP + rb"|" + MAILBOX + rb")"
ADDRESS_LIST = re.compile(
    rb"[ \t]*" + ADDRESS + rb"(?:[ \t]*,[ \t]*" + ADDRESS + rb")*[ \t]*", re.DOTALL
)
COMMENT = re.compile(
    rb"(" + QUOTED + rb")|[ \t]?\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)", re.DOTALL
)
PARAMETER = re.compile(
    rb"[ \t]*;[ \t]*(" + TOKEN + rb")=(?:(" + TOKEN + rb")|(" + QUOTED + rb"))", re.DOTALL
)
# RFC 2231, 7.
EXTENDED_NAME = re.compile(rb"([^*]+)(?:\*(0|[1-9][0-9]*))?(\*)?")
EXTENDED_VALUE = re.compile(rb"(?:[A-Za-z0-9!#$&+.^_`{|}~-]|%[0-9A-F]{2})*")


class Field(NamedTuple):
    name: bytes  # in lower case
    raw: bytes  # all of it, with its CRLFs
    value: bytes  # unfolded


def faults(content: bytes, *, eight_bit: bool = True, utf8: bool = False) -> list[str]:
    """Return what is wrong with a whole message, a line for each fault; [] for a sound one."""
    found = list(_octet_faults(content))
    if not content.endswith(b"\r\n"):
        found.append(f"does not end in CRLF: {content[-20:]!r}")
    if not eight_bit and not utf8 and not content.isascii():
        found.append("8-bit octets that nobody announced")
    if not found:  # the rest relies on lines
        found.extend(_entity_faults(content, "message", utf8=utf8, top=True))
    return found


def header_faults(field: bytes, *, utf8: bool = False) -> list[str]:
    """Return what is wrong with one header, given with its CRLFs."""
    found = list(_octet_faults(field))
    found.extend(_block_faults(field, "header", utf8=utf8))
    return found


def _octet_faults(content: bytes) -> Iterator[str]:
    if b"\0" in content:
        yield "NUL"
    if re.search(rb"\r(?!\n)", content):
        yield "bare CR"
    if re.search(rb"(?<!\r)\n", content):
        yield "bare LF"
    longest = max(map(len, content.split(b"\r\n")))
    if longest > 998:
        yield f"a line of {longest} octets"


def _entity_faults(content: bytes, where: str, *, utf8: bool, top: bool = False) -> Iterator[str]:
    """Yield the faults of a header block and of the body that it describes (RFC 2045, 2.4)."""
    block, body = _split_entity(content)
    yield from _block_faults(block, where, utf8=utf8)
    fields = {field.name: field.value.strip() for field in _fields(block)}
    mime = [name for name in fields if name.startswith(b"content-")]
    if top and mime and fields.get(b"mime-version") != b"1.0":
        yield f"{where}: {mime} without MIME-Version: 1.0"
    kind, parameters = _content_type(fields.get(b"content-type", b"text/plain"))
    encoding = fields.get(b"content-transfer-encoding", b"7bit").lower()
    where = f"{where} {kind.decode('ascii', 'replace')}"
    if kind.startswith((b"multipart/", b"message/")):
        if encoding not in (b"7bit", b"8bit"):
            yield f"{where}: encoded as {encoding!r} (RFC 2045, 6.4; RFC 2046, 5.2.1)"
        if kind.startswith(b"multipart/"):
            yield from _multipart_faults(body, parameters.get(b"boundary"), where, utf8=utf8)
        elif kind == b"message/rfc822":
            yield from _entity_faults(body, where, utf8=utf8)
    else:
        yield from _leaf_faults(body, kind, parameters, encoding, where)


def _split_entity(content: bytes) -> tuple[bytes, bytes]:
    if content.startswith(b"\r\n"):
        return b"", content[2:]
    block, separator, body = content.partition(b"\r\n\r\n")
    return (block + b"\r\n" if separator else block), body


def _fields(block: bytes) -> Iterator[Field]:
    for match in FIELD.finditer(block):
        yield Field(match[1].lower(), match[0], match[2].replace(b"\r\n", b""))


def _block_faults(block: bytes, where: str, *, utf8: bool) -> Iterator[str]:
    if "".join(FIELD.sub(b"", block).decode("latin-1").split("\r\n")):
        yield f"{where}: not a header block: {FIELD.sub(b'', block)[:60]!r}"
    names = [field.name for field in _fields(block)]
    for name in sorted(set(names) & ONCE):
        if names.count(name) > 1:
            yield f"{where}: {name!r} stands {names.count(name)} times"
    for field in _fields(block):
        for fault in _field_faults(field, utf8=utf8):
            yield f"{where}: {fault}: {field.raw[:160]!r}"


def _field_faults(field: Field, *, utf8: bool) -> Iterator[str]:
    if re.search(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", field.raw):
        yield "control character"
    if not field.raw.isascii():
        if not utf8:
            yield "8-bit header"
        try:
            field.raw.decode()
        except UnicodeDecodeError:
            yield "header is not UTF-8"
    # The space after the colon may end the first line: "References:" CRLF SP ids.
    lines = field.raw[:-2].split(b"\r\n")
    if any(not line.strip() for line in lines[1:]):
        yield "a line of white space alone (RFC 5322, 3.2.2)"
    if field.name in PARAMETERS:  # a file name in quotes is one piece
        lines = _without_quoted(b"\r\n".join(lines)).split(b"\r\n")
    yield from (fault for line in lines for fault in _fold_faults(line))
    if field.name in PLAIN or field.name in PARAMETERS:
        if LOOKS_ENCODED.search(_without_quoted(field.value)):
            yield "encoded-word in a field that takes none"
    else:
        yield from _encoded_word_faults(field, lines)
    if field.name in ADDRESSES and not _is_address_list(field.value):
        yield "not a list of addresses"
    if field.name in PARAMETERS:
        yield from _parameter_faults(field)


def _fold_faults(line: bytes) -> Iterator[str]:
    """Yield a fault if a line over 78 characters has a place where it could have been folded."""
    name = re.match(rb"[!-9;-~]+:[ \t]*|[ \t]+", line)
    start = name.end() if name else 0
    length = len(line.decode("utf-8", "replace"))
    if length > 78 and re.search(rb"[ \t]+[^ \t]", line[start:]):
        yield f"a line of {length} characters that could be folded"


def _encoded_word_faults(field: Field, lines: list[bytes]) -> Iterator[str]:
    phrase = field.name in ADDRESSES
    value = _without_quoted(field.value) if phrase else field.value
    for match in LOOKS_ENCODED.finditer(value):
        word = match[0]
        before, after = value[: match.start()][-1:], value[match.end() :][:1]
        if before not in (b"", b" ", b"\t", b"(") or after not in (b"", b" ", b"\t", b")"):
            # Readers differ on whether this is one: RFC 2047, 5 says that it is not.
            yield f"encoded-word stuck to other text: {word!r}"
        yield from _word_faults(word, phrase=phrase)
    for line in lines:
        length = len(line.decode("utf-8", "replace"))
        if LOOKS_ENCODED.search(line) and length > 76:
            yield f"a line of {length} characters with an encoded-word (RFC 2047, 2)"
    if phrase and re.search(rb"<[^>]*=\?[^>]*\?=[^>]*>", _without_quoted(field.value)):
        yield "encoded-word in an addr-spec"


def _word_faults(word: bytes, *, phrase: bool) -> Iterator[str]:
    if len(word) > 75:
        yield f"encoded-word of {len(word)} octets"
    match = ENCODED_WORD.fullmatch(word)
    if not match:
        yield f"malformed encoded-word {word!r}"
        return
    charset, encoding, text = match[1].decode(), match[2].upper(), match[3]
    if encoding == b"B":
        fit = BASE64.fullmatch(text)
        octets = binascii.a2b_base64(text) if fit else b""
    else:
        fit = (Q_IN_PHRASE if phrase else Q_IN_TEXT).fullmatch(text)
        octets = binascii.a2b_qp(text, header=True)
    if not fit:
        yield f"encoded-word holds what it must not: {word!r}"
    try:
        characters = codecs.decode(octets, charset)
    except LookupError:
        yield f"unknown charset {charset!r}"
    except UnicodeDecodeError:
        yield f"encoded-word splits a character: {word!r}"
    else:
        if re.search(r"[\r\n\0]", characters):
            yield f"encoded-word hides a line break or NUL: {word!r}"


def _without_quoted(value: bytes) -> bytes:
    return re.sub(QUOTED, b'""', value)


def _is_address_list(value: bytes) -> bool:
    # What is in quotes first, so that a parenthesis there is no comment (RFC 5322, 3.2.2).
    value = COMMENT.sub(rb"\1", value)
    return not value.strip() or bool(ADDRESS_LIST.fullmatch(value))


def _content_type(value: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    kind = value.partition(b";")[0].strip().lower()
    return kind, {name.lower(): text for name, text in _parameters(value)}


def _parameters(value: bytes) -> Iterator[tuple[bytes, bytes]]:
    for name, token, quoted in PARAMETER.findall(value):
        yield name, token or re.sub(rb"\\(.)", rb"\1", quoted[1:-1], flags=re.DOTALL)


def _parameter_faults(field: Field) -> Iterator[str]:
    shape = rb"[ \t]*" + TOKEN + (rb"/" + TOKEN if field.name == b"content-type" else b"")
    rest = re.sub(shape, b"", field.value, count=1) if re.match(shape, field.value) else b"?"
    if PARAMETER.sub(b"", rest).strip(b" \t"):
        yield "malformed parameters"
    names = [name.lower() for name, _ in _parameters(field.value)]
    if len(names) != len(set(names)):
        yield "a parameter stands twice"
    segments: dict[bytes, list[int]] = {}
    for name, text in _parameters(field.value):
        base, number, extended = EXTENDED_NAME.fullmatch(name.lower()).groups()  # type: ignore[union-attr]
        if number is not None:
            segments.setdefault(base, []).append(int(number))
        if extended:
            yield from _extended_faults(text, first=number in (None, b"0"))
    for base, numbers in segments.items():
        if sorted(numbers) != list(range(len(numbers))):
            yield f"parameter {base!r} has segments {numbers}"


def _extended_faults(text: bytes, *, first: bool) -> Iterator[str]:
    if first:
        charset, tick, text = text.partition(b"'")
        text = text.partition(b"'")[2]
        if not tick or charset.lower() not in (b"utf-8", b"us-ascii", b"iso-8859-1"):
            yield f"extended parameter in charset {charset!r}"
    if not EXTENDED_VALUE.fullmatch(text):
        yield f"malformed extended parameter {text[:40]!r}"


def _multipart_faults(
    body: bytes, boundary: bytes | None, where: str, *, utf8: bool
) -> Iterator[str]:
    if boundary is None or not BOUNDARY.fullmatch(boundary):
        yield f"{where}: boundary {boundary!r}"
        return
    # Every line that begins with the delimiter counts, whatever follows (RFC 2046, 5.1.1).
    lines = re.findall(rb"(?:\A|(?<=\r\n))--" + re.escape(boundary) + rb"([^\r]*)\r\n", body)
    if not lines or lines[-1] != b"--" or any(lines[:-1]) or len(lines) < 2:
        yield f"{where}: delimiter lines end in {lines}"
        return
    delimiter = b"\r\n--" + boundary
    _, *parts = (b"\r\n" + body).split(delimiter)
    if parts[-1].rstrip(b"\r\n") != b"--":
        yield f"{where}: epilogue {parts[-1][2:60]!r}"
    for number, part in enumerate(parts[:-1], 1):
        yield from _entity_faults(part[2:] + b"\r\n", f"{where}, part {number}", utf8=utf8)


def _leaf_faults(
    body: bytes, kind: bytes, parameters: dict[bytes, bytes], encoding: bytes, where: str
) -> Iterator[str]:
    if encoding == b"7bit":
        if not body.isascii():
            yield f"{where}: 8-bit octets in a 7bit part"
    elif encoding == b"base64":
        yield from (f"{where}: {fault}" for fault in _base64_faults(body))
    elif encoding == b"quoted-printable":
        yield from (f"{where}: {fault}" for fault in _quoted_printable_faults(body))
    elif encoding != b"8bit":
        yield f"{where}: transfer encoding {encoding!r}"
    if kind.startswith(b"text/") and not body.isascii() and b"charset" not in parameters:
        yield f"{where}: 8-bit text without a charset"


def _base64_faults(body: bytes) -> Iterator[str]:
    lines = body.rstrip(b"\r\n").split(b"\r\n")
    if max(map(len, lines)) > 76:
        yield "a base64 line over 76 characters"
    text = b"".join(lines)
    if not BASE64.fullmatch(text):
        yield "not base64"
    elif base64.b64encode(binascii.a2b_base64(text)) != text:
        yield "base64 with stray bits at its end"


def _quoted_printable_faults(body: bytes) -> Iterator[str]:
    for line in body.split(b"\r\n"):
        # RFC 2045, 6.7 (5) says 76. Python's own generator goes to 78, and its bytes are ours.
        if len(line) > 78:
            yield f"a quoted-printable line of {len(line)} characters"
        if not QP_LINE.fullmatch(line):
            yield f"not quoted-printable: {line[:80]!r}"
        if line.endswith((b" ", b"\t")):
            yield f"white space at the end of a quoted-printable line: {line!r}"
