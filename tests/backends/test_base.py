from __future__ import annotations

import asyncio
import functools
import logging
import pickle
import smtplib
from unittest import mock

import pytest

import simplemail
from simplemail import ImproperlyConfigured, InvalidMailer, get_connection, send_mass_mail
from simplemail.backends import smtp
from simplemail.backends.base import BaseEmailBackend
from simplemail.receipts import Receipt, Reply, Status
from simplemail.testing.contract import BackendContract, a_message


class Collecting(BaseEmailBackend):
    """The smallest new backend."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.envelopes = []

    def send_envelope(self, envelope):
        self.envelopes.append(envelope)
        return Reply(250)


class TestNewBackend(BackendContract):
    def make(self, **options):
        self.backend = Collecting(**options)
        return self.backend

    def sent(self):
        return len(self.backend.envelopes)


class DjangoStyle(BaseEmailBackend):
    """As Django's documentation shows it: send_messages() alone."""

    def __init__(self, fail_silently=False, colour=None, **kwargs):
        super().__init__(fail_silently=fail_silently, **kwargs)
        self.colour = colour
        self.subjects = []

    def send_messages(self, email_messages):
        if not email_messages:
            return 0
        for message in email_messages:
            self.subjects.append(str(message.message()["Subject"]))
        return len(self.subjects)


def test_every_receipt_can_be_logged():
    """By a subclass, whichever way a message was sent."""

    class Logging(Collecting):
        def log_receipt(self, receipt):
            super().log_receipt(receipt)
            logged.append(receipt.status)

    logged = []
    backend = Logging()
    backend.send_messages([a_message(), a_message()])
    backend.deliver([a_message()])

    assert logged == [Status.SENT] * 3


def test_a_backend_written_for_django_works():
    backend = DjangoStyle(colour="red")

    assert a_message(connection=backend).send() == 1
    assert backend.subjects == ["Subject"]
    with backend as entered:
        assert entered is backend


def test_unknown_options_are_listed_in_order_with_an_alias():
    """django-compatibility 6."""
    with pytest.raises(InvalidMailer) as caught:
        DjangoStyle(alias="x", oops_typo=1, unknown=2)

    assert str(caught.value).startswith("MAILERS['x']: Unknown options 'oops_typo', 'unknown'.")


def test_a_misspelt_option_gets_a_suggestion():
    with pytest.raises(TypeError, match="Did you mean 'colour'"):
        DjangoStyle(color="red")


def test_fail_silently_is_accepted_with_and_without_an_alias():
    """django-compatibility 6: ours."""
    assert DjangoStyle(True).fail_silently is True
    assert DjangoStyle(fail_silently=True, alias="x").fail_silently is True


class Failing(Collecting):
    def send_envelope(self, envelope):
        if "bad" in envelope.recipients[0]:
            raise ConnectionResetError("gone")
        return super().send_envelope(envelope)


BATCH = ["a@example.com", "bad@example.com", "c@example.com"]


def test_the_first_failure_raises():
    backend = Failing()

    with pytest.raises(ConnectionResetError):
        backend.send_messages([a_message(to=[to]) for to in BATCH])

    assert [e.recipients for e in backend.envelopes] == [("a@example.com",)]


def test_fail_silently_goes_on_and_logs(caplog):
    backend = Failing(fail_silently=True, alias="news")

    with caplog.at_level(logging.WARNING, "simplemail"):
        assert backend.send_messages([a_message(to=[to]) for to in BATCH]) == 2

    assert len(backend.envelopes) == 2
    [record] = caplog.records
    assert record.name == "simplemail"
    assert record.getMessage().startswith("Mail was not sent through mailer 'news' (fail_silently)")
    assert "gone" in record.getMessage()


def test_a_failed_open_closes():
    class Stuck(Collecting):
        closed = 0

        def open(self):
            raise ConnectionRefusedError("no")

        def close(self):
            self.closed += 1

    backend = Stuck()
    with pytest.raises(ConnectionRefusedError), backend:
        pass

    assert backend.closed == 1


def test_base_alone_says_what_to_write():
    with pytest.raises(NotImplementedError, match=r"send_envelope\(\) or send_messages\(\)"):
        BaseEmailBackend().send_messages([a_message()])


def test_a_mailer_does_not_pickle_and_says_what_to_do():
    with pytest.raises(TypeError, match="using='alias'"):
        pickle.dumps(Collecting())


class Redirecting:
    """What projects put around a backend: everything goes to one address."""

    def send_messages(self, email_messages):
        for message in email_messages:
            message.to = ["me@example.com"]
        return super().send_messages(email_messages)


