"""What a message is before it is sent."""

from __future__ import annotations

import copy
import email
import io
import pickle
from email.headerregistry import Address
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.text import MIMEText

import pytest

from simplemail import (
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
    get_connection,
    override_settings,
)
from simplemail.testing import capture


class Recorder:
    """A connection that keeps what it is given."""

    def __init__(self):
        self.calls = []

    def send_messages(self, messages):
        self.calls.append(list(messages))
        return len(self.calls[-1])


def message(**changes):
    values = {"subject": "s", "from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMultiAlternatives(body="b", **values)


class TestConstructor:
    @pytest.mark.parametrize("name", ["to", "cc", "bcc", "reply_to"])
    def test_a_text_is_no_list_of_addresses(self, name):
        """django-compatibility 16."""
        with pytest.raises(TypeError, match=f'"{name}" argument must be a list or tuple'):
            EmailMessage(**{name: "ann@example.com"})

    @pytest.mark.parametrize("name", ["to", "cc", "bcc", "reply_to"])
    @pytest.mark.parametrize("nobody", [None, (), [], ""])
    def test_nobody(self, name, nobody):
        """django-compatibility 16."""
        assert getattr(EmailMessage(**{name: nobody}), name) == []

    @pytest.mark.parametrize("name", ["to", "cc", "bcc", "reply_to"])
    def test_lists_are_copied(self, name):
        """django-compatibility 16: what the caller does to a list later changes no message."""
        addresses = ["ann@example.com"]
        mail = EmailMessage(**{name: addresses})
        addresses.append("ben@example.com")
        assert getattr(mail, name) == ["ann@example.com"]
        getattr(mail, name).clear()
        assert len(addresses) == 2

    @pytest.mark.parametrize("cls", [EmailMessage, EmailMultiAlternatives])
    def test_defaults(self, cls):
        mail = cls()
        assert (mail.subject, mail.body, mail.from_email) == ("", "", "webmaster@localhost")
        assert (mail.to, mail.cc, mail.bcc, mail.reply_to) == ([], [], [], [])
        assert (mail.attachments, mail.extra_headers, mail.connection) == ([], {}, None)
        assert (mail.content_subtype, mail.encoding) == ("plain", None)

    def test_default_sender(self):
        with override_settings(DEFAULT_FROM_EMAIL="me@example.com"):
            assert EmailMessage().from_email == "me@example.com"
            assert EmailMessage(from_email="").from_email == "me@example.com"
        assert EmailMessage(from_email="you@example.com").from_email == "you@example.com"

    def test_a_body_that_is_none(self):
        """django-compatibility 27: reads ""."""
        assert EmailMessage(body=None).body == ""

    def test_old_positional_order(self):
        """django-compatibility 15: of EmailMessage."""
        connection = Recorder()
        mail = EmailMessage(
            "s", "b", "f@x.example", ["t@x.example"], ["b@x.example"], connection,
            [("a.txt", "a")], {"X-Tag": "x"}, ["c@x.example"], ["r@x.example"],
        )  # fmt: skip
        assert mail.bcc == ["b@x.example"]
        assert mail.connection is connection
        assert mail.attachments == [("a.txt", "a", "text/plain")]
        assert mail.extra_headers == {"X-Tag": "x"}
        assert mail.cc == ["c@x.example"]
        assert mail.reply_to == ["r@x.example"]

    def test_old_positional_order_with_alternatives(self):
        """django-compatibility 15: alternatives stand before cc."""
        mail = EmailMultiAlternatives(
            "s", "b", "f@x.example", ["t@x.example"], ["b@x.example"], None, None, None,
            [("<p>", "text/html")], ["c@x.example"], ["r@x.example"],
        )  # fmt: skip
        assert mail.alternatives == [("<p>", "text/html")]
        assert mail.cc == ["c@x.example"]
        assert mail.reply_to == ["r@x.example"]

    def test_attachments_of_every_form(self):
        """django-compatibility 30, 31, 32."""
        part, legacy = MIMEPart(), MIMEBase("a", "b")
        mail = EmailMessage(
            attachments=[
                ("a.txt", "a"),
                ["b.txt", b"b", "text/x"],
                EmailAttachment("c", b"c", "image/png"),
                part,
                legacy,
            ]
        )
        assert mail.attachments[:3] == [
            ("a.txt", "a", "text/plain"),
            ("b.txt", "b", "text/x"),
            ("c", b"c", "image/png"),
        ]
        assert mail.attachments[3] is part
        assert mail.attachments[4] is legacy


class TestRecipients:
    def test_order(self):
        """django-compatibility 16: to, cc, bcc."""
        mail = EmailMessage(bcc=["b@x.example"], cc=["c@x.example"], to=["t@x.example"])
        assert mail.recipients() == ["t@x.example", "c@x.example", "b@x.example"]

    def test_empty_entries_vanish(self):
        """django-compatibility 16."""
        mail = EmailMessage(to=["", "t@x.example", None], cc=[None], bcc=["", "b@x.example"])
        assert mail.recipients() == ["t@x.example", "b@x.example"]

    def test_reply_to_is_nobody(self):
        assert EmailMessage(reply_to=["r@x.example"]).recipients() == []

    def test_a_subclass_may_say_otherwise(self):
        """A subclass may override recipients()."""

        class Redirected(EmailMessage):
            def recipients(self):
                return ["me@example.com"]

        mail = Redirected("s", "b", "f@x.example", ["t@x.example"])
        assert mail.envelope().recipients == ("me@example.com",)
        assert b"To: t@x.example" in mail.as_bytes()
        with capture() as outbox:
            assert mail.send() == 1
        assert outbox[0].recipients() == ["me@example.com"]

    def test_repeated_ones_are_left_to_the_server(self):
        assert EmailMessage(to=["t@x.example"] * 2).recipients() == ["t@x.example"] * 2


class TestReassigning:
    def test_everything_may_change_until_it_is_sent(self):
        """django-compatibility 17: no lasting work in __init__."""
        mail = EmailMultiAlternatives("x", "x", "x@x.example", ["x@x.example"], cc=["x@x.example"])
        mail.message()
        mail.subject, mail.body, mail.from_email = "s", "b", Address("F", "f", "y.example")
        mail.to, mail.cc, mail.bcc = ("t@y.example",), ["c@y.example"], {"b@y.example"}
        mail.reply_to = ["r@y.example"]
        mail.extra_headers = {"X-Tag": "new"}
        mail.alternatives = [("<p>", "text/html")]
        mail.content_subtype, mail.encoding = "x-plain", "iso-8859-1"
        mail.attachments = (("a.txt", b"a"), EmailAttachment("b", b"b", "image/png"), MIMEText("c"))

        composed = mail.message()
        assert composed["Subject"] == "s"
        assert composed["From"] == "F <f@y.example>"
        assert (composed["To"], composed["Cc"]) == ("t@y.example", "c@y.example")
        assert composed["Reply-To"] == "r@y.example"
        assert composed["X-Tag"] == "new"
        assert [part.get_content_type() for part in composed.walk()] == [
            "multipart/mixed", "multipart/alternative", "text/x-plain", "text/html",
            "text/plain", "image/png", "text/plain",
        ]  # fmt: skip
        envelope = mail.envelope()
        assert envelope.sender == "f@y.example"
        assert envelope.recipients == ("t@y.example", "c@y.example", "b@y.example")

    def test_the_connection_too(self):
        """django-compatibility 17."""
        recorder = Recorder()
        mail = message()
        mail.connection = recorder
        assert mail.send() == 1
        assert recorder.calls == [[mail]]

    def test_attributes_of_the_users_own(self):
        mail = message()
        mail.tags = ["news"]
        with capture() as outbox:
            mail.send()
        assert outbox[0].tags == ["news"]

    @pytest.mark.parametrize("subject", [5, None, Exception("x")])
    def test_a_subject_that_is_no_text_reads_as_text(self, subject):
        mail = message(subject=subject)
        assert mail.message()["Subject"] == ("" if subject is None else str(subject))


class TestSending:
    def test_counts_messages(self):
        """django-compatibility 11: not recipients."""
        with capture():
            assert message(to=["a@x.example", "b@x.example"], cc=["c@x.example"]).send() == 1

    def test_to_nobody_builds_no_backend(self):
        """django-compatibility 11."""
        with override_settings(MAILERS={}):
            assert EmailMessage("s", "b").send() == 0
            assert EmailMessage("s", "b", to=[""], headers={"To": "x@x.example"}).send() == 0

    def test_with_the_connection_it_has(self):
        recorder = Recorder()
        with override_settings(MAILERS={}):
            assert message(connection=recorder).send() == 1
        assert len(recorder.calls) == 1

    @pytest.mark.parametrize(
        ("connection", "arguments", "text"),
        [
            (Recorder(), {"fail_silently": True}, "fail_silently cannot be used with a connection"),
            (Recorder(), {"using": "x"}, "'connection' is not compatible with 'using'"),
            (
                None,
                {"using": "x", "fail_silently": True},
                "'fail_silently' is not compatible with 'using'",
            ),
        ],
    )
    def test_contradictions(self, connection, arguments, text):
        """django-compatibility 9: before anything is looked up."""
        with pytest.raises(TypeError, match=text):
            message(connection=connection).send(**arguments)

    def test_twice_is_two_messages(self):
        """It has a new Message-ID."""
        mail = message()
        ids = {email.message_from_bytes(mail.envelope().content)["Message-ID"] for _ in range(9)}
        assert len(ids) == 9

    def test_through_message_of_a_subclass(self):
        """A subclass may override message(), with either signature."""

        class Tagged(EmailMessage):
            def message(self, **options):
                composed = super().message(**options)
                composed["X-Tag"] = "é"
                return composed

        class BeforeDjango6(EmailMessage):
            def message(self):
                composed = super().message()
                composed["X-Tag"] = "é"
                return composed

        for cls in (Tagged, BeforeDjango6):
            mail = cls("s", "b", "f@x.example", ["t@x.example"])
            assert b"X-Tag: =?utf-8?" in mail.as_bytes()
            assert b"X-Tag: =?utf-8?" in mail.envelope().content


class TestBodyContains:
    @pytest.mark.parametrize(
        ("alternatives", "expected"),
        [
            ([], True),
            ([("<p>needle</p>", "text/html")], True),
            ([("<p>", "text/html")], False),
            ([(b"needle", "text/html")], True),
            ([(b"x", "text/html")], False),
            ([("x", "application/x"), (b"\xff", "image/png")], True),
            ([("needle", "text/x"), ("x", "text/y")], False),
        ],
    )
    def test_looks_at_texts_only(self, alternatives, expected):
        """django-compatibility 29: the body and text/* alternatives."""
        mail = EmailMultiAlternatives(body="a needle in it", alternatives=alternatives)
        mail.attach("x.txt", "x")
        assert mail.body_contains("needle") is expected
        mail.body = "hay"
        assert mail.body_contains("needle") is False

    def test_of_a_body_that_was_taken_away(self):
        mail = EmailMultiAlternatives()
        mail.body = None
        assert mail.body_contains("needle") is False


@pytest.mark.parametrize("arguments", [(None, "text/html"), ("<p>", None), (None, None)])
def test_alternatives_need_content_and_type(arguments):
    """django-compatibility 29."""
    mail = EmailMultiAlternatives()
    with pytest.raises(ValueError, match="both content and mimetype"):
        mail.attach_alternative(*arguments)
    assert mail.alternatives == []


class TestInline:
    def test_returns_the_id_for_cid_urls(self):
        """Ours: without brackets."""
        mail = message()
        cid = mail.attach_inline(b"x", "x.png")
        assert cid.count("@") == 1
        assert not set(cid) & set("<> ")
        assert cid != mail.attach_inline(b"x", "x.png")

    def test_guesses_the_type(self):
        mail = message()
        mail.attach_inline(b"x", "x.png")
        mail.attach_inline(b"x")
        mail.attach_inline(b"x", "x.png", "image/gif")
        types = [inline.mimetype for inline in mail.inlines]
        assert types == ["image/png", "application/octet-stream", "image/gif"]

    def test_is_told_a_wrong_type_at_once(self):
        with pytest.raises(ValueError, match="Invalid content type"):
            message().attach_inline(b"x", "x.png", "png")


def a_full_message():
    mail = message(
        cc=["c@x.example"],
        bcc=[Address("B", "b", "x.example")],
        reply_to=["r@x.example"],
        headers={"X-Tag": "x", "Message-ID": "<a@b.example>"},
        alternatives=[("<p>", "text/html")],
    )
    part = MIMEPart()
    part.set_content(b"x", "image", "png")
    mail.attach(part)
    mail.attach(MIMEText("é", "plain", "utf-8"))
    mail.attach("a.txt", "a")
    mail.attach("x.eml", message(subject="inner"), "message/rfc822")
    mail.attach_inline(b"x", "x.png")
    mail.encoding, mail.content_subtype = "iso-8859-1", "x-plain"
    return mail


def copies():
    yield from (
        pytest.param(lambda mail, n=n: pickle.loads(pickle.dumps(mail, n)), id=f"pickle {n}")
        for n in range(pickle.HIGHEST_PROTOCOL + 1)
    )
    yield pytest.param(copy.deepcopy, id="deepcopy")
    yield pytest.param(copy.copy, id="copy")


class TestCopies:
    @pytest.mark.parametrize("duplicate", list(copies()))
    def test_are_the_same_message(self, duplicate):
        """django-compatibility 31: with attachments and alternatives."""
        mail = a_full_message()
        found = duplicate(mail)
        assert type(found) is EmailMultiAlternatives
        assert found.recipients() == mail.recipients()
        assert found.alternatives == mail.alternatives
        assert [type(a) for a in found.attachments] == [type(a) for a in mail.attachments]
        ours, theirs = (list(m.message().walk()) for m in (mail, found))
        assert [p.get_content_type() for p in ours] == [p.get_content_type() for p in theirs]
        assert len(found.as_bytes()) == pytest.approx(len(mail.as_bytes()), abs=60)

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
    def test_share_nothing(self, duplicate):
        mail = a_full_message()
        found = duplicate(mail)
        for name in ("to", "cc", "bcc", "attachments", "alternatives", "extra_headers"):
            getattr(found, name).clear()
        assert mail.recipients() == ["t@example.com", "c@x.example", mail.bcc[0]]
        assert len(mail.attachments) == 5
        assert (len(mail.alternatives), len(mail.inlines), len(mail.extra_headers)) == (1, 1, 2)

    def test_of_subclasses(self):
        mail = Marked("s", "b")
        assert type(copy.deepcopy(mail)) is Marked
        assert pickle.loads(pickle.dumps(mail)).mark == 1

    def test_a_deep_copy_goes_the_same_way(self):
        """Connections aren't copied."""
        connection = get_connection("dummy")
        assert copy.deepcopy(message(connection=connection)).connection is connection

    def test_a_message_that_was_sent_pickles(self):
        """The message itself is what a queue is given."""
        mail = message()
        with capture() as outbox:
            mail.send()
        assert pickle.loads(pickle.dumps(mail)).subject == "s"
        assert pickle.loads(pickle.dumps(outbox[0])).subject == "s"

    def test_a_connection_does_not_pickle_and_says_what_to_do(self):
        with pytest.raises(TypeError, match="using="):
            pickle.dumps(message(connection=get_connection("dummy")))


class Marked(EmailMessage):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.mark = 1


class TestLarge:
    """Were the time to grow with the square of the size, these would not end."""

    def test_attachment(self):
        data = bytes(range(256)) * 40_000  # 10 MB
        mail = message(attachments=[("x.bin", data)])
        assert 13_000_000 < len(mail.as_bytes()) < 15_000_000
        [part] = mail.message().iter_attachments()
        assert part.get_content() == data

    def test_body_in_one_line(self):
        mail = message()
        mail.body = "x" * 1_000_000
        raw = mail.as_bytes()
        assert max(map(len, raw.split(b"\r\n"))) <= 998

    @pytest.mark.parametrize(
        "form", ["u{}@x.example", "Ann <u{}@x.example>", "Zoë <u{}@x.example>"]
    )
    def test_many_recipients(self, form):
        addresses = [form.format(n) for n in range(1000)]
        mail = message(to=addresses)
        raw = mail.as_bytes()
        envelope = mail.envelope()
        assert len(envelope.recipients) == 1000
        assert max(map(len, raw.split(b"\r\n"))) <= 998

    def test_subject(self):
        mail = message(subject="Grüße " * 2000)
        assert max(map(len, mail.as_bytes().split(b"\r\n"))) <= 998

    def test_many_attachments(self):
        mail = message(attachments=[(f"{n}.txt", "x") for n in range(500)])
        assert len(list(mail.message().iter_attachments())) == 500


class TestShown:
    @pytest.mark.parametrize(
        ("attributes", "shown"),
        [
            ({}, "<EmailMessage 'Hi' to ann@example.com>"),
            ({"to": []}, "<EmailMessage 'Hi' to nobody>"),
            ({"to": [], "bcc": ["s@x.example"]}, "<EmailMessage 'Hi' to 1 in bcc>"),
            ({"to": list("abcde"), "cc": ["f"]}, "<EmailMessage 'Hi' to a, b, c, 3 others>"),
            ({"subject": "x" * 99 + "\n"}, f"<EmailMessage '{'x' * 60}' to ann@example.com>"),
            ({"subject": "a\nb", "to": None}, "<EmailMessage 'a\\nb' to nobody>"),
        ],
    )
    def test_repr_is_short_and_names_no_blind_copy(self, attributes, shown):
        mail = EmailMessage("Hi", "Text", "me@example.com", ["ann@example.com"])
        vars(mail).update(attributes)

        assert repr(mail) == shown

    def test_repr_of_what_was_never_filled(self):
        made = EmailMultiAlternatives.__new__(EmailMultiAlternatives)
        assert repr(made) == "<EmailMultiAlternatives '' to nobody>"

    def test_text_is_what_the_console_shows(self):
        mail = EmailMessage("Grüße", "Text ü", "me@example.com", ["ann@example.com"])
        mail.extra_headers = {"Date": "Mon, 1 Jan 2024 00:00:00 +0000", "Message-ID": "<a@b>"}
        stream = io.StringIO()
        get_connection("console", stream=stream).send_messages([mail])

        assert stream.getvalue() == f"{mail}\n{'-' * 79}\n"
        assert "Grüße" in str(mail)

    def test_text_of_what_cannot_be_sent_says_why(self):
        mail = EmailMessage("a\nb", "Text", "me@example.com", ["ann@example.com"])
        assert str(mail).startswith(
            "<EmailMessage 'a\\nb' to ann@example.com>, which can't be sent: "
        )
