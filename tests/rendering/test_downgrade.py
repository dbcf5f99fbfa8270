from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from simplemail.rendering.downgrade import in_seven_bits, with_ascii_header

EIGHT_BIT = b"Content-Transfer-Encoding: 8bit\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
GREETING = "Grüße\r\n".encode()


def leaf(body, head=TEXT + EIGHT_BIT):
    return head + b"\r\n" + body


def multipart(*parts, subtype=b"mixed", boundary=b"b", head=b"", before=b"", after=b""):
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n' % (subtype, boundary) + head
    inside = b"".join(b"\r\n--%s\r\n%s" % (boundary, part) for part in parts)
    return b"%s\r\n%s%s\r\n--%s--\r\n%s" % (head, before, inside, boundary, after)


def payload(content, *path):
    """Return the decoded octets of the part at this path, as Python reads them."""
    part = message_from_bytes(content, policy=SMTP)
    for step in path:
        part = part.get_payload(step)
    return part.get_payload(decode=True)


def test_ascii_stays_as_it_was():
    content = leaf(b"Hello\r\n")

    assert in_seven_bits(content) is content
    assert with_ascii_header(content) is content


BODIES = [
    GREETING,
    b"Gr\xfc\xdfe\r\n",
    GREETING + b"Hello",
    b"no line end \xe9",
    b"space at the end \xe9 \r\n",
    b"\r\n\r\n\xe9\r\n\r\n",
    b"\xe9" * 900 + b"\r\n",
    "請求書\r\n".encode() * 50,
    b"= =3D =\xe9\r\n",
    bytes(range(128, 256)),
]


@pytest.mark.parametrize(
    "kind", [b"text/plain", b"text/html; charset=x", b"application/pdf", b"image/x"]
)
@pytest.mark.parametrize("body", BODIES)
def test_content_of_every_part_arrives_as_it_was(body, kind):
    part = leaf(body, b"Content-Type: %s\r\n" % kind + EIGHT_BIT)

    content = in_seven_bits(
        multipart(leaf(b"first\r\n", TEXT), part, multipart(part, boundary=b"b2"))
    )

    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert payload(content, 0) == b"first\r\n"
    assert payload(content, 1) == body
    assert payload(content, 2, 0) == body
    assert b"8bit" not in content


@pytest.mark.parametrize("body", [each for each in BODIES if each.endswith(b"\r\n")])
def test_content_of_a_whole_message_arrives_as_it_was(body):
    content = in_seven_bits(leaf(body))

    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert payload(content) == body


def test_only_what_needs_it_is_changed():
    signed = b"Content-Type: application/pkcs7-signature; name=x\r\n\r\nabc\r\n  \r\n"
    ascii_text = b"cOnTeNt-TyPe:text/plain\r\nX-Odd :  kept\r\n\t here \r\n\r\nHello \r\n\r\n"

    content = in_seven_bits(
        multipart(ascii_text, leaf(GREETING), signed, before=b"Preamble", after=b"Epilogue\r\n")
    )

    encoded = b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
    assert content == multipart(
        ascii_text, TEXT + encoded, signed, before=b"Preamble", after=b"Epilogue\r\n"
    )


@pytest.mark.parametrize("encoding", [b"8bit", b"BINARY", b" 8bit "])
def test_multipart_and_message_say_7bit(encoding):
    label = b"Content-Transfer-Encoding: %s\r\n" % encoding
    mail = b"Content-Type: message/rfc822\r\n" + label + b"\r\n" + leaf(GREETING)

    content = in_seven_bits(multipart(mail, head=label))

    assert content.count(b"Content-Transfer-Encoding: 7bit\r\n") == 2
    assert payload(content, 0, 0) == GREETING


def test_mail_in_a_digest_is_mail_without_saying_so():
    content = in_seven_bits(multipart(b"\r\n" + leaf(GREETING), subtype=b"digest"))

    assert payload(content, 0, 0) == GREETING


def test_mail_without_mime_says_that_it_is_encoded():
    content = in_seven_bits(b"Subject: x\r\n\r\n" + GREETING)

    assert b"MIME-Version: 1.0\r\n" in content
    assert payload(content) == GREETING


def test_part_without_a_header_is_text():
    content = in_seven_bits(multipart(b"\r\n" + GREETING))

    assert payload(content, 0) == GREETING