class TestAnOverriddenSendMessages:
    """A subclass that overrides it for Django has it called for every message."""

    def test_may_call_the_one_it_overrides(self):
        class Backend(Redirecting, Collecting):
            pass

        backend = Backend()

        assert backend.send_messages([a_message(), a_message()]) == 2
        assert [e.recipients for e in backend.envelopes] == [("me@example.com",)] * 2

    def test_is_not_passed_by_for_receipts(self):
        class Backend(Redirecting, Collecting):
            pass

        backend = Backend()

        assert [r.status.name for r in backend.deliver([a_message(), a_message()])] == ["SENT"] * 2
        assert [e.recipients for e in backend.envelopes] == [("me@example.com",)] * 2

    @pytest.mark.parametrize("way", ["send_messages", "deliver"])
    def test_is_not_passed_by_in_the_smtp_backend(self, smtp_server, way):
        class Backend(Redirecting, smtp.EmailBackend):
            pass

        backend = Backend(host=smtp_server.host, port=smtp_server.port)
        getattr(backend, way)([a_message(), a_message()])

        assert [list(m.recipients) for m in smtp_server.messages] == [["me@example.com"]] * 2
        assert len(smtp_server.connections) == 1


@pytest.mark.parametrize(
    ("code", "status"), [(550, Status.REFUSED), (450, Status.DEFERRED), (250, Status.SENT)]
)
def test_a_reply_means_what_it_says(code, status):
    class Honest(BaseEmailBackend):
        def send_envelope(self, envelope):
            return Reply(code, "Listen")

    [receipt] = Honest().deliver([a_message()])
    assert (receipt.status, receipt.reply) == (status, Reply(code, "Listen"))
    if status is not Status.SENT:
        with pytest.raises(smtplib.SMTPDataError, match="Listen"):
            Honest().send_messages([a_message()])


@pytest.mark.parametrize("answer", [True, 250, "sent", (250, "sent"), {}], ids=repr)
def test_an_answer_that_is_no_reply_is_named(answer):
    class Hasty(BaseEmailBackend):
        def send_envelope(self, envelope):
            return answer

    kind = type(answer).__name__
    text = rf"Hasty.send_envelope\(\) must return a Reply, like .*, not {kind}$"
    for call in (Hasty().send_messages, Hasty().deliver):
        with pytest.raises(TypeError, match=text):
            call([a_message()])


class TestInsideDjango:
    """What Django hands to every backend is no misspelt option."""

    def test_credentials_that_are_none(self):
        """Django before 6.1 passes them on, whatever the backend takes."""
        Collecting(username=None, password=None, fail_silently=False)
        with pytest.raises(TypeError, match="'username'"):
            Collecting(username="me", password=None)

    def test_what_django_says_to_ignore(self):
        """Django 6.1: options that come from arguments such as auth_user."""
        ignored = {"_ignore_unknown_kwargs": {"username", "fail_silently"}}
        assert Collecting(alias="x", username="me", fail_silently=True, **ignored).fail_silently
        with pytest.raises(InvalidMailer, match=r"Unknown options 'oops'\."):
            Collecting(alias="x", username="me", oops=1, **ignored)


def counting(function):
    """A decorator as programs have them: it looks like what it wraps, and counts the calls."""

    @functools.wraps(function)
    def wrapper(self, messages):
        wrapper.calls += 1
        return function(self, messages)

    wrapper.calls = 0
    return wrapper


class TestASendMessagesPutThereByHand:
    """Decorated, patched, on a subclass, an instance, the base class: it is called."""

    @pytest.fixture(params=["memory", "failover", "smtp"])
    def backend(self, request, smtp_server, monkeypatch):
        monkeypatch.setattr(simplemail, "outbox", [])
        server = {"host": smtp_server.host, "port": smtp_server.port}
        options = {"memory": {}, "failover": {"mailers": ["memory:"]}, "smtp": server}
        return get_connection(request.param, **options[request.param])

    def test_a_decorated_one_of_a_subclass(self, backend, monkeypatch):
        decorated = counting(BaseEmailBackend.send_messages)
        monkeypatch.setattr(type(backend), "send_messages", decorated, raising=False)

        assert [r.status for r in backend.iter_deliver([a_message()] * 2)] == [Status.SENT] * 2
        assert decorated.calls == 2

    def test_one_on_a_subclass(self, backend):
        with mock.patch.object(type(backend), "send_messages", return_value=1) as patched:
            backend.deliver([a_message()])

        patched.assert_called_once()

    def test_one_on_an_instance(self, backend):
        with mock.patch.object(backend, "send_messages", return_value=1) as patched:
            backend.deliver([a_message()])

        patched.assert_called_once()

    @pytest.mark.parametrize("autospec", [False, True])
    def test_one_on_the_base_class(self, backend, autospec):
        patch = mock.patch.object(
            BaseEmailBackend, "send_messages", autospec=autospec, return_value=1
        )
        with patch as patched:
            backend.deliver([a_message()])

        patched.assert_called_once()

    def test_is_promised_a_list(self, backend):
        with mock.patch.object(backend, "send_messages", return_value=2) as patched:
            send_mass_mail([("s", "b", None, ["a@example.com"])] * 2, connection=backend)

        [[[given], _]] = patched.call_args_list
        assert len(given) == 2


def test_ours_takes_any_iterable():
    backend = Collecting()
    asked = []

    def mails():
        for number in range(3):
            asked.append(len(backend.envelopes) == number)
            yield "s", "b", None, ["a@example.com"]

    assert send_mass_mail(mails(), connection=backend) == 3
    assert asked == [True] * 3


