"""`check()` finds out what a message would meet, and says at which step it would fail."""

import smtplib
import socket
import ssl
import sys
import time

import pytest

from simplemail import get_connection
from simplemail.backends import smtp_check
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.checking import FAILED, OK, WARNING
from simplemail.backends.smtp import EmailBackend
from simplemail.testing.server import Close, Garbage, Silence, SMTPServer
from support.lmtp import lmtp_server

SECRET = "s3cr3t-pw"


@pytest.fixture
def tls_server():
    with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
        yield server


def steps(mailer):
    """Each step's mark and detail by its name; of two of one name, the last."""
    return {step.name: (step.mark, step.detail) for step in mailer.iter_check()}


def details(mailer, name):
    return [step.detail for step in mailer.iter_check() if step.name == name and step.mark == OK]


def warnings(mailer):
    return [step.detail for step in mailer.iter_check() if step.mark == WARNING]


def failure(mailer):
    """The last step, which failed."""
    *others, last = mailer.iter_check()
    assert FAILED not in [step.mark for step in others]
    assert last.mark == FAILED
    assert last.error is not None
    return last.name, str(last.error)


class TestSMTP:
    def test_without_tls(self, smtp_server):
        assert [step.name for step in get_connection(smtp_server.url).iter_check()] == [
            "Name", "Connection", "Greeting", "EHLO", "AUTH", "MAIL", "QUIT",
        ]  # fmt: skip

    def test_with_starttls_and_login(self, tls_server):
        assert [step.name for step in get_connection(tls_server.url).iter_check()] == [
            "Name", "Connection", "Greeting", "EHLO", "STARTTLS", "Certificate", "EHLO", "AUTH",
            "Login", "MAIL", "QUIT",
        ]  # fmt: skip

    def test_with_tls_from_the_first_byte(self):
        with SMTPServer(tls=True) as server:
            assert [step.name for step in get_connection(server.url).iter_check()] == [
                "Name", "Connection", "TLS", "Certificate", "Greeting", "EHLO", "AUTH", "MAIL",
                "QUIT",
            ]  # fmt: skip

    def test_what_the_steps_tell(self, tls_server):
        found = steps(get_connection(tls_server.url))

        assert {mark for mark, _ in found.values()} == {OK}
        assert found["Name"][1] == "127.0.0.1 is an address, not a name"
        assert found["Greeting"][1] == "220 test.example ESMTP"
        assert "PIPELINING, SIZE 33554432" in found["EHLO"][1]
        assert found["STARTTLS"][1].startswith("TLSv1.")
        assert "; issued by simplemail test CA; until 2049-12-31" in found["Certificate"][1]
        assert found["AUTH"][1].startswith("PLAIN, LOGIN")
        assert found["Login"][1] == "accepted"

    def test_a_name_is_looked_up(self, smtp_server):
        mailer = get_connection(f"smtp://localhost:{smtp_server.port}")

        assert "127.0.0.1" in steps(mailer)["Name"][1]

    def test_what_counts_is_what_is_offered_within_tls(self, tls_server):
        tls_server.tls_extensions = ["SIZE 1000"]

        before, after = details(get_connection(tls_server.url), "EHLO")

        assert "CHUNKING" in before
        assert after.startswith("SIZE 1000, AUTH")

    def test_sends_nothing_and_says_goodbye(self, tls_server):
        list(get_connection(tls_server.url).iter_check())

        commands = [command.split()[0].upper() for command in tls_server.commands]
        assert not {"RCPT", "DATA", "BDAT"} & set(commands)
        assert commands[-3:] == ["MAIL", "RSET", "QUIT"]
        assert commands.count("QUIT") == 2
        tls_server.wait_for(lambda: not tls_server.open_connections)
        assert tls_server.violations == []

    def test_asks_for_the_sender_and_the_recipients_and_takes_it_back(self, tls_server):
        mailer = get_connection(tls_server.url)

        found = {
            step.name: step.detail
            for step in mailer.check(
                sender="me@b.example", recipients=["a@b.example", "c@d.example"]
            )
        }

        assert found["MAIL"] == "from me@b.example"
        assert found["RCPT"] == "a@b.example, c@d.example"
        assert [command.upper() for command in tls_server.commands[-5:]] == [
            "MAIL FROM:<ME@B.EXAMPLE>", "RCPT TO:<A@B.EXAMPLE>", "RCPT TO:<C@D.EXAMPLE>", "RSET",
            "QUIT",
        ]  # fmt: skip
        assert tls_server.messages == []

    @pytest.mark.parametrize("sender", ["", "jürgen@example.com"])
    def test_other_senders(self, sender, smtp_server):
        get_connection(smtp_server.url).check(sender=sender)

        [command] = [c for c in smtp_server.commands if c.upper().startswith("MAIL")]
        assert command.partition(":")[2].startswith(f"<{sender}>")

    def test_a_mailer_is_as_it_was(self, tls_server):
        options = {"timeout": 33, "retries": 2, "keep_alive": 5, "fail_silently": True}
        mailer = get_connection(tls_server.url, **options)

        mailer.check()

        assert {name: getattr(mailer, name) for name in options} == options
        assert not mailer.is_ready()

    def test_what_is_open_stays_open(self, smtp_server):
        with get_connection(smtp_server.url) as mailer:
            mailer.check()

            assert mailer.is_ready()

    def test_leaves_no_connection_when_it_fails_or_is_given_up(self, tls_server):
        next(get_connection(tls_server.url).iter_check()).name  # noqa: B018
        tls_server.script("STARTTLS", "454 4.7.0 Not now")
        failure(get_connection(tls_server.url))

        tls_server.wait_for(lambda: not tls_server.open_connections)

    def test_an_old_server(self):
        with SMTPServer(helo_only=True) as server:
            assert steps(get_connection(server.url))["EHLO"] == (OK, "no extensions")

    def test_logs_in_even_if_failures_are_silenced(self, tls_server):
        mailer = get_connection(tls_server.url.replace(SECRET, "wrong"), fail_silently=True)

        assert failure(mailer)[0] == "Login"