@pytest.mark.parametrize(
    ("encoding", "body", "meant"),
    [
        (b"quoted-printable", b"=C3=BC and \xfc\r\n", "ü and ".encode() + b"\xfc\r\n"),
        (b"base64", b"SGVs\xfcbG8=\r\n", b"Hello"),
    ],
)
def test_eight_bits_in_what_says_it_is_encoded_are_mended(encoding, body, meant):
    head = TEXT + b"Content-Transfer-Encoding: %s\r\n" % encoding

    content = in_seven_bits(leaf(body, head))

    assert content.isascii()
    assert payload(content) == meant


def test_parts_next_to_each_other_and_unfinished_ones_are_kept():
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    odd = b"--b\r\n--b  \r\n\r\n\xe9\r\n--bb\r\n--b\r\n\r\nlast\r\n"

    content = in_seven_bits(head + odd)

    start = head + b"--b\r\n--b  \r\nContent-Transfer-Encoding: quoted-printable\r\n"
    assert content.startswith(start)
    assert content.endswith(b"=E9\r\n--bb\r\n--b\r\n\r\nlast\r\n")


def test_multipart_whose_boundary_is_missing_is_refused():
    with pytest.raises(ValueError, match="A multipart has no part: its boundary 'b'"):
        in_seven_bits(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xe9\r\n")


def deep(count, body=GREETING):
    content = leaf(body)
    for number in range(count):
        content = multipart(content, boundary=b"b%d" % number)
    return content


def test_parts_a_hundred_deep_are_encoded_and_deeper_ones_refused():
    assert in_seven_bits(deep(100)).isascii()
    assert in_seven_bits(deep(3000, b"Hello\r\n")) == deep(3000, b"Hello\r\n")
    with pytest.raises(ValueError, match="nested too deeply, more than 100 levels"):
        in_seven_bits(deep(3000))


def test_header_alone_is_put_into_ascii_for_servers_with_8bitmime():
    raw = "Subject: Grüße\r\n".encode() + leaf(GREETING)

    content = with_ascii_header(raw)

    assert content == b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" + leaf(GREETING)
    assert with_ascii_header(raw, utf8=True) == raw


def test_only_the_outer_header_stays_in_utf8():
    """RFC 6532 is for the message itself: whoever takes a part out of it may not know it."""
    subject = "Subject: Grüße\r\n".encode()
    mail = subject + b"Content-Type: message/rfc822\r\n\r\n" + subject + leaf(GREETING)
    part = subject + leaf(GREETING)

    for outer in (mail, subject + multipart(part)):
        content = in_seven_bits(outer, utf8=True)

        assert content.startswith(subject)
        assert content[len(subject) :].isascii()
        assert b"\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" in content


@pytest.mark.parametrize(
    "wrap", [multipart, lambda part: b"Content-Type: message/rfc822\r\n\r\n" + part]
)
def test_an_address_beyond_ascii_is_refused_for_the_message_alone(wrap):
    """That of a forwarded mail is only text to read."""
    mail = "From: jürgen@example.com\r\n".encode() + leaf(GREETING)

    assert in_seven_bits(wrap(mail)).isascii()
    with pytest.raises(ValueError, match="SMTPUTF8"):
        in_seven_bits(mail)


def test_header_in_no_utf8_is_written_anew_even_for_smtputf8():
    content = with_ascii_header(b"Subject: Gr\xfc\xdfe\r\n\r\nHello\r\n", utf8=True)

    assert content == "Subject: Grüße\r\n\r\nHello\r\n".encode()


def test_what_python_composes_in_eight_bits_reads_the_same_in_seven():
    message = EmailMessage(policy=SMTP)
    message.set_content("Grüße\n", cte="8bit")
    message.add_alternative("<p>Grüße</p>\n", "html", cte="8bit")
    message.add_attachment("ä;ö\n", "csv", cte="8bit", filename="ä.csv")

    content = in_seven_bits(message.as_bytes())

    read = message_from_bytes(content, policy=SMTP)
    assert [part.get_content() for part in read.walk() if not part.is_multipart()] == [
        "Grüße\r\n", "<p>Grüße</p>\r\n", "ä;ö\r\n",
    ]  # fmt: skip
