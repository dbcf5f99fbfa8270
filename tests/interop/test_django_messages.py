"""The same calls on Django's classes and on ours make the same message.

Compared are all headers but those that are new in every message, the tree of parts, and what is in
them; with Django 6.1 in Python's objects too. What differs on purpose stands in a test of its own.
"""

from __future__ import annotations

import datetime
import email
import email.policy
from email.headerregistry import Address
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.text import MIMEText

import pytest

import simplemail

pytest.importorskip("django")
pytest.importorskip("hypothesis")

from django import VERSION
from django.conf import settings as django_settings
from django.utils.functional import lazystr
from hypothesis import given, settings
from hypothesis import strategies as st

# Django warns that much of what we promise to keep will go one day.
pytestmark = pytest.mark.filterwarnings("ignore")

if not django_settings.configured:
    django_settings.configure()

from django.core import mail as django_mail  # noqa: E402

MODERN = VERSION >= (6, 0)
"""Since 6.0 Django composes Python's modern message objects."""

NEW_EACH_TIME = {"date", "message-id"}
ADDRESS_FIELDS = {"from", "to", "cc", "reply-to", "sender", "resent-to"}


# What two messages are compared by


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def summary(part):
    """Return all that a reader sees of a part, and of the parts in it."""
    header = {}
    for name, value in part.items():
        if name.lower() not in NEW_EACH_TIME and not name.lower().startswith(("content-", "mime-")):
            header.setdefault(name.lower(), []).append(text(name, str(value)))
    return {
        "header": header,
        "type": part.get_content_type(),
        "params": params(part),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "content-id": part["Content-ID"],
        "content": content(part),
    }


def text(name, value):
    value = " ".join(value.split())
    # Python's parser puts a space between the encoded-words of a long display name, before 3.13.1.
    is_odd = name.lower() in ADDRESS_FIELDS and not value.isascii()
    return value.replace(" ", "") if is_odd else value


def params(part):
    found = {name.lower(): value for name, value in part.get_params([])[1:]}
    # Aliases of a charset are one, and a boundary is new each time.
    # A file's charset and encoding are its own, and the message's with Django.
    if part.get_content_disposition():
        found.pop("charset", None)
    elif charset := part.get_content_charset():
        found["charset"] = email.charset.ALIASES.get(charset, charset)
    return {name: value for name, value in found.items() if name not in ("boundary", "name")}


def content(part):
    if part.is_multipart():
        children = part.get_payload()
        # Legacy objects don't decode their headers.
        return [summary(c if hasattr(c, "iter_parts") else parsed(c.as_bytes())) for c in children]
    data = part.get_payload(decode=True)
    if part.get_content_maintype() != "text":
        return data
    text = data.decode(part.get_content_charset("utf-8"), "surrogateescape")
    # Django 6.1 ends a text attachment in a newline.
    return "\n".join(text.splitlines())


def same(call):
    """Make the call with both libraries and compare what comes out, by every way out."""
    theirs, ours = call(django_mail), call(simplemail)
    expected = summary(parsed(theirs.message().as_bytes()))
    if MODERN:
        # Before it is written, because old patch releases write some headers wrongly.
        expected = summary(theirs.message())
        assert encodings(ours.message()) == encodings(theirs.message())
    assert summary(ours.message()) == expected
    assert summary(parsed(ours.as_bytes())) == expected
    assert [str(r) for r in ours.recipients()] == [str(r) for r in theirs.recipients()]
    assert comparable(ours.attachments) == comparable(theirs.attachments)


def comparable(attachments):
    # Parts and messages are made anew for each library, so they are never equal.
    return [a for a in attachments if isinstance(a, tuple) and isinstance(a[1], (str, bytes))]


def encodings(message):
    texts = [part for part in message.walk() if not part.get_content_disposition()]
    return [part["Content-Transfer-Encoding"] for part in texts]


# The calls


def simple(mail, **changes):
    cls = changes.pop("cls", "EmailMessage")
    values = {"body": "b", "from_email": "f@x.example", "to": ["t@x.example"], **changes}
    assigned = {n: values.pop(n) for n in ("encoding", "content_subtype") if n in values}
    message = getattr(mail, cls)("s", **values)
    vars(message).update(assigned)
    return message


def both(mail, **changes):
    return simple(mail, cls="EmailMultiAlternatives", **changes)


