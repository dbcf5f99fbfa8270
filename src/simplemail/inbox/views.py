"""Answers the paths under /m: a message in the forms in which a browser shows or saves it."""

from __future__ import annotations

from .answers import Answer, data, download, text
from .app import App, found, json_object
from .document import document, policy
from .guard import Refused
from .web import Asked

_LONGEST_SOURCE = 2_000_000


def get_html(app: App, asked: Asked, id_: int) -> Answer:
    scheme = asked.target.query.get("scheme", "light")
    if scheme not in ("light", "dark"):
        raise Refused(400, "scheme is light or dark")
    body = document(found(app, id_)[1], scheme).encode("utf-8", "replace")
    headers = {
        "Content-Security-Policy": policy(images=asked.target.query.get("images") == "1"),
        "Referrer-Policy": "no-referrer",
    }
    return Answer(200, "text/html; charset=utf-8", body, headers)


def get_text(app: App, asked: Asked, id_: int) -> Answer:
    _, mail = found(app, id_)
    return text(mail.text_of(mail.text_part))


def get_source(app: App, asked: Asked, id_: int) -> Answer:
    """Show the message as it came; of a large one the beginning, the rest is in the download."""
    return text(found(app, id_)[1].content[:_LONGEST_SOURCE].decode("utf-8", "replace"))


def get_eml(app: App, asked: Asked, id_: int) -> Answer:
    row, mail = found(app, id_)
    return download(mail.content, "message/rfc822", f"{row.subject or 'message'} {row.id}.eml")


def get_part(app: App, asked: Asked, id_: int, part_number: int) -> Answer:
    _, mail = found(app, id_)
    if part_number >= len(mail.parts):
        raise Refused(404, f"This message has no part {part_number}")
    part = mail.parts[part_number]
    return download(mail.octets_of(part), part.kind, part.file_name or f"part-{part_number}")


def release(app: App, asked: Asked, id_: int) -> Answer:
    """Send a message on, to whom the request names and nobody else."""
    row, mail = found(app, id_)
    if app.release is None:
        raise Refused(
            403, "This inbox delivers nothing; start it with --release URL to send messages on"
        )
    to = json_object(asked).get("to")
    if not isinstance(to, list) or not all(isinstance(each, str) for each in to):
        raise Refused(400, 'Send {"to": ["ann@example.com"]}')
    return data(app.release.send(mail.content, row.sender, to))
