"""Looks up what a list shows of a message, and what a search finds in it."""

from __future__ import annotations

from typing import NamedTuple

from .markup import plain
from .reading import Mail

_MOST_SEARCHED = 20_000  # characters of a message's text
_MOST_NAMES = 100


class Digest(NamedTuple):
    """`recipients` are those of the header, each address in angle brackets."""

    attachments: int
    preview: str
    recipients: str
    body: str


def digest(content: bytes) -> Digest:
    """Return what a message says, in short."""
    mail = Mail(content)
    text = mail.text_of(mail.text_part)[:_MOST_SEARCHED]
    html = plain(mail.text_of(mail.html_part)[: 10 * _MOST_SEARCHED])[:_MOST_SEARCHED]
    names = [part.file_name for part in mail.leaves if part.file_name][:_MOST_NAMES]
    preview = " ".join((text.strip() or html)[:500].split())[:160]
    body = text if html in text else f"{text}\n{html}"
    boxes = [box for name in ("to", "cc", "bcc") for box in mail.boxes(name)]
    recipients = "\n".join(f"{box.name} <{box.address}>" for box in boxes)[:_MOST_SEARCHED]
    return Digest(len(mail.attachments), preview, recipients, "\n".join([body, *names]))