class TestFailures:
    def test_no_such_host(self, monkeypatch):
        def getaddrinfo(*args, **kwargs):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

        name, error = failure(get_connection("smtp://mail.invalid"))

        assert name == "Name"
        assert "Can't find mail.invalid:25" in error

    def test_refused(self, smtp_server):
        smtp_server.stop()

        name, error = failure(get_connection(smtp_server.url))

        assert name == "Connection"
        assert f"Connection refused by 127.0.0.1:{smtp_server.port}" in error

    @pytest.mark.parametrize(
        ("answer", "remedy"),
        [
            ("554 5.7.1 Go away", "is {} a mail server, and does it accept mail from this machine"),
            ("421 4.3.2 Busy", "{} is temporarily unavailable; try again later"),
            (Garbage(), "is {} a mail server, and does it accept mail from this machine"),
            (Close(), "The connection to {} was lost"),
        ],
    )
    def test_no_friendly_greeting(self, answer, remedy, smtp_server):
        smtp_server.script("GREETING", answer)

        name, error = failure(get_connection(smtp_server.url))

        assert name == "Greeting"
        assert remedy.format(f"127.0.0.1:{smtp_server.port}") in error

    def test_no_starttls(self, smtp_server):
        name, error = failure(get_connection(smtp_server.url, use_tls=True))

        assert name == "STARTTLS"
        assert "doesn't offer STARTTLS" in error
        assert "use_ssl" in error

    def test_tls_where_there_is_none(self, smtp_server):
        name, error = failure(get_connection(smtp_server.url, use_ssl=True, timeout=5))

        assert name == "TLS"
        assert "use smtp+tls://" in error

    def test_no_tls_where_there_must_be(self):
        with SMTPServer(tls=True) as server:
            mailer = get_connection(f"smtp://127.0.0.1:{server.port}?timeout=0.2")

            name, error = failure(mailer)

        assert name == "Greeting"
        assert "although it accepted the connection" in error
        assert "use smtps:// (use_ssl)" in error

    def test_an_untrusted_certificate(self, tls_server, tls_dir):
        mailer = get_connection(tls_server.url, ca_file=tls_dir / "other-ca.pem")

        name, error = failure(mailer)

        assert name == "Certificate"
        assert "is not trusted" in error

    @pytest.mark.parametrize("kind", [{"starttls": True}, {"tls": True}])
    def test_a_certificate_for_another_name_says_which(self, kind, tls_dir):
        with SMTPServer(certificate=tls_dir / "wrong-host.pem", **kind) as server:
            mailer = get_connection(server.url)

            name, error = failure(mailer)

        assert name == "Certificate"
        assert "is for another name" in error
        assert "it is for elsewhere.example" in error
        assert mailer.ssl_context.check_hostname

    def test_a_certificate_for_the_name_that_was_asked_for(self, tls_dir):
        with SMTPServer(tls=True, certificate=tls_dir / "wrong-host.pem") as server:
            mailer = get_connection(server.url, server_hostname="elsewhere.example")

            assert steps(mailer)["QUIT"][0] == OK

    def test_an_expired_certificate(self, tls_dir):
        with SMTPServer(tls=True, certificate=tls_dir / "expired.pem") as server:
            assert "has expired" in failure(get_connection(server.url))[1]

    def test_no_login_is_offered(self, tls_server):
        url = tls_server.url
        tls_server.users = {}

        name, error = failure(get_connection(url))

        assert name == "AUTH"
        assert "leave out user and password" in error

    def test_login_is_offered_within_tls_only(self, tls_server):
        url = f"smtp://ann:{SECRET}@127.0.0.1:{tls_server.port}"

        name, error = failure(get_connection(url))

        assert name == "AUTH"
        assert "use_tls" in error

    def test_mail_is_refused_without_a_login(self, smtp_server):
        smtp_server.script("MAIL", "530 5.7.0 Authentication required")

        name, error = failure(get_connection(smtp_server.url))

        assert name == "MAIL"
        assert "set username and password" in error

    def test_the_sender_is_refused(self, smtp_server):
        smtp_server.script("MAIL", "553 5.7.1 Not you")

        with pytest.raises(smtplib.SMTPSenderRefused, match="Not you"):
            get_connection(smtp_server.url).check(sender="me@b.example")

    def test_a_recipient_is_refused(self, smtp_server):
        smtp_server.script("RCPT TO:<c@", "550 5.7.1 No relaying")

        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            get_connection(smtp_server.url).check(recipients=["a@b.example", "c@d.example"])

        assert list(caught.value.recipients) == ["c@d.example"]

    def test_a_step_waits_ten_seconds_at_most(self, smtp_server, monkeypatch):
        monkeypatch.setattr(smtp_check, "PATIENCE", 0.1)
        smtp_server.script("MAIL", Silence())

        name, _ = failure(get_connection(smtp_server.url, timeout=3600))

        assert name == "MAIL"

    def test_a_wrong_password(self, tls_server):
        name, error = failure(get_connection(tls_server.url.replace(SECRET, "not-" + SECRET)))

        assert name == "Login"
        assert "app password" in error
        assert SECRET not in error

    @pytest.mark.parametrize("password", [b"bytes", lambda: None], ids=["bytes", "none made"])
    def test_a_password_that_is_no_text(self, password, tls_server):
        name, error = failure(get_connection(tls_server.url, password=password))

        assert name == "Login"
        assert "'password' must be text, or a callable that returns it" in error

    def test_a_farewell_that_fails_changes_nothing(self, smtp_server):
        smtp_server.script("QUIT", Close())

        assert steps(get_connection(smtp_server.url))["QUIT"][0] == OK


