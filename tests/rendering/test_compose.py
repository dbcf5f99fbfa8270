"""A message as Python's own, and as the bytes that say the same."""

from __future__ import annotations

import contextlib
import email
import email.policy
import inspect
import os
import subprocess
import sys
from email.message import EmailMessage as PythonMessage
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from simplemail import BadHeaderError, EmailMessage, EmailMultiAlternatives, override_settings
from simplemail.rendering.compose import read
from support.reading import composed, content, every_way, leaves, sent, shape


def message(body="b", **changes):
    values = {"subject": "s", "from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMultiAlternatives(body=body, **values)


class Lazy:
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class TestMessage:
    def test_is_pythons_own(self):
        assert isinstance(message().message(), PythonMessage)

    @pytest.mark.parametrize("policy", [None, email.policy.default, email.policy.SMTPUTF8])
    def test_takes_line_ends_as_djangos_did(self, policy):
        """Before 6.0: `_send()` of that time asks for them."""
        composed = message(attachments=[("x.txt", "x")]).message(policy=policy)
        octets = composed.as_bytes(policy=composed.policy.clone(linesep="\r\n"))

        assert b"\n" not in octets.replace(b"\r\n", b"")
        assert composed.as_bytes(linesep="\r\n") == octets
        assert composed.as_string(linesep="\r\n").encode("ascii", "surrogateescape") == octets
        assert composed.as_bytes(linesep="\n") == octets.replace(b"\r\n", b"\n")
        assert composed.as_bytes(policy=email.policy.SMTP) == octets

    def test_can_be_repeated(self):
        """django-compatibility 18."""
        mail = message(
            attachments=[("x.txt", "x"), ("y.eml", message("z"), "message/rfc822")],
            alternatives=[("<p>", "text/html")],
            headers={"Message-ID": "<a@b.example>", "Date": "Mon, 23 Nov 2026 06:12:00 +0000"},
        )
        before = {name: repr(value) for name, value in vars(mail).items()}
        first, second = mail.message(), mail.message()
        assert first is not second
        assert shape(first) == shape(second)
        assert list(map(content, leaves(first)[:-1])) == list(map(content, leaves(second)[:-1]))
        assert {name: repr(value) for name, value in vars(mail).items()} == before

    def test_policy_is_keyword_only(self):
        """django-compatibility 18."""
        assert inspect.signature(message().message).parameters["policy"].kind.name == "KEYWORD_ONLY"
        with pytest.raises(TypeError):
            message().message(email.policy.SMTP)

    def test_policy_is_the_default_object(self):
        """django-compatibility 18: the very object."""
        assert message().message().policy is email.policy.default

    @pytest.mark.parametrize(
        "mail",
        [
            message(alternatives=[("<p>", "text/html")], attachments=[("x", b"x")]),
            message(attachments=[("x.eml", message(), "message/rfc822")]),
            message(attachments=[("x.eml", "Subject: x\n\nx", "message/rfc822")]),
            message(attachments=[("x.eml", b"Subject: x\n\nx", "message/rfc822")]),
        ],
    )
    def test_policy_holds_for_every_part(self, mail):
        """django-compatibility 18: nested messages included."""
        policy = email.policy.SMTP.clone(max_line_length=60)
        assert {part.policy for part in mail.message(policy=policy).walk()} == {policy}


class TestAddresses:
    @every_way
    def test_domains_become_idna(self, read):
        """django-compatibility 24."""
        mail = read(
            message(
                from_email="f@bücher.example",
                to=["Ann <a@例え.example>", "b@example.com"],
                reply_to=["r@bücher.example"],
                headers={"Resent-To": "x@bücher.example", "Sender": "s@bücher.example"},
            )
        )
        assert mail["From"] == "f@xn--bcher-kva.example"
        assert mail["To"] == "Ann <a@xn--r8jz45g.example>, b@example.com"
        assert mail["Reply-To"] == "r@xn--bcher-kva.example"
        assert mail["Resent-To"] == "x@xn--bcher-kva.example"
        assert mail["Sender"] == "s@xn--bcher-kva.example"

    @every_way
    def test_the_name_of_a_group_is_read_as_it_was_written(self, read):
        mail = read(message(headers={"To": "Grüne & Co.: ann@b.example;"}))
        assert [group.display_name for group in mail["To"].groups] == ["Grüne & Co."]

    @every_way
    @pytest.mark.parametrize(
        ("written", "names"),
        [
            ('"Firstname, Lastname" <t@bücher.example>', ["Firstname, Lastname"]),
            ('"Ann \\"A\\" O\'Neil" <t@bücher.example>', ['Ann "A" O\'Neil']),
            (
                "Grüße <t@bücher.example>, =?utf-8?q?Caf=C3=A9=2C?= <x@y.example>",
                ["Grüße", "Café,"],
            ),
            ("t@bücher.example", [""]),
        ],
    )
    def test_display_names_keep_commas_and_quotes(self, read, written, names):
        """django-compatibility 24."""
        mail = read(message(headers={"To": written}))
        assert [address.display_name for address in mail["To"].addresses] == names
        assert mail["To"].addresses[0].addr_spec == "t@xn--bcher-kva.example"

    @every_way
    def test_a_group_stays_a_group(self, read):
        mail = read(message(headers={"To": "Friends: a@bücher.example, b@example.com;"}))
        [group] = mail["To"].groups
        assert group.display_name == "Friends"
        assert [a.domain for a in group.addresses] == ["xn--bcher-kva.example", "example.com"]

    @every_way
    @pytest.mark.parametrize(
        "domain", ["xn--p8s937b.example", "XN--P8S937B.example", "xn--fa-hia.example"]
    )
    def test_ascii_domains_stay_byte_for_byte(self, read, domain):
        """django-compatibility 24."""
        assert read(message(to=[f"t@{domain}"]))["To"] == f"t@{domain}"

    def test_raw_utf_8_under_an_smtputf8_policy(self):
        """django-compatibility 24: no encoded-words, no IDNA."""
        mail = message(
            subject="Grüße",
            from_email="Jörg <jörg@bücher.example>",
            to=["漢字@例え.example"],
        ).message(policy=email.policy.SMTPUTF8)
        raw = mail.as_bytes()
        for text in ("Subject: Grüße", "Jörg <jörg@bücher.example>", "To: 漢字@例え.example"):
            assert text.encode() in raw
        assert b"=?" not in raw
        assert b"xn--" not in raw

    @every_way
    def test_without_a_domain(self, read):
        """django-compatibility 25: a local mailbox, in the header and in the envelope."""
        mail = message(from_email="webmaster", to=["postmaster", "Root <root>"])
        assert read(mail)["From"] == "webmaster"
        assert read(mail)["To"] == "postmaster, Root <root>"
        assert mail.envelope().sender == "webmaster"
        assert mail.envelope().recipients == ("postmaster", "root")

    @pytest.mark.parametrize(
        "wrong", ["to@", "@example.com", "a@b@c", "<", "(", '"', ",", "\t.@x@y.z,a", "a<@[ \t"]
    )
    def test_python_stumbles_over_nothing(self, wrong):
        """django-compatibility 42: a parser that crashes is a ValueError, or nothing at all."""
        with contextlib.suppress(ValueError):
            message(to=[wrong], headers={"Resent-To": wrong}).message()

    @every_way
    def test_non_ascii_subject_and_names(self, read):
        mail = read(message(subject="Žluťoučký kůň 🐎", to=["Žižka <t@example.com>"]))
        assert mail["Subject"] == "Žluťoučký kůň 🐎"
        assert mail["To"] == "Žižka <t@example.com>"

    def test_the_header_is_ascii(self):
        mail = message(subject="Žluťoučký kůň 🐎", to=["Žižka <t@example.com>"])
        assert mail.as_bytes().isascii()


class TestText:
    @every_way
    @pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "iso-8859-2", "koi8-r"])
    def test_encoding_is_the_charset_of_body_and_alternatives(self, read, charset):
        """django-compatibility 26: a file never takes it, nor does it stop the mail there."""
        text = "Привет\n" if charset == "koi8-r" else "Ö ö\n"
        file = "Привет €, Ö\n"
        mail = message(text, alternatives=[(text, "text/html")], attachments=[("x.txt", file)])
        mail.encoding = charset
        *texts, attached = leaves(read(mail))
        for part in texts:
            assert part.get_content_charset() == charset
            assert content(part) == text
        assert attached.get_content_charset() == "utf-8"
        assert attached.get_payload(decode=True) == file.encode()

    def test_latin_1_goes_out_as_latin_1(self):
        """django-compatibility 26: real 8-bit."""
        mail = message("Firstname Sürname is a great guy.")
        mail.encoding = "iso-8859-1"
        assert "Firstname Sürname is".encode("latin-1") in mail.message().as_bytes()
        assert "Firstname Sürname is".encode("latin-1") in mail.as_bytes()

    @every_way
    def test_default_charset(self, read):
        """django-compatibility 26."""
        with override_settings(DEFAULT_CHARSET="iso-8859-15"):
            [part] = leaves(read(message("10 €")))
        assert part.get_content_charset() == "iso-8859-15"
        assert content(part) == "10 €\n"

    @every_way
    def test_encoding_on_the_class(self, read):
        """django-compatibility 26: documented for subclasses."""

        class Latin(EmailMessage):
            encoding = "iso-8859-1"

        assert read(Latin(body="é")).get_content_charset() == "iso-8859-1"

    @every_way
    def test_text_that_the_charset_cannot_hold(self, read):
        mail = message("漢字")
        mail.encoding = "iso-8859-1"
        with pytest.raises(ValueError, match=r"iso-8859-1|latin-1|ordinal"):
            read(mail)

    @every_way
    def test_surrogate_escapes_survive(self, read):
        """django-compatibility 26: octets that were no text go out as they came in."""
        octets = b"a\xe9\xff\x80b"
        [part] = leaves(read(message(octets.decode("utf-8", "surrogateescape"))))
        assert part.get_payload(decode=True).rstrip() == octets

    @every_way
    def test_body_in_bytes(self, read):
        assert content(read(message("Grüße".encode()))) == "Grüße\n"

    @every_way
    def test_lazy_body(self, read):
        mail = message(Lazy("Grüße"), alternatives=[(Lazy("<p>"), "text/html")])
        assert [content(part) for part in leaves(read(mail))] == ["Grüße\n", "<p>\n"]

    @every_way
    @pytest.mark.parametrize("text", ["", None])
    def test_empty_body(self, read, text):
        """django-compatibility 27: "\\n"; None reads ""."""
        mail = message(text)
        assert mail.body == ""
        assert content(read(mail)) == "\n"
        mail.body = text
        assert content(read(mail)) == "\n"

    @every_way
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("one line", "one line\n"),
            ("one line\n", "one line\n"),
            ("two\nlines", "two\nlines\n"),
            ("two\r\nlines\r\n", "two\nlines\n"),
            ("\n\n", "\n\n"),
            ("trailing \nspace \n", "trailing \nspace \n"),
            (".\n.\n", ".\n.\n"),
            ("From the beginning\n>From here\n", "From the beginning\n>From here\n"),
            ("--x\n--x--\n", "--x\n--x--\n"),
        ],
    )
    def test_lines(self, read, text, expected):
        """django-compatibility 27: text ends in a newline, and "From " is never mangled."""
        mail = message(text, alternatives=[(text, "text/html")])
        found = [content(part) for part in leaves(read(mail))]
        assert found == [expected] * 2

    def test_from_is_not_mangled(self):
        """django-compatibility 27."""
        mail = message("From the beginning")
        assert b"\r\nFrom the beginning" in mail.as_bytes()
        assert b"\nFrom the beginning" in mail.message().as_bytes()

    @every_way
    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("plain\n", "7bit"),
            ("Grüße\n", "8bit"),
            ("é" + "a" * 2000 + "\n", "quoted-printable"),
            ("漢字" * 500 + "\n", "base64"),
            ("a" * 2000 + "\n", "quoted-printable"),
        ],
    )
    def test_transfer_encoding(self, read, text, encoding):
        """django-compatibility 27."""
        part = read(message(text))
        assert part["Content-Transfer-Encoding"] == encoding
        assert content(part) == text

    def test_a_7bit_policy(self):
        """django-compatibility 27: is honoured."""
        mail = message("Grüße\n", attachments=[("x.eml", NESTED["bytes"](), "message/rfc822")])
        raw = mail.message(policy=email.policy.SMTP.clone(cte_type="7bit")).as_bytes()
        parsed = email.message_from_bytes(raw, policy=email.policy.default)
        assert raw.isascii()
        assert content(leaves(parsed)[0]).rstrip() == "Grüße"

    @every_way
    def test_content_subtype(self, read):
        mail = message("<p>")
        mail.content_subtype = "html"
        assert read(mail).get_content_type() == "text/html"

    @every_way
    def test_content_subtype_on_the_class_with_a_parameter(self, read):
        class Flowed(EmailMessage):
            content_subtype = "plain; format=flowed"

        assert read(Flowed(body="x"))["Content-Type"].params["format"] == "flowed"

    def test_unknown_encoding(self):
        mail = message()
        mail.encoding = "nonsense"
        for way in (mail.message, mail.as_bytes):
            with pytest.raises(ValueError, match="nonsense"):
                way()


