"""The calls that everybody knows."""

from __future__ import annotations

import itertools
import pickle
from email.headerregistry import Address

import pytest

import simplemail
from simplemail import (
    ImproperlyConfigured,
    MailerDoesNotExist,
    configure,
    get_connection,
    mail_admins,
    mail_managers,
    override_settings,
    send_mail,
    send_mass_mail,
)
from simplemail.backends.base import BaseEmailBackend

TO = ["ann@example.com"]
SECRET = "s3cr3t-pw"
built: list[dict] = []


class Recording(BaseEmailBackend):
    """A backend written for Django: its options are in `built`, its calls in `calls`."""

    calls: list[list] = []

    def __init__(self, username=None, password=None, **options):
        super().__init__(**options)
        given = {"username": username, "password": password, **options}
        built.append({name: value for name, value in given.items() if value is not None})

    def send_messages(self, email_messages):
        self.calls.append(list(email_messages))
        return len(email_messages)


class Text:
    """A lazy string, such as a translation."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def __format__(self, spec):
        raise AssertionError("only str() is promised to work")


@pytest.fixture(autouse=True)
def outbox(monkeypatch):
    monkeypatch.setattr(simplemail, "outbox", [])
    monkeypatch.setattr(Recording, "calls", [])
    built.clear()
    with override_settings(EMAIL_BACKEND="memory"):
        yield simplemail.outbox


@pytest.fixture
def recording():
    with override_settings(EMAIL_BACKEND=Recording):
        yield Recording


EACH = [
    lambda **kwargs: send_mail("Subject", "Text", None, TO, **kwargs),
    lambda **kwargs: send_mass_mail([("Subject", "Text", None, TO)], **kwargs),
    lambda **kwargs: mail_admins("Subject", "Text", **kwargs),
    lambda **kwargs: mail_managers("Subject", "Text", **kwargs),
]
NAMES = ["send_mail", "send_mass_mail", "mail_admins", "mail_managers"]
each = pytest.mark.parametrize("call", EACH, ids=NAMES)
with_auth = pytest.mark.parametrize("call", EACH[:2], ids=NAMES[:2])


class TestExclusive:
    """django-compatibility 9: ways to choose a mailer that contradict each other."""

    @each
    def test_using_and_connection(self, call, recording):
        """django-compatibility 9."""
        with pytest.raises(TypeError, match=r"^'connection' is not compatible with 'using'\."):
            call(using="nowhere", connection=object())
        assert built == []

    @each
    def test_using_and_fail_silently(self, call, recording):
        """django-compatibility 9."""
        with pytest.raises(TypeError, match=r"^'fail_silently' is not compatible with 'using'\."):
            call(using="nowhere", fail_silently=True)

    @with_auth
    @pytest.mark.parametrize("name", ["auth_user", "auth_password"])
    def test_using_and_auth(self, call, name):
        """django-compatibility 9: auth_* count when not None, so also when empty."""
        text = r"^'auth_user' and 'auth_password' are not compatible with 'using'\. Set 'username'"
        with pytest.raises(TypeError, match=text):
            call(using="nowhere", **{name: ""})

    @each
    def test_connection_and_fail_silently(self, call):
        """django-compatibility 9."""
        with pytest.raises(TypeError, match=r"^fail_silently cannot be used with a connection\."):
            call(connection=object(), fail_silently=True)

    @with_auth
    @pytest.mark.parametrize("name", ["auth_user", "auth_password"])
    def test_connection_and_auth(self, call, name):
        """django-compatibility 9."""
        text = "^auth_user and auth_password cannot be used with a connection"
        with pytest.raises(TypeError, match=text):
            call(connection=object(), **{name: ""})

    @each
    def test_what_says_nothing_contradicts_nothing(self, call, outbox):
        """django-compatibility 9: fail_silently counts when true."""
        configure(MAILERS={"x": "memory:"}, ADMINS=TO, MANAGERS=TO)

        call(using="x", connection=None, fail_silently=False)
        call(connection=get_connection("memory"), fail_silently=False, using=None)

        assert [message.sent_using for message in outbox] == ["x", None]

    def test_a_message_checks_its_own_connection(self):
        """django-compatibility 9: before anything is looked up, and without recipients too."""
        message = simplemail.EmailMessage(connection=object())

        with pytest.raises(TypeError, match="'connection' is not compatible with 'using'"):
            message.send(using="nowhere")
        with pytest.raises(TypeError, match="fail_silently cannot be used with a connection"):
            message.send(fail_silently=True)
        with pytest.raises(TypeError, match="'fail_silently' is not compatible with 'using'"):
            simplemail.EmailMessage().send(True, using="nowhere")


class TestOptions:
    @with_auth
    @pytest.mark.parametrize(
        ("given", "reaches"),
        [
            ({}, {}),
            ({"fail_silently": False, "auth_user": None, "auth_password": None}, {}),
            ({"fail_silently": True}, {"fail_silently": True}),
            ({"auth_user": "ann"}, {"username": "ann"}),
            ({"auth_password": "pw"}, {"password": "pw"}),
            ({"auth_user": "", "auth_password": ""}, {"username": "", "password": ""}),
        ],
    )
    def test_reach_the_backend_only_when_given(self, call, given, reaches, recording):
        """django-compatibility 10: only when given; fail_silently only when true."""
        call(**given)

        assert built == [reaches]

    def test_overlay_the_default_mailer(self):
        """django-compatibility 10."""
        options = {"username": "ann", "password": "pw"}
        configure(MAILERS={"default": {"BACKEND": Recording, "OPTIONS": options}})

        send_mail("Subject", "Text", None, TO, auth_user="bob")

        assert built == [{"alias": "default", "username": "bob", "password": "pw"}]

    @each
    def test_using_names_the_mailer(self, call, outbox):
        configure(MAILERS={"x": "memory:"}, ADMINS=TO, MANAGERS=TO)

        call(using="x")

        assert [message.sent_using for message in outbox] == ["x"]
        with pytest.raises(MailerDoesNotExist, match="'y'"):
            call(using="y")

    @each
    def test_a_connection_is_used_as_it_is(self, call, outbox):
        configure(ADMINS=TO, MANAGERS=TO)
        connection = Recording()

        call(connection=connection)

        [[message]] = Recording.calls
        assert message.connection is connection
        assert outbox == []


class TestSendMail:
    def test_sends_one_message(self, outbox):
        sent = send_mail("Subject", "Text", "me@example.com", TO, html_message="<p>Text</p>")

        [message] = outbox
        assert sent == 1
        assert (message.subject, message.body) == ("Subject", "Text")
        assert (message.from_email, message.to) == ("me@example.com", TO)
        assert [tuple(form) for form in message.alternatives] == [("<p>Text</p>", "text/html")]

    def test_counts_messages_not_recipients(self):
        """django-compatibility 11."""
        assert send_mail("Subject", "Text", None, ["a@example.com", "b@example.com"]) == 1

    @pytest.mark.parametrize("nobody", [[], (), None, [""], [None], iter(())])
    def test_without_recipients_no_backend_is_built(self, nobody, recording):
        """django-compatibility 11: 0, and no backend is built."""
        assert send_mail("Subject", "Text", None, nobody) == 0
        assert send_mail("Subject", "Text", None, [], fail_silently=True, auth_user="ann") == 0
        assert simplemail.EmailMessage("Subject", "Text", to=nobody).send() == 0
        assert built == []

    def test_from_none_is_the_default_sender(self, outbox):
        configure(DEFAULT_FROM_EMAIL="shop@example.com")

        send_mail("Subject", "Text", None, TO)

        assert outbox[0].from_email == "shop@example.com"

    def test_recipients_may_come_from_any_iterable(self, outbox):
        send_mail("Subject", "Text", None, (a for a in TO))
        send_mail("Subject", "Text", None, {"b@example.com": "Bob"}.keys())
        send_mail("Subject", "Text", None, [Address("Ann", "ann", "example.com")])

        sent_to = [list(map(str, message.to)) for message in outbox]
        assert sent_to == [TO, ["b@example.com"], ["Ann <ann@example.com>"]]

    def test_one_text_is_not_a_list_of_recipients(self):
        with pytest.raises(TypeError, match='"to" argument must be a list or tuple'):
            send_mail("Subject", "Text", None, "ann@example.com")

    def test_a_message_sent_by_alias_holds_no_connection(self, outbox):
        """So it can be pickled, as Django's can."""
        configure(MAILERS={"x": "memory:"})

        send_mail("Subject", "Text", None, TO, using="x")

        assert outbox[0].connection is None
        assert pickle.loads(pickle.dumps(outbox[0])).subject == "Subject"

    def test_old_positional_order(self, outbox):
        """django-compatibility 15: send_mail ends in html_message."""
        connection = get_connection("memory")
        send_mail("Subject", "Text", None, TO, False, None, None, connection, "<p>Text</p>")

        assert outbox[0].alternatives[0].content == "<p>Text</p>"

    def test_silent_failures_are_not_counted(self, caplog):
        with override_settings(EMAIL_BACKEND="smtp", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1):
            assert send_mail("Subject", "Text", None, TO, fail_silently=True) == 0
            with pytest.raises(OSError, match="refused"):
                send_mail("Subject", "Text", None, TO)
        assert "fail_silently" in caplog.text

    @pytest.mark.parametrize("wrong", [5, object(), TypeError])
    def test_recipients_that_are_no_list(self, wrong):
        with pytest.raises(TypeError, match='"to" argument must be a list or tuple, not '):
            send_mail("Subject", "Text", None, wrong)

    @pytest.mark.parametrize("wrong", [5, ("Ann", "ann@example.com", "x"), b"a@b"])
    def test_a_recipient_that_is_no_text(self, wrong, outbox):
        with pytest.raises(ValueError, match="an address must be text, like 'Ann <ann@"):
            send_mail("Subject", "Text", None, [wrong])
        assert outbox == []

    @pytest.mark.parametrize("wrong", ["memory:", f"smtp://ann:{SECRET}@mail.example", object()])
    def test_a_connection_that_is_none(self, wrong):
        mass = [("Subject", "Text", None, TO)]
        message = simplemail.EmailMessage("Subject", "Text", to=TO, connection=wrong)
        text = "'connection' must be a mailer, like .*, not (str|object); to name an alias"
        for call in (
            lambda: send_mail("Subject", "Text", None, TO, connection=wrong),
            lambda: send_mass_mail(mass, connection=wrong),
            message.send,
            message.deliver,
        ):
            with pytest.raises(TypeError, match=text) as caught:
                call()
            assert SECRET not in str(caught.value)

    def test_a_url_is_no_alias_and_is_not_shown(self):
        with pytest.raises(MailerDoesNotExist, match="A URL is not an alias; use ") as caught:
            send_mail("Subject", "Text", None, TO, using=f"smtp://ann:{SECRET}@mail.example")
        assert SECRET not in f"{caught.value!r} {caught.value.__notes__}"


