"""What the API tells about a message, as values for JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .document import remote_images
from .links import links_in_html, links_in_text
from .reading import Box, Mail, Part, boxes
from .store import Row
from .warnings import Sent, warnings

# Nothing keeps the time of a file from being after the year 9999.
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def summary(row: Row) -> dict[str, Any]:
    """What the list shows of a message."""
    authors = boxes(row.author)
    return {
        "id": row.id,
        "arrived": moment(row.arrived),
        "from": box(authors[0]) if authors else None,
        "sender": row.sender,
        "recipients": row.recipients,
        "subject": row.subject,
        "preview": row.preview,
        "size": row.size,
        "unread": row.unread,
        "attachments": row.attachments,
        "read_only": row.file is not None,
    }


def details(row: Row, mail: Mail) -> dict[str, Any]:
    """Everything that stands above a message when it is open."""
    html = mail.text_of(mail.html_part)
    named = {each.address.lower() for name in ("to", "cc") for each in mail.boxes(name)}
    return {
        **summary(row),
        "from": [box(each) for each in mail.boxes("from")],
        "to": [box(each) for each in mail.boxes("to")],
        "cc": [box(each) for each in mail.boxes("cc")],
        "reply_to": [box(each) for each in mail.boxes("reply-to")],
        # The envelope alone knows them.
        "blind": [each for each in row.recipients if each.lower() not in named],
        "date": mail.value("date"),
        "message_id": mail.value("message-id"),
        "file": row.file,
        "html": html if mail.html_part else None,
        "text": mail.text_of(mail.text_part) if mail.text_part else None,
        "remote_images": remote_images(html),
        "files": [part_shown(part) for part in mail.attachments],
        "counts": {
            "headers": len(mail.fields),
            "parts": len(mail.parts),
            "links": len(links(mail)),
            "warnings": len(found_warnings(row, mail)),
        },
        "defects": mail.defects,
    }


def headers(mail: Mail) -> list[dict[str, str]]:
    return [{"name": field.name, "value": field.value, "raw": field.raw} for field in mail.fields]


def parts(mail: Mail) -> list[dict[str, Any]]:
    return [part_shown(part) for part in mail.parts]


def part_shown(part: Part) -> dict[str, Any]:
    return {
        "number": part.number,
        "depth": part.depth,
        "type": part.kind,
        "charset": part.charset if part.kind.startswith("text/") else "",
        "encoding": part.encoding,
        "name": part.file_name,
        "disposition": part.disposition,
        "content_id": part.content_id,
        "octets": part.end - part.start,
    }


def links(mail: Mail) -> list[dict[str, Any]]:
    found = [
        *links_in_html(mail.text_of(mail.html_part)),
        *links_in_text(mail.text_of(mail.text_part)),
    ]
    return [
        {
            "url": link.url,
            "text": link.text,
            "part": link.part,
            "misleading": link.is_misleading,
            "script": link.is_script,
        }
        for link in found
    ]


def found_warnings(row: Row, mail: Mail) -> list[dict[str, str]]:
    found = warnings(Sent(mail, row.announced_8bit))
    return [warning._asdict() for warning in found]


def box(each: Box) -> dict[str, str]:
    return {"name": each.name, "address": each.address}


def moment(seconds: float) -> str:
    """Return a time as in RFC 3339, in UTC, with milliseconds; the nearest that has a date."""
    seconds = min(max(seconds, 0.0), _LAST_MOMENT)
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