PLAIN, HTML, PDF = "text/plain", "text/html", "application/pdf"
HTML_TOO = {"alternatives": [("<p>", HTML)]}
A_PDF = {"attachments": [("x.pdf", b"x", PDF)]}


class TestStructure:
    @every_way
    @pytest.mark.parametrize(
        ("body", "parts", "expected"),
        [
            ("b", {}, PLAIN),
            ("", {}, PLAIN),
            ("b", HTML_TOO, ("multipart/alternative", PLAIN, HTML)),
            ("b", A_PDF, ("multipart/mixed", PLAIN, PDF)),
            (
                "b",
                {**HTML_TOO, **A_PDF},
                ("multipart/mixed", ("multipart/alternative", PLAIN, HTML), PDF),
            ),
            ("", HTML_TOO, ("multipart/alternative", HTML)),
            ("", A_PDF, ("multipart/mixed", PDF)),
            ("", {**HTML_TOO, **A_PDF}, ("multipart/mixed", ("multipart/alternative", HTML), PDF)),
        ],
    )
    def test_is_mixed_around_alternative(self, read, body, parts, expected):
        """django-compatibility 28: an empty body adds no text part beside anything else."""
        assert shape(read(message(body, **parts))) == expected

    @every_way
    def test_one_mime_version(self, read):
        mail = read(message(**HTML_TOO, **A_PDF))
        assert mail.get_all("MIME-Version") == ["1.0"]

    @every_way
    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            ({}, ("multipart/related", PLAIN, "image/png")),
            (HTML_TOO, ("multipart/alternative", PLAIN, ("multipart/related", HTML, "image/png"))),
            (
                {
                    "alternatives": [
                        ("{}", "text/x-amp-html"),
                        ("<p>", HTML),
                        ("x", "text/calendar"),
                    ]
                },
                (
                    "multipart/alternative",
                    PLAIN,
                    "text/x-amp-html",
                    ("multipart/related", HTML, "image/png"),
                    "text/calendar",
                ),
            ),
            (
                {**HTML_TOO, **A_PDF},
                (
                    "multipart/mixed",
                    ("multipart/alternative", PLAIN, ("multipart/related", HTML, "image/png")),
                    PDF,
                ),
            ),
        ],
    )
    def test_inline_files_are_related_to_the_html(self, read, parts, expected):
        """Ours: RFC 2387."""
        mail = message(**parts)
        mail.attach_inline(b"x", "x.png")
        assert shape(read(mail)) == expected

    @every_way
    @pytest.mark.parametrize(
        ("alternatives", "home"),
        [
            ([("<p>", "text/html"), ("BEGIN", "text/calendar")], "text/html"),
            ([("BEGIN", "text/calendar"), ("<p>", "text/html")], "text/html"),
            ([("<p>", "text/html"), ("<html amp4email>", "text/x-amp-html")], "text/html"),
            ([("<html amp4email>", "text/x-amp-html"), ("<p>", "text/html")], "text/html"),
            ([("BEGIN", "text/calendar")], "text/calendar"),
            ([("BEGIN", "text/calendar"), ("{}", "application/json")], "text/calendar"),
        ],
    )
    def test_inline_files_are_beside_the_html_or_else_the_first_alternative(
        self, read, alternatives, home
    ):
        mail = message(alternatives=alternatives)
        mail.attach_inline(b"x", "x.png")
        [related] = [part for part in read(mail).walk() if part.get_content_subtype() == "related"]

        assert related.get_param("type") == home
        assert [part.get_content_type() for part in related.iter_parts()] == [home, "image/png"]

    @every_way
    @pytest.mark.parametrize("mimetype", ["application/json", "image/png", "video/mp4", "x-y/z"])
    def test_an_alternative_that_is_no_text_arrives_as_it_was(self, read, mimetype):
        octets = b"\xff\r\n\n\x00"
        *_, part = read(message(alternatives=[(octets, mimetype)])).iter_parts()

        assert part.get_content_type() == mimetype
        assert part.get_param("charset") is None
        assert part.get_payload(decode=True) == octets

    @every_way
    @pytest.mark.parametrize("body", ["Hello\n", "Grüße\n"])
    def test_only_files_have_a_disposition(self, read, body):
        mail = message(body, alternatives=[("<p>", "text/html"), ("{}", "application/json")])
        mail.attach("a.txt", "x")
        mail.attach(None, b"x", "image/png")
        found = [part.get_content_disposition() for part in leaves(read(mail))]

        assert found == [None, None, None, "attachment", "attachment"]

    @pytest.mark.parametrize("kind", ["message/rfc822", "text/x", "application/x"])
    def test_a_type_cannot_hide_a_field_of_its_own(self, kind):
        mail = message(attachments=[("a", message("in"), f'{kind}; x="=?utf-8?q?a=0AB:c?="')])
        if kind != "message/rfc822":
            mail.attachments = [("a", b"x", mail.attachments[0][2])]

        for write in (mail.message, mail.as_bytes):
            with pytest.raises(BadHeaderError):
                write()

    @every_way
    def test_inline_files(self, read):
        """Ours: shown in place, and not listed."""
        mail = message(alternatives=[("<img>", HTML)])
        first = mail.attach_inline(b"\xff", "grün.png")
        second = mail.attach_inline("<svg/>", None, "image/svg+xml")
        _, _, one, two = leaves(read(mail))
        assert first != second
        assert [one["Content-ID"], two["Content-ID"]] == [f"<{first}>", f"<{second}>"]
        assert one.get_content_disposition() == two.get_content_disposition() == "inline"
        assert (one.get_filename(), two.get_filename()) == ("grün.png", None)
        assert (content(one), content(two)) == (b"\xff", b"<svg/>")


