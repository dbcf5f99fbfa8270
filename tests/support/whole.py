"""A message with everything in it, the ways to send it, and what a reader gets to see of it."""

import email
import email.policy

from simplemail import EmailMultiAlternatives, get_connection

PICTURE = b"\x89PNG\r\n\x1a\nnot much of a picture"
REPORT = b"%PDF-1.7\r\n\0not much of a report"
NOTES = "Grüße\nand notes\n"


def whole(**changes):
    """Return a message with everything in it, but for these changes."""
    values = {
        "subject": "Grüße vom Laden",
        "body": "The text",
        "from_email": "Shop <shop@example.com>",
        "to": ["Ann <ann@example.com>"],
        "cc": ["carl@example.com"],
        "bcc": ["bob@example.com"],
        "reply_to": ["desk@example.com"],
        "headers": {"X-Campaign": "spring"},
    }
    message = EmailMultiAlternatives(**(values | changes))
    cid = message.attach_inline(PICTURE, "logo.png")
    message.attach_alternative(f'<p>The HTML <img src="cid:{cid}"></p>', "text/html")
    message.attach("report.pdf", REPORT)
    message.attach("notes.txt", NOTES)
    return message


WHAT = {
    "message": whole,
    "envelope": lambda **changes: whole(**changes).envelope(),
    "stdlib": lambda **changes: whole(**changes).message(),
}
"""What a mailer may be given."""

WAYS = {
    "send_messages": lambda mailer, thing: mailer.send_messages([thing]),
    "deliver": lambda mailer, thing: mailer.deliver([thing]),
    "iter_deliver": lambda mailer, thing: list(mailer.iter_deliver([thing])),
    "failover": lambda mailer, thing: get_connection("failover", mailers=[mailer]).deliver([thing]),
    "redirect": lambda mailer, thing: get_connection(
        "redirect", mailer=mailer, allow=["example.com"]
    ).deliver([thing]),
    "tee": lambda mailer, thing: get_connection(
        "tee", mailer=mailer, copies=["dummy:"]
    ).send_messages([thing]),
}
"""How."""


def seen(content):
    """Return what a reader gets to see of a message's octets, as plain values."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    parts = [part for part in message.walk() if not part.is_multipart()]
    plain, html = message.get_body(["plain"]), message.get_body(["html"])
    files = {part.get_filename(): part for part in parts if part.get_filename()}
    shown = {name: part["Content-ID"] for name, part in files.items() if part["Content-ID"]}
    html = html.get_content().strip() if html else None
    for name, cid in shown.items():
        html = html.replace(f"cid:{cid.strip().strip('<>')}", f"cid:{name}")
    return {
        "subject": message["Subject"],
        "from": message["From"],
        "to": message["To"],
        "cc": message["Cc"],
        "bcc": message["Bcc"],
        "reply_to": message["Reply-To"],
        "campaign": message["X-Campaign"],
        "text": plain.get_content().strip() if plain else None,
        "html": html,
        "files": {name: _content(part) for name, part in files.items()},
        "shown_inside": sorted(shown),
    }


def _content(part):
    content = part.get_payload(decode=True)
    return content.replace(b"\r\n", b"\n") if part.get_content_maintype() == "text" else content


SEEN = {
    "subject": "Grüße vom Laden",
    "from": "Shop <shop@example.com>",
    "to": "Ann <ann@example.com>",
    "cc": "carl@example.com",
    "bcc": None,
    "reply_to": "desk@example.com",
    "campaign": "spring",
    "text": "The text",
    "html": '<p>The HTML <img src="cid:logo.png"></p>',
    "files": {
        "logo.png": PICTURE,
        "report.pdf": REPORT,
        "notes.txt": NOTES.encode(),
    },
    "shown_inside": ["logo.png"],
}
"""What a reader gets to see of `whole()`."""

RECIPIENTS = ["ann@example.com", "bob@example.com", "carl@example.com"]
"""Whom it goes to, in order of the alphabet."""


def recipients_of(what):
    """Whom it goes to: a message of the standard library has no blind copies."""
    return [each for each in RECIPIENTS if what != "stdlib" or "bob" not in each]


def arrived(server):
    """Return the one message that a test server took: who gets it, and what they see."""
    [received] = server.messages
    return sorted(received.recipients), seen(received.content)