class TestSendMassMail:
    @pytest.mark.parametrize(
        ("data", "item"),
        [
            ([("1", "Text", None, TO), ("2", "Text", None)], "item 1 has 3"),
            ([("1", "Text", None, TO, "more")], "item 0 has 5"),
            (("1", "Text", None, TO), "item 0 is str"),
            ([5], "item 0 is int"),
        ],
    )
    def test_what_is_no_message_is_named(self, data, item, outbox):
        with pytest.raises(ValueError, match=rf"\(subject, message, .*\) for each mail; {item}$"):
            send_mass_mail(data)

    def test_what_is_no_list_is_named(self):
        with pytest.raises(TypeError, match=r"recipient_list\) for each mail, not int"):
            send_mass_mail(5)

    def test_makes_one_call_with_one_connection(self, recording):
        """django-compatibility 12: one send_messages() call, over each message's connection."""
        sent = send_mass_mail([("1", "Text", None, TO), ("2", "Text", "me@example.com", TO)])

        [messages] = Recording.calls
        assert sent == 2
        assert [message.subject for message in messages] == ["1", "2"]
        assert messages[0].connection is messages[1].connection
        assert isinstance(messages[0].connection, Recording)
        assert len(built) == 1

    def test_a_backend_written_for_django_gets_a_list(self, recording):
        """django-compatibility 12: as Django promises, so that it may ask for the length."""
        data = iter([("1", "Text", None, TO), ("2", "Text", None, TO)])

        assert send_mass_mail(data) == 2

    def test_takes_a_generator_one_message_at_a_time(self, outbox):
        """django-compatibility 12 (ours): any iterable, and not all messages at once."""
        waiting = []

        def data():
            for number in range(3):
                waiting.append(number - len(outbox))
                yield str(number), "Text", None, TO

        assert send_mass_mail(data()) == 3
        assert waiting == [0, 0, 0]

    def test_never_asks_for_more_than_it_can_send(self, outbox):
        """django-compatibility 12 (ours)."""

        def endless():
            for number in itertools.count():
                yield str(number), "Text", None, "oops" if number == 2 else TO

        with pytest.raises(TypeError, match='"to" argument'):
            send_mass_mail(endless())
        assert len(outbox) == 2

    def test_counts_messages_with_recipients(self):
        assert send_mass_mail([]) == 0
        assert send_mass_mail(iter(())) == 0

    def test_old_positional_order(self, outbox):
        """django-compatibility 15."""
        connection = get_connection("memory")

        assert send_mass_mail([("S", "T", None, TO)], False, None, None, connection) == 1


