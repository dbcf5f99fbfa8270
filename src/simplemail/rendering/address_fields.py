"""Writes header fields that hold addresses, such as From, To and Reply-To."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ..light import Any, pattern
from .addresses import (
    SIMPLE,
    SIMPLE_LENGTH,
    InvalidAddress,
    Mailbox,
    as_text,
    groups,
    is_pair,
    is_simple,
    parsed,
    quote,
    quote_local,
    to_ascii,
)
from .folding import (
    LINE,
    LINE_WITH_ENCODED_WORD,
    PLAIN_UTF8_WORD,
    PLAIN_WORD,
    SPACED_WORD,
    encoded_words,
    fold,
)
from .injection import check_header
from .mailbox_parser import Parsed, parse_list

_ATOMS = pattern(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_UTF8_ATOMS = pattern(_ATOMS.pattern)
_VERBATIM = pattern(rf'(?:(?:{_ATOMS.pattern}|"[ !#-\[\]-~]*+") )?<{SIMPLE}>', re.ASCII)
_ESCAPED = pattern(r"\\(.)")


def address_list(name: str, value: object, utf8: bool, *, lenient: bool = False) -> str:
    """Return a field without its CRLF; the value is a list of addresses, or text that holds some.

    With `lenient`, text is read as the headers of existing mail are. Raises InvalidAddress, which
    names the field, for anything that isn't an address.
    """
    try:
        mailboxes = _read(str(value), utf8) if lenient else _mailboxes(name, value, utf8)
    except InvalidAddress as error:
        raise error.within(name) from None
    line = f"{name}: {', '.join(mailboxes)}" if mailboxes else f"{name}:"
    limit = LINE_WITH_ENCODED_WORD if "=?" in line else LINE
    if len(line) <= limit:
        return line
    tokens = [f" {each}," for each in mailboxes]
    tokens[-1] = tokens[-1][:-1]
    return fold(f"{name}:", _split_long(tokens, limit - len(name) - 1), limit)


def header_address(addr: object) -> str:
    """Return one address, text or a pair, as it stands in a header; raises what it isn't."""
    return _mailbox("To", addr, utf8=False)


def _listed(value: object) -> list[Any] | None:
    """Return the addresses in a list, or a pair as a list of one; None for unparsed text."""
    if is_pair(value):
        return [value]
    if isinstance(value, (list, tuple)):
        return [each for each in value if each]
    return None


def _mailboxes(name: str, value: object, utf8: bool) -> list[str]:
    given = _listed(value)
    if given is not None:
        return [_mailbox(name, each, utf8) for each in given]
    text = str(value)
    if _is_verbatim(text):
        return [text]
    check_header(name, text)
    return [_group(group, members, utf8) for group, members in parse_list(text)]


def _read(text: str, utf8: bool) -> list[str]:
    found = groups(text, lenient=True)
    return [_group(name, [Parsed(*each, ()) for each in boxes], utf8) for name, boxes in found]


def _mailbox(name: str, address: object, utf8: bool) -> str:
    """Return one address in the form for a header: as it was written, if that is valid."""
    text = address if type(address) is str else as_text(address)
    if _is_verbatim(text):
        return text
    check_header(name, text)
    return _rewritten(as_text(text), utf8)


def _is_verbatim(text: str) -> bool:
    """Can this address be written into a header unchanged?"""
    if is_simple(text):
        return True
    short = len(text) <= SIMPLE_LENGTH
    return short and _VERBATIM.fullmatch(text) is not None and "=?" not in text


@lru_cache(maxsize=2048)
def _rewritten(text: str, utf8: bool) -> str:
    return _written(*parsed(text), utf8)


def _group(name: str | None, members: list[Parsed], utf8: bool) -> str:
    inside = ", ".join(_written(Mailbox(*each[:3]), each, utf8) for each in members)
    if name is None:
        return inside
    return f"{phrase(name, utf8)}: {inside};" if inside else f"{phrase(name, utf8)}:;"


def _written(found: Mailbox, given: Parsed, utf8: bool) -> str:
    spec = found.addr_spec(utf8=utf8)
    if utf8 and found.domain:
        spec = f"{quote_local(found.local)}@{found.domain}"
    name = [phrase(found.display_name, utf8)] if found.display_name else []
    comments = [_comment(each, utf8) for each in given.comments]
    return " ".join([*name, *comments, f"<{spec}>"] if name else [spec, *comments])


def address_text(name: str, value: object, *, utf8: bool) -> str:
    """Return the addresses as text for Python's own header objects: one line, names decoded.

    Takes and raises what `address_list()` does.
    """
    try:
        given = _listed(value)
        if given is None:
            members = parse_list(str(value))
            return ", ".join(_readable(*each, utf8) for each in members)
        return ", ".join(_readable_mailbox(parsed(as_text(each))[1], utf8) for each in given)
    except InvalidAddress as error:
        raise error.within(name) from None


def _readable(group: str | None, members: list[Parsed], utf8: bool) -> str:
    inside = ", ".join(_readable_mailbox(each, utf8) for each in members)
    return inside if group is None else f"{phrase(group, utf8=True)}: {inside};"


def _readable_mailbox(found: Parsed, utf8: bool) -> str:
    domain = found.domain if utf8 or not found.domain else to_ascii(found.domain)
    spec = quote_local(found.local) + (f"@{domain}" if domain else "")
    return f"{phrase(found.name, utf8=True)} <{spec}>" if found.name else spec


def _comment(text: str, utf8: bool) -> str:
    if utf8 or text.isascii():
        return text
    inside = _ESCAPED.sub(r"\1", text[1:-1])
    return f"({' '.join(encoded_words(inside))})"


def phrase(text: str, utf8: bool) -> str:
    """Return a display name as atoms, a quoted-string or encoded-words (RFC 5322, 3.2.5)."""
    atoms = _UTF8_ATOMS if utf8 else _ATOMS
    if atoms.fullmatch(text) and "=?" not in text and len(text) < LINE:
        return text
    plain = PLAIN_UTF8_WORD if utf8 else PLAIN_WORD
    if all(plain.fullmatch(word) for word in text.split(" ") if word):
        return quote(text)
    return " ".join(encoded_words(text))


def _split_long(tokens: list[str], room: int) -> Iterator[str]:
    """Yield each mailbox whole, or word by word if it is too long for a line."""
    for token in tokens:
        if len(token) <= room:
            yield token
        else:
            yield from SPACED_WORD.findall(token)
