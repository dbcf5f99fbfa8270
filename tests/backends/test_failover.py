from __future__ import annotations

import smtplib
import ssl

import pytest

from simplemail import InvalidMailer, mailers, override_settings
from simplemail.backends import failover
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.failover import EmailBackend
from simplemail.receipts import Status
from simplemail.testing.contract import BackendContract, a_message
from simplemail.testing.server import SMTPServer
from support.held import Fake


@pytest.fixture(autouse=True)
def _all_up():
    failover._down_until.clear()
    yield
    failover._down_until.clear()


def pair(error=None, **options):
    first, second = Fake("first", error), Fake("second")
    return EmailBackend(mailers=[first, second], **options), first, second


class TestFailover(BackendContract):
    def make(self, **options):
        backend, self.first, _ = pair(**options)
        return backend

    def sent(self):
        return len(self.first.taken)


SAFE = [
    ConnectionRefusedError("down"),
    TimeoutError("slow"),
    smtplib.SMTPConnectError(554, b"no"),
    smtplib.SMTPAuthenticationError(535, b"no"),
    smtplib.SMTPDataError(451, b"4.3.0 later"),
    smtplib.SMTPSenderRefused(452, b"4.2.2 full", "me@example.com"),
    smtplib.SMTPRecipientsRefused({"ann@example.com": (450, b"4.2.0 greylisted")}),
]


@pytest.mark.parametrize("error", SAFE, ids=repr)
def test_the_next_one_is_tried_when_that_is_safe(error):
    if isinstance(error, TimeoutError):
        error = smtplib.SMTPConnectError(421, b"4.3.2 down")
    backend, first, second = pair(error)

    [receipt] = backend.deliver([a_message()])

    assert receipt.status is Status.SENT
    assert receipt.mailer == "second"
    assert (first.tries, len(second.taken)) == (1, 1)


UNSAFE = [
    (smtplib.SMTPRecipientsRefused({"ann@example.com": (550, b"5.1.1 no such user")}), "REFUSED"),
    (smtplib.SMTPDataError(554, b"5.7.1 spam"), "REFUSED"),
    (smtplib.SMTPServerDisconnected("lost after the content"), "UNKNOWN"),
]


@pytest.mark.parametrize(("error", "status"), UNSAFE, ids=lambda value: repr(value))
def test_never_the_next_one_when_it_might_arrive_twice_or_be_refused_again(error, status):
    backend, _, second = pair(error)

    [receipt] = backend.deliver([a_message()])

    assert receipt.status is Status[status]
    assert receipt.error is error
    assert second.tries == 0


def test_send_messages_raises_what_the_last_one_said():
    backend, _, second = pair(ConnectionRefusedError("first"))
    second.error = ConnectionRefusedError("second")

    with pytest.raises(ConnectionRefusedError, match="second"):
        backend.send_messages([a_message()])


def test_all_get_the_same_message_id_and_date():
    backend, first, second = pair(smtplib.SMTPDataError(451, b"later"))
    seen = []
    first.send_envelope = lambda envelope: (
        seen.append(envelope) or Fake.send_envelope(first, envelope)
    )

    backend.send_messages([a_message(body="Grüße")])

    assert seen == second.taken
    assert second.taken[0].content.isascii()  # any server can take it


def test_a_mailer_that_is_down_is_left_alone_for_a_while():
    backend, first, second = pair(ConnectionRefusedError("down"))

    assert backend.send_messages(a_message() for _ in range(5)) == 5
    assert (first.tries, second.tries) == (1, 5)

    first.error = None
    failover._down_until.clear()  # as if the time had passed
    backend.send_messages([a_message()])
    assert (first.tries, second.tries) == (2, 5)


def test_the_whole_process_remembers():
    pair(ConnectionRefusedError("down"))[0].send_messages([a_message()])
    backend, first, second = pair()

    backend.send_messages([a_message()])

    assert (first.tries, second.tries) == (0, 1)


def test_no_cooldown():
    backend, first, _ = pair(ConnectionRefusedError("down"), cooldown=0)
    backend.send_messages([a_message(), a_message()])

    assert first.tries == 2


def test_a_refused_recipient_never_takes_a_mailer_down():
    error = smtplib.SMTPRecipientsRefused({"ann@example.com": (450, b"4.2.0 greylisted")})
    backend, first, _ = pair(error)
    backend.send_messages([a_message(), a_message()])

    assert first.tries == 2


def test_when_all_are_down_all_are_tried():
    backend, first, second = pair(ConnectionRefusedError("down"))
    second.error = ConnectionRefusedError("down, too")
    backend.deliver([a_message(), a_message()])

    assert (first.tries, second.tries) == (2, 2)


def test_closes_all():
    backend, first, second = pair()
    with backend:
        backend.send_messages([a_message()])

    assert first.closed
    assert second.closed