class TestAlternatives:
    @every_way
    @pytest.mark.parametrize(
        ("given", "mimetype", "expected"),
        [
            ("<p>é", "text/html", "<p>é\n"),
            ("<p>é".encode(), "text/html", "<p>é\n"),
            (b"\xff\x00", "application/x", b"\xff\x00"),
            ("é", "application/x", "é".encode()),
            (bytearray(b"x"), "application/x", b"x"),
            (memoryview(b"x"), "text/x", "x\n"),
        ],
    )
    def test_text_or_bytes(self, read, given, mimetype, expected):
        """django-compatibility 29: of text types or not."""
        _, part = leaves(read(message(alternatives=[(given, mimetype)])))
        assert part.get_content_type() == mimetype
        assert content(part) == expected

    @every_way
    def test_type_with_parameters(self, read):
        """Ours: what a calendar needs."""
        mail = message(alternatives=[("BEGIN:VCALENDAR", "text/calendar; method=REQUEST")])
        _, part = leaves(read(mail))
        assert dict(part["Content-Type"].params) == {"charset": "utf-8", "method": "REQUEST"}

    @every_way
    def test_charset_of_the_type_counts(self, read):
        """Ours."""
        _, part = leaves(read(message(alternatives=[("é", "text/html; charset=iso-8859-1")])))
        assert part.get_content_charset() == "iso-8859-1"
        assert part.get_payload(decode=True).rstrip() == b"\xe9"

    @every_way
    def test_plain_tuples_may_be_assigned(self, read):
        """django-compatibility 17."""
        mail = message()
        mail.alternatives = (("<p>", "text/html"),)
        assert shape(read(mail)) == ("multipart/alternative", PLAIN, HTML)
        mail.alternatives = None
        assert shape(read(mail)) == PLAIN

    @every_way
    def test_bytes_that_are_no_text(self, read):
        """A mistake of the caller's: a mail program would show rubbish."""
        with pytest.raises(ValueError, match="text/html"):
            read(message(alternatives=[(b"\xff\xfe\xfa", "text/html")]))


