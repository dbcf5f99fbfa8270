from __future__ import annotations

import logging
import os
import smtplib
import socket
import ssl
import threading

import pytest

import simplemail
from simplemail import InvalidMailer, get_connection, mailers, override_settings
from simplemail.backends.smtp import EmailBackend
from simplemail.rendering.envelope import Envelope
from simplemail.smtp.pool import close_pools
from simplemail.testing.contract import BackendContract, a_message
from simplemail.testing.server import Silence, SMTPServer

SECRET = "s3cret&pass"


class TestContract(BackendContract):
    @pytest.fixture(autouse=True)
    def _server(self, smtp_server):
        self.server = smtp_server

    def make(self, **options):
        return EmailBackend(host=self.server.host, port=self.server.port, **options)

    def sent(self):
        return len(self.server.messages)


@pytest.fixture
def tls_server():
    with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
        yield server


def backend_for(server, **options):
    return EmailBackend(host=server.host, port=server.port, **options)


def sees_no_secret(error):
    seen = f"{error} {error!r} {error.__cause__!r} {getattr(error, '__notes__', '')}"
    return SECRET not in seen


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "port"),
        [({}, 25), ({"use_ssl": True}, 465), ({"use_tls": True}, 587), ({"port": 2525}, 2525)],
    )
    def test_usual_ports_with_an_alias(self, options, port):
        """django-compatibility 39: port 25, 465 (SSL) or 587 (TLS)."""
        assert EmailBackend(host="h", alias="x", **options).port == port

    def test_port_stays_25_without_an_alias(self):
        """django-compatibility 39."""
        assert EmailBackend(host="h", use_tls=True).port == 25

    @pytest.mark.parametrize("name", ["port", "timeout"])
    def test_zero_is_a_mistake_and_nothing_is_not(self, name):
        with pytest.raises(InvalidMailer, match=f"{name!r} must be a number from .*, not 0"):
            EmailBackend(host="h", **{name: 0})
        zero = override_settings(**{f"EMAIL_{name.upper()}": 0})
        with zero, pytest.raises(InvalidMailer, match=f"{name!r} must be a number from .*, not 0"):
            get_connection()
        with override_settings(**{f"EMAIL_{name.upper()}": ""}):
            assert (get_connection().port, get_connection().timeout) == (25, 60)

    def test_host_is_required_with_an_alias(self):
        """django-compatibility 39."""
        with pytest.raises(InvalidMailer) as caught:
            EmailBackend(alias="x")
        assert str(caught.value) == "MAILERS['x']: OPTIONS must define 'host'."

    def test_both_flags(self):
        """django-compatibility 39: InvalidMailer with an alias, ValueError without."""
        with pytest.raises(InvalidMailer, match=r"^MAILERS\['x'\]: .*use_ssl.*use_tls"):
            EmailBackend(host="h", use_tls=True, use_ssl=True, alias="x")
        with pytest.raises(ValueError, match="EMAIL_USE_TLS/EMAIL_USE_SSL are mutually exclusive"):
            EmailBackend(use_tls=True, use_ssl=True)

    SETTINGS = {
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_PORT": 1025,
        "EMAIL_HOST_USER": "user",
        "EMAIL_HOST_PASSWORD": SECRET,
        "EMAIL_USE_TLS": True,
        "EMAIL_TIMEOUT": 7,
        "EMAIL_SSL_CERTFILE": "cert.pem",
        "EMAIL_SSL_KEYFILE": "key.pem",
    }

    def test_settings_fill_the_gaps_without_an_alias(self):
        """django-compatibility 39."""
        with override_settings(**self.SETTINGS):
            backend = EmailBackend()
            assert (backend.host, backend.port) == ("mail.example.com", 1025)
            assert (backend.username, backend.password) == ("user", SECRET)
            assert (backend.use_tls, backend.use_ssl, backend.timeout) == (True, False, 7)
            assert (backend.ssl_certfile, backend.ssl_keyfile) == ("cert.pem", "key.pem")

    def test_an_empty_user_counts_as_given(self):
        """django-compatibility 39."""
        with override_settings(**self.SETTINGS):
            backend = EmailBackend(username="", password="")
            assert (backend.username, backend.password) == ("", "")

    def test_with_an_alias_settings_are_ignored(self):
        """django-compatibility 8: with an alias, a backend ignores the classic settings."""
        with override_settings(**self.SETTINGS):
            backend = EmailBackend(host="h", alias="x")
            assert (backend.host, backend.port, backend.timeout) == ("h", 25, 60)
            assert (backend.username, backend.password) == (None, None)
            assert (backend.use_tls, backend.ssl_certfile) == (False, None)

    def test_django_positional_order(self):
        backend = EmailBackend("h", 26, "u", "p", True, True, False, 5, "key", "cert")

        assert (backend.host, backend.port, backend.username, backend.password) == (
            "h",
            26,
            "u",
            "p",
        )
        assert (backend.use_tls, backend.fail_silently, backend.use_ssl) == (True, True, False)
        assert (backend.timeout, backend.ssl_keyfile, backend.ssl_certfile) == (5, "key", "cert")

    def test_timeout_is_a_minute(self):
        """Every wait has a limit."""
        assert EmailBackend().timeout == 60

    @pytest.mark.parametrize("options", [{"port": 70000}, {"timeout": -1}])
    def test_bad_numbers_are_named(self, options):
        [(name, value)] = options.items()
        with pytest.raises(InvalidMailer, match=rf"'{name}' must be a number .* not {value!r}"):
            EmailBackend(host="h", alias="x", **options)

    def test_a_text_for_a_number_is_not_shown(self):
        """It may be a password that was meant for another option."""
        with pytest.raises(InvalidMailer, match="'port' must be a number") as caught:
            EmailBackend(host="h", alias="x", port="hunter2")

        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("name", ["x\r\nNOOP", "a b", "a\0", "x\udcff", "\u3000", 5])
    def test_our_name_is_one_word(self, name):
        """It goes into a command (EHLO), and comes from a URL, too."""
        with pytest.raises(
            InvalidMailer, match=r"^MAILERS\['x'\]: 'local_hostname' must be a name"
        ):
            EmailBackend(host="h", alias="x", local_hostname=name)
        with pytest.raises(InvalidMailer, match="'local_hostname' must be a name"):
            get_connection("smtp://h?local_hostname=x%0d%0aNOOP")

    @pytest.mark.parametrize("name", ["[192.0.2.1]", "my_pc", "bücher.example"])
    def test_our_name_in_ascii(self, smtp_server, name):
        backend_for(smtp_server, local_hostname=name).send_messages([a_message()])

        assert f"EHLO {name.encode('idna').decode()}" in smtp_server.commands

    def test_a_source_address_may_be_a_list(self, smtp_server):
        """As JSON has it."""
        options = {"source_address": ["127.0.0.1", 0], "keep_alive": 1}
        with backend_for(smtp_server, **options) as backend:
            assert backend.send_messages([a_message()]) == 1
        close_pools()


