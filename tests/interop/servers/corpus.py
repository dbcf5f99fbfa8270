"""Messages of every shape that people send, and what a reader must find in them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from simplemail import EmailMessage, EmailMultiAlternatives

EVERY_OCTET = bytes(range(256)) * 40

TEXTS = {
    "ascii": "Good morning.\n\nNothing else.\n",
    "umlauts": "Grüße aus Köln, 你好, 😀\n",
    "dots": ".\n..\n.hidden\nmiddle.\n\n.\n",
    "long line": "word " * 500 + "\n" + "x" * 3000 + "\n" + "ü" * 1500 + "\n",
    "ends without newline": "last line",
    "trailing spaces": "two  \ntab\t\nFrom here\n>From there\n",
    "many lines": "".join(f"line {number}\n" for number in range(5000)),
    "looks like SMTP": "QUIT\r\nRSET\nDATA\n354 go on\n250 ok\nBDAT 3 LAST\n",
}


class Sample(NamedTuple):
    """A message, and the parts it must arrive with."""

    message: EmailMessage
    text: str
    html: str = ""
    attachments: tuple[tuple[str, str, bytes], ...] = ()

    def parts(self) -> Parts:
        """What a reader must find."""
        attachments = [
            (name, kind, hashlib.sha256(content).hexdigest())
            for name, kind, content in self.attachments
        ]
        return Parts(trimmed(self.text), trimmed(self.html), tuple(attachments))


class Parts(NamedTuple):
    """What was read in a message: its texts, and name, type and SHA-256 of each file."""

    text: str
    html: str
    attachments: tuple[tuple[str, str, str], ...]


def trimmed(text: str) -> str:
    """A text without what readers differ in: the kind of line ends, and the last of them."""
    return text.replace("\r\n", "\n").rstrip("\n")


def samples(recipient: str) -> list[Sample]:
    """Every shape, to one recipient."""
    common = {"from_email": "Jürgen <box-sender@example.com>", "to": [f"Zoë <{recipient}>"]}
    texts = [
        Sample(EmailMessage(subject=name, body=text, **common), text)
        for name, text in TEXTS.items()
    ]
    return [*texts, *(make(common) for make in (_alternatives, _attachments, _headers))]


def _alternatives(common: dict[str, Any]) -> Sample:
    html = "<p>Grüße</p>\n" + "<b>.</b>" * 400 + "\n.\n"
    message = EmailMultiAlternatives("text and HTML", "Grüße\n", **common)
    message.attach_alternative(html, "text/html")
    return Sample(message, "Grüße\n", html)


def _attachments(common: dict[str, Any]) -> Sample:
    files = (
        ("every octet.bin", "application/octet-stream", EVERY_OCTET),
        ("Übersicht (März) № 1.pdf", "application/pdf", b"%PDF-1.4\r\n.\r\n\n\r"),
        ("empty.zip", "application/zip", b""),
    )
    message = EmailMultiAlternatives("three files", "See below\n", **common)
    message.attach_alternative("<p>See below</p>\n", "text/html")
    for name, kind, content in files:
        message.attach(name, content, kind)
    return Sample(message, "See below\n", "<p>See below</p>\n", files)


def _headers(common: dict[str, Any]) -> Sample:
    subject = "Zusammenfassung der Ergebnisse für das Frühjahr, " * 6 + "Ende"
    message = EmailMessage(
        subject,
        "Text\n",
        cc=[f'"Doe, Jane {n}" <box-cc{n}@example.com>' for n in range(40)],
        reply_to=["Antwort <box-reply@example.com>"],
        headers={
            "X-Long": "word " * 300 + "end",
            "List-Unsubscribe": "<https://e.example/?%C3%BC>",
        },
        **common,
    )
    return Sample(message, "Text\n")
