from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from simplemail.exceptions import BadHeaderError
from simplemail.rendering.generated import generated


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


@pytest.mark.parametrize("line", ["From me to you", ">From me", ".", "-- "])
def test_no_line_of_a_text_is_changed(line):
    """As mailboxes in one file would have it."""
    message = EmailMessage()
    message.set_content(f"{line}\n{line}\n")

    assert generated(message).endswith(f"\r\n\r\n{line}\r\n{line}\r\n".encode())


def test_types_with_parameters_are_whole():
    message = composed()
    message.add_attachment(b"x", "application", "x-y", filename="a b.bin", params={"v": "1 2"})
    content = generated(message)

    assert b'Content-Type: text/plain; charset="utf-8"\r\n' in content
    assert b'Content-Type: application/x-y; v="1 2"\r\n' in content
    assert b'Content-Disposition: attachment; filename="a b.bin"\r\n' in content


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


@pytest.mark.parametrize("value", ["x\nBcc: a@b.example", "x\n\nBody", "x\r\nBcc: y"])
@pytest.mark.parametrize("kind", [str, Header])
def test_legacy_field_that_becomes_two_is_refused(kind, value):
    message = MIMEText("Hello\n")
    message["Subject"] = kind(value)

    with pytest.raises(BadHeaderError, match="linefeed or carriage return characters; Subject"):
        generated(message)


@pytest.mark.parametrize("name", ["", "A b", "A:b", "Gr\xfc\xdfe", "A\nB", "A\udcfc"])
def test_legacy_name_that_no_field_can_have_is_refused(name):
    message = MIMEText("Hello\n")
    message._headers.append((name, "x"))

    with pytest.raises(BadHeaderError):
        generated(message)


@pytest.mark.parametrize("eight_bit", [True, False])
def test_legacy_text_beyond_ascii_is_encoded_at_every_depth(eight_bit):
    part = MIMEText("Hello\n")
    part["Content-Description"] = "Grüße"
    message = MIMEMultipart()
    message["Subject"] = "Grüße"
    message.attach(part)

    content = generated(message, eight_bit=eight_bit)

    assert b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" in content
    assert b"Content-Description: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" in content


def test_utf8_stays_where_it_may():
    message = MIMEText("Hello\n")
    message["Subject"] = "Grüße"

    assert "Subject: Grüße\r\n".encode() in generated(message, utf8=True)


def test_type_and_file_name_of_a_part_are_written_by_us():
    message = composed()
    message.add_attachment(b"x", "application", "pdf", filename="Übersicht " * 12 + ".pdf")
    message.add_attachment(b"x", "application", "pdf", filename="a " * 50 + ".pdf")

    content = generated(message)

    assert b"filename*0*=utf-8''%C3%9Cbersicht%20" in content
    assert b'filename="' + b"a " * 50 + b'.pdf"' in content


def nested(deep):
    message = composed()
    for _ in range(deep):
        outer = MIMEMultipart()
        outer.attach(message)
        message = outer
    return message


def test_parts_in_parts_without_end_are_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        generated(nested(1000))
