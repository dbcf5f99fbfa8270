"""simplemail's backends inside Django, and Django's backends inside simplemail."""

from __future__ import annotations

import contextlib
import email
import email.policy
import sys
import types

import pytest

import simplemail
from simplemail.testing.server import SMTPServer

pytest.importorskip("django")

from django import VERSION
from django.conf import settings as django_settings
from django.test.utils import override_settings as django_override_settings

# Django warns that much of what we promise to keep will go one day.
pytestmark = pytest.mark.filterwarnings("ignore")

if not django_settings.configured:
    django_settings.configure()

from django.core import mail as django_mail  # noqa: E402

HAS_MAILERS = VERSION >= (6, 1)

SETTINGS = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "file_path": "EMAIL_FILE_PATH",
}


@contextlib.contextmanager
def django_sends_by(name, **options):
    """Have Django send by our backend: MAILERS since 6.1, EMAIL_BACKEND and our settings before."""
    path = f"simplemail.backends.{name}.EmailBackend"
    if HAS_MAILERS:
        with django_override_settings(MAILERS={"default": {"BACKEND": path, "OPTIONS": options}}):
            yield
    else:
        ours = {SETTINGS[option]: value for option, value in options.items()}
        with django_override_settings(EMAIL_BACKEND=path), simplemail.override_settings(**ours):
            yield


@contextlib.contextmanager
def django_sends_to(server, **options):
    with django_sends_by("smtp", host=server.host, port=server.port, **options):
        yield


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def texts(octets):
    return [
        part.get_content().strip()
        for part in parsed(octets).walk()
        if part.get_content_maintype() == "text"
    ]


