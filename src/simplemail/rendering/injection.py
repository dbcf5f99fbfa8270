"""Refuses header values that would become several fields, or control somebody's terminal."""

from __future__ import annotations

from ..exceptions import BadHeaderError
from ..light import pattern
from .folding import decoded_words, is_name

# The line ends of str.splitlines(), which Python's own headers refuse too.
_LINE_BREAK = pattern("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSAFE_WORD = pattern("[\x00-\x08\n-\x1f\x7f\x85\u2028\u2029]")


def check_header(name: str, value: str) -> None:
    """Raise BadHeaderError unless this can be a header field, whose value is on one line.

    A name is printable ASCII without a colon (RFC 5322, 3.6.8); a value has no control character
    but tabs, and no half of a surrogate pair. Neither has the text of its encoded-words: Python
    decodes them, and some patch releases write them out decoded (CVE-2024-6923).
    """
    if not is_name(name):
        raise BadHeaderError(f"Invalid header name {cut(name)}: use printable ASCII without ':'")
    if _LINE_BREAK.search(value):
        raise BadHeaderError(
            f"Header values may not contain linefeed or carriage return characters; {name} is "
            f"{cut(value)}"
        )
    if found := _CONTROL.search(value):
        raise BadHeaderError(f"{name} may not contain {found[0]!a}; it is {cut(value)}")
    if "=?" in value and any(map(_UNSAFE_WORD.search, decoded_words(value))):
        raise BadHeaderError(
            "Header values may not contain linefeed or carriage return characters, nor other "
            f"controls, in encoded-words either; {name} is {cut(value)}"
        )


def cut(text: str) -> str:
    """Return the text for an error, in ASCII and shortened if it is long."""
    return ascii(text if len(text) <= 100 else f"{text[:100]}...")
