"""Fields that came ready-made: in stdlib messages, in parts, in the bytes of others' mail."""

from email import message_from_bytes
from email.header import Header
from email.mime.text import MIMEText
from email.policy import SMTP, compat32, default

import pytest

from simplemail import EmailMessage
from simplemail.exceptions import BadHeaderError
from simplemail.rendering.envelope import Envelope
from simplemail.rendering.ready import (
    in_ascii,
    parameters,
    ready_field,
    ready_text,
    rewritten,
)

NAME = b'"eve@evil.example, ' + b"a " * 60 + b'" <ann@example.com>'
URL = b"<https://example.com/u?a=?t=" + b"1234567-" * 50 + b"end>"
IDS = b" ".join(b"<%016x@mail.example.com>" % n for n in range(20))
BASE64 = b"Abc+/" * 150

# Each of them is over 78 octets, on one line: Python's folding breaks or encodes it.
FIELDS = [
    b"Reply-To: " + NAME,
    b"Cc: " + NAME,
    b"List-Unsubscribe: " + URL,
    b"List-Unsubscribe: <mailto:x@example.com?subject=a>,\r\n\t" + URL,
    b"References: " + IDS,
    b"In-Reply-To: <" + b"x" * 120 + b"@example.com>",
    b"Message-ID: <" + b"x" * 120 + b"@example.com>",
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; h=from:to; bh=x=; b=" + BASE64,
    b"DKIM-Signature: v=1; a=rsa-sha256;\r\n\td=example.com; b=" + BASE64[:60] + b"\r\n\t x==",
    b"ARC-Seal: i=1; a=rsa-sha256; cv=none; b=" + BASE64,
    b"Autocrypt: addr=ann@example.com; keydata=" + BASE64,
    b"Received: from a.example (a.example [192.0.2.1]) by " + b"long." * 30 + b"example; today",
    b"Authentication-Results: mx.example; spf=pass smtp.mailfrom=" + b"x" * 100 + b"@example.com",
    b"Content-Location: https://example.com/" + b"x" * 100 + b"?a=?b",
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and " + b"more" * 40,
    b"Subject: =?windows-1252?Q?Gr=FC=DFe?=",
    b"Subject: " + b"x" * 980,
    b"Subject: two  spaces   and\ttabs",
]

BODY = "Grüße\r\n".encode()


def mail(field, body=BODY):
    fields = [b"From: me@example.com", b"To: ann@example.com", b"MIME-Version: 1.0", field]
    kind = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
    return b"\r\n".join([*fields, kind, b"", body])


def legacy(field):
    name, value = field.decode().split(": ", 1)
    message = MIMEText("Grüße\n")
    message["From"], message["To"] = "me@example.com", "ann@example.com"
    del message[name]
    message[name] = value
    return message


def attached(field, policy):
    message = EmailMessage("s", "b", "me@example.com", ["ann@example.com"])
    message.attach(message_from_bytes(mail(field), policy=policy))
    return message


def nested(content):
    message = EmailMessage("s", "b", "me@example.com", ["ann@example.com"])
    message.attach("mail.eml", content, "message/rfc822")
    return message


DOORS = {
    "bytes": mail,
    "parsed": lambda field: message_from_bytes(mail(field), policy=SMTP),
    "parsed, the default policy": lambda field: message_from_bytes(mail(field), policy=default),
    "parsed, the old policy": lambda field: message_from_bytes(mail(field), policy=compat32),
    "legacy": legacy,
    "attached": lambda field: attached(field, default),
    "attached, the old policy": lambda field: attached(field, compat32),
    "nested bytes": lambda field: nested(mail(field)),
    "nested, parsed": lambda field: nested(message_from_bytes(mail(field), policy=default)),
}


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("door", DOORS)
def test_what_came_ready_made_is_passed_on_as_it_was(door, field, eight_bit):
    envelope = Envelope.of(DOORS[door](field), eight_bit=eight_bit)

    assert b"\r\n%s\r\n" % field in envelope.content
    assert eight_bit or envelope.content.isascii()


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("door", ["bytes", "parsed", "parsed, the old policy", "legacy"])
def test_nobody_in_a_display_name_becomes_a_recipient(door, eight_bit):
    envelope = Envelope.of(DOORS[door](b"Cc: " + NAME), eight_bit=eight_bit)

    assert envelope.recipients == ("ann@example.com",)


def read(line):
    """What Python's parser reads in a field."""
    [[name, value]] = message_from_bytes(line + b"\r\n", policy=SMTP).items()
    return name, value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        ("“Grüße” 5 €".encode("cp1252"), "“Grüße” 5 €"),
        ("=?utf-8?q?K=C3=B6ln?= und Grüße".encode(), "Köln und Grüße"),
        ("Grüße ".encode() * 50, ("Grüße " * 50).strip()),
        ("Grüße\r\n\taus\r\n Köln".encode(), "Grüße\taus Köln"),
        ("bell\x07 ü".encode(), "bell? ü"),
        ("=?utf-8?q?a=0D=0ABcc=3A_b?= ü".encode(), "a??Bcc: b ü"),
    ],
)
def test_raw_text_beyond_ascii_is_encoded(raw, text):
    line = in_ascii(b"Subject: %s\r\n" % raw)

    assert line.isascii()
    assert read(line) == ("Subject", text)


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("Jörg <j@example.com>".encode(), b"=?utf-8?q?J=C3=B6rg?= <j@example.com>"),
        ("Jörg <j@example.com>".encode("latin-1"), b"=?utf-8?q?J=C3=B6rg?= <j@example.com>"),
        ('"Doe, Jörg" <j@example.com>'.encode(), b"=?utf-8?q?Doe=2C_J=C3=B6rg?= <j@example.com>"),
        ("j@bücher.example".encode(), b"j@xn--bcher-kva.example"),
        (
            "Köche: a@b.example, c@d.example;".encode(),
            b"=?utf-8?q?K=C3=B6che?=: a@b.example, c@d.example;",
        ),
        ("niemand Bestimmtes, ähm".encode(), b"niemand Bestimmtes, =?utf-8?q?=C3=A4hm?="),
    ],
)
def test_raw_names_beyond_ascii_are_encoded_and_addresses_stay(raw, written):
    assert in_ascii(b"Reply-To: %s\r\n" % raw) == b"Reply-To: %s\r\n" % written