TEXTS = {
    "ascii": "Plain text.\n",
    "empty": "",
    "no newline at the end": "one\ntwo",
    "blank lines": "\n\none\n\n\ntwo\n\n",
    "latin": "Žluťoučký kůň\n",
    "cjk": "漢字とかな\n",
    "emoji": "🐎 and 👨‍👩‍👧\n",
    "crlf": "one\r\ntwo\r\n",
    "long ascii line": "word " * 400,
    "one long word": "x" * 1500,
    "long latin line": "é " * 600,
    "long cjk line": "漢字" * 600,
    "999 octets": "x" * 999,
    "998 octets": "x" * 998 + "\n" + "y" * 998,
    "79 characters": "x" * 79 + "\n" + "é" * 40,
    "From ": "From me\n>From you\nFrom\n",
    "dots": ".\n..\n.x\n",
    "trailing spaces": "one  \ntwo\t\n \n",
    "equals signs": "a=3D =\n== =20\n",
    "boundaries": "--\n--x\n--x--\n",
    "tabs": "a\tb\n\tc\n",
}

ADDRESSES = {
    "bare": "ann@example.com",
    "named": "Ann <ann@example.com>",
    "two words": "Ann Lee <ann@example.com>",
    "quoted": '"Lee, Ann" <ann@example.com>',
    "quotes in quotes": r'"Ann \"A\" Lee" <ann@example.com>',
    "dots": '"J. Doe" <j.doe@example.com>',
    "apostrophe": "Ann O'Neil <ann.o'neil@example.com>",
    "plus": "ann+tag@example.com",
    "latin name": "Žofie <z@example.com>",
    "latin name, quoted": '"Žofie, Dr." <z@example.com>',
    "cjk name": "漢字 <k@example.com>",
    "long latin name": "Ž" * 60 + " <z@example.com>",
    "idna domain": "a@bücher.example",
    "named idna": "Ann <a@bücher.example>",
    "latin and idna": "Žofie <z@例え.example>",
    "encoded idna": "a@xn--bcher-kva.example",
    "without domain": "webmaster",
    "encoded-word": "=?utf-8?q?Caf=C3=A9?= <c@example.com>",
    "angle only": "<ann@example.com>",
    "upper case": "Ann@EXAMPLE.com",
    "quoted local": '"ann lee"@example.com',
    "literal": "ann@[127.0.0.1]",
}