@pytest.mark.parametrize("kind", ["failover", "roundrobin", "tee", "redirect"])
@pytest.mark.parametrize("error", [LookupError("broken"), ValueError("wrong"), OSError("down")])
@pytest.mark.parametrize("where", ["open", "iter_deliver"])
def test_what_a_held_mailer_raises_is_the_receipt_of_one_message(kind, error, where):
    class Broken(BaseEmailBackend):
        tries = 0

        def is_ready(self):
            return where != "open" or self.tries > 0

        def open(self):
            self.fail()
            return True

        def fail(self):
            self.tries += 1
            if self.tries == 1:
                raise error

        def iter_deliver(self, messages):
            self.fail()
            yield from super().iter_deliver(messages)

        def send_envelope(self, envelope):
            return Reply(250)

    options = (
        {"mailers": [Broken()]} if kind in ("failover", "roundrobin") else {"mailer": Broken()}
    )
    options |= {"tee": {"copies": ["dummy:"]}, "redirect": {"to": ["dev@example.com"]}}.get(
        kind, {}
    )
    first, second = get_connection(kind, **options).deliver([a_message(), a_message()])

    assert first.error is error
    assert first.status is not Status.SENT
    assert second.status is Status.SENT


def test_bad_configuration_of_a_held_mailer_is_no_messages_fault():
    class Unconfigured(BaseEmailBackend):
        def is_ready(self):
            return False

        def open(self):
            raise ImproperlyConfigured("no key")

    with pytest.raises(ImproperlyConfigured, match="no key"):
        get_connection("failover", mailers=[Unconfigured()]).deliver([a_message()])


@pytest.mark.parametrize(
    "text", ["no\nsuch user", "no\r\nERROR:root:forged", "a\x1b[2Jb", "a\u2028b"]
)
def test_what_a_server_says_is_one_line_in_the_log(text, caplog):
    class Partly(BaseEmailBackend):
        def deliver_rendered(self, message):
            envelope = message.envelope()
            refused = {"b@example.com": Reply(550, text)}
            return Receipt(message, Status.SENT, envelope, refused, Reply(250))

    Partly(alias="a\nb").send_messages([a_message(to=["a@example.com", "b@example.com"])])
    get_connection("tee", mailer="dummy:", copies=[Partly(alias="c\nd")])

    [record] = caplog.records
    assert record.getMessage().isprintable()
    assert "1 of 2 recipients of <" in record.getMessage()


def test_refused_recipients_are_logged_where_the_envelope_is_unknown(caplog):
    """A hook of Django's sends what it likes."""
    receipt = Receipt(a_message(), Status.SENT, None, {"b@example.com": Reply(550, "no")})

    BaseEmailBackend().log_receipt(receipt)

    assert "1 of 1 recipients" in caplog.text


@pytest.mark.parametrize("nobody", [[], [None], [""], None])
@pytest.mark.parametrize(
    "send",
    [
        lambda to: simplemail.send_mail("Hi", "Text", "me@example.com", to),
        lambda to: asyncio.run(simplemail.asend_mail("Hi", "Text", "me@example.com", to)),
        lambda to: simplemail.EmailMessage("Hi", "Text", "me@example.com", to).send(),
        lambda to: get_connection().send_messages([a_message(to=to)]),
        lambda to: simplemail.send_mass_mail([("Hi", "Text", "me@example.com", to)]),
    ],
)
def test_a_message_to_nobody_counts_nothing_and_is_logged(send, nobody, caplog, smtp_server):
    with simplemail.override_settings(EMAIL_URL=smtp_server.url):
        assert send(nobody) == 0

    [record] = caplog.records
    assert (record.name, record.levelname) == ("simplemail", "WARNING")
    assert "it has no recipients" in record.getMessage()


class TestTheReceiptsOfAnError:
    class FailsAtLast(BaseEmailBackend):
        def send_envelope(self, envelope):
            if b"Subject: 1100\r\n" in envelope.content:
                raise OSError("no more")
            return Reply(250)

    @pytest.mark.parametrize("kind", [list, iter])
    def test_are_the_last_thousand_of_an_iterators_messages(self, kind):
        """Who sends a million from an iterator has no room for a million receipts."""
        messages = [a_message(subject=str(number)) for number in range(1101)]

        with pytest.raises(OSError, match="no more") as caught:
            self.FailsAtLast().send_messages(kind(messages))

        kept, earlier = caught.value.receipts, caught.value.earlier
        assert (len(kept), earlier) == ((1101, 0) if kind is list else (1000, 101))
        assert kept[-1].message is messages[-1]
        assert [receipt.status for receipt in kept] == [Status.SENT] * (len(kept) - 1) + [
            Status.DEFERRED
        ]

    def test_count_all_that_were_sent(self):
        messages = (a_message(subject=f"x{number}") for number in range(1500))

        assert self.FailsAtLast().send_messages(messages) == 1500