class TestSmtp:
    def test_send_mail(self, smtp_server):
        with django_sends_to(smtp_server):
            sent = django_mail.send_mail(
                "Grüße", "Hällo", "Me <me@example.com>", ["a@example.com"], html_message="<p>Hällo"
            )

        [received] = smtp_server.messages
        assert sent == 1
        assert received.sender == "me@example.com"
        assert list(received.recipients) == ["a@example.com"]
        assert parsed(received.content)["Subject"] == "Grüße"
        assert parsed(received.content)["From"] == "Me <me@example.com>"
        assert texts(received.content) == ["Hällo", "<p>Hällo"]
        assert smtp_server.violations == []

    def test_everything_that_a_message_can_have(self, smtp_server):
        mail = django_mail.EmailMultiAlternatives(
            "s",
            "b",
            "me@example.com",
            ["Žofie <z@bücher.example>"],
            bcc=["secret@example.com"],
            cc=["c@example.com"],
            reply_to=["r@example.com"],
            headers={"X-Tag": "é", "Message-ID": "<mine@example.com>"},
        )
        mail.attach_alternative("<p>", "text/html")
        mail.attach("é.png", b"\xff" * 99, "image/png")
        mail.attach("x.eml", django_mail.EmailMessage("inner", "innermost"), "message/rfc822")

        with django_sends_to(smtp_server):
            assert mail.send() == 1

        [received] = smtp_server.messages
        message = parsed(received.content)
        assert list(received.recipients) == [
            "z@xn--bcher-kva.example", "c@example.com", "secret@example.com",
        ]  # fmt: skip
        assert b"secret" not in received.content
        assert message["To"] == "Žofie <z@xn--bcher-kva.example>"
        assert (message["X-Tag"], message["Message-ID"]) == ("é", "<mine@example.com>")
        assert [part.get_content_type() for part in message.walk()] == [
            "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png",
            "message/rfc822", "text/plain",
        ]  # fmt: skip
        [image, _] = message.iter_attachments()
        assert image.get_filename() == "é.png"
        assert image.get_content() == b"\xff" * 99
        assert "innermost" in texts(received.content)
        assert smtp_server.violations == []

    def test_send_mass_mail_uses_one_session(self, smtp_server):
        rows = [(f"{n}", "b", "me@example.com", [f"{n}@example.com"]) for n in range(9)]
        with django_sends_to(smtp_server):
            assert django_mail.send_mass_mail(rows) == 9

        assert len(smtp_server.connections) == 1
        subjects = [parsed(m.content)["Subject"] for m in smtp_server.messages]
        assert subjects == [str(n) for n in range(9)]

    def test_mail_admins(self, smtp_server):
        admins = [("Ann", "ann@example.com")] if VERSION < (6, 0) else ["ann@example.com"]
        with django_sends_to(smtp_server), django_override_settings(ADMINS=admins):
            django_mail.mail_admins("Down", "It is.")

        [received] = smtp_server.messages
        assert parsed(received.content)["Subject"] == "[Django] Down"
        assert received.sender == "root@localhost"

    def test_a_server_without_8bitmime(self):
        with SMTPServer(extensions=[]) as server:
            with django_sends_to(server):
                django_mail.send_mail("s", "Grüße", "me@example.com", ["a@example.com"])

            [received] = server.messages
            assert received.content.isascii()
            assert texts(received.content) == ["Grüße"]

    def test_auth_user_and_password(self):
        """Django 6.1 passes a word of its own along with them."""
        with SMTPServer(users={"me": "secret"}) as server:
            with django_sends_to(server):
                sent = django_mail.send_mail(
                    "s", "b", "me@example.com", ["a@example.com"],
                    auth_user="me", auth_password="secret",
                )  # fmt: skip

            assert sent == 1
            assert server.messages[0].user == "me"

    def test_fail_silently(self, smtp_server):
        smtp_server.kill()
        with django_sends_to(smtp_server):
            sent = django_mail.send_mail(
                "s", "b", "me@example.com", ["a@example.com"], fail_silently=True
            )
            assert sent == 0
            with pytest.raises(ConnectionRefusedError):
                django_mail.send_mail("s", "b", "me@example.com", ["a@example.com"])

    def test_a_message_class_of_the_projects_own(self, smtp_server):
        class Tagged(django_mail.EmailMessage):
            def message(self, **options):
                composed = super().message(**options)
                composed["X-Tag"] = "mine"
                return composed

            def recipients(self):
                return ["other@example.com"]

        with django_sends_to(smtp_server):
            Tagged("s", "Grüße", "me@example.com", ["a@example.com"]).send()

        [received] = smtp_server.messages
        assert parsed(received.content)["X-Tag"] == "mine"
        assert list(received.recipients) == ["other@example.com"]

    @pytest.mark.parametrize("subject", ["a\nBcc: x", "a\rBcc: x", "a\0b"])
    def test_header_injection_is_refused(self, smtp_server, subject):
        """django-compatibility 23."""
        with (
            django_sends_to(smtp_server),
            pytest.raises(ValueError, match=r"(?i)header|NUL|may not contain"),
        ):
            django_mail.send_mail(subject, "b", "me@example.com", ["a@example.com"])
        assert smtp_server.messages == []

    def test_no_header_is_made_of_an_encoded_word(self, smtp_server):
        """django-compatibility 23: we find what Django 6.1 lets through on an old Python."""
        subject = "=?utf-8?q?a=0ABcc:_x@example.com?="
        with django_sends_to(smtp_server), contextlib.suppress(ValueError):
            django_mail.send_mail(subject, "b", "me@example.com", ["a@example.com"])
        # Django 5.2 leaves it encoded, in which it does no harm.
        assert all("Bcc" not in parsed(received.content) for received in smtp_server.messages)

    def test_an_invalid_recipient_is_refused(self, smtp_server):
        """django-compatibility 42."""
        with django_sends_to(smtp_server), pytest.raises(ValueError, match=r"^Invalid address"):
            django_mail.send_mail("s", "b", "me@example.com", ["a@example.com, b@example.com"])
        assert smtp_server.messages == []

    def test_connections_are_kept_open_as_django_documents(self, smtp_server):
        with django_sends_to(smtp_server):
            connection = django_mail.get_connection()
            connection.open()
            for n in range(3):
                assert connection.send_messages([message(f"{n}")]) == 1
            connection.close()

        assert len(smtp_server.messages) == 3
        assert len(smtp_server.connections) == 1


def message(subject="s", **changes):
    return django_mail.EmailMessage(subject, "b", "me@example.com", ["a@example.com"], **changes)