CALLS = {
    **{f"body: {name}": lambda mail, t=text: simple(mail, body=t) for name, text in TEXTS.items()},
    **{
        f"html: {name}": lambda mail, t=text: both(mail, body=t, alternatives=[(t, "text/html")])
        for name, text in TEXTS.items()
    },
    **{
        f"text attachment: {name}": lambda mail, t=text: simple(mail, attachments=[("x.txt", t)])
        for name, text in TEXTS.items()
    },
    **{
        f"from: {name}": lambda mail, a=address: simple(mail, from_email=a)
        for name, address in ADDRESSES.items()
    },
    **{
        f"to and cc: {name}": lambda mail, a=address: simple(
            mail, to=[a, "b@x.example"], cc=["c@x.example", a], bcc=[a]
        )
        for name, address in ADDRESSES.items()
    },
    **{
        f"reply_to: {name}": lambda mail, a=address: simple(mail, reply_to=[a])
        for name, address in ADDRESSES.items()
    },
    "many recipients": lambda mail: simple(
        mail, to=[f"Nr. {n} <n{n}@x.example>" for n in range(99)]
    ),
    "no recipients": lambda mail: simple(mail, to=None),
    "address objects": lambda mail: simple(
        mail, from_email=Address("A, B", "a", "x.example"), to=[Address("Č", "c", "y.example")]
    ),
    "lazy texts": lambda mail: both(
        mail,
        body=lazystr("bödy"),
        from_email=lazystr("f@x.example"),
        to=[lazystr("t@x.example")],
        headers={"X-Lazy": lazystr("é")},
    ),
    "subject: latin": lambda mail: mail.EmailMessage("Žluťoučký kůň", "b"),
    "subject: long latin": lambda mail: mail.EmailMessage("Žluťoučký kůň " * 20, "b"),
    "subject: long ascii": lambda mail: mail.EmailMessage("many words " * 20, "b"),
    "subject: cjk": lambda mail: mail.EmailMessage("漢字" * 50, "b"),
    "subject: emoji": lambda mail: mail.EmailMessage("🐎", "b"),
    "subject: lazy": lambda mail: mail.EmailMessage(lazystr("é"), "b"),
    "subject: empty": lambda mail: mail.EmailMessage("", "b"),
    "defaults": lambda mail: mail.EmailMessage(),
    "defaults, multi": lambda mail: mail.EmailMultiAlternatives(),
    "header": lambda mail: simple(mail, headers={"X-Tag": "x", "List-Id": "<l.x.example>"}),
    "header, latin": lambda mail: simple(mail, headers={"X-Tag": "Žluťoučký"}),
    "header, lazy": lambda mail: simple(mail, headers={"X-Tag": lazystr("x")}),
    "From": lambda mail: simple(mail, headers={"From": "other@x.example"}),
    "From, idna": lambda mail: simple(mail, headers={"From": "Ö <other@ö.example>"}),
    "To": lambda mail: simple(mail, headers={"To": "list@x.example"}),
    "To without to": lambda mail: simple(mail, to=[], headers={"To": "list@x.example"}),
    "Cc": lambda mail: simple(mail, cc=["c@x.example"], headers={"Cc": "list@x.example"}),
    "Reply-To": lambda mail: simple(
        mail, reply_to=["c@x.example"], headers={"Reply-To": "list@x.example"}
    ),
    "Sender": lambda mail: simple(mail, headers={"Sender": "Ž <s@x.example>"}),
    "Resent-To": lambda mail: simple(mail, headers={"Resent-To": "a@x.example, Ž <b@x.example>"}),
    "html only": lambda mail: simple(mail, body="<p>é", content_subtype="html"),
    "alternatives alone": lambda mail: both(mail, body="", alternatives=[("<p>", "text/html")]),
    "two alternatives": lambda mail: both(
        mail, alternatives=[("<p>", "text/html"), ("BEGIN:X", "text/calendar")]
    ),
    "alternative and attachment": lambda mail: both(
        mail, alternatives=[("<p>", "text/html")], attachments=[("x.pdf", b"x", "application/pdf")]
    ),
    "attachment alone": lambda mail: simple(mail, body="", attachments=[("x.pdf", b"x")]),
    "attachment, empty": lambda mail: simple(mail, attachments=[("x.pdf", b"")]),
    "attachment, no type": lambda mail: simple(mail, attachments=[("x", b"x")]),
    "attachment, list": lambda mail: simple(mail, attachments=[["x.png", b"x", None]]),
    "attachment, named tuple": lambda mail: simple(
        mail, attachments=[mail.EmailAttachment("x.png", b"x", "image/png")]
    ),
    "attachment, utf-8 text": lambda mail: simple(mail, attachments=[("x.txt", "é".encode())]),
    "attachment, no text": lambda mail: simple(mail, attachments=[("x.txt", b"\xff\xfe")]),
    "attachment, binary": lambda mail: simple(
        mail, attachments=[("x.bin", bytes(range(256)) * 99)]
    ),
    "attachment, latin name": lambda mail: simple(mail, attachments=[("é.png", b"x")]),
    "attachment, long cjk name": lambda mail: simple(
        mail, attachments=[("漢" * 80 + ".png", b"x")]
    ),
    "attachment, quotes in its name": lambda mail: simple(mail, attachments=[('a "b".png', b"x")]),
    "attachments": lambda mail: simple(mail, attachments=[(f"{n}.txt", "x") for n in range(20)]),
    "latin-1": lambda mail: simple(mail, body="é\n", encoding="iso-8859-1"),
    "latin-1, everywhere": lambda mail: both(
        mail,
        body="é\n",
        encoding="iso-8859-1",
        alternatives=[("<p>é", "text/html")],
        attachments=[("x.txt", "é")],
    ),
    "koi8-r": lambda mail: simple(mail, body="Привет\n", encoding="koi8-r"),
    "iso-2022-jp": lambda mail: simple(mail, body="日本\n", encoding="iso-2022-jp"),
    "us-ascii": lambda mail: simple(mail, body="a\n", encoding="us-ascii"),
    "legacy part": lambda mail: simple(mail, attachments=[legacy_part()]),
    "legacy text": lambda mail: simple(mail, attachments=[MIMEText("é", "html", "utf-8")]),
    "legacy image": lambda mail: simple(mail, attachments=[MIMEImage(b"\x89PNG\r\n\x1a\n", "png")]),
}

SINCE_6_0 = {
    # 5.2 fails, or leaves something out.
    "alternative in bytes": lambda mail: both(
        mail, alternatives=[(b"\xff\x00", "application/x-y"), ("é".encode(), "text/html")]
    ),
    "attachment, no name": lambda mail: simple(mail, attachments=[(None, b"x", "image/png")]),
    "attachment, json in str": lambda mail: simple(mail, attachments=[("x.json", '{"é": 1}')]),
    "body: surrogates in latin-1": lambda mail: simple(mail, body=b"\xe9\n", encoding="iso-8859-1"),
    "modern part": lambda mail: simple(mail, attachments=[modern_part()]),
    "a datetime": lambda mail: simple(
        mail, headers={"Resent-Date": datetime.datetime(2001, 11, 9, tzinfo=datetime.UTC)}
    ),
    "type with a parameter": lambda mail: both(
        mail, alternatives=[("x", "text/calendar; method=REQUEST")]
    ),
    "binary type with a parameter": lambda mail: simple(
        mail, attachments=[("x", b"x", "application/x; version=1")]
    ),
}