class TestWarnings:
    def test_a_certificate_that_ends_soon(self, tls_server, monkeypatch):
        christmas = ssl.cert_time_to_seconds("Dec 25 00:00:00 2049 GMT")
        monkeypatch.setattr(time, "time", lambda: christmas)

        [warning] = warnings(get_connection(tls_server.url))

        assert "ends in 6 days" in warning

    def test_a_certificate_that_nobody_verifies(self, tls_server):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        [warning] = warnings(get_connection(tls_server.url, ssl_context=context))

        assert "not verified" in warning

    def test_tls_that_is_offered_and_not_used(self, tls_server):
        mailer = get_connection(f"smtp://127.0.0.1:{tls_server.port}")

        assert "use smtp+tls://" in warnings(mailer)[0]

    def test_a_user_without_a_password(self, tls_server):
        mailer = get_connection(tls_server.url, password="")

        assert "a user name without a password" in warnings(mailer)[0]
        assert "Login" not in steps(mailer)

    @pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is not everywhere")
    def test_an_address_that_does_not_answer(self, smtp_server, monkeypatch):
        with socket.socket() as unused:
            unused.bind(("127.0.0.2", smtp_server.port))
            both = [(2, 1, 6, "", (ip, smtp_server.port)) for ip in ("127.0.0.2", "127.0.0.1")]
            found = socket.getaddrinfo

            def getaddrinfo(host, *args, **kwargs):
                return both if host == "mail.example" else found(host, *args, **kwargs)

            monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
            mailer = get_connection(f"smtp://mail.example:{smtp_server.port}")

            assert "127.0.0.2 can't be reached" in warnings(mailer)[0]
            assert steps(mailer)["QUIT"][0] == OK


class LMTPBackend(EmailBackend):
    connection_class = smtplib.LMTP


