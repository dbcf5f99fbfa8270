"""Reads a finished message back into its texts, attachments and addresses."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.policy import default
from typing import Any

from .addresses import groups, quote
from .inline import InlinePart, Part
from .nesting import check_nesting, limited
from .readable import header_text


class Parsed:
    """A parsed message, with the attributes of Django's messages.

    ValueError if its parts are nested too deeply.
    """

    def __init__(self, content: bytes) -> None:
        with limited():
            self.root: Any = email.message_from_bytes(content, policy=_POLICY)
        check_nesting(self.root)
        self.body: str | None = None
        self.content_subtype = "plain"
        self.alternatives: list[tuple[str | bytes, str]] = []
        self.attachments: list[Any] = []
        self._read(self.root)

    def addresses(self, name: str) -> list[str]:
        """Return the addresses in the fields of this name, with their display names."""
        found = [text for each, text in self.fields() if each.lower() == name.lower()]
        return [each for text in found for each in _listed(text)]

    def others(self) -> dict[str, str]:
        """Return the fields that a message of ours doesn't make by itself."""
        return {name: text for name, text in self.fields() if name.lower() not in _GENERATED}

    def fields(self) -> Iterator[tuple[str, str]]:
        """Yield all fields as text, those that Python can't read as they are."""
        for name, raw in self.root.raw_items():
            yield name, header_text(self.root, name, raw)

    def _read(self, part: Any, *, alternative: bool = False) -> None:
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            self._read_several(part, alternative=alternative)
            return
        text = None if _is_attached(part) else _text(part)
        plain = part.get_content_subtype() == "plain"
        if text is not None and not self._has_text() and (plain or not alternative):
            self.body, self.content_subtype = text, part.get_content_subtype()
        elif alternative and not _is_attached(part):
            content = part.get_payload(decode=True) or b"" if text is None else text
            self.alternatives.append((content, _type(part)))
        else:
            self.attachments.append(part)

    def _read_several(self, part: Any, *, alternative: bool) -> None:
        kind = part.get_content_subtype()
        for place, child in enumerate(part.get_payload()):
            if kind == "alternative":
                self._read(child, alternative=True)
            elif place and kind == "related":
                self.attachments.append(_shown_inside(child))
            elif place and self._has_text():
                self.attachments.append(child)
            else:
                self._read(child, alternative=alternative)

    def _has_text(self) -> bool:
        return self.body is not None or bool(self.alternatives)


_factory: Any = Part  # typeshed wants a whole EmailMessage
_POLICY = default.clone(message_factory=_factory)

_GENERATED = {
    *("subject", "from", "to", "cc", "bcc", "reply-to", "date", "message-id"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-disposition"),
}


def _listed(text: str) -> Iterator[str]:
    try:
        found = [box for _, group in groups(text, lenient=True) for box in group]
    except ValueError:  # a header may contain anything, and this is only for reading
        yield text
        return
    for box in found:
        spec = box.addr_spec(utf8=True)
        name = box.display_name
        needs_quotes = not all(word.isalnum() for word in name.split(" "))
        yield f"{quote(name) if needs_quotes else name} <{spec}>" if name else spec


def _shown_inside(part: Any) -> Any:
    """Return a part beside the HTML as what `attach_inline()` makes; as it is, if it can't be."""
    if part["Content-ID"] is None or part.is_multipart():
        return part
    try:
        return InlinePart.of(part)
    except ValueError:  # a name or type that we wouldn't write
        return part


def _is_attached(part: Any) -> bool:
    return bool(part.get_content_disposition() == "attachment" or part.get_filename())


def _text(part: Any) -> str | None:
    if part.get_content_maintype() != "text":
        return None
    try:
        text = part.get_payload(decode=True).decode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        return None
    return str(text).replace("\r\n", "\n")


def _type(part: Any) -> str:
    """Return a part's type with the parameters that are about its content."""
    params = dict(part["Content-Type"].params) if part["Content-Type"] else {}
    params.pop("charset", None)
    return "; ".join(
        [part.get_content_type(), *(f"{name}={quote(value)}" for name, value in params.items())]
    )
