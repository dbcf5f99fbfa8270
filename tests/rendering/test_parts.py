"""Attachments, alternatives, and the types of both."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

import simplemail
from simplemail import (
    DEFAULT_ATTACHMENT_MIME_TYPE,
    EmailAlternative,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
)
from simplemail.rendering.parts import content_type, decoded, guess_type, normalized


class TestContentType:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("text/plain", ("text", "plain", {})),
            ("TEXT/Html", ("text", "html", {})),
            (" text/plain ", ("text", "plain", {})),
            ("text/plain;", ("text", "plain", {})),
            ("text/plain ; ; charset=utf-8", ("text", "plain", {"charset": "utf-8"})),
            ("text/calendar; method=REQUEST", ("text", "calendar", {"method": "REQUEST"})),
            ("text/calendar; method = REQUEST", ("text", "calendar", {"method": "REQUEST"})),
            ('a/b;\tx\t= "1" ; y =2', ("a", "b", {"x": "1", "y": "2"})),
            ("text/calendar;METHOD=REQUEST", ("text", "calendar", {"method": "REQUEST"})),
            ('a/b; x="1; y=2"; z=3', ("a", "b", {"x": "1; y=2", "z": "3"})),
            (r'a/b; x="say \"hi\" \\"', ("a", "b", {"x": r'say "hi" \ '.strip()})),
            ('a/b; x="Grüße"', ("a", "b", {"x": "Grüße"})),
            ('a/b; x=""', ("a", "b", {"x": ""})),
            ("application/vnd.ms-excel", ("application", "vnd.ms-excel", {})),
            ("image/svg+xml", ("image", "svg+xml", {})),
        ],
    )
    def test_parses(self, text, expected):
        """RFC 2045, 5.1."""
        assert content_type(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "", "text", "/", "text/", "/plain", "text plain", "text/pl ain", "text/plain/x",
            "text/plain; x", "text/plain; x=", "text/plain; =x", 'text/plain; x="',
            "text/plain x=1", "multipart/mixed", "Multipart/related; boundary=x",
            'text/plain; x="a"b', "text/plain, text/html", "tëxt/plain", "text/plain; x=é",
            'text/plain; x="\ud800"', 'text/plain; x="\x7f"', 'text/plain; x="a\\\0"',
        ],
    )  # fmt: skip
    def test_refuses(self, text):
        with pytest.raises(ValueError, match="Invalid content type"):
            content_type(text)

    def test_is_quick_about_nonsense(self):
        """The patterns go over the text once, and no type has over 2,000 characters."""
        for text in ("a/b" + ";" * 100_000 + "=", 'a/b; x="' + "\\\\" * 100_000, "a" * 1_000_000):
            with pytest.raises(ValueError, match="Invalid content type"):
                content_type(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.txt", "text/plain"),
        ("x.PDF", "application/pdf"),
        ("x.png", "image/png"),
        ("x.tar.gz", "application/gzip"),
        ("x.tgz", "application/gzip"),
        ("x.eml.gz", "application/gzip"),
        ("x.csv.bz2", "application/x-bzip2"),
        ("x.csv.xz", "application/x-xz"),
        ("x.tar.Z", "application/x-compress"),
        ("x.html.br", "application/octet-stream"),
        (Path("x.html"), "text/html"),
        ("x.nonsense", "application/octet-stream"),
        ("x", "application/octet-stream"),
        ("", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_guesses(name, expected):
    """django-compatibility 30."""
    assert guess_type(name) == expected


OFFICE = "application/vnd.openxmlformats-officedocument."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.docx", f"{OFFICE}wordprocessingml.document"),
        ("a.b.XLSX", f"{OFFICE}spreadsheetml.sheet"),
        ("x.pptx", f"{OFFICE}presentationml.presentation"),
        ("x.odt", "application/vnd.oasis.opendocument.text"),
        ("x.webp", "image/webp"),
        ("x.ics", "text/calendar"),
        ("x.log", "text/plain"),
        ("docx", "application/octet-stream"),
    ],
)
def test_guesses_where_the_system_has_no_table(name, expected, monkeypatch):
    monkeypatch.setattr("mimetypes.guess_type", lambda name: (None, None))
    assert guess_type(name) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF87a...", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
        (b"RIFF\x01\x02\x03\x04WAVE", "application/octet-stream"),
        (b"\x89PNG", "application/octet-stream"),
        (b"", "application/octet-stream"),
        ("GIF89a", "application/octet-stream"),
    ],
)
def test_inline_images_are_known_by_their_first_octets(octets, expected):
    message = EmailMultiAlternatives()
    message.attach_inline(octets)
    message.attach_inline(octets, "logo")
    message.attach_inline(octets, "logo.svg")
    assert [each.mimetype for each in message.inlines] == [expected, expected, "image/svg+xml"]


def attached(*arguments, **keywords):
    mail = EmailMessage()
    mail.attach(*arguments, **keywords)
    return mail.attachments[0]


def constructed(*arguments):
    return EmailMessage(attachments=[arguments]).attachments[0]


def assigned(*arguments):
    return normalized(arguments)


@pytest.mark.parametrize("put", [attached, constructed, assigned])
class TestAttachments:
    """django-compatibility 30: the same by `attach()`, by `attachments=` and by assigning."""

    def test_type_given(self, put):
        assert put("x.txt", b"\xff", "image/png") == ("x.txt", b"\xff", "image/png")

    def test_type_guessed_from_the_name(self, put):
        assert put("x.png", b"\xff") == ("x.png", b"\xff", "image/png")
        assert put("x.png", b"\xff", None) == ("x.png", b"\xff", "image/png")
        assert put("x.png", b"\xff", "") == ("x.png", b"\xff", "image/png")

    def test_type_unknown(self, put):
        assert DEFAULT_ATTACHMENT_MIME_TYPE == "application/octet-stream"
        assert put("x", b"\xff") == ("x", b"\xff", DEFAULT_ATTACHMENT_MIME_TYPE)
        assert put(None, b"\xff") == (None, b"\xff", DEFAULT_ATTACHMENT_MIME_TYPE)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_bytes_for_text_are_decoded(self, put, kind):
        assert put("x.txt", kind("é".encode())) == ("x.txt", "é", "text/plain")
        assert put("x", kind(b"a"), "TEXT/csv") == ("x", "a", "TEXT/csv")

    def test_bytes_for_text_with_a_charset(self, put):
        """Ours: the charset that the type names is the one that counts."""
        kind = "text/plain; charset=latin-1"
        assert put("x.txt", b"\xe9", kind) == ("x.txt", "é", kind)

    def test_bytes_that_are_no_text(self, put):
        octets = b"\xff\xfe\x00"
        assert put("x.txt", octets) == ("x.txt", octets, DEFAULT_ATTACHMENT_MIME_TYPE)
        assert put("x", octets, "text/html") == ("x", octets, DEFAULT_ATTACHMENT_MIME_TYPE)
        kind = "text/plain; charset=undefined"
        assert put("x", octets, kind) == ("x", octets, DEFAULT_ATTACHMENT_MIME_TYPE)

    def test_result_is_a_named_tuple(self, put):
        """django-compatibility 31."""
        result = put("x.txt", "a")
        assert isinstance(result, EmailAttachment)
        assert (result.filename, result.content, result.mimetype) == ("x.txt", "a", "text/plain")

    @pytest.mark.parametrize("content", ["", b""])
    def test_empty_content_is_content(self, put, content):
        assert put("x.txt", content).content == ""

    def test_missing_content(self, put):
        """django-compatibility 32."""
        with pytest.raises(ValueError, match=r"The attachment 'x\.txt' has no content"):
            put("x.txt", None)

    @pytest.mark.parametrize("kind", ["nonsense", "text", "text/plain\n"])
    def test_wrong_type(self, put, kind):
        with pytest.raises(ValueError, match="Invalid content type"):
            put("x.txt", "a", kind)


@pytest.mark.parametrize("wrong", ["ab", "abc", b"abc", (), ("a",), ("a", "b", "c/d", "e")])
def test_an_attachment_of_another_form(wrong):
    mail = EmailMessage("s", "b", "f@example.com", ["t@example.com"])
    mail.attachments = [wrong]
    for way in (mail.message, mail.as_bytes):
        with pytest.raises(ValueError, match="An attachment must be"):
            way()


@pytest.mark.parametrize("kind", [str, Path])
def test_attach_file(tmp_path, kind):
    """django-compatibility 31: its name alone, not where it was."""
    (tmp_path / "grüße.txt").write_text("Grüße\n", encoding="utf-8")
    mail = EmailMessage()
    mail.attach_file(kind(tmp_path / "grüße.txt"))
    assert mail.attachments == [("grüße.txt", "Grüße\n", "text/plain")]


def test_attach_file_with_a_type(tmp_path):
    """django-compatibility 31."""
    (tmp_path / "x.bin").write_bytes(b"\xff")
    mail = EmailMessage()
    mail.attach_file(tmp_path / "x.bin", mimetype="image/png")
    mail.attach_file(tmp_path / "x.bin", "text/plain")
    assert [mimetype for _, _, mimetype in mail.attachments] == [
        "image/png",
        "application/octet-stream",
    ]


def test_attach_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        EmailMessage().attach_file(tmp_path / "x")


def test_named_tuples_pickle():
    """django-compatibility 31."""
    for value in (EmailAttachment("x", b"x", "a/b"), EmailAlternative("x", "text/html")):
        copied = pickle.loads(pickle.dumps(value))
        assert copied == value
        assert type(copied) is type(value)


def test_alternatives_are_named_tuples():
    """django-compatibility 31: those given to the constructor as plain ones too."""
    mail = EmailMultiAlternatives(alternatives=[("<p>", "text/html")])
    mail.attach_alternative("x", "text/x")
    assert mail.alternatives == [
        EmailAlternative("<p>", "text/html"),
        EmailAlternative("x", "text/x"),
    ]
    assert mail.alternatives[0].content == "<p>"
    assert mail.alternatives[0].mimetype == "text/html"


@pytest.mark.parametrize("attach", ["attach", "attach_inline"])
def test_an_open_file_is_no_content(attach):
    message = simplemail.EmailMessage()
    add = message.attach if attach == "attach" else lambda name, file: message.attach_inline(file)

    with pytest.raises(TypeError, match=r"must be text or bytes, not a BytesIO: call its read\(\)"):
        add("a.pdf", io.BytesIO(b"..."))
    with pytest.raises(ValueError, match="has no content"):
        add("a.pdf", None)


@pytest.mark.parametrize("length", [1_999, 2_000, 2_001, 3_000])
def test_a_type_has_at_most_2000_characters(length):
    given = "text/" + "x" * (length - 5)
    if length <= 2_000:
        assert content_type(given).subtype == given[5:]
    else:
        with pytest.raises(ValueError, match="Invalid content type") as caught:
            content_type(given)
        assert str(caught.value) == (
            f"Invalid content type '{given[:100]}'...: over 2000 characters"
        )


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"abc", "utf-8", "abc"),
        (b"", "utf-8", ""),
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "ascii", "Grüße"),
        (b"Gr\xfc\xdfe", "latin-1", "Grüße"),
        (b"Gr\xfc\xdfe", "utf-8", None),
        (b"\xff", "no-such", None),
    ],
)
def test_octets_of_a_text_are_in_its_charset_or_in_utf8(content, charset, text):
    if text is None:
        with pytest.raises(ValueError, match=f"for text/x is neither {charset} nor UTF-8 text"):
            decoded(content, "text/x", charset)
    else:
        assert decoded(content, "text/x", charset) == text