class OwnBackend(EmailBackend):
    class connection_class(smtplib.SMTP):  # noqa: N801
        pass


class TestConnectionsThatAreNotOurs:
    """What they can't say step by step, they do at once."""

    needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")

    @needs_unix
    def test_lmtp_is_greeted_and_asked_in_its_own_way(self, tmp_path):
        with lmtp_server(tmp_path / "lmtp") as said:
            mailer = LMTPBackend(str(tmp_path / "lmtp"), timeout=5)
            found = list(mailer.iter_check(sender="me@example.com", recipients=["ann@example.com"]))

        assert [step.mark for step in found] == [OK] * 5
        assert [s.name for s in found] == ["Connection", "LHLO", "MAIL", "RCPT", "QUIT"]
        assert [line.split()[0].lower() for line in said] == [
            *(b"lhlo", b"mail", b"rcpt", b"rset", b"quit"),
        ]
        assert str(mailer) == f"the Unix socket {tmp_path / 'lmtp'}"

    @needs_unix
    def test_a_recipient_whom_lmtp_refuses(self, tmp_path):
        with lmtp_server(tmp_path / "lmtp", refused=b"ann@") as said:
            mailer = LMTPBackend(str(tmp_path / "lmtp"), timeout=5)
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                mailer.check(sender="me@example.com", recipients=["ann@example.com"])

        assert said[-1].lower() == b"quit\r\n"

    @needs_unix
    def test_a_socket_that_nobody_has_opened(self, tmp_path):
        mailer = LMTPBackend(str(tmp_path / "none"), timeout=5)

        name, text = failure(mailer)

        assert name == "Connection"
        assert f"Can't connect to the Unix socket {tmp_path / 'none'} (No such file" in text
        assert "ca_file" not in text

    def test_a_class_of_ones_own_logs_in(self, tls_server):
        mailer = OwnBackend(
            tls_server.host, tls_server.port, "ann", SECRET, True, ca_file=tls_server.ca_file
        )

        found = steps(mailer)

        assert found["Connection"][1].startswith("by OwnBackend.connection_class, and logged in, ")
        assert found["MAIL"][0] == OK
        assert tls_server.connections[0].user == "ann"
        assert not tls_server.messages


class TestOtherMailers:
    def test_a_directory_that_can_be_written_to(self, tmp_path):
        mailer = get_connection(f"file:{tmp_path}")

        assert steps(mailer) == {"Directory": (OK, f"{tmp_path} can be written to")}
        assert not list(tmp_path.iterdir())

    def test_a_directory_that_is_gone(self, tmp_path):
        mailer = get_connection(f"file:{tmp_path / 'out'}")
        (tmp_path / "out").rmdir()

        name, error = failure(mailer)

        assert name == "Directory"
        assert "No such file" in error

    def test_ours_say_what_they_do(self):
        assert steps(get_connection("dummy")) == {
            "Mailer": (OK, "Takes every message and keeps none.")
        }

    def test_those_that_hold_others_check_each(self, smtp_server, tmp_path):
        other = get_connection(f"file:{tmp_path / 'out'}")
        (tmp_path / "out").rmdir()
        mailer = get_connection("failover", mailers=[other, smtp_server.url])

        found = [(step.mark, step.name) for step in mailer.iter_check()]

        assert found[:2] == [(OK, "Mailer"), (FAILED, "Directory")]
        assert found[-2:] == [(OK, "MAIL"), (OK, "QUIT")]
        with pytest.raises(FileNotFoundError):
            mailer.check()

    def test_anybodys(self):
        class Plain(BaseEmailBackend):
            __doc__ = None

        assert steps(Plain())["Mailer"][0] == OK


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"smtp://ann:{SECRET}@mail.example.com", "smtp://mail.example.com:25"),
        (f"smtp+tls://ann:{SECRET}@mail.example.com", "smtp+tls://mail.example.com:587"),
        (f"smtps://ann:{SECRET}@[::1]:4650", "smtps://[::1]:4650"),
        ("file:/tmp/", "files in /tmp"),
        ("dummy:", "simplemail.backends.dummy.EmailBackend"),
    ],
)
def test_a_mailer_is_described_without_its_secrets(url, expected):
    assert get_connection(url).describe() == expected


def test_errors_keep_their_type(smtp_server):
    smtp_server.script("GREETING", "421 4.3.2 Later")

    *_, last = get_connection(smtp_server.url).iter_check()

    assert isinstance(last.error, smtplib.SMTPConnectError)
    assert last.error.smtp_code == 421