class TestAttachments:
    @every_way
    @pytest.mark.parametrize(
        ("attachment", "mimetype", "expected"),
        [
            (("x.txt", "é"), "text/plain", "é"),
            (("x.txt", "é".encode()), "text/plain", "é"),
            (("x.txt", b"\xff"), "application/octet-stream", b"\xff"),
            (("x.bin", bytes(range(256)) * 9), "application/octet-stream", bytes(range(256)) * 9),
            (("x.json", '{"é": 1}'), "application/json", '{"é": 1}'.encode()),
            (("x.json", Lazy("é")), "application/json", "é".encode()),
            (("x.pdf", bytearray(b"x")), "application/pdf", b"x"),
            (("x.pdf", memoryview(b"x")), "application/pdf", b"x"),
            (("x", "", "application/pdf"), "application/pdf", b""),
            (("x", b"", "text/plain"), "text/plain", ""),
            (("x", 5, "application/pdf"), "application/pdf", b"5"),
        ],
    )
    @pytest.mark.parametrize("put", ["attachments=", "assigned"])
    def test_content(self, read, put, attachment, mimetype, expected):
        """django-compatibility 30."""
        mail = message(attachments=[attachment] if put == "attachments=" else [])
        if put == "assigned":
            mail.attachments = (attachment,)
        _, part = leaves(read(mail))
        assert part.get_content_type() == mimetype
        assert part.get_filename() == attachment[0]
        assert part.get_content_disposition() == "attachment"
        assert content(part) == expected

    @every_way
    @pytest.mark.parametrize(
        "name",
        [
            "x.pdf", "grüße.pdf", "漢字" * 60 + ".pdf", 'a "b".pdf', "a\\b.pdf", "a;b=c.pdf",
            "a,b.pdf", "a b.pdf", "é" * 200, "utf-8''x.pdf", "../../etc/passwd", "x" * 300,
            "%41.pdf", "a'b.pdf",
        ],
    )  # fmt: skip
    def test_names(self, read, name):
        """It is encoded, never trusted."""
        _, part = leaves(read(message(attachments=[(name, b"x", "application/pdf")])))
        assert part.get_filename() == name

    @every_way
    def test_without_a_name(self, read):
        _, part = leaves(read(message(attachments=[(None, b"x", "application/pdf")])))
        assert part.get_filename() is None
        assert part.get_content_disposition() == "attachment"

    def part(self):
        part = MIMEPart()
        part.set_content(b"\xff", "image", "png", filename="x.png", cid="<me>")
        part["X-Tag"] = "kept"
        return part

    def legacy(self):
        part = MIMEBase("image", "x-legacy")
        part.set_payload("/w==")
        part.add_header("Content-Transfer-Encoding", "base64")
        part.add_header("X-Tag", "kept")
        return part

    @pytest.mark.parametrize("kind", ["part", "legacy"])
    @pytest.mark.parametrize("put", ["attach()", "attachments=", "assigned"])
    def test_parts_are_inserted_as_they_are(self, kind, put):
        """django-compatibility 32: the same object."""
        part = getattr(self, kind)()
        mail = message(attachments=[part] if put == "attachments=" else [])
        if put == "attach()":
            mail.attach(part)
        elif put == "assigned":
            mail.attachments = [part]
        assert leaves(mail.message())[-1] is part

    @every_way
    @pytest.mark.parametrize("kind", ["part", "legacy"])
    def test_parts_keep_their_headers(self, read, kind):
        """django-compatibility 32."""
        part = getattr(self, kind)()
        before = part.items()
        found = leaves(read(message(attachments=[part])))[-1]
        assert found["X-Tag"] == "kept"
        assert content(found) == b"\xff"
        assert part.items() == before

    @every_way
    def test_legacy_parts_of_all_kinds(self, read):
        """django-compatibility 32."""
        parts = [
            MIMEText("é", "html", "utf-8"),
            MIMEImage(b"\x89PNG\r\n\x1a\n", "png"),
            email.message_from_string("Content-Type: text/x\n\nx\n"),
        ]
        found = shape(read(message(attachments=parts)))
        assert found == ("multipart/mixed", PLAIN, HTML, "image/png", "text/x")

    @pytest.mark.parametrize("further", [{"content": b"x"}, {"mimetype": "a/b"}])
    @pytest.mark.parametrize("kind", ["part", "legacy"])
    def test_parts_come_alone(self, kind, further):
        """django-compatibility 32."""
        with pytest.raises(ValueError, match="Attach a MIME part alone"):
            message().attach(getattr(self, kind)(), **further)

    def test_content_is_needed(self):
        """django-compatibility 32."""
        for arguments in ((), ("x.txt",), (message(),)):
            with pytest.raises(ValueError, match="no content"):
                message().attach(*arguments)