NESTED = {
    "message of the library": lambda mail: simple(mail, body="é\n", to=["n@x.example"]),
    "message with all": lambda mail: both(
        mail, alternatives=[("<p>", "text/html")], attachments=[("x.png", b"x")]
    ),
    "stdlib message": lambda mail: parsed(EML),
    "legacy stdlib message": lambda mail: email.message_from_bytes(EML),
    "bytes": lambda mail: EML,
    "text": lambda mail: EML.decode(),
}

EML = b"Subject: =?utf-8?q?=C3=A9?=\nTo: a@x.example\nX-Long: " + b"word " * 30 + b"\n\ntext\n"

CALLS |= {
    f"nested: {name}": lambda mail, inner=inner: simple(
        mail, attachments=[("x.eml", inner(mail), "message/rfc822")]
    )
    for name, inner in NESTED.items()
}


def legacy_part():
    part = MIMEBase("image", "png")
    part.set_payload("iVBORw0=")
    part.add_header("Content-Transfer-Encoding", "base64")
    part.add_header("Content-ID", "<x@y.example>")
    part.add_header("Content-Disposition", "inline", filename="x.png")
    return part


def modern_part():
    part = MIMEPart()
    part.set_content(b"x", "image", "png", filename="é.png", cid="<x@y.example>")
    return part


@pytest.mark.parametrize("name", CALLS)
def test_is_the_same_message(name):
    """django-compatibility 16 to 33."""
    same(CALLS[name])


@pytest.mark.skipif(not MODERN, reason="Django can't before 6.0")
@pytest.mark.parametrize("name", SINCE_6_0)
def test_is_the_same_message_as_with_modern_django(name):
    """django-compatibility 16 to 33."""
    same(SINCE_6_0[name])


# Calls that nobody thought of

# Letters of several scripts, what has a meaning in headers, no control characters: Django lets
# those through, or not, depending on Python.
WORDS = st.text(st.sampled_from("abcxyzABZ019.-_=?,;:<>\"'()[]@\\/%éßŽřЖ漢字かな🐎"), min_size=1)
PHRASES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join).filter(lambda t: "=?" not in t)
BODIES = st.lists(st.one_of(PHRASES, st.just(""), st.text("ab é", max_size=90))).map("\n".join)
LOCALS = st.text(st.sampled_from("abcxyz019.+-_'"), min_size=1, max_size=20).filter(
    lambda t: t == t.strip(".") and ".." not in t
)
DOMAINS = st.sampled_from(["example.com", "bücher.example", "xn--p8s937b.example", "例え.example"])
NAMES = st.text(st.sampled_from("abcABC éŽř漢字, .'"), max_size=40).map(str.strip)
BOXES = st.builds(
    lambda name, local, domain: f'"{name}" <{local}@{domain}>' if name else f"{local}@{domain}",
    NAMES,
    LOCALS,
    DOMAINS,
)
FILE_NAMES = st.text(st.sampled_from("abcé漢 .-_();=,'%"), min_size=1, max_size=60).map(
    lambda name: f"x{name.strip()}x"
)
ATTACHMENTS = st.one_of(
    st.tuples(FILE_NAMES, st.binary(max_size=200), st.sampled_from(["image/png", "text/plain"])),
    st.tuples(FILE_NAMES.map("{}.txt".format), BODIES, st.none()),
    st.tuples(FILE_NAMES.map("{}.pdf".format), st.binary(max_size=200), st.none()),
)
MESSAGES = st.fixed_dictionaries(
    {
        "subject": PHRASES,
        "body": st.one_of(st.just(""), BODIES),
        "from_email": BOXES,
        "to": st.lists(BOXES, max_size=5),
    },
    optional={
        "cc": st.lists(BOXES, max_size=3),
        "reply_to": st.lists(BOXES, max_size=2),
        "bcc": st.lists(BOXES, max_size=2),
        "headers": st.dictionaries(st.sampled_from(["X-Tag", "X-Other", "Comments"]), PHRASES),
        "attachments": st.lists(ATTACHMENTS, max_size=3),
        "alternatives": st.lists(
            st.tuples(BODIES, st.sampled_from(["text/html", "text/calendar"])), max_size=2
        ),
    },
)


