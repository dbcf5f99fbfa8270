"""The wire checker sees what it is there to see."""

from __future__ import annotations

import email.message
import email.policy

import pytest

from support.wirecheck import faults, header_faults

HEAD = b"Subject: Hi\r\nFrom: a@b.example\r\n"


def text(encoding: bytes, body: bytes) -> bytes:
    return (
        HEAD
        + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        + b"Content-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + body
    )


def mixed(body: bytes) -> bytes:
    return HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + body


def test_what_the_standard_library_writes_is_sound():
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = "Grüße"
    message["From"] = "Jürgen <j@b.example>"
    message["To"] = ", ".join(f'"Doe, John {n}" <j{n}@b.example>' for n in range(10))
    message.set_content("Grüße\n" * 3)
    message.add_alternative("<p>" + "ü " * 30 + "</p>", subtype="html")
    message.get_payload()[1].add_related(b"\x89PNG" * 99, "image", "png", cid="<x@b>")
    message.add_attachment(b"\0" * 500, maintype="a", subtype="b", filename="Grüße.pdf")

    assert faults(message.as_bytes()) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (HEAD + b"\r\nHi\0\r\n", "NUL"),
        (HEAD + b"\r\nHi\rthere\r\n", "bare CR"),
        (HEAD + b"\r\nHi\nthere\r\n", "bare LF"),
        (HEAD + b"\r\nHi", "does not end in CRLF"),
        (HEAD + b"\r\n" + b"x" * 999 + b"\r\n", "a line of 999 octets"),
        (b"Subject: Hi\r\nthere\r\n\r\nHi\r\n", "not a header block"),
        (b" Subject: Hi\r\n\r\nHi\r\n", "not a header block"),
        (b"Sub ject: Hi\r\n\r\nHi\r\n", "not a header block"),
        (HEAD + HEAD + b"\r\nHi\r\n", "b'from' stands 2 times"),
        (HEAD + b"Content-Type: text/plain\r\n\r\nHi\r\n", "without MIME-Version"),
        (text(b"7bit", b"\xc3\xa4\r\n"), "8-bit octets in a 7bit part"),
        (text(b"binary", b"x\r\n"), "transfer encoding b'binary'"),
        (text(b"base64", b"QUJ\r\n"), "not base64"),
        (text(b"base64", b"QUI=QUJD\r\n"), "not base64"),
        (text(b"base64", b"QUJ=\r\n"), "stray bits"),
        (text(b"base64", b"QUJD" * 20 + b"\r\n"), "a base64 line over 76"),
        (text(b"quoted-printable", b"x" * 79 + b"\r\n"), "quoted-printable line of 79"),
        (text(b"quoted-printable", b"a=b\r\n"), "not quoted-printable"),
        (text(b"quoted-printable", b"a=c3\r\n"), "not quoted-printable"),
        (text(b"quoted-printable", b"a \r\n"), "white space at the end"),
        (mixed(b"--x\r\n\r\nHi\r\n"), "delimiter lines"),
        (mixed(b"--x--\r\n"), "delimiter lines"),
        (mixed(b"--x\r\n\r\nHi\r\n--xy\r\n\r\n--x--\r\n"), "delimiter lines"),
        (mixed(b"--x\r\n\r\nHi\r\n--x--\r\n--x--\r\n"), "delimiter lines"),
        (mixed(b"--x\r\n\r\nHi\r\n--x--\r\nmore\r\n"), "epilogue"),
        (mixed(b"--x\r\nHi there\r\n\r\nHi\r\n--x--\r\n"), "part 1: not a header block"),
    ],
)
def test_fault_of_a_message(content, fault):
    assert fault in "\n".join(faults(content))


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        (b"X: " + b"word " * 20 + b"end\r\n", "could be folded"),
        (b"X: a\r\n \r\n b\r\n", "white space alone"),
        (b"X: a\x07b\r\n", "control character"),
        (b"X: \xc3\xa4\r\n", "8-bit header"),
        (b"X: =?utf-8?q?" + b"a" * 70 + b"?=\r\n", "encoded-word of 82 octets"),
        (b"X: =?utf-8?q?=C3?= =?utf-8?q?=A4?=\r\n", "splits a character"),
        (b"X: =?utf-8?q?a=0D=0Ab?=\r\n", "hides a line break"),
        (b"X: =?utf-8?b?QUJ?=\r\n", "holds what it must not"),
        (b"X: =?klingon?b?QUJD?=\r\n", "unknown charset"),
        (b"X: x=?utf-8?q?a?=\r\n", "stuck to other text"),
        (b"Message-ID: =?utf-8?q?a?=\r\n", "takes none"),
        (b"List-Unsubscribe: =?utf-8?q?a?=\r\n", "takes none"),
        (b"To: =?utf-8?q?a,b?= <a@b.example>\r\n", "holds what it must not"),
        (b"To: <=?utf-8?q?a?=@b.example>\r\n", "encoded-word in an addr-spec"),
        (b"To: Doe. John <a@b.example>\r\n", "not a list of addresses"),
        (b"To: A <a@b.example> <c@d.example>\r\n", "not a list of addresses"),
        (b"To: a@b.example,, c@d.example\r\n", "not a list of addresses"),
        (b'To: "A <a@b.example>\r\n', "not a list of addresses"),
        (b"Content-Type: text\r\n", "malformed parameters"),
        (b"Content-Type: text/plain; charset=a b\r\n", "malformed parameters"),
        (b"Content-Type: text/plain; name=a; name=b\r\n", "stands twice"),
        (b"Content-Disposition: attachment; filename*0=a; filename*2=b\r\n", "has segments"),
        (b"Content-Disposition: attachment; filename*=utf-8''%c3\r\n", "malformed extended"),
        (b"Content-Disposition: attachment; filename*=abc\r\n", "in charset"),
    ],
)
def test_fault_of_a_header(field, fault):
    assert fault in "\n".join(header_faults(field))


@pytest.mark.parametrize(
    "field",
    [
        b"X: a =?utf-8?q?=C3=A4?= b\r\n",
        b"X:\r\n " + b"x" * 900 + b"\r\n",
        b"Subject: \r\n",
        b"To: undisclosed-recipients:;\r\n",
        b'To: "Doe, \\"J\\"" <a@b.example>,\r\n =?utf-8?b?w6Q=?= <"c d"@[127.0.0.1]>, root\r\n',
        b"Content-Disposition: attachment; filename*0*=utf-8''%C3%A4;\r\n filename*1=b\r\n",
        b'Content-Disposition: attachment; filename="' + b"a b " * 40 + b'"\r\n',
    ],
)
def test_sound_header(field):
    assert header_faults(field) == []


def test_utf8_headers_are_sound_where_announced():
    field = "Subject: Grüße\r\n".encode()

    assert header_faults(field, utf8=True) == []
    assert header_faults(field)