def python_message(policy=email.policy.default):
    return email.message_from_bytes(
        "Subject: Grüße\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\nGrüße\n".encode(),
        policy=policy,
    )


NESTED = {
    "ours": lambda: message("Grüße\n", subject="Grüße"),
    "stdlib": lambda: python_message(),
    "legacy stdlib": lambda: python_message(email.policy.compat32),
    "bytes": lambda: python_message().as_bytes(),
    "bytearray": lambda: bytearray(python_message().as_bytes()),
    "str": lambda: "Subject: Grüße\nContent-Type: text/plain; charset=utf-8\n\nGrüße\n",
}


class TestNestedMessages:
    @every_way
    @pytest.mark.parametrize("kind", NESTED)
    def test_of_every_kind(self, read, kind):
        """django-compatibility 33: 8-bit input included; never base64 or quoted-printable."""
        mail = message(attachments=[("x.eml", NESTED[kind](), "message/rfc822")])
        _, part = leaves(read(mail))
        assert part.get_content_type() == "message/rfc822"
        assert part.get_filename() == "x.eml"
        assert part["Content-Transfer-Encoding"] in (None, "7bit", "8bit", "binary")
        [nested] = part.iter_parts() if read is sent else part.get_payload()
        assert content(nested).rstrip() == "Grüße"

    @pytest.mark.parametrize("kind", NESTED)
    def test_for_a_server_without_8bitmime(self, kind):
        """django-compatibility 33."""
        mail = message(attachments=[("x.eml", NESTED[kind](), "message/rfc822")])
        raw = mail.message(policy=email.policy.SMTP.clone(cte_type="7bit")).as_bytes()
        assert raw.isascii()
        part = leaves(email.message_from_bytes(raw, policy=email.policy.default))[1]
        assert part["Content-Transfer-Encoding"] in (None, "7bit", "8bit")

    @every_way
    def test_in_nested_messages(self, read):
        mail = message("innermost")
        for depth in range(20):
            mail = message(str(depth), attachments=[("x.eml", mail, "message/rfc822")])
        assert b"innermost" in read(mail).as_bytes()

    @every_way
    def test_with_attachments_of_its_own(self, read):
        inner = message("inner", **HTML_TOO, **A_PDF)
        mail = read(message(attachments=[(None, inner, "message/rfc822")]))
        nested = leaves(mail)[1].get_payload()[0]
        assert shape(nested) == shape(composed(inner))
        assert content(leaves(nested)[2]) == b"x"

    def test_a_subclass_with_the_old_signature(self):
        """django-compatibility 33: message() took no policy before Django 6.0."""

        class Old(EmailMessage):
            def message(self):
                mail = super().message()
                mail["X-Old"] = "yes"
                return mail

        mail = message(attachments=[("x.eml", Old("s", "b", "f@x.example"), "message/rfc822")])
        assert b"X-Old: yes" in mail.message().as_bytes()

    @every_way
    def test_a_type_error_in_a_subclass_is_not_hidden(self, read):
        class Broken(EmailMessage):
            def message(self, *, policy=None):
                raise TypeError("mine")

        with pytest.raises(TypeError, match="mine"):
            read(message(attachments=[("x.eml", Broken(), "message/rfc822")]))

    @every_way
    def test_other_message_types(self, read):
        report = "Reporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; a@x.example\n"
        mail = read(message(attachments=[("x", report, "message/delivery-status")]))
        assert leaves(mail)[1].get_content_type() == "message/delivery-status"
        assert b"Final-Recipient: rfc822; a@x.example" in mail.as_bytes()