class TestOtherBackends:
    def test_locmem(self):
        with django_sends_by("locmem"):
            simplemail.outbox.clear()
            mail = message()
            assert mail.send() == 1
            [kept] = simplemail.outbox

        assert type(kept) is django_mail.EmailMessage
        assert kept is not mail
        assert kept.subject == "s"
        assert kept.sent_using == ("default" if HAS_MAILERS else None)

    def test_console(self, capsys):
        with django_sends_by("console"):
            django_mail.send_mail("Grüße", "Hällo \x1b[2J", "me@example.com", ["a@example.com"])

        shown = capsys.readouterr().out
        assert "Subject: Grüße\n" in shown
        assert "Hällo \\x1b[2J\n" in shown
        assert shown.endswith(f"\n{'-' * 79}\n")

    def test_filebased(self, tmp_path):
        with django_sends_by("filebased", file_path=str(tmp_path / "out")):
            assert django_mail.send_mass_mail([("s", "b", "f@x.example", ["t@x.example"])] * 2) == 2

        [path] = (tmp_path / "out").iterdir()
        assert path.read_text().count("Subject: s\n") == 2

    def test_dummy(self):
        with django_sends_by("dummy"):
            assert message().send() == 1

    @pytest.mark.skipif(not HAS_MAILERS, reason="before 6.1 backends had no options")
    def test_a_misspelt_option(self):
        with (
            django_sends_by("smtp", hots="mail.example.com"),
            pytest.raises(simplemail.InvalidMailer, match=r"MAILERS\['default'\].*'host'"),
        ):
            message().send()


# Backends written for Django, as its documentation and packages write them. Under simplemail the
# line that imports the base class is all that changes.

LOGGING_BACKEND = """
from django.core.mail.backends.base import BaseEmailBackend

calls = []

class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages):
        msg_count = 0
        for message in email_messages:
            message.message()  # .message() triggers header validation
            calls.append((message.subject, message.recipients()))
            msg_count += 1
        return msg_count
"""

API_BACKEND = """
import threading

from django.core.mail.backends.base import BaseEmailBackend

calls = []

class EmailBackend(BaseEmailBackend):
    def __init__(self, fail_silently=False, api_key=None, **kwargs):
        super().__init__(fail_silently=fail_silently, **kwargs)
        self.api_key = api_key
        self.session = None
        self._lock = threading.RLock()

    def open(self):
        if self.session:
            return False
        self.session = object()
        calls.append("open")
        return True

    def close(self):
        if self.session is None:
            return
        self.session = None
        calls.append("close")

    def send_messages(self, email_messages):
        if not email_messages:
            return 0
        with self._lock:
            created = self.open()
            try:
                sent = sum(self._send(message) for message in email_messages)
            finally:
                if created:
                    self.close()
        return sent

    def _send(self, message):
        if not message.recipients():
            return 0
        try:
            payload = {
                "from": str(message.from_email),
                "to": [str(to) for to in message.to],
                "text": message.body,
                "html": [content for content, mimetype in getattr(message, "alternatives", [])],
                "files": [(a[0], a[2]) for a in message.attachments],
                "headers": dict(message.extra_headers),
                "mime": "Subject: " in message.message().as_string(),
            }
            calls.append(payload)
            return 1
        except Exception:
            if not self.fail_silently:
                raise
            return 0
"""

WRAPPING_BACKEND = """
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

calls = []

class EmailBackend(BaseEmailBackend):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.connection = Inner()

    def send_messages(self, email_messages):
        for message in email_messages:
            message.to = ["redirected@example.com"]
            message.subject = f"[test] {message.subject}"
        return self.connection.send_messages(email_messages)

class Inner(BaseEmailBackend):
    def send_messages(self, email_messages):
        messages = list(email_messages)
        calls.extend((message.subject, message.recipients()) for message in messages)
        return len(messages)
"""

SUBCLASS_OF_LOCMEM = """
from django.core.mail.backends.locmem import EmailBackend as Locmem

calls = []

class EmailBackend(Locmem):
    def send_messages(self, messages):
        calls.append(len(messages))
        return super().send_messages(messages)
"""

THIRD_PARTY = {
    "logging": LOGGING_BACKEND,
    "api": API_BACKEND,
    "wrapping": WRAPPING_BACKEND,
    "subclass of locmem": SUBCLASS_OF_LOCMEM,
}


