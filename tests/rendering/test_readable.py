"""Messages as text for a person at a terminal."""

from __future__ import annotations

import random

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.rendering.mime import as_bytes
from simplemail.rendering.readable import escaped, readable


def message(body="b", **changes):
    values = {"subject": "s", "from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMultiAlternatives(body=body, **values)


class TestEscaped:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain, Grüße, 漢字 🐎\ttab\n", "plain, Grüße, 漢字 🐎\ttab\n"),
            ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
            ("a\rb", "a\\rb"),
            ("\0\x08\x0b\x0c\x7f\x80\x9b", "\\x00\\x08\\x0b\\x0c\\x7f\\x80\\x9b"),
            ("\u202eevil\u2066", "\\u202eevil\\u2066"),
            ("\udcff", "\\udcff"),
        ],
    )
    def test_what_drives_a_terminal_is_shown(self, text, expected):
        """Control characters, and those that change the direction of text."""
        assert escaped(text) == expected

    def test_every_control_character(self):
        controls = [chr(n) for n in [*range(0x20), *range(0x7F, 0xA0)] if chr(n) not in "\n\t"]
        assert [c for c in controls if c in escaped(c)] == []


class TestReadable:
    def test_a_text(self):
        shown = readable(message("Grüße\nzwei\n", subject="Grüße").as_bytes())
        head, _, body = shown.partition("\n\n")
        assert "Subject: Grüße" in head.split("\n")
        assert "To: t@example.com" in head.split("\n")
        assert body == "Grüße\nzwei\n"

    @pytest.mark.parametrize("text", ["é" * 2000, "漢字" * 1000, "a" * 2000, "kurz é"])
    def test_texts_are_decoded_however_they_travel(self, text):
        shown = readable(message(text, alternatives=[(f"<p>{text}", "text/html")]).as_bytes())
        assert shown.count(text) == 2
        assert "base64" not in shown
        assert "quoted-printable" not in shown

    def test_fields_are_not_folded(self):
        subject = "Grüße und noch viele andere Worte " * 9
        shown = readable(message(subject=subject.strip()).as_bytes())
        assert f"Subject: {subject.strip()}\n" in shown

    def test_attachments_stay_encoded(self):
        mail = message(attachments=[("é.bin", b"\xff" * 60)])
        shown = readable(mail.as_bytes())
        assert "Content-Transfer-Encoding: base64" in shown
        assert "/" * 60 in shown
        assert "é.bin" in shown

    @pytest.mark.parametrize("kind", ["application/json", "image/x", "video/mp4", "x-y/z"])
    def test_only_texts_are_decoded(self, kind):
        mail = message(attachments=[("a", b'{"a": 1}', kind)])
        shown = readable(mail.as_bytes())

        assert "Content-Transfer-Encoding: base64" in shown
        assert '{"a": 1}' not in shown
        assert "eyJhIjogMX0=" in shown

    def test_of_a_text_only_its_encoding_is_told_otherwise(self):
        mail = message("é" * 99, cc=["c@d.example"], headers={"Auto-Submitted": "auto-generated"})
        lines = readable(as_bytes(mail, eight_bit=False)).split("\n")

        assert "Cc: c@d.example" in lines
        assert "Auto-Submitted: auto-generated" in lines
        assert "MIME-Version: 1.0" in lines
        assert "Content-Transfer-Encoding: 8bit" in lines

    def test_what_travels_as_it_is_says_so(self):
        assert "Content-Transfer-Encoding: 7bit\n" in readable(message("plain\n").as_bytes())

    def test_nested_messages_are_shown(self):
        inner = message("Grüße, innen", subject="innen")
        shown = readable(message(attachments=[("x.eml", inner, "message/rfc822")]).as_bytes())
        assert "Subject: innen\n" in shown
        assert "Grüße, innen\n" in shown

    def test_parts_are_told_apart_by_their_boundary(self):
        raw = message(alternatives=[("<p>", "text/html")]).as_bytes()
        boundary = raw.split(b"boundary=")[1].split(b'"')[1].decode()
        assert readable(raw).split("\n").count(f"--{boundary}") == 2
        assert readable(raw).split("\n").count(f"--{boundary}--") == 1

    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            b"\r\n",
            b"no header at all",
            b"Subject: \xff\xfe\n\n\xff\xfe",
            b"Subject: =?utf-8?q?=1B[2J?=\n\nx",
            b"Subject: =?utf-8?q?a=0AX-Fake:_b?=\n\nx",
            b"Content-Type: text/plain; charset=nonsense\n\n\xff\x1b[2J",
            b"Content-Type: text/plain; charset=undefined\n\nx",
            b"Content-Type: text/plain; charset=idna\n\nxn--\xff",
            b'Content-Type: text/plain; charset="\x00"\n\nx',
            b"Content-Type: text/plain; charset*=utf-8''%00\n\nx",
            b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!!=",
            b"Content-Type: multipart/mixed\n\nno boundary",
            b"Content-Type: multipart/mixed; boundary=x\n\nno part",
            b"Content-Type: message/rfc822\n\n",
            b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\neA==",
            b"To: to@\nFrom: <\nCc: (\nDate: never\nMessage-ID: <\n\nx",
            b"To: " + b"(" * 5000 + b"\n\nx",
            b"To: =?utf-8?q?" + b"a" * 5000 + b"\n\nx",
        ],
    )
    def test_nothing_that_came_as_a_message_is_too_broken(self, octets):
        """An envelope holds what anybody gave it."""
        assert "\x1b" not in readable(octets)

    def test_random_nonsense(self):
        chance = random.Random(5)
        pieces = [
            b"Content-Type: ", b"multipart/mixed; boundary=x\n", b"--x\n", b"--x--\n", b"\n",
            b"text/", b"plain; charset=", b"utf-8", b"\xff", b"=?utf-8?b?", b"?=", b"To: ", b"<",
            b"@", b'"', b",", b"Content-Transfer-Encoding: ", b"base64\n", b"quoted-printable\n",
            b"=\n", b"\r", b"\0", b"(", b"message/rfc822\n", b";", b" ", b"filename*0*=",
            b"utf-8''%ff", b"Date: ", b"[", b":", b"\x1b",
        ]  # fmt: skip
        for _ in range(500):
            octets = b"".join(chance.choices(pieces, k=chance.randrange(40)))
            assert not set(readable(octets)) & set("\x1b\r\0"), octets
