"""A finished message is read back into what somebody would have given to make it."""

from __future__ import annotations

import random

import pytest

from simplemail.rendering.inline import InlinePart
from simplemail.rendering.parsed import Parsed
from simplemail.rendering.parts import EmailInline

PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
HTML = b"Content-Type: text/html; charset=latin-1\r\n\r\n<p>Gr\xfc\xdfe</p>\r\n"
PDF = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n"
NOTES = b"Content-Disposition: attachment; filename=notes.txt\r\n\r\nNotes\r\n"
IMAGE = (
    b"Content-Type: image/png\r\nContent-ID: <1@b.example>\r\n"
    b"Content-Disposition: inline; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"UE5H\r\n"
)


def multipart(subtype: str, *parts: bytes) -> bytes:
    """Parts within each other have different boundaries."""
    boundary = b"b%d" % len(b"".join(parts))
    inside = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    head = b"Content-Type: multipart/%b; boundary=%b\r\n\r\n" % (subtype.encode(), boundary)
    return head + inside + b"--%b--\r\n" % boundary


def octets(parsed: Parsed) -> list[bytes]:
    return [part.get_payload(decode=True) for part in parsed.attachments]


TEXT, MARKUP = "Grüße\n", "<p>Grüße</p>\n"
BOTH = multipart("alternative", PLAIN, HTML)


@pytest.mark.parametrize(
    ("content", "body", "subtype", "alternatives"),
    [
        (b"\r\nHello\r\n", "Hello\n", "plain", []),
        (PLAIN, TEXT, "plain", []),
        (HTML, MARKUP, "html", []),
        (BOTH, TEXT, "plain", [(MARKUP, "text/html")]),
        (
            multipart("alternative", HTML, PLAIN),
            None, "plain", [(MARKUP, "text/html"), (TEXT, "text/plain")],
        ),
        (multipart("alternative", HTML), None, "plain", [(MARKUP, "text/html")]),
        (multipart("mixed", BOTH), TEXT, "plain", [(MARKUP, "text/html")]),
        (multipart("related", HTML), MARKUP, "html", []),
        (
            multipart("alternative", PLAIN, multipart("related", HTML)),
            TEXT, "plain", [(MARKUP, "text/html")],
        ),
    ],
)  # fmt: skip
def test_texts(
    content: bytes, body: str | None, subtype: str, alternatives: list[tuple[str, str]]
) -> None:
    parsed = Parsed(content)

    assert (parsed.body, parsed.content_subtype) == (body, subtype)
    assert parsed.alternatives == alternatives
    assert parsed.attachments == []


@pytest.mark.parametrize(
    ("head", "content", "mimetype"),
    [
        (b"text/calendar; method=REQUEST; charset=utf-8", "x\n", "text/calendar; method="),
        (b'application/x; v="1 2"', b"x", 'application/x; v="1 2"'),
        (b"video/mp4", b"x", "video/mp4"),
        (b"text/html; charset=no-such", b"x", "text/html"),
    ],
)
def test_what_is_no_text_is_an_alternative_in_octets(
    head: bytes, content: str | bytes, mimetype: str
) -> None:
    parsed = Parsed(multipart("alternative", PLAIN, b"Content-Type: %b\r\n\r\nx" % head))
    [(found, kind)] = parsed.alternatives

    assert found == (content if isinstance(content, bytes) else content.strip("\n"))
    assert kind.startswith(mimetype)
    assert "charset" not in kind


def test_an_alternative_may_be_empty() -> None:
    parsed = Parsed(multipart("alternative", PLAIN, b"Content-Type: application/x\r\n\r\n"))

    assert parsed.alternatives == [(b"", "application/x")]