def imported(monkeypatch, name, source):
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(source, vars(module))
    return module


def use(mail):
    """Send in the ways that a project does, and return the counts."""
    full = mail.EmailMultiAlternatives(
        "full", "b", "f@x.example", ["t@x.example"], bcc=["b@x.example"], headers={"X-Tag": "x"}
    )
    full.attach_alternative("<p>", "text/html")
    full.attach("x.png", b"x", "image/png")
    return [
        mail.send_mail("one", "b", "f@x.example", ["t@x.example"], html_message="<p>"),
        full.send(),
        mail.send_mass_mail([(f"{n}", "b", "f@x.example", ["t@x.example"]) for n in range(3)]),
        mail.EmailMessage("nobody", "b").send(),
    ]


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_a_backend_for_django_needs_but_another_import(monkeypatch, name):
    """django-compatibility 35: nothing else changes, in the code or in what it has to do."""
    source = THIRD_PARTY[name]
    theirs = imported(monkeypatch, "their_backend", source)
    ours = imported(monkeypatch, "our_backend", source.replace("django.core.mail", "simplemail"))
    monkeypatch.setattr(django_mail, "outbox", [], raising=False)
    with django_override_settings(EMAIL_BACKEND="their_backend.EmailBackend"):
        expected = use(django_mail)
    for settings in (
        {"MAILERS": {"default": {"BACKEND": "our_backend.EmailBackend"}}},
        {"EMAIL_BACKEND": "our_backend.EmailBackend"},
    ):
        ours.calls.clear()
        with simplemail.override_settings(**settings):
            assert use(simplemail) == expected

        assert ours.calls == theirs.calls
        assert ours.calls


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_such_a_backend_gives_receipts_too(monkeypatch, name):
    """Its iter_deliver() comes from the base class."""
    source = THIRD_PARTY[name].replace("django.core.mail", "simplemail")
    ours = imported(monkeypatch, "our_backend", source)
    mails = [simplemail.EmailMessage(f"{n}", "b", "f@x.example", ["t@x.example"]) for n in range(3)]
    receipts = ours.EmailBackend().deliver(mails)
    assert [receipt.status.name for receipt in receipts] == ["SENT"] * 3


@pytest.mark.skipif(not HAS_MAILERS, reason="Django has MAILERS since 6.1")
class TestMailersThatHoldOthers:
    """Aliases in an entry of Django's MAILERS are Django's."""

    def test_are_looked_up_in_djangos_mailers(self):
        with SMTPServer() as server:
            to_server = {
                "BACKEND": "simplemail.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            }
            entries = {
                "default": {
                    "BACKEND": "simplemail.backends.failover.EmailBackend",
                    "OPTIONS": {"mailers": ["first", "second"]},
                },
                "first": {"BACKEND": "simplemail.backends.dummy.EmailBackend"},
                "second": to_server,
                "copying": {
                    "BACKEND": "simplemail.backends.tee.EmailBackend",
                    "OPTIONS": {"mailer": "default", "copies": ["second"]},
                },
            }
            with django_override_settings(MAILERS=entries):
                message = django_mail.EmailMessage("Hi", "Text", "a@example.com", ["b@example.com"])
                assert message.send(using="copying") == 1
                held = django_mail.mailers["copying"].held

            assert [mailer.alias for mailer in held] == ["default", "second"]
            assert [each.message["Subject"] for each in server.messages] == ["Hi"]

    def test_that_hold_themselves_are_told(self):
        entry = {
            "BACKEND": "simplemail.backends.failover.EmailBackend",
            "OPTIONS": {"mailers": ["default"]},
        }
        with (
            django_override_settings(MAILERS={"default": entry}),
            pytest.raises(simplemail.InvalidMailer, match="through itself: default -> default"),
        ):
            django_mail.mailers["default"]

    def test_are_simplemails_where_it_has_its_own(self):
        with (
            django_override_settings(MAILERS={"x": {"BACKEND": "no.such.Backend"}}),
            simplemail.override_settings(MAILERS={"x": "dummy:"}),
        ):
            mailer = simplemail.get_connection("failover", mailers=["x"])

        assert str(type(mailer.held[0])) == "<class 'simplemail.backends.dummy.EmailBackend'>"
