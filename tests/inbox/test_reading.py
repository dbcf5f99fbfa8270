"""A message is read as far as it can be, and nothing in it makes reading fail or last."""

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.inbox.charsets import decoded, transfer_decoded, words
from simplemail.inbox.reading import DEEPEST, MOST_PARTS, Mail, boxes, parameters
from support.inboxes import HTML_MAIL


def test_our_own_messages_read_back():
    message = EmailMultiAlternatives("Grüße", "Text ü", "Änn <a@example.com>", ["b@example.com"])
    message.attach_alternative("<p>ü</p>", "text/html")
    message.attach("größe.bin", bytes(range(256)), "application/octet-stream")

    mail = Mail(message.as_bytes())

    assert mail.value("subject") == "Grüße"
    assert mail.boxes("from")[0] == ("Änn", "a@example.com")
    assert mail.text_of(mail.text_part).strip() == "Text ü"
    assert mail.text_of(mail.html_part).strip() == "<p>ü</p>"
    [attachment] = mail.attachments
    assert attachment.file_name == "größe.bin"
    assert mail.octets_of(attachment) == bytes(range(256))
    assert mail.defects == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_make_no_difference(end):
    mail = Mail(HTML_MAIL.replace(b"\r\n", end))

    assert [part.kind for part in mail.parts] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    assert mail.text_of(mail.text_part) == "Thank you."


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("=?utf-8?q?Hell=C3=B6?=", "Hellö"),
        ("=?utf-8?B?SGVsbMO2?= x", "Hellö x"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=B6?=", "ö"),
        ("=?nonsense?q?=C3=B6?=", "ö"),
        ("=?utf-8?x?y?=", "=?utf-8?x?y?="),
        ("=?iso-8859-1*de?q?=F6?=", "ö"),
        ("a =?utf-8?q?b_c?= d", "a b c d"),
        ("=?utf-8?b?%%%?=", ""),
    ],
)
def test_encoded_words(raw, expected):
    assert words(raw) == expected


@pytest.mark.parametrize(
    ("data", "charset", "expected", "is_sound"),
    [
        (b"\xc3\xb6", "utf-8", "ö", True),
        (b"\xf6", "latin1", "ö", True),
        (b"\xf6", "utf-8", "ö", False),
        (b"\xc3\xb6", "us-ascii", "ö", False),
        (b"a", "no-such-charset", "a", False),
        (b"a", "zip", "a", False),
        (b"a", "rot13", "a", False),
        (b"a" * 9, "idna", "a" * 9, False),
        (b"a", "\x00", "a", False),
        (b"a", "../../etc/passwd", "a", False),
    ],
)
def test_texts_are_read_whatever_charset_they_claim(data, charset, expected, is_sound):
    assert decoded(data, charset) == (expected, is_sound)


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        (b"SGk=", "base64", b"Hi"),
        (b"SGk", "base64", b"Hi"),
        (b"S G\nk=!", "base64", b"Hi"),
        (b"=48=", "quoted-printable", b"H"),
        (b"=ZZ", "quoted-printable", b"=ZZ"),
        (b"x", "uuencode", b"x"),
    ],
)
def test_broken_transfer_encodings_give_what_there_is(data, encoding, expected):
    assert transfer_decoded(data, encoding) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('a/b; name="x; y"', {"name": "x; y"}),
        ("a/b; NAME=x", {"name": "x"}),
        ("a/b; name*=utf-8''gr%C3%B6%C3%9Fe", {"name": "größe"}),
        ("a/b; name*1*=%C3%9Fe; name*0*=utf-8''gr%C3%B6", {"name": "größe"}),
        ('a/b; name="=?utf-8?q?gr=C3=B6=C3=9Fe?="', {"name": "größe"}),
        ('a/b; name="unfinished', {"name": "unfinished"}),
        (r'a/b; name="a\"b"', {"name": 'a"b'}),
        ("a/b; name=x; name=y", {"name": "x"}),
    ],
)
def test_parameters(value, expected):
    assert parameters(value) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ann@example.com", [("", "ann@example.com")]),
        ('"B, A" <a@x.example>, c@x.example', [("B, A", "a@x.example"), ("", "c@x.example")]),
        ("=?utf-8?q?J=C3=B6rg?= <j@example.com>", [("Jörg", "j@example.com")]),
        ("broken <a@example.com", [("broken", "a@example.com")]),
        (",,,", []),
        ("", []),
    ],
)  # fmt: skip
def test_addresses(raw, expected):
    assert boxes(raw) == expected


def nested(depth: int) -> bytes:
    """Parts in parts, so many deep."""
    top = [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)]
    return b"".join(top) + b"\ninnermost\n"


HOSTILE = {
    "depth 1000": nested(1000),
    "10,000 parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
    "boundaries, no parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 10**5,
    "header fields": b"A: b\n" * 200_000,
    "one long field": b"Subject: " + b"=?utf-8?q?a?= " * 200_000,
    "continuations": b"Subject: x" + b"\n x" * 500_000,
    "spaces": b"Subject:" + b" " * 3_000_000,
    "addresses": b"To: " + b'"a" <b@c>, ' * 200_000,
    "quotes": b"To: " + b'"' * 1_000_000,
    "parameters": b"Content-Type: a/b" + b"; a=b" * 300_000,
    "parameter quotes": b"Content-Type: a/b; a=" + b'"\\' * 500_000,
    "one line": b"Subject: x\n\n" + b"x" * 5_000_000,
    "NUL": b"\x00" * 1_000_000,
    "empty": b"",
    "no header": b"\n\n\n" + b"text",
    "boundary of the boundary": b"Content-Type: multipart/mixed; boundary=-\n\n" + b"-" * 1_000_000,
    "empty boundary": b'Content-Type: multipart/mixed; boundary=""\n\n' + b"--\n" * 100_000,
    "same boundary within": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_read_as_far_as_the_limits_allow(name):
    mail = Mail(HOSTILE[name])

    assert 1 <= len(mail.parts) <= MOST_PARTS
    assert max(part.depth for part in mail.parts) <= DEEPEST
    assert isinstance(mail.text_of(mail.text_part), str)
    for field in ("to", "subject", "content-type"):
        assert isinstance(mail.boxes(field), list)


@pytest.mark.parametrize("name", ["depth 1000", "10,000 parts"])
def test_what_was_left_out_is_said(name):
    mail = Mail(HOSTILE[name])

    assert mail.parts
    assert "the rest is in the source" in " ".join(mail.defects)
