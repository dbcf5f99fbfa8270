"""The header of a message: which fields there are, and with which values."""

from __future__ import annotations

import datetime
import os
import socket
import time
from email.headerregistry import Address

import pytest

from simplemail import DNS_NAME, EmailMessage, override_settings
from simplemail.rendering.header import fields
from simplemail.testing import capture
from support.reading import every_way


def message(**changes):
    values = {"subject": "s", "from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMessage(body="b", **values)


class Lazy:
    """Text that is there when it is asked for, like a translation in Django."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class TestAddressFields:
    @every_way
    def test_to_cc_and_reply_to_are_lists_of_mailboxes(self, read):
        mail = read(
            message(
                to=["Ann <a@example.com>", "b@example.com"],
                cc=["c@example.com"],
                reply_to=["d@example.com", "e@example.com"],
            )
        )
        assert mail["From"] == "f@example.com"
        assert mail["To"] == "Ann <a@example.com>, b@example.com"
        assert mail["Cc"] == "c@example.com"
        assert mail["Reply-To"] == "d@example.com, e@example.com"

    @every_way
    def test_fields_without_addresses_are_left_out(self, read):
        mail = read(EmailMessage("s", "b", "f@example.com", bcc=["t@example.com"]))
        assert [name for name in ("To", "Cc", "Reply-To", "Bcc") if name in mail] == []

    @pytest.mark.parametrize("empty", ["", None])
    @every_way
    def test_empty_entries_vanish(self, read, empty):
        """django-compatibility 16: `reply_to` may hold "" or None, and so may all others."""
        mail = message(
            to=[empty, "t@example.com"], cc=[empty], reply_to=["r@example.com", empty], bcc=[empty]
        )
        assert read(mail)["To"] == "t@example.com"
        assert read(mail)["Reply-To"] == "r@example.com"
        assert "Cc" not in read(mail)

    @every_way
    def test_bcc_is_nowhere_in_the_message(self, read):
        """django-compatibility 20."""
        mail = message(bcc=["secret@example.com"])
        assert "Bcc" not in read(mail)
        assert b"secret" not in mail.as_bytes()
        assert "secret" not in mail.message().as_string()
        assert mail.envelope().recipients == ("t@example.com", "secret@example.com")

    @every_way
    def test_address_objects(self, read):
        """django-compatibility 25: wherever an address is."""
        address = Address("Ann, Editor", "ann", "example.com")
        mail = message(
            from_email=address, to=[address], cc=[address], bcc=[address], reply_to=[address]
        )
        for name in ("From", "To", "Cc", "Reply-To"):
            assert read(mail)[name] == '"Ann, Editor" <ann@example.com>'
        assert mail.envelope().sender == "ann@example.com"
        assert mail.envelope().recipients == ("ann@example.com",)  # once, wherever she is named

    @every_way
    def test_address_objects_in_headers(self, read):
        """django-compatibility 25."""
        mail = message(headers={"From": Address("Ann", "ann", "example.com")})
        assert read(mail)["From"] == "Ann <ann@example.com>"

    @every_way
    def test_lazy_text(self, read):
        mail = message(
            subject=Lazy("Olá"),
            from_email=Lazy("Zoë <f@example.com>"),
            to=[Lazy("t@example.com")],
            headers={"X-Tag": Lazy("x")},
        )
        assert read(mail)["Subject"] == "Olá"
        assert read(mail)["From"] == "Zoë <f@example.com>"
        assert read(mail)["To"] == "t@example.com"
        assert read(mail)["X-Tag"] == "x"
        assert mail.envelope().recipients == ("t@example.com",)

    @pytest.mark.parametrize("attribute", ["to", "cc", "bcc", "reply_to"])
    @pytest.mark.parametrize("text", ["ann@example.com", b"ann@example.com"])
    def test_a_text_assigned_is_not_a_list_of_letters(self, attribute, text):
        """django-compatibility 16, 17: "to" = "ann@..." would go to a, n, n, @ and so on."""
        mail = message()
        setattr(mail, attribute, text)
        for way in (mail.message, mail.as_bytes, mail.envelope):
            with pytest.raises(TypeError, match=f'"{attribute}" argument must be a list'):
                way()

    @pytest.mark.parametrize("attribute", ["to", "cc", "bcc", "reply_to"])
    def test_an_iterator_assigned_would_be_read_once_only(self, attribute):
        """django-compatibility 17: send() looks at the recipients, and then again."""
        for way in ("message", "as_bytes", "envelope", "send"):
            mail = message()
            setattr(mail, attribute, iter(["ann@example.com"]))
            expected = f'"{attribute}" argument must be a list'
            with capture(), pytest.raises(TypeError, match=expected):
                getattr(mail, way)()

    @pytest.mark.parametrize(
        "kind", [tuple, set, iter, lambda x: dict.fromkeys(x), lambda x: (a for a in x)]
    )
    def test_any_iterable_is_copied(self, kind):
        """django-compatibility 16."""
        assert message(to=kind(["t@example.com"])).to == ["t@example.com"]

    @pytest.mark.parametrize("kind", [tuple, set, list])
    def test_other_collections_may_be_assigned(self, kind):
        """django-compatibility 17."""
        mail = message()
        mail.to, mail.cc, mail.bcc, mail.reply_to = (kind([f"{n}@example.com"]) for n in "abcd")
        assert mail.recipients() == ["a@example.com", "b@example.com", "c@example.com"]
        assert mail.message()["Reply-To"] == "d@example.com"

    def test_none_may_be_assigned(self):
        """django-compatibility 17."""
        mail = message()
        mail.to = mail.cc = mail.bcc = mail.reply_to = mail.extra_headers = mail.attachments = None
        assert mail.recipients() == []
        assert "To" not in mail.message()


class TestOverriding:
    @pytest.mark.parametrize("case", [str.title, str.lower, str.upper])
    @pytest.mark.parametrize("name", ["From", "To", "Cc", "Reply-To"])
    @every_way
    def test_headers_replace_what_would_be_generated(self, read, name, case):
        """django-compatibility 19: in any letter case; Django silently drops all but one."""
        mail = message(
            cc=["c@example.com"],
            reply_to=["r@example.com"],
            headers={case(name): "Other <other@example.com>"},
        )
        assert read(mail).get_all(name) == ["Other <other@example.com>"]
        assert mail.envelope().sender == "f@example.com"
        assert mail.envelope().recipients == ("t@example.com", "c@example.com")
        assert mail.recipients() == ["t@example.com", "c@example.com"]

    @pytest.mark.parametrize("name", ["To", "Cc", "Reply-To", "reply-to", "TO"])
    @every_way
    def test_headers_stand_without_recipients(self, read, name):
        """django-compatibility 19: also where nothing would be generated."""
        mail = EmailMessage(
            "s", "b", "f@example.com", bcc=["t@example.com"], headers={name: "list@example.com"}
        )
        assert read(mail).get_all(name) == ["list@example.com"]
        assert mail.envelope().recipients == ("t@example.com",)

    @pytest.mark.parametrize("name", ["Bcc", "bcc", "BCC"])
    def test_bcc_is_no_header(self, name):
        """django-compatibility 20: everybody would read it."""
        mail = message(headers={name: "secret@example.com"})
        for way in (mail.message, mail.as_bytes, mail.envelope):
            with pytest.raises(ValueError, match="bcc="):
                way()

    @pytest.mark.parametrize("name", ["Date", "date", "DATE"])
    @every_way
    def test_date_overrides(self, read, name):
        """django-compatibility 21."""
        mail = read(message(headers={name: "Fri, 09 Nov 2001 01:08:47 +0000"}))
        assert mail.get_all("Date") == ["Fri, 09 Nov 2001 01:08:47 +0000"]

    @pytest.mark.parametrize("name", ["Message-ID", "message-id", "MESSAGE-ID", "Message-Id"])
    @every_way
    def test_message_id_overrides(self, read, name):
        """django-compatibility 21."""
        mail = message(headers={name: "<mine@example.com>"})
        assert read(mail).get_all("Message-ID") == ["<mine@example.com>"]

    @every_way
    def test_a_datetime_passes_through(self, read):
        """django-compatibility 21."""
        zone = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
        moment = datetime.datetime(2001, 11, 9, 1, 8, 47, tzinfo=zone)
        mail = read(message(headers={"date": moment}))
        assert mail["Date"] == "Fri, 09 Nov 2001 01:08:47 -0330"
        assert mail["Date"].datetime == moment

    @every_way
    def test_a_datetime_in_another_field_is_text(self, read):
        moment = datetime.datetime(2001, 11, 9, 1, 8, 47, tzinfo=datetime.UTC)
        mail = read(message(headers={"X-Until": moment, "Resent-Date": moment}))
        assert mail["X-Until"] == "2001-11-09 01:08:47+00:00"
        assert mail["Resent-Date"] == "Fri, 09 Nov 2001 01:08:47 +0000"

    @every_way
    def test_further_headers_are_added_in_order(self, read):
        mail = read(message(headers={"X-B": "1", "List-Id": "<x.example.com>", "X-A": 2}))
        added = [(name, value) for name, value in mail.items() if name in ("X-B", "List-Id", "X-A")]
        assert added == [("X-B", "1"), ("List-Id", "<x.example.com>"), ("X-A", "2")]

    @every_way
    def test_a_header_in_bytes_is_utf_8(self, read):
        assert read(message(headers={"X-Tag": "é".encode()}))["X-Tag"] == "é"

    def test_a_header_that_is_none_is_a_mistake(self):
        with pytest.raises(ValueError, match=r"'X-Tag' is None"):
            message(headers={"X-Tag": None}).message()

    @pytest.mark.parametrize(
        "headers",
        [
            {"Subject": "other"},
            {"content-type": "text/html"},
            {"MIME-Version": "1.0"},
            {"Content-Transfer-Encoding": "8bit"},
            {"Date": "Fri, 09 Nov 2001 01:08:47 +0000", "date": "Fri, 09 Nov 2001 01:08:48 +0000"},
            {"Message-ID": "<a@example.com>", "Message-Id": "<b@example.com>"},
            {"From": "a@example.com", "from": "b@example.com"},
        ],
    )
    def test_what_may_be_there_once_is_not_there_twice(self, headers):
        """RFC 5322, 3.6."""
        mail = message(headers=headers)
        for way in (mail.message, mail.as_bytes):
            with pytest.raises(ValueError, match="twice"):
                way()

    @every_way
    def test_other_fields_may_be_there_in_two_cases(self, read):
        mail = read(message(headers={"X-Tag": "1", "x-tag": "2", "X-TAG": "3"}))
        assert mail.get_all("X-Tag") == ["1", "2", "3"]

    def test_the_users_headers_are_not_changed(self):
        """django-compatibility 18."""
        headers = {"from": "x@example.com", "X-Tag": 1}
        message(headers=headers).message()
        assert headers == {"from": "x@example.com", "X-Tag": 1}


@pytest.fixture
def timezone():
    """Change the zone of this process, as a program may while it runs."""
    before = os.environ.get("TZ")

    def change(zone):
        os.environ["TZ"] = zone
        time.tzset()

    yield change
    os.environ.pop("TZ", None) if before is None else os.environ.update(TZ=before)
    time.tzset()


class TestDate:
    @every_way
    def test_utc_is_plus_0000(self, read, timezone):
        """django-compatibility 21: -0000 would say that nobody knows where the sender is."""
        timezone("Asia/Kolkata")
        date = read(message())["Date"]
        assert str(date).endswith(" +0000")
        assert date.datetime.tzinfo is not None
        assert date.datetime.utcoffset() == datetime.timedelta(0)

    @every_way
    def test_the_local_offset_follows_the_zone(self, read, timezone):
        """django-compatibility 21."""
        found = []
        with override_settings(EMAIL_USE_LOCALTIME=True):
            for zone in ("IST-5:30", "XXX+3", "UTC0"):
                timezone(zone)
                found.append(str(read(message())["Date"])[-5:])
        assert found == ["+0530", "-0300", "+0000"]

    def test_it_is_now(self):
        before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        date = message().message()["Date"].datetime
        assert before <= date <= datetime.datetime.now(datetime.UTC)


@pytest.fixture
def unknown_host(monkeypatch):
    """Forget this machine's name, before and after."""
    if hasattr(DNS_NAME, "_fqdn"):
        monkeypatch.delattr(DNS_NAME, "_fqdn")
    yield monkeypatch
    if hasattr(DNS_NAME, "_fqdn"):
        del DNS_NAME._fqdn


class TestMessageId:
    @every_way
    def test_its_domain_is_this_machine(self, read, unknown_host):
        """django-compatibility 22: asked for once, when needed; clearing the cache asks again."""
        asked = []
        unknown_host.setattr(socket, "getfqdn", lambda: asked.append(1) or "host.example")
        mail = message()
        assert asked == []
        assert read(mail)["Message-ID"].endswith("@host.example>")
        assert read(mail)["Message-ID"].endswith("@host.example>")
        assert asked == [1]
        unknown_host.setattr(socket, "getfqdn", lambda: "elsewhere.example")
        del DNS_NAME._fqdn
        assert read(mail)["Message-ID"].endswith("@elsewhere.example>")

    @every_way
    def test_its_domain_is_idna(self, read, unknown_host):
        """django-compatibility 22."""
        unknown_host.setattr(socket, "getfqdn", lambda: "漢字.example")
        assert read(message())["Message-ID"].endswith("@xn--p8s937b.example>")

    @every_way
    def test_two_are_never_the_same(self, read):
        """Calling send() again is a new send."""
        mail = message()
        assert len({read(mail)["Message-ID"] for _ in range(100)}) == 100

    @every_way
    @pytest.mark.parametrize("own", ["a b", "<a b@c.example>", "<a@b.example> <c@d.example>"])
    def test_is_one_word(self, read, own):
        with pytest.raises(ValueError, match="Message-ID must be one word, like '<1234@mail"):
            read(message(headers={"Message-ID": own}))

    @every_way
    @pytest.mark.parametrize("own", ["foo", "<foo>", " <a@b.example> "])
    def test_any_other_form_is_left_alone(self, read, own):
        """As in Django, whose users have their reasons."""
        assert read(message(headers={"Message-ID": own}))["Message-ID"].strip() == own.strip()

    def test_host_name_is_not_asked_for_when_overridden(self, unknown_host):
        """django-compatibility 22: DNS may take seconds."""
        unknown_host.setattr(socket, "getfqdn", lambda: pytest.fail("asked"))
        message(headers={"message-id": "<x@y.example>"}).message()


@every_way
@pytest.mark.parametrize("headers", [[("X-A", "b")], "X-A: b", 5], ids=repr)
def test_headers_that_are_no_dict(read, headers):
    text = f"'headers' must be a dict, like .*, not {type(headers).__name__}"
    with pytest.raises(TypeError, match=text):
        read(message(headers=headers))


def test_names_and_order():
    """One place makes the header, for Python's message and for our own bytes."""
    mail = message(cc=["c@example.com"], reply_to=["r@example.com"], headers={"X-Tag": "x"})
    assert [name for name, _ in fields(mail)] == [
        "Subject", "From", "To", "Cc", "Reply-To", "Date", "Message-ID", "X-Tag",
    ]  # fmt: skip


def test_default_sender():
    assert EmailMessage().message()["From"] == "webmaster@localhost"
    with override_settings(DEFAULT_FROM_EMAIL="me@example.com"):
        assert EmailMessage().message()["From"] == "me@example.com"


@pytest.mark.parametrize("nobody", [None, ""])
def test_default_sender_when_it_was_taken_away(nobody):
    """django-compatibility 17: assigning is as good as passing to the constructor."""
    mail = message()
    mail.from_email = nobody
    assert mail.message()["From"] == "webmaster@localhost"


@every_way
def test_no_subject_is_an_empty_one(read):
    assert read(message(subject=None))["Subject"] == ""


@every_way
@pytest.mark.parametrize("value", [["a", "b"], {"a": "b"}, ("a", "b"), {"a"}])
def test_a_list_as_the_subject_is_refused(read, value):
    with pytest.raises(TypeError, match="'Subject' must be text, not the"):
        read(message(subject=value))


@every_way
@pytest.mark.parametrize("value", [["a", "b"], {"a": "b"}, ("a", "b"), {"a"}, frozenset("a")])
@pytest.mark.parametrize("name", ["X-Tag", "Sender-ID", "Message-ID", "List-Unsubscribe", "Date"])
def test_a_list_where_text_belongs_is_refused(read, name, value):
    with pytest.raises(TypeError, match=f"'{name}' must be text, not the"):
        read(message(headers={name: value}))


@every_way
def test_lists_of_ids_and_addresses_are_written_as_such(read):
    mail = read(
        message(
            headers={
                "References": ["<1@x.example>", "<2@x.example>"],
                "To": ["a@x.example", ("Doe, John", "j@x.example")],
                "Errors-To": ["e@x.example"],
                "From": ("Doe, Ann", "ann@x.example"),
            }
        )
    )
    assert mail["References"] == "<1@x.example> <2@x.example>"
    assert mail["To"] == 'a@x.example, "Doe, John" <j@x.example>'
    assert mail["Errors-To"] == "e@x.example"
    assert mail["From"] == '"Doe, Ann" <ann@x.example>'


@every_way
def test_a_pair_is_taken_wherever_an_address_is(read):
    pair = ("Doe, John", "john@bücher.example")
    mail = message(from_email=pair, to=[pair], cc=[pair], bcc=[pair], reply_to=[pair])

    for name in ("From", "To", "Cc", "Reply-To"):
        assert read(mail)[name] == '"Doe, John" <john@xn--bcher-kva.example>'
    assert mail.envelope()[:2] == ("john@xn--bcher-kva.example", ("john@xn--bcher-kva.example",))


@every_way
@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-11-23", "x", "", "Mon, 31 Feb 2026 06:12:00 +0000", "1 Jan 2026 25:00 GMT",
     "Mon, 23 Foo 2026 06:12:00 +0000", "Mon, 23 Nov 2026 06:12:00"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Date", "Resent-Date"])
def test_a_date_that_is_no_date_is_refused(read, name, text):
    with pytest.raises(ValueError, match="is not a valid date"):
        read(message(headers={name: text}))


@pytest.mark.parametrize(
    "text",
    ["Mon, 23 Nov 2026 06:12:00 +0000", "23 Nov 2026 06:12 -0330", "Fri, 09 Nov 01 01:08:47 GMT",
     "Sat, 31 Dec 2016 23:59:60 +0000", "Mon, 23 Nov 2026 06:12:00 +0000 (UTC)"],
)  # fmt: skip
def test_dates_stay_as_they_are(text):
    content = message(headers={"Date": text}).as_bytes()
    assert f"\r\nDate: {text}\r\n".encode() in content