def test_by_alias_url_and_nested_entry(tmp_path):
    settings = {
        "default": {
            "BACKEND": "failover",
            "OPTIONS": {
                "mailers": [
                    "main",
                    "dummy:",
                    {"BACKEND": "file", "OPTIONS": {"file_path": tmp_path}},
                ]
            },
        },
        "main": "memory:",
    }
    with override_settings(MAILERS=settings):
        first, second, third = mailers.default.held

    assert first.alias == "main"
    assert second.alias == "default.mailers[1]"
    assert third.file_path == str(tmp_path)


def test_a_circle_is_refused_with_its_way():
    settings = {
        "a": {"BACKEND": "failover", "OPTIONS": {"mailers": ["b"]}},
        "b": {"BACKEND": "failover", "OPTIONS": {"mailers": ["dummy:", "a"]}},
    }
    with override_settings(MAILERS=settings), pytest.raises(InvalidMailer) as caught:
        mailers["a"]

    assert "a -> b -> a" in str(caught.value)
    with override_settings(MAILERS={**settings, "b": "dummy:"}):
        assert mailers["a"].held[0].alias == "b"  # nothing of the failure is left


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ([], "'mailers' must name at least one mailer"),
        ("smtp://h", "'mailers' must be a list of mailers .*, not str"),
        (None, "'mailers' must be a list of mailers .*, not NoneType"),
        (["primry"], "There is no mailer 'primry'"),
        ([5], r"MAILERS\['x.mailers\[0\]'\]: An entry must be a URL or"),
    ],
)
def test_bad_configuration(wrong, text):
    with pytest.raises(InvalidMailer, match=text):
        EmailBackend(mailers=wrong, alias="x")


def test_a_server_killed_in_mid_batch():
    """Every message arrives exactly once, in order per mailer, and the receipts say where."""
    with SMTPServer() as first, SMTPServer() as second:
        backend = EmailBackend(mailers=[first.url, second.url])

        def messages():
            for number in range(500):
                if number == 200:
                    first.kill()
                yield a_message(subject=f"Number {number}")

        receipts = list(backend.iter_deliver(messages()))

        arrived = [[m.message["Subject"] for m in server.messages] for server in (first, second)]

    assert all(receipt.status is Status.SENT for receipt in receipts)
    subjects = [f"Number {number}" for number in range(500)]
    assert arrived[0] + arrived[1] == subjects
    told = [receipt.mailer for receipt in receipts]
    assert told == [told[0]] * 200 + [told[-1]] * 300
    assert (told[0], told[-1]) == ("mailer.mailers[0]", "mailer.mailers[1]")


class DjangoStyle(BaseEmailBackend):
    """Knows of messages only."""

    def __init__(self, error=None, **options):
        super().__init__(**options)
        self.error, self.seen = error, []

    def send_messages(self, email_messages):
        for message in email_messages:
            if self.error is not None:
                raise self.error
            self.seen.append((message.subject, message.recipients(), message.body))
            assert message.message()["Subject"] == message.subject
            assert message.to == ["ann@example.com"]
            assert message.extra_headers == {}
        return len(self.seen)


def test_a_backend_written_for_django_can_be_held():
    held = DjangoStyle()
    [receipt] = EmailBackend(mailers=[held, Fake()]).deliver([a_message(subject="Grüße")])

    assert receipt.status is Status.SENT
    assert held.seen == [("Grüße", ["ann@example.com"], "Text\n")]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ssl.SSLEOFError(8, "EOF"), "UNKNOWN"),
        (RuntimeError("HTTP 503"), "UNKNOWN"),
        (ValueError("bad message"), "REFUSED"),
        (ConnectionRefusedError("down"), "SENT"),
    ],
)
def test_what_another_ones_backend_raises_is_not_guessed_to_be_safe(error, status):
    second = Fake("second")
    [receipt] = EmailBackend(mailers=[DjangoStyle(error), second]).deliver([a_message()])

    assert receipt.status is Status[status]
    assert len(second.taken) == (status == "SENT")


def test_mailers_of_others_with_the_same_place_are_others():
    first = EmailBackend(mailers=["smtp://127.0.0.1:1", "dummy:"])
    first.send_messages([a_message()])
    second = EmailBackend(mailers=["smtp://127.0.0.1:2", "dummy:"])

    assert [mailer.port for mailer in first._in_order() if hasattr(mailer, "port")] == [1]
    assert not hasattr(first._in_order()[0], "port")
    assert second._in_order()[0].port == 2


def test_holds_no_strangers():
    class Stranger:
        def send_messages(self, messages):
            return 0

    with pytest.raises(
        InvalidMailer, match=r"only hold subclasses of BaseEmailBackend, not .*Stranger"
    ):
        EmailBackend(mailers=[Stranger()])


def test_addresses_that_need_smtputf8_are_handed_on():
    backend, first, _ = pair()
    backend.send_messages([a_message(to=["jörg@example.com"])])

    assert first.taken[0].utf8