def test_importing_changes_nothing_in_the_standard_library():
    """django-compatibility 34: nor does using it."""
    code = """
import email.charset, email.policy, email.headerregistry, email.contentmanager, mimetypes, socket
import logging
def state():
    manager = email.contentmanager.raw_data_manager
    return repr((
        email.charset.CHARSETS, email.charset.ALIASES, email.charset.CODEC_MAP,
        vars(email.policy.default), vars(email.policy.SMTP),
        manager.get_handlers, manager.set_handlers, email.headerregistry._default_header_map,
        mimetypes.knownfiles, socket.getdefaulttimeout(),
        logging.root.handlers, logging.root.level,
    ))
before = state()
import simplemail
assert state() == before, "import"
mail = simplemail.EmailMultiAlternatives("é", "é" * 999, to=["a@é.example"])
mail.attach_alternative("<p>é", "text/html")
mail.attach("x.txt", "é")
mail.encoding = "latin-1"
mail.message(), mail.as_bytes(), mail.envelope()
assert state() == before, "use"
"""
    source = Path(__file__).parents[2] / "src"
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(source)},
    )


class TestReadingOne:
    CONTENT = b"Subject: s\r\nX-Long: " + b"x " * 60 + b"\r\n\r\nb\r\n"

    def test_is_of_the_class_that_the_policy_says(self):
        class Theirs(PythonMessage):
            pass

        ours = type(message().message())
        policies = [None, email.policy.default, email.policy.default.clone(message_factory=Theirs)]

        assert [type(read(self.CONTENT, policy)) for policy in policies] == [ours, ours, Theirs]

    def test_leaves_fields_as_they_are_written(self):
        assert read(self.CONTENT, None).as_bytes(linesep="\r\n") == self.CONTENT