@pytest.mark.parametrize(
    ("content", "body", "attached"),
    [
        (multipart("mixed", PLAIN, PDF), TEXT, [b"PDF"]),
        (multipart("mixed", PDF, PLAIN), TEXT, [b"PDF"]),
        (
            multipart("mixed", PLAIN, PLAIN, HTML),
            TEXT, [TEXT.encode(), MARKUP.encode("latin-1")],
        ),
        (multipart("mixed", NOTES, PLAIN), TEXT, [b"Notes"]),
        (multipart("mixed", BOTH, NOTES, PDF), TEXT, [b"Notes", b"PDF"]),
        (multipart("alternative", PLAIN, NOTES), TEXT, [b"Notes"]),
        (NOTES, None, [b"Notes\r\n"]),
        (PDF, None, [b"PDF"]),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nx", None, [b"x"]),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff", None, [b"\xff"]),
        (b"Content-Type: text/plain; name=a.txt\r\n\r\nx", None, [b"x"]),
        (b"Content-Type: multipart/mixed\r\n\r\nno parts", None, [b"no parts"]),
    ],
)  # fmt: skip
def test_what_is_attached(content: bytes, body: str | None, attached: list[bytes]) -> None:
    parsed = Parsed(content)

    assert parsed.body is None if body is None else parsed.body.strip() == body.strip()
    assert [each.strip() for each in octets(parsed)] == [each.strip() for each in attached]


class TestBesideTheHTML:
    def test_a_file_with_an_id_is_an_inline_one(self) -> None:
        [part] = Parsed(multipart("related", HTML, IMAGE)).attachments

        assert isinstance(part, InlinePart)
        assert part.inline == EmailInline("1@b.example", "a.png", b"PNG", "image/png")

    @pytest.mark.parametrize(
        "part",
        [
            PDF,
            b"Content-ID: <1@b.example>\r\n" + multipart("mixed", PDF),
            IMAGE.replace(b"<1@b.example>", b"<1@b.example =?utf-8?q?=0Ax?=>"),
            IMAGE.replace(b"=a.png", b"*=utf-8''a%0Ab.png"),
        ],
        ids=["no id", "several parts", "an odd id", "an odd name"],
    )
    def test_any_other_part_stays_as_it_is(self, part: bytes) -> None:
        [found] = Parsed(multipart("related", HTML, part)).attachments

        assert not isinstance(found, InlinePart)

    def test_only_what_follows_the_html_is(self) -> None:
        parsed = Parsed(multipart("mixed", PLAIN, IMAGE))

        assert not isinstance(parsed.attachments[0], InlinePart)


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@b.example", ["a@b.example"]),
        ("Ann B <a@b.example>, c@d.example", ["Ann B <a@b.example>", "c@d.example"]),
        ('"Neil, Ann" <a@b.example>', ['"Neil, Ann" <a@b.example>']),
        ("Dr. Ann <a@b.example>", ['"Dr. Ann" <a@b.example>']),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@b.example>", ["Grüße <a@b.example>"]),
        ("jörg@example.com", ["jörg@example.com"]),
        ("Group: a@b.example, c@d.example;", ["a@b.example", "c@d.example"]),
        ("a@b.example,, c@d.example,", ["a@b.example", "c@d.example"]),
        ("<>", ["<>"]),
    ],
)
def test_addresses_are_those_of_all_fields(value: str, addresses: list[str]) -> None:
    field = f"To: {value}\r\n".encode()

    assert Parsed(field + PLAIN).addresses("to") == addresses
    assert Parsed(field * 2 + PLAIN).addresses("To") == addresses * 2
    assert Parsed(field + PLAIN).addresses("Cc") == []


def test_other_fields_are_those_that_nobody_else_writes() -> None:
    head = (
        b"Subject: s\r\nX-Tag: a\r\nMIME-Version: 1.0\r\nBCC: c@d.example\r\nPrecedence: bulk\r\n"
    )

    assert Parsed(head + PLAIN).others() == {"X-Tag": "a", "Precedence": "bulk"}


def test_no_address_field_is_too_broken_to_be_read() -> None:
    """Python's own parser raises IndexError and more for some, and an envelope may hold any."""
    chance = random.Random(7)
    pieces = ['"', "<", ">", "(", ")", "@", ",", ";", ":", "a", " ", "=?utf-8?q?a?=", "[", "\\"]
    for _ in range(300):
        value = "".join(chance.choices(pieces, k=chance.randrange(8)))
        parsed = Parsed(f"To: {value}\r\nX-Tag: a\r\n\r\n".encode())

        assert isinstance(parsed.addresses("To"), list), value
        assert parsed.others() == {"X-Tag": "a"}
