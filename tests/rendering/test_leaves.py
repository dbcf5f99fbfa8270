"""Files arrive octet for octet; bodies and alternatives are texts with line ends.

Each way to put a file into a message gets some of the files, all ways together each of them; in CI,
each way gets all.
"""

from __future__ import annotations

import email
import email.policy
import itertools

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.rendering import inline
from simplemail.rendering.envelope import as_bytes
from simplemail.rendering.leaves import file_leaf
from simplemail.rendering.parts import EmailInline
from support.samples import sample

LINE_ENDS = ["\n", "\r\n", "\r", "\n\r", "\r\r\n"]
TEXTS = [
    "",
    "\n",
    "\r\n",
    "abc",
    "é",
    *(end.join(["a;b", "ü;€", "", "last"]) for end in LINE_ENDS),
    *(end.join(["a;b", "c;d", ""]) for end in LINE_ENDS),
    "mixed\nline\r\nends\r",
    "#!/bin/sh\nexec true  \n\t\n",
    "From me\n.\n..\n--x--\n=3D=\n",
    "x" * 2000,
    "漢字\n" * 400,
    "\ufeffName;Ort\r\n",
    "bell\x07 and form feed\x0c\n",
]
NO_UTF8 = [
    b"\xff",
    b"Gr\xfc\xdfe\r\n",
    "Name;Ort\r\n".encode("utf-16-le"),
    "Größe".encode("utf-16"),
    b"a\0b\n",
    bytes(range(256)),
]
FILES = [text.encode() for text in TEXTS] + NO_UTF8
CHARSETS = [
    *("utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32-be"),
    *("iso-2022-jp", "shift_jis", "utf-7", "cp500"),
]


def mail(**attributes):
    made = EmailMultiAlternatives("s", "b", "a@example.com", ["b@example.com"])
    made.attach_alternative("<p>", "text/html")
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def by_attach(made, name, content, mimetype, tmp_path):
    made.attach(name, content, mimetype)


def by_attach_file(made, name, content, mimetype, tmp_path):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    made.attach_file(tmp_path / name, mimetype)


def by_attach_inline(made, name, content, mimetype, tmp_path):
    made.attach_inline(content, name, mimetype)


def by_assigning(made, name, content, mimetype, tmp_path):
    made.attachments = [*made.attachments, (name, content, mimetype)]


def by_assigning_inline(made, name, content, mimetype, tmp_path):
    inline = EmailInline("x@y", name, content, mimetype or "text/plain")
    made.inlines = [*made.inlines, inline]


WAYS = [by_attach, by_attach_file, by_attach_inline, by_assigning, by_assigning_inline]
every_way = pytest.mark.parametrize("put", WAYS)

READERS = [
    lambda made: made.message(),
    lambda made: parsed(made.message().as_bytes()),
    lambda made: parsed(made.message(policy=email.policy.SMTP).as_bytes()),
    lambda made: parsed(as_bytes(made)),
    lambda made: parsed(as_bytes(made, eight_bit=False)),
    lambda made: parsed(as_bytes(made, utf8=True)),
]


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def seen(made):
    """Return what all readers get to see of the files: octets, type and charset of each."""
    first, *others = [files_in(read(made)) for read in READERS]
    for other in others:
        assert other == first
    return first


def files_in(message):
    return [
        (part.get_payload(decode=True), part.get_content_type(), part.get_content_charset())
        for part in message.walk()
        if part.get_filename()
    ]


@every_way
@pytest.mark.parametrize("encoding", [None, "iso-8859-1"])
def test_files_arrive_octet_for_octet_whatever_the_message_is_written_in(put, encoding, tmp_path):
    """Every content with every type in one or two ways; in CI, in all of them."""
    made = mail(encoding=encoding)
    meant = []
    start = WAYS.index(put) + len(WAYS) * bool(encoding)
    cases = itertools.product(FILES, [None, "text/csv", "application/x-sh"])
    for content, given in sample(cases, one_in=7, start=start):
        put(made, f"{len(meant)}.txt", content, given, tmp_path)
        kind = given or "text/plain"
        if kind.startswith("text/") and content in NO_UTF8:
            kind = "application/octet-stream"
        meant.append((content, kind, "utf-8" if kind.startswith("text/") else None))

    assert seen(made) == meant


