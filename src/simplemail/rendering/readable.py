"""A message's bytes as text that a person can read on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# All control characters but newline and tab; the marks that change the direction
# of text and so disguise a line; and code points that aren't characters.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def readable(content: bytes) -> str:
    """Return the whole message as text: fields and text parts decoded, fields not folded.

    What isn't text stays in its transfer encoding. Lines end in newlines; control characters
    other than newline and tab are shown as escapes. A message whose parts are nested too deeply to
    be told apart is shown as it is.
    """
    import email
    import email.policy

    try:
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        text = "".join(_shown(parsed))
    except RecursionError:
        text = content.decode("ascii", "backslashreplace")
    return escaped(text.replace("\r\n", "\n"))


def escaped(text: str) -> str:
    """Return the text with escapes for everything that could control a terminal."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _shown(part: Any) -> Iterator[str]:
    text = _text(part)
    for name, raw in part.raw_items():
        yield f"{name}: {_value(part, name, raw, decoded=text is not None)}\n"
    yield "\n"
    if text is not None:
        yield text
    elif not part.is_multipart():
        yield _undecoded(part)
    elif part.get_content_maintype() == "multipart":
        for child in part.get_payload():
            yield f"--{part.get_boundary()}\n"
            yield from _shown(child)
            yield "\n"
        yield f"--{part.get_boundary()}--\n"
    else:
        for child in part.get_payload():
            yield from _shown(child)


def _value(part: Any, name: str, raw: str, *, decoded: bool) -> str:
    if decoded and name.lower() == "content-transfer-encoding" and str(raw).strip() != "7bit":
        return "8bit"
    return header_text(part, name, raw)


def header_text(part: Any, name: str, raw: str) -> str:
    """Return a parsed field's value as text on one line, decoded if it can be."""
    try:
        value = str(part.policy.header_fetch_parse(name, raw))
    except Exception:
        # Python's parser has bugs that differ between patch releases; what
        # can't be decoded is shown as it came.
        value = str(raw)
    return value.replace("\r", "").replace("\n", "")


def _text(part: Any) -> str | None:
    """Return a text part's text, or None if this isn't one or can't be decoded."""
    if part.is_multipart() or part.get_content_maintype() != "text":
        return None
    try:
        return str(part.get_payload(decode=True).decode(part.get_content_charset("utf-8")))
    except (LookupError, ValueError):
        return None


def _undecoded(part: Any) -> str:
    try:
        return str(part.get_payload())
    except (LookupError, ValueError):  # a charset that Python can't read with
        return str(part.get_payload(decode=True).decode("ascii", "backslashreplace"))
