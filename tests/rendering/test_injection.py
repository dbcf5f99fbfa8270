"""Nobody who fills in a field of a message gets to write a header of it."""

from __future__ import annotations

import copy
import io

import pytest

from simplemail import BadHeaderError, EmailMessage, EmailMultiAlternatives, get_connection
from simplemail.rendering.injection import check_header, cut
from simplemail.testing import capture
from support.samples import sample

LINE_ENDS = ["\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
"""What str.splitlines() takes for one: Python's parsers and other programs do too."""

CLEAR = [f"a{end}Bcc: b@evil.example" for end in [*LINE_ENDS, "\0"]]
# Python's parser decodes these, and 3.11.7, 3.12.1 and (in parameters) 3.13.0
# write them out decoded: CVE-2024-6923.
ENCODED = [
    "=?utf-8?q?a=0D=0ABcc:b@evil.example?=",
    "=?utf-8?q?a=0aBcc:b@evil.example?=",
    "=?UTF-8?Q?a=0DBcc:b@evil.example?=",
    "=?utf-8?b?YQpCY2M6IGJAZXZpbC5leGFtcGxl?=",
    "=?utf-8?B?YQpCY2M6IGJAZXZpbC5leGFtcGxl?=",
    "=?utf-8*en?q?a=0ABcc:b@evil.example?=",
    "=?nonsense?q?a=0ABcc:b@evil.example?=",
    "=?utf-7?q?a+AAo-Bcc:b@evil.example?=",
    "=?utf-8?q?a=00b?=",
    "=?x?q?=?utf-8?q?a=0ABcc:b?=",
]


def message(**changes):
    values = {"subject": "s", "from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMessage(body="b", **values)


def assigned(**attributes):
    mail = message()
    for name, value in attributes.items():
        setattr(mail, name, value)
    return mail


def inline(content_id="id@example.com", filename="x.png", mimetype="image/png"):
    mail = EmailMultiAlternatives("s", "b", "f@example.com", ["t@example.com"])
    mail.attach_alternative("<p>", "text/html")
    mail.attach_inline(b"x", "x.png", "image/png")
    changed = mail.inlines[0]._replace(content_id=content_id, filename=filename, mimetype=mimetype)
    mail.inlines = [changed]
    return mail


def alternative(mimetype):
    return EmailMultiAlternatives(
        "s", "b", "f@example.com", ["t@example.com"], alternatives=[("x", mimetype)]
    )


ADDRESSES = {
    f"{field} {place}": lambda bad, field=field, form=form: message(**{field: form(bad)})
    for place, one in {
        "display name": lambda bad: f"{bad} <x@example.com>",
        "quoted display name": lambda bad: f'"{bad}" <x@example.com>',
        "local part": lambda bad: f"{bad}@example.com",
        "quoted local part": lambda bad: f'"{bad}"@example.com',
        "domain": lambda bad: f"x@{bad}.example",
        "comment": lambda bad: f"x@example.com ({bad})",
        "end": lambda bad: f"x@example.com{bad}",
    }.items()
    for field, form in {
        "from_email": lambda bad, one=one: one(bad),
        **dict.fromkeys(
            ["to", "cc", "bcc", "reply_to"], lambda bad, one=one: ["ok@example.com", one(bad)]
        ),
    }.items()
}

HEADERS = {
    f"header {name}": lambda bad, name=name: message(headers={name: bad})
    for name in [
        "X-Tag", "From", "Sender", "To", "Cc", "Reply-To", "Resent-From", "Resent-To",
        "Resent-Sender", "Resent-Cc", "Date", "Message-ID", "In-Reply-To", "References", "List-Id",
        "List-Unsubscribe", "Auto-Submitted", "Content-Language", "Content-Disposition",
        "Return-Path", "DKIM-Signature",
    ]
}  # fmt: skip

PARTS = {
    "subject": lambda bad: message(subject=bad),
    "attachment name": lambda bad: message(attachments=[(bad, "x", "text/plain")]),
    "binary attachment name": lambda bad: message(attachments=[(bad, b"x", "image/png")]),
    "assigned attachment name": lambda bad: assigned(attachments=[(bad, b"x")]),
    "message attachment name": lambda bad: message(
        attachments=[(bad, "Subject: x\n\nx", "message/rfc822")]
    ),
    "subject of a nested message": lambda bad: message(
        attachments=[("x.eml", message(subject=bad), "message/rfc822")]
    ),
    "attachment type": lambda bad: message(attachments=[("x", b"x", bad)]),
    "attachment subtype": lambda bad: message(attachments=[("x", "x", f"text/{bad}")]),
    "attachment type's parameter": lambda bad: message(
        attachments=[("x", b"x", f'image/png; name="{bad}"')]
    ),
    "attachment type's bare parameter": lambda bad: message(
        attachments=[("x", b"x", f"image/png; name={bad}")]
    ),
    "attachment type's parameter's name": lambda bad: message(
        attachments=[("x", b"x", f"image/png; {bad}=1")]
    ),
    "assigned attachment type": lambda bad: assigned(attachments=[("x", "x", f"text/{bad}")]),
    "alternative type": lambda bad: alternative(f"text/{bad}"),
    "alternative type's parameter": lambda bad: alternative(f'text/calendar; method="{bad}"'),
    "alternative type's charset": lambda bad: alternative(f'text/html; charset="{bad}"'),
    "content id": lambda bad: inline(content_id=bad),
    "inline name": lambda bad: inline(filename=bad),
    "inline type": lambda bad: inline(mimetype=f"image/{bad}"),
    "inline type's parameter": lambda bad: inline(mimetype=f'image/png; name="{bad}"'),
    "content_subtype": lambda bad: assigned(content_subtype=f"plain; x={bad}"),
    "content_subtype's parameter": lambda bad: assigned(content_subtype=f'plain; x="{bad}"'),
    "encoding": lambda bad: assigned(encoding=f"utf-8{bad}"),
}


def send(mail):
    with capture():
        mail.send()


WAYS = {
    "message": lambda mail: mail.message(),
    "as_bytes": lambda mail: mail.as_bytes(),
    "envelope": lambda mail: mail.envelope(),
    "send": send,
}


@pytest.mark.parametrize("place", [*ADDRESSES, *HEADERS, *PARTS])
def test_no_line_break_gets_into_a_header(place):
    """django-compatibility 23: in no field, by no way out, on no patch release.

    Each place gets some of the line breaks by default, others than the one before; in CI, all.
    """
    assert not_refused(place, CLEAR) == []


@pytest.mark.parametrize("place", [*ADDRESSES, *HEADERS, *PARTS])
def test_no_encoded_line_break_gets_into_a_header(place):
    """django-compatibility 23: an encoded-word is decoded before anybody looks at it.

    Each place gets half of them by default, the next one the other half; in CI, all.
    """
    assert not_refused(place, ENCODED) == []


def not_refused(place, values):
    places = {**ADDRESSES, **HEADERS, **PARTS}
    tried = sample(values, one_in=2, start=list(places).index(place))
    return [(way, bad) for bad in tried for way in WAYS if passes(places[place], bad, way)]


def passes(make, bad, way):
    try:
        WAYS[way](make(bad))
    except ValueError:  # which BadHeaderError is
        return False
    return True


def test_a_backend_that_shows_messages_refuses_them_too():
    """django-compatibility 23."""
    stream = io.StringIO()
    mail = message(subject="a\nb", connection=get_connection("console", stream=stream))
    with pytest.raises(BadHeaderError):
        mail.send()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("parameter", ["name*", "name*0*", "name*0", "*"])
def test_no_percent_encoded_line_break_gets_into_a_header(parameter):
    """django-compatibility 23: an asterisk would have Python decode the value (RFC 2231)."""
    mimetype = f"image/png; {parameter}=\"utf-8''a%0D%0ABcc:b\""
    with pytest.raises(ValueError, match="Invalid content type"):
        message(attachments=[("x", b"x", mimetype)])


@pytest.mark.parametrize("bad", CLEAR, ids=ascii)
def test_a_header_name_is_checked_too(bad):
    """django-compatibility 23: a name holds a line break no more than a value does."""
    for way in WAYS.values():
        with pytest.raises(BadHeaderError):
            way(message(headers={bad: "x"}))


@pytest.mark.parametrize("name", ["", "X Tag", "X:Tag", "X-Täg", " X-Tag", "X-Tag "])
def test_a_header_name_is_printable_ascii_without_colon(name):
    """RFC 5322, 3.6.8."""
    for way in WAYS.values():
        with pytest.raises(BadHeaderError, match="name"):
            way(message(headers={name: "x"}))


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "place", ["subject", "to display name", "header X-Tag", "header Resent-To", "attachment name"]
)
def test_the_error_has_pythons_own_words(place, end):
    """django-compatibility 23: the text of the ValueError contains Python's words."""
    make = {**ADDRESSES, **HEADERS, **PARTS}[place]
    with pytest.raises(BadHeaderError, match="linefeed or carriage return characters"):
        make(f"a{end}b").message()


def test_the_error_is_a_value_error():
    """django-compatibility 23: `except ValueError` in code for Django 6 goes on working."""
    assert issubclass(BadHeaderError, ValueError)


def test_nothing_is_kept_of_a_message_that_was_refused():
    """django-compatibility 23, 36: a bad header is found before the message is in the outbox."""
    with capture() as outbox:
        with pytest.raises(BadHeaderError):
            message(subject="a\nb").send()
        assert outbox == []


@pytest.mark.parametrize(
    "fine",
    [
        "=?utf-8?q?caf=C3=A9?=",
        "=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=",  # its octets hold ESC, its text doesn't
        "=?utf-8?b?w4U=?=",  # its octets hold 0x85, its text doesn't
        "=?",
        "=?=?=?=?",
        "=?utf-8?q?unfinished=0A",
        "what=?",
        "tab\tinside",
        "\u00a0\u200bspaces\u3000",
    ],
)
def test_what_only_looks_dangerous_is_let_through(fine):
    mail = message(subject=fine, headers={"X-Tag": fine})
    mail.message()
    assert b"\r\nX-Tag:" in mail.as_bytes()
    send(mail)


def test_ways_out_dont_change_the_message():
    """django-compatibility 18: also when they refuse it."""
    mail = message(subject="a\nb", attachments=[("x", b"x")])
    before = copy.deepcopy(vars(mail))
    for way in ("message", "as_bytes", "envelope", "send"):
        with pytest.raises(BadHeaderError):
            WAYS[way](mail)
    assert vars(mail) == before


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5_000])
def test_a_long_value_is_shown_in_part(size):
    shown = "x" * size if size <= 100 else "x" * 100 + "..."

    assert cut("x" * size) == f"'{shown}'"
    with pytest.raises(BadHeaderError, match=f"is '{'x' * min(size, 99)}"):
        check_header("Subject", "x" * size + "\n")