both = pytest.mark.parametrize(
    ("setting", "call"), [("ADMINS", mail_admins), ("MANAGERS", mail_managers)]
)


@both
class TestAdminsAndManagers:
    @pytest.mark.parametrize("nobody", [[], (), None, ""])
    def test_an_empty_list_does_nothing(self, setting, call, nobody, recording):
        """django-compatibility 13."""
        configure(**{setting: nobody})

        assert call("Subject", "Text") is None
        assert built == []

    @pytest.mark.parametrize(
        "entries",
        [
            ["a@example.com", "B <b@example.com>"],
            ("a@example.com", "B <b@example.com>"),
            [("A", "a@example.com"), ("B", "B <b@example.com>")],
            (["A", "a@example.com"], ["B", "B <b@example.com>"]),
            [Text("a@example.com"), Address("B", "b", "example.com")],
        ],
    )
    def test_entries_are_addresses_or_pairs(self, setting, call, entries, outbox):
        """django-compatibility 13: strings, or all of them (name, address) pairs."""
        configure(**{setting: entries})

        call("Subject", "Text", html_message="<p>")

        [message] = outbox
        assert message.to == ["a@example.com", "B <b@example.com>"]
        assert message.alternatives[0].content == "<p>"

    @pytest.mark.parametrize(
        "wrong",
        [
            "ann@example.com",
            ["a@example.com", ("B", "b@example.com")],
            [("A", "a@example.com", "extra")],
            [("A",)],
            ["a@example.com", ""],
            ["a@example.com", " "],
            ["a@example.com", None],
            [("A", "")],
            [("A", None)],
            [("A", ["a@example.com"])],
            [b"a@example.com"],
            [5],
            [{"a@example.com"}],
            [{"A": "a@example.com"}],
            {"A": "a@example.com"},
            {"a@example.com"},
            5,
        ],
    )
    def test_anything_else_is_refused_when_sending(self, setting, call, wrong, recording):
        """django-compatibility 13: bare strings, other tuples and empty entries are refused."""
        configure(**{setting: wrong})

        text = f"^The {setting} setting must be a list of email address strings"
        with pytest.raises(ImproperlyConfigured, match=text):
            call("Subject", "Text")
        assert built == []

    @pytest.mark.parametrize("prefix", ["[Shop] ", Text("[Shop] ")])
    @pytest.mark.parametrize("subject", ["Fire", Text("Fire")])
    def test_subject_and_sender(self, setting, call, prefix, subject, outbox):
        """django-compatibility 14: prefix plus subject, both as str; from SERVER_EMAIL."""
        configure(**{setting: TO}, SERVER_EMAIL="srv@example.com", EMAIL_SUBJECT_PREFIX=prefix)

        call(subject, "Text")

        assert outbox[0].subject == "[Shop] Fire"
        assert outbox[0].from_email == "srv@example.com"

    def test_the_prefix_is_empty_by_default(self, setting, call, outbox):
        """django-compatibility 14: and the prefix is empty by default."""
        configure(**{setting: TO})

        call(404, "Text")

        assert (outbox[0].subject, outbox[0].from_email) == ("404", "root@localhost")

    def test_old_positional_order(self, setting, call, outbox):
        """django-compatibility 15."""
        configure(**{setting: TO})

        call("Subject", "Text", False, get_connection("memory"), "<p>")

        assert outbox[0].alternatives[0].content == "<p>"

    def test_silence_reaches_the_backend(self, setting, call, recording):
        configure(**{setting: TO})

        call("Subject", "Text", fail_silently=True)
        call("Subject", "Text")

        assert built == [{"fail_silently": True}, {}]


@pytest.mark.parametrize("pair", [("Ann", "a@example.com"), ["Doe, Ann", "a@example.com"]])
def test_a_pair_without_its_list_is_refused(pair):
    """A comma is easily forgotten: ADMINS = (("Ann", "a@example.com"))"""
    with (
        override_settings(ADMINS=pair),
        pytest.raises(ImproperlyConfigured, match="ADMINS setting"),
    ):
        mail_admins("s", "b")
