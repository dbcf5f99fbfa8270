from email.header import Header
from email.message import EmailMessage, Message
from email.mime.text import MIMEText

import pytest

from simplemail.exceptions import BadHeaderError
from simplemail.rendering.checks import check_octets, generated, header_end


@pytest.mark.parametrize("content", [b"", b"a\r\n", b"a\r\n\r\nb", b"x" * 998 + b"\r\n", b"\xe9"])
def test_octets_of_mail_pass(content):
    check_octets(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\0b", "NUL octet, at 1"),
        (b"a\rb", "CR or LF alone"),
        (b"a\nb", "CR or LF alone"),
        (b"a\n\rb", "CR or LF alone"),
        (b"a\r\r\n", "CR or LF alone"),
        (b"x" * 999, "998 octets"),
        (b"a\r\n" + b"x" * 999 + b"\r\n", "998 octets"),
        (b"x" * 100 + b"\r\n" + b"x" * 999, "998 octets"),
    ],
)
def test_octets_that_no_mail_may_hold_are_refused(content, reason):
    with pytest.raises(ValueError, match=reason):
        check_octets(content)


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (b"", 0),
        (b"\r\nbody", 0),
        (b"A: b\r\n", 6),
        (b"A: b\r\n\r\nC: d\r\n", 6),
        (b"A: b\r\n c\r\n\td\r\nE:\r\n\r\nF", 18),
    ],
)
def test_header_ends_before_the_empty_line(content, end):
    assert header_end(content) == end


@pytest.mark.parametrize(
    "content",
    [b"body", b" A: b\r\n", b"A b\r\n", b"A: b\r\nno field\r\n\r\n", b"From a@b Mon\r\nA: b\r\n"],
)
def test_header_with_anything_but_fields_is_refused(content):
    with pytest.raises(ValueError, match="The header is malformed: b'"):
        header_end(content)


def composed(**fields):
    message = EmailMessage()
    for name, value in fields.items():
        message[name] = value
    message.set_content("Hello\n")
    return message


def test_fields_of_others_are_folded_by_us():
    """Their folding loses the quotes of long display names (gh-80222, gh-121284)."""
    name = "Neil, " * 20 + "Ann"
    message = composed(To=f'"{name}" <a@b.example>', Subject="x" * 100)

    content = generated(message)

    assert b'To: "Neil, Neil,' in content
    assert b"Subject: " + b"x" * 100 in content


@pytest.mark.parametrize("kind", [EmailMessage, Message])
def test_field_that_becomes_two_is_refused(kind):
    """CVE-2024-6923: no check of the generator's own is there in old patch releases."""
    message = kind()
    message.set_payload("Hello\n")
    message._headers.append(("Subject", "x\nBcc: a@b.example"))

    with pytest.raises(BadHeaderError, match="linefeed or carriage return characters"):
        generated(message)


def test_header_of_each_part_is_looked_at():
    part = MIMEText("Hello\n")
    part._headers.append(("X-Any", "x\n\nBody"))
    message = composed()
    message.make_mixed()
    message.attach(part)

    with pytest.raises(BadHeaderError, match="X-Any"):
        generated(message)


def test_legacy_header_objects_are_written():
    message = MIMEText("Hello\n")
    message["Subject"] = Header("Grüße " * 20, "utf-8")

    content = generated(message)

    assert b"Subject: =?utf-8?" in content


def test_eight_bits_are_turned_into_seven():
    message = composed(Subject="x")
    message.set_content("Grüße\n")

    assert "Grüße".encode() in generated(message)
    assert generated(message, eight_bit=False).isascii()


def test_what_a_generator_lets_pass_is_refused():
    message = composed()
    message.set_payload("x" * 999)

    with pytest.raises(ValueError, match="998 octets"):
        generated(message)
