"""Writes one header field as it goes over the wire: checked, encoded and folded.

Python's own folding differs between patch releases, and is wrong on those that people run: it
loses the quotes of display names, encodes URLs and ids, and splits words of bare text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from ..light import pattern
from .addresses import ADDRESS_FIELDS, is_simple, quote
from .dates import DATE_FIELDS, format_date
from .folding import (
    LINE,
    LINE_WITH_ENCODED_WORD,
    LONGEST_WORD,
    PLAIN_UTF8_WORD,
    PLAIN_WORD,
    SPACED_WORD,
    encoded_words,
    extended_parameter,
    fold,
    is_name,
    words,
)
from .injection import check_header, cut

LONGEST_LINE = 998
"""Octets of a line without its CRLF (RFC 5322, 2.1.1)."""
# A run of spaces over this length is encoded, so that a line can end inside of it.
_LONGEST_SPACE = 40

# Names that nearly every message has.
_OURS = frozenset(("Subject", "Date", "Message-ID"))
_PLAIN = pattern(
    rf"[!-~]{{1,{LONGEST_WORD}}}(?:[ \t]{{1,{_LONGEST_SPACE}}}+[!-~]{{1,{LONGEST_WORD}}}+)*+"
)
# What holds ids, URLs, signatures, dates, or what machines wrote for machines.
_VERBATIM = {"message-id", "in-reply-to", "references", "content-id", "resent-message-id"}
_VERBATIM |= {"content-location", "content-base", "archived-at", "openpgp", "autocrypt", "received"}
_VERBATIM |= {"dkim-signature", "domainkey-signature", "authentication-results", "received-spf"}
_VERBATIM |= {"return-path", *DATE_FIELDS}


def header_line(name: str, value: object, *, utf8: bool = False) -> bytes:
    """Return the field with its CRLF, folded at 78 characters where there is a space to fold at.

    A fold never comes right after the colon if it can be helped, which some programs misread.
    Address fields take a text or a list of addresses, date fields a datetime too. Everything but
    addresses, dates, ids, URLs, signatures and their kin is unstructured text. With `utf8`
    (SMTPUTF8, RFC 6532) nothing is encoded for being other than ASCII.

    Raises BadHeaderError for what `check_header()` refuses, and ValueError for addresses and ids
    that can't be written, or for a line that would be over 998 octets.
    """
    key = name.lower()
    if key in ADDRESS_FIELDS:
        only = value[0] if type(value) is list and len(value) == 1 else value
        if type(only) is str and is_simple(only) and len(name) + len(only) <= LINE - 2:
            return f"{name}: {only}\r\n".encode()
        from .address_fields import address_list

        return finished(name, address_list(name, value, utf8))
    text = format_date(value) if isinstance(value, datetime) else str(value)
    if _is_plain(text) and (name in _OURS or is_name(name)):
        if len(name) + len(text) <= LINE - 2:
            return f"{name}: {text}\r\n".encode()
        return finished(name, fold(f"{name}:", words(text), LINE))
    check_header(name, text)
    if is_verbatim(key):
        return finished(name, _verbatim(name, text, utf8))
    return finished(name, unstructured(name, text, utf8))


def sanitize_address(addr: object, encoding: object = None) -> str:
    """Return `addr`, text or a pair, as it stands in a header: name encoded, domain in ASCII.

    For code written for Django, which deprecated it in 6.0. `encoding` is ignored: names are
    encoded in UTF-8. Raises ValueError for what isn't one address, and if the part before the @
    isn't ASCII.
    """
    from .address_fields import header_address

    return header_address(addr)


def is_verbatim(name: str) -> bool:
    """Is a field of this name never encoded, only folded where there is a space?"""
    key = name.lower()
    return key in _VERBATIM or key.startswith(("list-", "arc-"))


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
        tokens += parameter(key, param)
    return finished(name, fold(f"{name}:", tokens, LINE))


def finished(name: str, folded: str) -> bytes:
    """Return a folded field in octets with its CRLF. Raises ValueError for a line over 998."""
    line = f"{folded}\r\n".encode()
    if len(line) > LONGEST_LINE and max(map(len, line.split(b"\r\n"))) > LONGEST_LINE:
        raise ValueError(f"{name} can't be folded to lines of {LONGEST_LINE} octets: {folded!r}")
    return line


# Ids, URLs, signatures


def _verbatim(name: str, text: str, utf8: bool) -> str:
    text = text.strip(" \t")
    if not (utf8 or text.isascii()):
        # List-Id may have a description before the id (RFC 2919, 3), no other has text of its own.
        before, bracket, rest = text.partition("<")
        if name.lower() != "list-id" or not (bracket and rest.isascii()):
            raise ValueError(f"{name} can't hold {cut(text)}: write it in ASCII, URLs with %")
        from .address_fields import phrase

        text = f"{phrase(before.strip(), utf8)} <{rest}"
    return fold(f"{name}:", words(text), LINE)


# Unstructured text (RFC 5322, 2.2.1) and encoded-words (RFC 2047)


def unstructured(name: str, text: str, utf8: bool) -> str:
    """Return a field of any text without its CRLF: words that can't stand as they are, encoded."""
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
    plain = PLAIN_UTF8_WORD if utf8 else PLAIN_WORD
    words = [word.span() for word in re.finditer(r"[^ \t]+", text)]
    odd = [span for span in words if not plain.fullmatch(text, *span)]
    size = len(text)
    # Spaces at either end would be lost, and very many can't be folded.
    for left, right in pairwise([(0, 0), *words, (size, size)]):
        gap = right[0] - left[1]
        if gap > _LONGEST_SPACE or (gap and (left[1] == 0 or right[0] == size)):
            odd += [left, right]
    return (min(odd)[0], max(odd)[1]) if odd else (0, 0)


# Parameters


def parameter(key: str, value: str) -> list[str]:
    """Return a parameter as tokens for `fold()`: a quoted-string, or by RFC 2231 in UTF-8."""
    plain = quote(value)
    # Whole, because many programs keep a line end inside of quotes as part of a file name.
    is_short = len(key) + len(plain) < LONGEST_WORD
    if is_short and all(PLAIN_WORD.fullmatch(word) for word in plain.split(" ") if word):
        return [f" {key}={plain}"]
    return [f" {each}" for each in extended_parameter(key, value, LINE)]
