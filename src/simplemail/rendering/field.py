"""Writes one header field as it goes over the wire: checked, encoded and folded.

Python's own folding differs between patch releases, and is wrong on those that people run: it
loses the quotes of display names, encodes URLs and ids, and splits words of bare text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from ..exceptions import BadHeaderError
from ..light import pattern
from .addresses import (
    Mailbox,
    as_text,
    elements,
    groups,
    mailbox,
    quote,
    quote_local,
)
from .encodings import decoded_words, encoded_words, extended_parameter
from .folding import LINE, LINE_WITH_ENCODED_WORD, LONGEST_WORD, SPACED_WORD, fold, is_name, words
from .simple_addresses import SIMPLE, SIMPLE_LENGTH, is_simple

# Octets of a line without its CRLF (RFC 5322, 2.1.1).
_LONGEST_LINE = 998
# A run of spaces over this length is encoded, so that a line can end inside of it.
_LONGEST_SPACE = 40

_PLAIN = pattern(
    rf"[!-~]{{1,{LONGEST_WORD}}}(?:[ \t]{{1,{_LONGEST_SPACE}}}+[!-~]{{1,{LONGEST_WORD}}}+)*+"
)
# What str.splitlines() takes for the end of a line, which Python's own headers refuse too.
_LINE_BREAK = pattern("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSAFE_WORD = pattern("[\x00-\x08\n-\x1f\x7f\x85\u2028\u2029]")

_ADDRESSES = {"from", "sender", "reply-to", "to", "cc", "bcc"}
_ADDRESSES |= {"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"}
_IDS = {"message-id", "in-reply-to", "references", "content-id", "resent-message-id"}
_DATES = {"date", "resent-date"}


def check_header(name: str, value: str) -> None:
    """Raise BadHeaderError unless this can be a header field, whose value is on one line.

    A name is printable ASCII without a colon (RFC 5322, 3.6.8); a value has no control character
    but tabs, and no half of a surrogate pair. Neither has the text of its encoded-words: Python
    decodes them, and some patch releases write them out decoded (CVE-2024-6923).
    """
    if not is_name(name):
        raise BadHeaderError(f"Invalid header name {_shown(name)}: use printable ASCII without ':'")
    if _LINE_BREAK.search(value):
        raise BadHeaderError(
            f"Header values may not contain linefeed or carriage return characters; {name} is "
            f"{_shown(value)}"
        )
    if found := _CONTROL.search(value):
        raise BadHeaderError(f"{name} may not contain {found[0]!a}; it is {_shown(value)}")
    if "=?" in value and any(map(_UNSAFE_WORD.search, decoded_words(value))):
        raise BadHeaderError(
            "Header values may not contain linefeed or carriage return characters, nor other "
            f"controls, in encoded-words either; {name} is {_shown(value)}"
        )


def header_line(name: str, value: object, *, utf8: bool = False) -> bytes:
    """Return the field with its CRLF, folded at 78 characters where there is a space to fold at.

    A fold never comes right after the colon if it can be helped, which some programs misread.
    Address fields take a text or a list of addresses, date fields a datetime too. Everything that
    isn't an address, a date, an id or a `List-` field is unstructured text. With `utf8` (SMTPUTF8,
    RFC 6532) nothing is encoded for being other than ASCII.

    Raises BadHeaderError for what `check_header()` refuses, and ValueError for addresses and ids
    that can't be written, or for a line that would be over 998 octets.
    """
    key = name.lower()
    if key in _ADDRESSES:
        only = value[0] if type(value) is list and len(value) == 1 else value
        if type(only) is str and is_simple(only) and len(name) + len(only) <= LINE - 2:
            return f"{name}: {only}\r\n".encode()
        return _finished(name, _address_list(name, value, utf8))
    text = format_date(value) if isinstance(value, datetime) else str(value)
    if _is_plain(text) and is_name(name):
        if len(name) + len(text) <= LINE - 2:
            return f"{name}: {text}\r\n".encode()
        return _finished(name, fold(f"{name}:", words(text), LINE))
    check_header(name, text)
    if key in _IDS or key in _DATES or key.startswith("list-"):
        return _finished(name, _ids(name, text, utf8))
    return _finished(name, _unstructured(name, text, utf8))


def _is_plain(text: str) -> bool:
    """Is this text that needs no encoding?"""
    if "=?" in text:
        return False
    # One without two spaces on end, and not too long, needs no pattern.
    short = text.isascii() and text.isprintable() and len(text) <= LONGEST_WORD
    if short and "  " not in text and text and text[0] != " " != text[-1]:
        return True
    return _PLAIN.fullmatch(text) is not None


def mime_header(name: str, value: str, params: Mapping[str, str]) -> bytes:
    """Return a field with parameters (RFC 2045, 5.1), such as a Content-Disposition.

    A parameter that is ASCII is a plain quoted-string, any other goes by RFC 2231 in UTF-8.
    """
    check_header(name, value)
    tokens = [f" {value}"]
    for key, param in params.items():
        check_header(f"{name}-{key}", param)
        tokens[-1] += ";"
        tokens += _parameter(key, param)
    return _finished(name, fold(f"{name}:", tokens, LINE))


def format_date(moment: datetime) -> str:
    """Return the date as in RFC 5322, 3.3. A naive one is UTC whose place is unknown, -0000."""
    zone = "-0000" if moment.tzinfo is None else moment.strftime("%z")[:5]
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[moment.month * 3 - 3 : moment.month * 3]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} {zone}"


def _finished(name: str, folded: str) -> bytes:
    line = f"{folded}\r\n".encode()
    if len(line) > _LONGEST_LINE and max(map(len, line.split(b"\r\n"))) > _LONGEST_LINE:
        raise ValueError(f"{name} can't be folded to lines of {_LONGEST_LINE} octets: {folded!r}")
    return line


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 100 else f"{text[:100]}...")


# Ids and URLs


def _ids(name: str, text: str, utf8: bool) -> str:
    text = text.strip(" \t")
    if not (utf8 or text.isascii()):
        # List-Id may have a description before the id (RFC 2919, 3), no other has text of its own.
        phrase, bracket, rest = text.partition("<")
        if name.lower() != "list-id" or not (bracket and rest.isascii()):
            raise ValueError(f"{name} can't hold {_shown(text)}: write it in ASCII, URLs with %")
        text = f"{_phrase(phrase.strip(), utf8)} <{rest}"
    return fold(f"{name}:", words(text), LINE)


# Unstructured text (RFC 5322, 2.2.1) and encoded-words (RFC 2047)

_PLAIN_WORD = pattern(rf"(?:[!-<>-~]|=(?!\?)){{1,{LONGEST_WORD}}}")
_PLAIN_UTF8_WORD = pattern(rf"(?:[^\s=]|=(?!\?)){{1,{LONGEST_WORD // 4}}}")


def _unstructured(name: str, text: str, utf8: bool) -> str:
    if not text:
        return f"{name}:"
    start, end = _to_encode(text, utf8)
    if start == end:
        return fold(f"{name}:", words(text), LINE)
    before = text[:start].rstrip(" \t")
    space = text[len(before) : start] or " "
    head = fold(f"{name}:", words(before) if before else (), LINE_WITH_ENCODED_WORD)
    room = LINE_WITH_ENCODED_WORD - len(head.rpartition("\r\n")[2]) - len(space)
    encoded = encoded_words(text[start:end], room)
    tokens = [space + encoded[0], *(f" {word}" for word in encoded[1:])]
    tokens += SPACED_WORD.findall(text, end)
    *lines, last = head.split("\r\n")
    return "\r\n".join([*lines, fold(last, tokens, LINE_WITH_ENCODED_WORD)])


def _to_encode(text: str, utf8: bool) -> tuple[int, int]:
    """Return from where to where the text can't stand as it is: whole words, or (0, 0)."""
    plain = _PLAIN_UTF8_WORD if utf8 else _PLAIN_WORD
    words = [word.span() for word in re.finditer(r"[^ \t]+", text)]
    odd = [span for span in words if not plain.fullmatch(text, *span)]
    size = len(text)
    # Spaces at either end would be lost, and very many can't be folded.
    for left, right in pairwise([(0, 0), *words, (size, size)]):
        gap = right[0] - left[1]
        if gap > _LONGEST_SPACE or (gap and (left[1] == 0 or right[0] == size)):
            odd += [left, right]
    return (min(odd)[0], max(odd)[1]) if odd else (0, 0)