@pytest.mark.skipif(not MODERN, reason="Django writes with older, other faults before 6.0")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(MESSAGES)
def test_is_the_same_message_whatever_is_in_it(values):
    """django-compatibility 16 to 33."""
    same(lambda mail: mail.EmailMultiAlternatives(**values))


# What differs on purpose


class TestOurs:
    """Each of these is in docs/explanation/differences-from-django.md."""

    def test_headers_in_any_letter_case(self):
        """django-compatibility 19: Django drops it in silence."""

        def call(mail):
            return simple(mail, reply_to=["a@x.example"], headers={"reply-to": "b@x.example"})

        assert call(django_mail).message()["Reply-To"] == "a@x.example"
        assert call(simplemail).message()["Reply-To"] == "b@x.example"

    def test_inline_files(self):
        assert not hasattr(django_mail.EmailMessage, "attach_inline")
        assert simplemail.EmailMessage().attach_inline(b"x")

    def test_attached_text_arrives_byte_for_byte(self):
        """django-compatibility 30: Django ends it in a newline, and changes others."""

        def call(mail):
            return simple(mail, encoding="iso-8859-1", attachments=[("a.csv", "é\r\nb".encode())])

        ours = parsed(call(simplemail).as_bytes()).get_payload()[1]
        assert ours.get_payload(decode=True) == "é\r\nb".encode()
        theirs = parsed(call(django_mail).message().as_bytes()).get_payload()[1]
        assert theirs.get_payload(decode=True) != "é\r\nb".encode()

    def test_the_charset_that_a_type_names(self):
        """Django writes the parameter, and the text in another charset."""

        def call(mail):
            return both(mail, alternatives=[("é", "text/html; charset=iso-8859-1")])

        ours = parsed(call(simplemail).as_bytes()).get_payload()[1]
        assert ours.get_payload(decode=True).rstrip() == b"\xe9"
        theirs = parsed(call(django_mail).message().as_bytes()).get_payload()[1]
        assert theirs.get_payload(decode=True).rstrip() == "é".encode()

    def test_empty_entries_are_not_in_the_header(self):
        """django-compatibility 16: Django writes a comma for each."""

        def call(mail):
            return simple(mail, to=["", "a@x.example", None])

        assert call(simplemail).message()["To"] == "a@x.example"
        assert call(django_mail).message()["To"] != "a@x.example"

    @pytest.mark.parametrize("subject", ["a\0b", "a\x1bb", "a\x7fb"])
    def test_control_characters_are_refused(self, subject):
        django_mail.EmailMessage(subject).message()
        with pytest.raises(simplemail.BadHeaderError):
            simplemail.EmailMessage(subject).message()

    def test_line_breaks_in_encoded_words_are_refused(self):
        subject = "=?utf-8?q?a=0AX-Evil:_b?="
        django_mail.EmailMessage(subject).message()
        with pytest.raises(simplemail.BadHeaderError):
            simplemail.EmailMessage(subject).message()

    def test_pairs_may_be_assigned(self):
        """django-compatibility 30."""
        theirs, ours = simple(django_mail), simple(simplemail)
        theirs.attachments = ours.attachments = [("x.png", b"x")]
        assert [p.get_content_type() for p in ours.message().iter_attachments()] == ["image/png"]
        if MODERN:
            with pytest.raises(TypeError):
                theirs.message()

    def test_numbers_as_header_values(self):
        """Django 5.2 took them, 6.1 fails."""
        assert simple(simplemail, headers={"X-Priority": 1}).message()["X-Priority"] == "1"

    def test_groups_stay_groups(self):
        def call(mail):
            return simple(mail, to=[], headers={"To": "Friends: a@ö.example;"})

        assert call(simplemail).message()["To"] == "Friends: a@xn--nda.example;"
        if MODERN:
            assert call(django_mail).message()["To"] == "a@xn--nda.example"

    def test_a_text_assigned_to_a_list_is_refused(self):
        mail = simple(simplemail)
        mail.reply_to = "r@x.example"
        with pytest.raises(TypeError, match="reply_to"):
            mail.message()


def test_both_classes_have_the_same_attributes():
    """Whoever reads or sets one finds it."""
    theirs, ours = django_mail.EmailMultiAlternatives(), simplemail.EmailMultiAlternatives()
    gone = {"_connection", "alternative_subtype", "mixed_subtype", "get_connection"}
    public = {name for name in (*dir(theirs), *vars(theirs)) if not name.startswith("_")} - gone
    assert public - {*dir(ours), *vars(ours)} == set()