class TestSession:
    def test_open_says_what_it_did(self, smtp_server):
        """django-compatibility 40: True if newly opened, False if already open."""
        backend = backend_for(smtp_server)
        assert backend.open() is True
        assert backend.open() is False
        backend.close()
        assert backend.connection is None
        assert backend.open() is True
        backend.close()

    def test_open_is_none_if_silenced(self, caplog):
        """django-compatibility 40; 41: after a silent open failure send_messages returns 0."""
        backend = EmailBackend("127.0.0.1", closed_port(), fail_silently=True)

        with caplog.at_level(logging.WARNING, "simplemail"):
            assert backend.open() is None
            assert backend.connection is None
            assert backend.send_messages([a_message(), a_message()]) == 0
        assert "Connection refused" in caplog.text

    def test_a_half_open_session_is_closed(self, tls_server):
        """django-compatibility 40: a half-open session is never `.connection` and is closed."""
        tls_server.script("AUTH", "421 4.3.0 later")
        backend = EmailBackend(
            tls_server.host, tls_server.port, "ann", SECRET, True, ca_file=tls_server.ca_file
        )

        with pytest.raises(OSError, match=r"4\.3\.0 later|closed"):
            backend.open()

        assert backend.connection is None
        tls_server.wait_for(lambda: tls_server.open_connections == 0)

    @pytest.mark.parametrize(("user", "password"), [("ann", ""), ("", SECRET), ("", "")])
    def test_logs_in_only_with_both(self, user, password):
        """django-compatibility 40."""
        with SMTPServer(users={"ann": SECRET}) as server:
            backend_for(server, username=user, password=password).send_messages([a_message()])

            assert len(server.messages) == 1
            assert not any(command.startswith("AUTH") for command in server.commands)

    def test_one_session_for_many_messages(self, smtp_server):
        backend_for(smtp_server).send_messages([a_message() for _ in range(5)])

        assert len(smtp_server.connections) == 1
        assert smtp_server.commands[-1].upper() == "QUIT"

    def test_closes_what_it_opened_and_only_that(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.send_messages([a_message()])
            assert backend.connection is not None
        assert backend.connection is None

    def test_goes_on_after_somebody_quit(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.connection.quit()
            assert backend.send_messages([a_message(), a_message()]) == 2

        assert len(smtp_server.connections) == 2

    def test_opens_anew_after_somebody_quit(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.connection.quit()
            assert backend.open() is True
            assert backend.connection.noop()[0] == 250

    def test_no_message_without_recipients(self, smtp_server):
        """django-compatibility 41."""
        assert backend_for(smtp_server).send_messages([a_message(to=[]), a_message()]) == 1

    def test_the_envelope_comes_from_the_message_not_its_headers(self, smtp_server):
        """django-compatibility 42."""
        headers = {"From": "list@example.org", "To": "everybody@example.org"}
        backend_for(smtp_server).send_messages([a_message(headers=headers, bcc=["b@example.com"])])

        [received] = smtp_server.messages
        assert received.sender == "me@example.com"
        assert list(received.recipients) == ["ann@example.com", "b@example.com"]
        assert received.message["To"] == "everybody@example.org"
        assert b"b@example.com" not in received.content

    @pytest.mark.parametrize(
        "address",
        [
            "to@",
            "a@example.com, b@example.com",
            "a@example.com>, <b@example.com",
            "a@example.com\r\nRCPT TO:<b@example.com>",
            "a b@example.com",
            "<a@example.com> x",
            "@example.com",
            "a@exa\x00mple.com",
        ],
    )
    def test_envelope_addresses_are_strict(self, smtp_server, address):
        """django-compatibility 42: exactly one mailbox, nothing left over, no CR or LF."""
        for changes in ({"bcc": [address]}, {"from_email": address, "headers": {"From": "a@b.c"}}):
            with pytest.raises(ValueError, match=r"^Invalid address"):
                backend_for(smtp_server).send_messages([a_message(**changes)])
        assert smtp_server.messages == []

    def test_domains_become_idna(self, smtp_server):
        """django-compatibility 42."""
        backend_for(smtp_server).send_messages([a_message(to=["Ann <ann@bücher.example>"])])

        assert list(smtp_server.messages[0].recipients) == ["ann@xn--bcher-kva.example"]

    def test_addresses_without_a_domain(self, smtp_server):
        """django-compatibility 25: in the envelope too."""
        backend_for(smtp_server).send_messages([a_message(from_email="webmaster", to=["root"])])

        [received] = smtp_server.messages
        assert (received.sender, list(received.recipients)) == ("webmaster", ["root"])

    def test_a_refused_recipient_is_logged(self, smtp_server, caplog):
        """Partly refused recipients are logged as a warning."""
        smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")

        with caplog.at_level(logging.WARNING, "simplemail"):
            sent = backend_for(smtp_server).send_messages(
                [a_message(to=["no@example.com", "ann@example.com"])]
            )

        assert sent == 1
        assert "no@example.com" in caplog.text
        assert "No such user" in caplog.text

    def test_all_recipients_refused_raises(self, smtp_server):
        smtp_server.script("RCPT", "550 5.1.1 No such user")

        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            backend_for(smtp_server).send_messages([a_message()])

        assert caught.value.recipients["ann@example.com"][0] == 550

    def test_what_arrives_is_what_was_written(self, smtp_server):
        body = ".\n..dots\nFrom here\n" + "long " * 300 + "\nGrüße 日本\n"
        backend_for(smtp_server).send_messages([a_message(subject="Grüße, 日本", body=body)])

        [received] = smtp_server.messages
        assert received.message.get_content().replace("\r\n", "\n") == body
        assert received.message["Subject"] == "Grüße, 日本"
        assert smtp_server.violations == []


class TestSecurity:
    def test_starttls_and_auth(self, tls_server):
        with get_connection(tls_server.url) as connection:
            assert isinstance(connection.connection.sock, ssl.SSLSocket)
            connection.send_messages([a_message()])

        assert len(tls_server.messages) == 1
        assert SECRET.encode() not in b"".join(c.received for c in tls_server.connections)

    def test_implicit_tls(self):
        with SMTPServer(tls=True, users={"ann": SECRET}) as server:
            assert get_connection(server.url).send_messages([a_message()]) == 1

    def test_starttls_never_falls_back(self, smtp_server):
        """Bar 5: STARTTLS never falls back."""
        with pytest.raises(smtplib.SMTPNotSupportedError, match="STARTTLS"):
            backend_for(smtp_server, use_tls=True).send_messages([a_message()])

        assert smtp_server.messages == []

    def test_an_untrusted_certificate(self, tls_server, tls_dir):
        backend = backend_for(tls_server, use_tls=True, username="ann", password=SECRET)

        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            backend.open()

        assert "is not trusted" in str(caught.value)
        assert "ca_file=" in str(caught.value)
        assert f"{tls_server.host}:{tls_server.port}" in str(caught.value)
        assert sees_no_secret(caught.value)

    def test_a_wrong_host_name(self, tls_dir):
        server = SMTPServer(tls=True, certificate=tls_dir / "wrong-host.pem")
        with server, pytest.raises(ssl.SSLCertVerificationError) as caught:
            backend_for(server, use_ssl=True, ca_file=tls_dir / "ca.pem").open()

        assert "is for another name" in str(caught.value)

    def test_an_expired_certificate(self, tls_dir):
        server = SMTPServer(starttls=True, certificate=tls_dir / "expired.pem")
        with server, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            backend_for(server, use_tls=True, ca_file=tls_dir / "ca.pem").open()

    def test_a_wrong_password(self, tls_server):
        backend = backend_for(
            tls_server, username="ann", password=SECRET + "x", use_tls=True,
            ca_file=tls_server.ca_file,
        )  # fmt: skip

        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            backend.open()

        assert caught.value.smtp_code == 535
        assert "app password" in str(caught.value)
        assert sees_no_secret(caught.value)

    def test_no_password_in_the_clear(self, monkeypatch):
        """Bar 5: no clear-text AUTH off the machine; the error says how to allow it."""
        with SMTPServer(users={"ann": SECRET}, auth_in_clear=True) as server:
            backend = backend_for(server, username="ann", password=SECRET)
            assert backend.send_messages([a_message()]) == 1  # loopback

            pretend_remote(monkeypatch)
            with pytest.raises(smtplib.SMTPException, match="allow_cleartext_auth=True") as caught:
                backend.open()
            assert sees_no_secret(caught.value)
            logins = len([c for c in server.commands if c.startswith("AUTH")])
            assert logins == 1

            backend.allow_cleartext_auth = True
            assert backend.send_messages([a_message()]) == 1

    def test_a_client_certificate(self, tls_dir):
        """django-compatibility 40: a client certificate uses load_cert_chain(certfile, keyfile)."""
        ca = tls_dir / "ca.pem"
        with SMTPServer(tls=True, client_ca=ca) as server:
            backend = backend_for(
                server, use_ssl=True, ca_file=ca, ssl_certfile=tls_dir / "client.pem"
            )
            assert backend.ssl_context.protocol is ssl.PROTOCOL_TLS_CLIENT
            assert backend.ssl_context.minimum_version >= ssl.TLSVersion.TLSv1_2
            assert backend.send_messages([a_message()]) == 1

    def test_a_context_of_ones_own(self, tls_server):
        context = ssl.create_default_context(cafile=tls_server.ca_file)

        with backend_for(tls_server, use_tls=True, ssl_context=context) as backend:
            assert backend.ssl_context is context
            assert backend.connection.sock.context is context


class TestErrors:
    def test_a_refused_connection_names_the_server(self):
        port = closed_port()
        with pytest.raises(ConnectionRefusedError) as caught:
            EmailBackend("127.0.0.1", port).open()

        assert f"Connection refused by 127.0.0.1:{port}" in str(caught.value)
        assert "configured" not in str(caught.value)

    def test_nothing_configured_is_said(self, monkeypatch):
        """Mail is never silently printed or dropped; the error says how to configure it."""
        monkeypatch.delenv("EMAIL_URL", raising=False)
        port = closed_port()
        mailer = mailers.default
        assert (mailer.host, mailer.port) == ("localhost", 25)
        mailer.host, mailer.port = "127.0.0.1", port

        with pytest.raises(ConnectionRefusedError) as caught:
            mailer.send_messages([a_message()])

        assert "no mailer is configured" in str(caught.value)
        assert "EMAIL_URL" in str(caught.value)

    @pytest.mark.parametrize("silently", [False, True])
    def test_a_wrong_message_is_told_of_before_a_server_that_is_down(self, silently):
        backend = EmailBackend("127.0.0.1", closed_port(), fail_silently=silently)

        with pytest.raises(ValueError, match=r"^Invalid address"):
            backend.send_messages([a_message(to=["no address"])])
        with pytest.raises(ValueError, match="linefeed or carriage return"):
            backend.send_messages([a_message(subject="a\nb")])

    def test_a_hanging_server(self):
        with SMTPServer() as server:
            server.script("GREETING", Silence())
            with pytest.raises(TimeoutError) as caught:
                backend_for(server, timeout=0.2).open()

        assert "within 0.2 seconds" in str(caught.value)
        assert f"127.0.0.1:{server.port}" in str(caught.value)

    def test_an_unknown_host(self, monkeypatch):
        def unknown(*args, **kwargs):
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(socket.gaierror) as caught:
            EmailBackend("no-such.example", 25).open()

        assert "Can't find no-such.example:25" in str(caught.value)

    def test_tls_where_there_is_none(self, smtp_server):
        with pytest.raises(ssl.SSLError, match=r"use smtp\+tls://"):
            backend_for(smtp_server, use_ssl=True, timeout=5).open()

    def test_a_lost_farewell_changes_nothing(self, smtp_server):
        smtp_server.script("QUIT", "421 4.3.2 no goodbye")

        assert backend_for(smtp_server).send_messages([a_message()]) == 1

    def test_a_server_that_wants_a_login_first(self, smtp_server):
        smtp_server.script("MAIL", "530 5.7.0 Authentication required")
        where = f"127.0.0.1:{smtp_server.port}"

        [receipt] = backend_for(smtp_server).deliver([a_message()])
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            backend_for(smtp_server).send_messages([a_message()])

        assert f"{where} requires a login; set username and password" in str(receipt.error)
        assert str(caught.value) == str(receipt.error)
        assert caught.value.smtp_error == b"5.7.0 Authentication required"

    @pytest.mark.parametrize(
        ("options", "missing"), [({"username": "ann"}, "password"), ({"password": "x"}, "username")]
    )
    def test_half_a_login_is_warned_of_once(self, options, missing, smtp_server, caplog):
        with caplog.at_level(logging.WARNING, "simplemail.login"):
            for _ in range(2):
                backend_for(smtp_server, **options).send_messages([a_message()])

        where = f"127.0.0.1:{smtp_server.port}"
        assert caplog.messages == [f"Not logging in at {where}: there is no {missing}"]


class TestElsewhere:
    def test_source_address_and_local_hostname(self, smtp_server):
        backend = backend_for(
            smtp_server, local_hostname="client.example", source_address="127.0.0.1"
        )
        with backend:
            assert backend.connection.sock.getsockname()[0] == "127.0.0.1"
            backend.send_messages([a_message()])
        assert smtp_server.commands[0].upper() == "EHLO CLIENT.EXAMPLE"

    def test_from_many_threads(self, smtp_server):
        errors = []

        def send():
            try:
                for _ in range(5):
                    simplemail.send_mail("s", "b", "me@example.com", ["ann@example.com"])
            except Exception as error:
                errors.append(error)

        with override_settings(EMAIL_URL=smtp_server.url):
            threads = [threading.Thread(target=send) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert errors == []
        assert len(smtp_server.messages) == 40


def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def pretend_remote(monkeypatch):
    """Make the test server look as if it were on another machine."""
    monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("192.0.2.1", 25))


class TestOddRecipients:
    @pytest.mark.parametrize("name", ["DATA", "MAIL", "RSET", "QUIT", "the-content"])
    def test_a_local_user_may_have_the_name_of_a_command(self, smtp_server, name):
        smtp_server.script("RCPT TO:<ann@example.com>", "550 5.1.1 No such user")
        receipt = a_message(
            to=[name, "ann@example.com"], connection=backend_for(smtp_server)
        ).deliver()

        assert receipt.status.name == "SENT"
        assert set(receipt.refused) == {"ann@example.com"}

    def test_one_who_is_listed_twice_is_asked_once(self, smtp_server):
        smtp_server.script("RCPT", "450 4.2.0 Greylisted")
        message = a_message(cc=["ann@example.com"], connection=backend_for(smtp_server))
        receipt = message.deliver()

        assert receipt.status.name == "DEFERRED"
        assert receipt.retry_is_safe
        assert len([c for c in smtp_server.commands if c.startswith("RCPT")]) == 1

    @pytest.mark.parametrize("address", ["a@x> FOO=<b", "a b@x", "<>", "a@x>"])
    def test_an_envelope_that_nobody_judged_writes_no_parameters(self, smtp_server, address):
        rest = a_message().envelope()[2:]
        by_hand = [
            Envelope._make((address, ("ann@example.com",), *rest)),
            Envelope._make(("", (address,), *rest)),
        ]
        for envelope in by_hand:
            [receipt] = backend_for(smtp_server).deliver([envelope])
            assert str(receipt.error).startswith("Invalid address")
        assert smtp_server.messages == []

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InvalidMailer])
    def test_what_ends_the_opening_is_what_the_caller_sees(self, smtp_server, monkeypatch, error):
        backend = backend_for(smtp_server)
        monkeypatch.setattr(backend, "_connect", lambda: (_ for _ in ()).throw(error("stop")))

        with pytest.raises(error, match="stop"):
            backend.deliver([a_message()])


def test_an_option_may_be_computed_by_who_inherits():
    class Rotating(EmailBackend):
        @property
        def host(self):
            return "next.example.com"

        @host.setter
        def host(self, value):
            pass

    assert Rotating(host="mail.example.com", alias="a").host == "next.example.com"


@pytest.mark.parametrize(
    "wrong", [("1.2.3.4",), ("1.2.3.4", "0"), (25, "1.2.3.4"), 5, {"1.2.3.4": 0}], ids=str
)
def test_a_source_address_is_an_address_or_a_pair(wrong):
    with pytest.raises(InvalidMailer, match=r"'source_address' must be an address of this machine"):
        EmailBackend(host="mail.example.com", alias="a", source_address=wrong)


@pytest.mark.parametrize("option", ["auth", "notify", "ret"])
@pytest.mark.parametrize("wrong", [5, ["SUCCESS"], b"FULL"], ids=str)
def test_a_word_is_text(option, wrong):
    with pytest.raises(InvalidMailer, match=f"{option!r} must be"):
        EmailBackend(host="mail.example.com", alias="a", **{option: wrong})


def test_a_connection_that_was_taken_away_is_closed_whole(smtp_server):
    """smtplib reads through a file, which holds the socket open."""
    backend = get_connection(smtp_server.url)
    backend.open()
    connection = backend.connection
    connection.noop()
    backend.connection = None

    smtp_server.wait_for(lambda: smtp_server.open_connections == 0)
    assert connection.sock is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "STARTTLS"])
@pytest.mark.parametrize("use", ["send", "close"])
def test_an_open_session_is_the_parent_s_after_a_fork(use, tls):
    with SMTPServer(starttls=tls) as server:
        backend = get_connection(server.url)
        with backend:
            backend.send_messages([a_message()])
            child = os.fork()
            if child == 0:
                try:
                    sent = backend.send_messages([a_message()]) if use == "send" else 1
                    backend.close()
                finally:
                    os._exit(sent - 1)
            assert os.waitpid(child, 0)[1] == 0
            backend.send_messages([a_message()])

        assert [each.accepted for each in server.connections] == ([2, 1] if use == "send" else [2])
        assert not server.violations