# Addresses

_ATOMS = pattern(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_UTF8_ATOMS = pattern(_ATOMS.pattern)
_VERBATIM = pattern(rf'(?:(?:{_ATOMS.pattern}|"[ !#-\[\]-~]*+") )?<{SIMPLE}>', re.ASCII)


def _address_list(name: str, value: object, utf8: bool) -> str:
    if isinstance(value, (list, tuple)):
        mailboxes = [_checked_mailbox(name, each, utf8) for each in value if each]
    else:
        mailboxes = _text_members(name, str(value), utf8)
    line = f"{name}: {', '.join(mailboxes)}" if mailboxes else f"{name}:"
    limit = LINE_WITH_ENCODED_WORD if "=?" in line else LINE
    if len(line) <= limit:
        return line
    tokens = [f" {each}," for each in mailboxes]
    tokens[-1] = tokens[-1][:-1]
    return fold(f"{name}:", _split_long(tokens, limit - len(name) - 1), limit)


def _checked_mailbox(name: str, address: object, utf8: bool) -> str:
    """Return one address as it stands in a header: as it was written, if that is good."""
    text = address if type(address) is str else as_text(address)
    if _is_verbatim(text):
        return text
    check_header(name, text)
    return _mailbox(text, utf8)


def _is_verbatim(text: str) -> bool:
    """Does this address stand in a header as it was written?"""
    if is_simple(text):
        return True
    short = len(text) <= SIMPLE_LENGTH
    return short and _VERBATIM.fullmatch(text) is not None and "=?" not in text


@lru_cache(maxsize=2048)
def _mailbox(text: str, utf8: bool) -> str:
    return _written(mailbox(text), utf8)


def _split_long(tokens: list[str], room: int) -> Iterator[str]:
    """Yield mailboxes whole, and those too long for any line word by word."""
    for token in tokens:
        if len(token) <= room:
            yield token
        else:
            yield from SPACED_WORD.findall(token)


def _text_members(name: str, text: str, utf8: bool) -> list[str]:
    if _is_verbatim(text):
        return [text]
    check_header(name, text)
    plain = elements(text)
    if plain is not None:
        return [_checked_mailbox(name, each, utf8) for each in plain]
    return [_group(*group, utf8) for group in groups(text)]


def _group(name: str | None, members: tuple[Mailbox, ...], utf8: bool) -> str:
    inside = ", ".join(_written(each, utf8) for each in members)
    if name is None:
        return inside
    return f"{_phrase(name, utf8)}: {inside};" if inside else f"{_phrase(name, utf8)}:;"


def _written(found: Mailbox, utf8: bool) -> str:
    if utf8:
        domain = f"@{found.domain}" if found.domain else ""
        spec = f"{quote_local(found.local)}{domain}"
    else:
        spec = found.addr_spec()
    return f"{_phrase(found.display_name, utf8)} <{spec}>" if found.display_name else spec


def _phrase(text: str, utf8: bool) -> str:
    """Return a display name as atoms, a quoted-string or encoded-words (RFC 5322, 3.2.5)."""
    atoms = _UTF8_ATOMS if utf8 else _ATOMS
    if atoms.fullmatch(text) and "=?" not in text and len(text) < LINE:
        return text
    plain = _PLAIN_UTF8_WORD if utf8 else _PLAIN_WORD
    if all(plain.fullmatch(word) for word in text.split(" ") if word):
        return quote(text)
    return " ".join(encoded_words(text))


# Parameters


def _parameter(key: str, value: str) -> list[str]:
    plain = quote(value)
    if all(_PLAIN_WORD.fullmatch(word) for word in plain.split(" ") if word):
        return words(f"{key}={plain}") if len(plain) > 60 else [f" {key}={plain}"]
    return [f" {each}" for each in extended_parameter(key, value, LINE)]
