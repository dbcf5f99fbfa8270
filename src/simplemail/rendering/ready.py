"""Passes on header fields that came ready-made, and writes anew those that can't travel so.

They are other people's, so they stay as they are, even if a stricter writer would differ.
"""

from __future__ import annotations

from ..exceptions import BadHeaderError
from ..light import Any, NamedTuple, pattern
from .address_fields import address_list
from .addresses import ADDRESS_FIELDS, InvalidAddress, NeedsSMTPUTF8
from .checks import ONE_FIELD
from .field import LONGEST_LINE, finished, is_verbatim, parameter, unstructured
from .folding import LINE, decoded_text, fold, words

# Line ends, except for a fold right after the name, which some Pythons leave in the value.
_LINE_END = pattern(rb"\r\n|\r|\n")
_FOLDED_AT_START = pattern(rb"[ \t]*+(?:(?:\r\n|\r|\n)[ \t]++)*+")
_NO_TEXT = pattern("[\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

PARAMETRIC = {"content-type", "content-disposition"}
"""The names of the fields that have parameters (RFC 2045, 5.1), in lower case."""

# What stands between semicolons outside of quotes; a quote that isn't closed ends with the text.
_PIECE = pattern(r'(?:[^;"]|"(?:[^"\\]|\\.)*+"?)++')
_ESCAPED = pattern(r"\\(.)")


class Parameter(NamedTuple):
    """A parameter: its name in lower case, its original text, and its value."""

    name: str
    written: str
    value: str


def ready_text(name: str, value: Any) -> str:
    """Return the value of a stdlib message's field as it was given, before any writing.

    Raises BadHeaderError if a legacy `Header` would be more than one field.
    """
    if not hasattr(value, "encode") or isinstance(value, str):
        return str(value)
    from email.errors import HeaderParseError

    try:
        return str(value.encode())
    except HeaderParseError:
        raise BadHeaderError(
            "Header values may not contain linefeed or carriage return characters; "
            f"{name} is {str(value)!a}"
        ) from None


def ready_field(name: str, value: str, *, utf8: bool = False) -> bytes:
    """Return a field of somebody else's message or part with its CRLF, as it was if that can be.

    Octets that stand in the value by "surrogateescape" stay as they are: whoever sends them knows
    where they can go. Text beyond ASCII (unless `utf8`) and lines over 998 octets are written anew.

    Raises BadHeaderError for what would be more than one field, ValueError as `rewritten()` does.
    """
    octets = value.encode("utf-8", "surrogateescape")
    octets = _LINE_END.sub(b"\r\n", _FOLDED_AT_START.sub(b"", octets, 1))
    field = b"%s: %s\r\n" % (name.encode("utf-8", "surrogateescape"), octets)
    match = ONE_FIELD.fullmatch(field)
    if match is None or match[1] != name.encode("utf-8", "surrogateescape"):
        raise BadHeaderError(
            f"Header values may not contain linefeed or carriage return characters; {name} "
            f"would become {field!r}"
        )
    is_short = max(map(len, field.split(b"\r\n"))) <= LONGEST_LINE
    return field if is_short and (utf8 or _is_octets(value)) else rewritten(field, utf8=utf8)


def _is_octets(value: str) -> bool:
    """Was this read from bytes, rather than written in Python?"""
    try:
        value.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def in_ascii(field: bytes, *, utf8: bool = False, nested: bool = False) -> bytes:
    """Return a field as it is if it is in ASCII, or with `utf8` in UTF-8, and written anew if not.

    In a `nested` message nothing is refused for an address that can't be in ASCII.
    """
    if field.isascii() or (utf8 and _is_utf8(field)):
        return field
    return rewritten(field, utf8=utf8, nested=nested)


def rewritten(field: bytes, *, utf8: bool = False, nested: bool = False) -> bytes:
    """Write a field anew: encoded, and folded.

    In ids, URLs, signatures and dates each octet beyond ASCII becomes %XX (RFC 3987, 3.1); they
    are never encoded otherwise. Raises NeedsSMTPUTF8 for an address that only that can carry,
    unless `nested`, and ValueError for a type beyond ASCII and a word too long for a line.
    """
    name, text = taken_apart(field)
    if name.lower() in PARAMETRIC:
        return _with_parameters(name, _NO_TEXT.sub("?", text))
    if name.lower() in ADDRESS_FIELDS:
        try:
            return finished(name, address_list(name, text, utf8, lenient=True))
        except InvalidAddress as error:
            # Anything but a list of addresses is ordinary text.
            if isinstance(error, NeedsSMTPUTF8) and not nested:
                raise
    if is_verbatim(name):
        text = "".join(map(_percent, _NO_TEXT.sub("?", text)))
        return finished(name, fold(f"{name}:", words(text), LINE))
    return finished(name, unstructured(name, _NO_TEXT.sub("?", decoded_text(text)), utf8))


def _percent(character: str) -> str:
    return character if character.isascii() else "".join(f"%{n:02X}" for n in character.encode())


def taken_apart(field: bytes) -> tuple[str, str]:
    """Return a field's name, and its value unfolded and as text."""
    name, _, value = field.partition(b":")
    value = value.replace(b"\r\n", b"").strip(b" \t")
    charset = "utf-8" if _is_utf8(value) else "cp1252"  # which programs write as Latin-1
    return name.decode("ascii").strip(), value.decode(charset, "replace")


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except ValueError:
        return False
    return True


def parameters(text: str) -> tuple[str, list[Parameter]]:
    """Take apart what a field with parameters holds: the value, and the parameters."""
    value, *others = [*map(str.strip, _PIECE.findall(text))] or [""]
    return value, [_parameter(each) for each in others if each]


def _parameter(written: str) -> Parameter:
    name, _, value = (each.strip() for each in written.partition("="))
    if value.startswith('"'):
        value = _ESCAPED.sub(r"\1", value[1:].removesuffix('"'))
    return Parameter(name.lower(), written, value)


def _with_parameters(name: str, text: str) -> bytes:
    value, given = parameters(text)
    names = {each.name for each in given}
    tokens = [f" {value}"]
    for each in given:
        if f"{each.name}*" in names or f"{each.name}*0*" in names:
            continue  # there is a better one of the same name (RFC 6266, 4.3)
        tokens[-1] += ";"
        if each.written.isascii():
            tokens.append(f" {each.written}")
        else:
            tokens += parameter(each.name, _NO_TEXT.sub("?", decoded_text(each.value)))
    line = finished(name, fold(f"{name}:", tokens, LINE))
    if not line.isascii() or any(not each.value.isascii() for each in given if each.name in _KEYS):
        raise ValueError(f"{name} can't hold {text[:100]!a}: write it in ASCII")
    return line


# Parameters on which other text depends, so they must not be encoded.
_KEYS = {"boundary", "charset"}
