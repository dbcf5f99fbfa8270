"""Reads a message back with Python's own parser, into the plain words of a generated sample."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any, NamedTuple

from support.generate import Mailbox, Sample

ADDRESS_HEADERS = ("From", "To", "Cc", "Reply-To")
IDS = frozenset(
    [
        "message-id",
        "in-reply-to",
        "references",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "list-id",
    ]
)


ENCODED_WORDS = re.compile(r"=\?utf-8\?[bq]\?[^?]*\?=(?: =\?utf-8\?[bq]\?[^?]*\?=)+")


class Leaf(NamedTuple):
    kind: str
    filename: str | None
    content: str | bytes  # of bodies and alternatives, text with \n line ends


class Reading(NamedTuple):
    """What a reader gets to see of a message."""

    subject: str
    addresses: dict[str, list[Mailbox]]
    headers: dict[str, str]  # the caller's, by name in lower case
    tree: Any  # a Leaf, or (type, [children])


def read(content: bytes, sample: Sample, *, utf8: bool = False) -> Reading:
    """Return what Python's parser makes of content, the headers being those that sample names."""
    # Older parsers take a fold right after the colon for a space of the value.
    head, _, body = content.partition(b"\r\n\r\n")
    content = re.sub(rb"(?m)^([!-9;-~]+:)\r\n[ \t]", rb"\1 ", head) + b"\r\n\r\n" + body
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    parts = tree(message)
    if utf8:  # from bytes, Python's parser takes raw UTF-8 in headers for broken
        message = email.message_from_string(
            content.decode("utf-8", "replace"), policy=email.policy.default
        )
    return Reading(
        subject=str(message["Subject"] or ""),
        addresses={name: _mailboxes(message, name) for name in ADDRESS_HEADERS if name in message},
        headers={
            name.lower(): _canonical(name, str(message[name] or "")) for name in sample.headers
        },
        tree=parts,
    )


def expected(sample: Sample, *, utf8: bool = False) -> Reading:
    """Return what a reader must get to see of sample."""
    lists = zip(
        ADDRESS_HEADERS, ([sample.sender], sample.to, sample.cc, sample.reply_to), strict=True
    )
    return Reading(
        subject=sample.subject,
        addresses={
            name: boxes if utf8 else list(map(_ascii, boxes)) for name, boxes in lists if boxes
        },
        headers={name.lower(): _canonical(name, text) for name, text in sample.headers.items()},
        tree=_expected_tree(sample),
    )


def _mailboxes(message: EmailMessage, name: str) -> list[Mailbox]:
    [raw] = (value for key, value in message.raw_items() if key.lower() == name.lower())
    # On most patch releases, the parser takes the space between two encoded-words of a name for a
    # space of the name, against RFC 2047, 6.2: so it gets to see one instead.
    text = ENCODED_WORDS.sub(_as_one_word, re.sub(r"\r?\n", "", raw))
    header = email.policy.default.header_factory(name, text)
    return [(address.display_name, address.addr_spec) for address in header.addresses]


def _as_one_word(words: re.Match[str]) -> str:
    text = str(make_header(decode_header(words[0])))
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def _ascii(mailbox: Mailbox) -> Mailbox:
    """Return mailbox with its domain as it goes on the wire (IDNA 2003)."""
    name, address = mailbox
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode()
    return name, f"{local}@{domain}"


def _canonical(name: str, text: str) -> str:
    """Return text as it must come back: where ids are folded, any white space is as good."""
    return " ".join(text.split()) if name.lower() in IDS else text


def tree(part: Any) -> Any:
    """Return a parsed or composed message as a Leaf, or as (type, ..., [children])."""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        return kind, part.get_filename(), [tree(part.get_payload(0))]
    if part.is_multipart():
        return kind, [tree(child) for child in part.iter_parts()]
    is_file = part.get_content_disposition() is not None
    content = part.get_payload(decode=True) if is_file else part.get_content()
    return Leaf(kind, part.get_filename(), lines(content) if isinstance(content, str) else content)


def _expected_tree(sample: Sample) -> Any:
    """Return the tree of django-compatibility 28: mixed(alternative(text, ...), attachments)."""
    alternatives = [_alternative(*alternative) for alternative in sample.alternatives]
    attachments = [_attachment(*attachment) for attachment in sample.attachments]
    body = []
    if sample.body or not (alternatives or attachments):
        body = [Leaf("text/plain", None, _text(sample.body))]
    if sample.inlines:  # beside the last HTML, the one that shows them
        html = max(n for n, (_, kind) in enumerate(sample.alternatives) if kind == "text/html")
        files = [_attachment(*inline[1:]) for inline in sample.inlines]
        alternatives[html] = ("multipart/related", [alternatives[html], *files])
    if alternatives:
        body = [("multipart/alternative", body + alternatives)]
    if attachments:
        return "multipart/mixed", body + attachments
    return body[0]


def _alternative(content: str | bytes, kind: str) -> Leaf:
    if kind.startswith("text/"):
        return Leaf(kind, None, _text(content.decode() if isinstance(content, bytes) else content))
    return Leaf(kind, None, content)


def _attachment(filename: str | None, content: Any, kind: str) -> Any:
    if isinstance(content, Sample):
        return kind, filename, [_expected_tree(content)]
    if kind.startswith("text/") and isinstance(content, bytes) and not _is_text(content):
        kind = "application/octet-stream"
    return Leaf(kind, filename, content.encode() if isinstance(content, str) else content)


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _text(content: str) -> str:
    """Return content as a reader sees it: a text part ends in a newline."""
    content = lines(content)
    return content if content.endswith("\n") else content + "\n"


def lines(content: str) -> str:
    return content.replace("\r\n", "\n")