@every_way
def test_text_given_as_a_file_is_utf8_with_its_own_line_ends(put, tmp_path):
    """Each text in two ways or three; in CI, in all of them."""
    made = mail(encoding="iso-8859-1")
    texts = sample(TEXTS, one_in=2, start=WAYS.index(put))
    for number, text in enumerate(texts):
        put(made, f"{number}.txt", text, "text/csv", tmp_path)

    assert seen(made) == [(text.encode(), "text/csv", "utf-8") for text in texts]


@every_way
def test_charset_that_is_given_is_kept_and_the_octets_too(put, tmp_path):
    """Each charset in all ways, with each text in one way or two; in CI, in all of them."""
    made = mail()
    cases = itertools.product(CHARSETS, ["abc", "Name;Ort\r\n", "a\nb", ""])
    given = sample(cases, one_in=3, start=WAYS.index(put))
    for number, (charset, text) in enumerate(given):
        kind = f"text/csv; charset={charset}"
        put(made, f"{number}.csv", text.encode(charset), kind, tmp_path)

    for (charset, text), (octets, kind, label) in zip(given, seen(made), strict=True):
        assert (octets, kind) == (text.encode(charset), "text/csv")
        assert octets.decode("utf-8-sig" if charset == "utf-8-sig" else label) == text


@every_way
def test_octets_that_the_given_charset_does_not_know_are_an_octet_stream(put, tmp_path):
    made = mail()
    put(made, "a.csv", b"\xff\xfe\xfa", "text/csv; charset=utf-8", tmp_path)

    assert seen(made) == [(b"\xff\xfe\xfa", "application/octet-stream", None)]


def test_octets_whose_charset_has_several_ways_to_write_them_stay():
    content = b"+AGE-b\r\n"  # "ab" in UTF-7, the long way
    made = mail()
    made.attach("a.csv", content, "text/csv; charset=utf-7")

    assert seen(made) == [(content, "text/csv", "utf-7")]


@pytest.mark.parametrize("mimetype", ["text/csv", "application/json"])
def test_text_that_stands_for_octets_becomes_those_again(mimetype):
    made = mail()
    made.attach("a", b"Gr\xfc\xdfe\n".decode("utf-8", "surrogateescape"), mimetype)
    kind = "application/octet-stream" if mimetype == "text/csv" else mimetype

    assert seen(made) == [(b"Gr\xfc\xdfe\n", kind, None)]


@pytest.mark.parametrize(
    ("attributes", "where", "character"),
    [
        ({"body": "5 €", "encoding": "latin-1"}, "The body", r"'\\u20ac', at 2"),
        ({"body": "a\ud800"}, "The body", r"'\\ud800', at 1"),
        ({"alternatives": [("€", "text/html; charset=l1")]}, "The alternative text/html", "20ac"),
        ({"alternatives": [("\udfff", "text/html")]}, "The alternative text/html", "dfff"),
        ({"attachments": [("a.csv", "€", "text/csv; charset=l1")]}, "attachment 'a.csv'", "20ac"),
        ({"attachments": [("a.csv", "\ud800", "text/csv")]}, "attachment 'a.csv'", "ud800"),
        ({"attachments": [("a.json", "\ud800", "a/json")]}, "attachment 'a.json'", "ud800"),
        ({"inlines": [EmailInline("x", "a.svg", "\ud800", "a/b")]}, "inline file 'a.svg'", "ud800"),
    ],
)
def test_what_a_charset_cannot_hold_is_named_with_its_part(attributes, where, character):
    for read in READERS:
        with pytest.raises(ValueError, match=f"{where}.* can't be written in .*{character}"):
            read(mail(**attributes))


def test_each_inline_file_is_made_a_part_once(monkeypatch):
    """And not again with each that follows."""
    made = mail()
    count = 0

    def counting(*args):
        nonlocal count
        count += 1
        return file_leaf(*args)

    monkeypatch.setattr(inline, "file_leaf", counting)
    for number in range(20):
        made.attach_inline(b"abc", f"{number}.png", "image/png")
    made.inlines = made.inlines[1:]

    assert count == 20
    assert [each.filename for each in made.inlines] == [f"{n}.png" for n in range(1, 20)]