def test_address_that_only_smtputf8_can_carry_is_refused_but_in_a_nested_message():
    field = "To: jürgen@example.com\r\n".encode()

    assert in_ascii(field, utf8=True) == field
    assert in_ascii(field, nested=True).isascii()
    with pytest.raises(ValueError, match="SMTPUTF8"):
        in_ascii(field)


@pytest.mark.parametrize(
    ("name", "raw", "written"),
    [
        ("List-Unsubscribe", "<https://ü.example/ö>", "<https://%C3%BC.example/%C3%B6>"),
        ("References", "<1@x> <ü@x>", "<1@x> <%C3%BC@x>"),
        ("Date", "23 Nov 2026 06:12:00 +0100 (Köln)", "23 Nov 2026 06:12:00 +0100 (K%C3%B6ln)"),
    ],
)  # fmt: skip
def test_raw_octets_in_ids_and_urls_become_percent_signs(name, raw, written):
    assert in_ascii(f"{name}: {raw}\r\n".encode()) == f"{name}: {written}\r\n".encode()


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (
            'attachment; filename="Übersicht; 1.pdf"; size=5',
            b"attachment; filename*=utf-8''%C3%9Cbersicht%3B%201.pdf;\r\n size=5",
        ),
        (
            "attachment; filename=Übersicht.pdf",
            b"attachment; filename*=utf-8''%C3%9Cbersicht.pdf",
        ),
        (
            "attachment; filename=\"Ü.pdf\"; filename*=utf-8''%C3%9C.pdf",
            b"attachment; filename*=utf-8''%C3%9C.pdf",
        ),
        (
            'attachment; filename="Ü \\" .pdf',
            b"attachment; filename*=utf-8''%C3%9C%20%22%20.pdf",
        ),
    ],
)
def test_raw_file_name_is_written_as_rfc_2231_has_it(raw, written):
    field = f"Content-Disposition: {raw}\r\n".encode()

    assert in_ascii(field) == b"Content-Disposition: %s\r\n" % written


@pytest.mark.parametrize(
    "value", ["téxt/plain", 'multipart/mixed; boundary="ü"', "text/plain; charset=ü"]
)
def test_type_beyond_ascii_is_refused(value):
    with pytest.raises(ValueError, match="Content-Type can't hold"):
        in_ascii(f"Content-Type: {value}\r\n".encode())


def test_parameters_are_taken_apart_at_semicolons_outside_of_quotes():
    value, found = parameters('text/plain; Charset="a;b\\"c"; x = y ; ;z')

    assert value == "text/plain"
    assert [(each.name, each.value) for each in found] == [
        ("charset", 'a;b"c'), ("x", "y"), ("z", ""),
    ]  # fmt: skip
    assert parameters("") == ("", [])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("x " * 600, b"x " * 34),
        ("x" * 1200, b"=?utf-8?q?xxx"),
        (", ".join(f"member{n}@example.com" for n in range(99)), b"member0@example.com, "),
    ],
)
def test_line_that_is_too_long_is_folded(value, written):
    name = "To" if "@" in value else "Subject"

    line = ready_field(name, value)

    assert written in line
    assert max(map(len, line.split(b"\r\n"))) <= 78


def test_id_that_is_too_long_for_any_line_is_refused():
    with pytest.raises(ValueError, match="References can't be folded"):
        ready_field("References", f"<{'x' * 1000}@example.com>")


@pytest.mark.parametrize("value", ["\r\n x", "\n\tx", " \r\n \r\n x", "  x"])
def test_fold_right_after_the_name_is_one_space_on_every_python(value):
    assert ready_field("Subject", value) == b"Subject: x\r\n"


@pytest.mark.parametrize("value", ["x\ry: z", "x\n", "\nx", "x\r\n\r\n y", "x\r\nBcc: y"])
def test_value_that_would_end_the_field_is_refused(value):
    with pytest.raises(BadHeaderError):
        ready_field("Subject", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Grüße", "Grüße"),
        (Header("Grüße", "utf-8"), "=?utf-8?b?R3LDvMOfZQ==?="),
        (Header("Hello"), "Hello"),
        (5, "5"),
        (None, "None"),
    ],
)
def test_a_value_is_taken_as_it_was_given(value, text):
    assert ready_text("Subject", value) == text


def test_nothing_is_left_in_utf8_unless_that_is_asked_for():
    encoded = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"

    assert ready_field("Subject", "Grüße") == encoded
    assert in_ascii("Subject: Grüße\r\n".encode()) == encoded
    assert rewritten("Subject: Grüße\r\n".encode()) == encoded
    assert ready_field("Subject", "Grüße", utf8=True) == "Subject: Grüße\r\n".encode()


def test_an_address_that_ascii_cannot_say_is_an_error_unless_it_is_only_read():
    field = "To: jörg@example.com\r\n".encode()

    for write in (in_ascii, rewritten):
        with pytest.raises(ValueError, match="SMTPUTF8"):
            write(field)
        assert write(field, nested=True).isascii()
