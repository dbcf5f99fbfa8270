"""A mailer's connection is an smtplib.SMTP, which others may use between our messages."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simplemail import EmailMessage, Status, get_connection
from simplemail.backends.smtp import EmailBackend
from simplemail.smtp import connection, tls
from simplemail.smtp.pool import close_pools
from simplemail.testing.server import Inject, Silence, SMTPServer
from support.sessions import connection_to

CONTENT = b"Subject: by hand\r\n\r\n.dot\r\nHello\r\n"


def mail(subject: str = "ours") -> EmailMessage:
    return EmailMessage(subject, "Text", "me@example.com", ["ann@example.com"])


def subjects(server: SMTPServer) -> list[str]:
    return [str(received.message["Subject"]) for received in server.messages]


@pytest.fixture
def mailer(smtp_server: SMTPServer) -> Iterator[EmailBackend]:
    with get_connection(smtp_server.url) as mailer:
        mailer.send_messages([mail("first")])
        yield mailer


@pytest.fixture
def tls_server() -> Iterator[SMTPServer]:
    with SMTPServer(starttls=True) as server:
        yield server


def test_it_is_an_smtplib_smtp(mailer: EmailBackend) -> None:
    assert isinstance(mailer.connection, smtplib.SMTP)


USES: dict[str, Callable[[smtplib.SMTP], Any]] = {
    "noop": lambda smtp: smtp.noop(),
    "rset": lambda smtp: smtp.rset(),
    "ehlo": lambda smtp: smtp.ehlo("other.example"),
    "helo": lambda smtp: smtp.helo("other.example"),
    "help": lambda smtp: smtp.help(),
    "verify": lambda smtp: smtp.verify("ann@example.com"),
    "half a transaction": lambda smtp: (smtp.mail("x@example.com"), smtp.rcpt("y@example.com")),
    "a refused command": lambda smtp: smtp.docmd("FROB"),
    "nothing read": lambda smtp: smtp.putcmd("noop"),
    "content never sent": lambda smtp: (
        smtp.mail("x@example.com"),
        smtp.rcpt("y@example.com"),
        smtp.docmd("DATA"),
    ),
    "quit": lambda smtp: smtp.quit(),
    "close": lambda smtp: smtp.close(),
    "closed socket": lambda smtp: smtp.sock and smtp.sock.close(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("way", ["send_messages", "iter_deliver"])
def test_our_messages_go_on_after_any_use(
    use: Callable[[smtplib.SMTP], Any], way: str, mailer: EmailBackend, smtp_server: SMTPServer
) -> None:
    use(mailer.connection)
    send = getattr(mailer, way)
    sent = send([mail("a"), mail("b")])
    assert sent == 2 if way == "send_messages" else len(list(sent)) == 2

    assert subjects(smtp_server) == ["first", "a", "b"]
    assert all(
        list(received.recipients) == ["ann@example.com"] for received in smtp_server.messages
    )


def test_each_method_works_as_smtplib_says(mailer: EmailBackend, smtp_server: SMTPServer) -> None:
    smtp = mailer.connection

    assert smtp.noop()[0] == 250
    assert smtp.ehlo()[0] == 250
    assert smtp.has_extn("pipelining")
    assert smtp.sendmail("a@example.com", ["b@example.com"], CONTENT) == {}
    assert smtp.rset()[0] == 250
    assert smtp.send_message(mail("as an object").message()) == {}
    mailer.send_messages([mail("second")])
    assert smtp.quit()[0] == 221
    assert smtp.sock is None
    with pytest.raises(smtplib.SMTPServerDisconnected, match="run connect"):
        smtp.noop()

    assert subjects(smtp_server) == ["first", "by hand", "as an object", "second"]
    assert smtp_server.messages[1].content == CONTENT
    assert len(smtp_server.connections) == 1


def test_sendmail_raises_and_tells_as_smtplib_does(
    mailer: EmailBackend, smtp_server: SMTPServer
) -> None:
    smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
    smtp_server.script("MAIL FROM:<no@example.com>", "553 5.7.1 Not you")

    refused = mailer.connection.sendmail(
        "a@example.com", ["no@example.com", "b@example.com"], CONTENT
    )
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        mailer.connection.sendmail("no@example.com", ["b@example.com"], CONTENT)

    assert refused == {"no@example.com": (550, b"5.1.1 No such user")}
    assert caught.value.args == (553, b"5.7.1 Not you", "no@example.com")
    assert mailer.send_messages([mail("second")]) == 1
    assert len(smtp_server.connections) == 1


def test_big_mail_goes_through_sendmail(mailer: EmailBackend, smtp_server: SMTPServer) -> None:
    content = CONTENT + b"0123456789\r\n" * 500_000

    mailer.connection.sendmail("a@example.com", ["b@example.com"], content)

    assert smtp_server.messages[1].content == content


def test_it_may_lead_elsewhere(mailer: EmailBackend, smtp_server: SMTPServer) -> None:
    with SMTPServer() as other:
        mailer.connection.quit()
        assert mailer.connection.connect(other.host, other.port)[0] == 220
        mailer.send_messages([mail("second")])

        assert subjects(other) == ["second"]
        assert [command[:4] for command in other.commands[:2]] == ["EHLO", "RSET"]
    assert subjects(smtp_server) == ["first"]


def test_somebody_else_may_log_in() -> None:
    with SMTPServer(users={"ann": "s3cret"}, auth_in_clear=True) as server:
        with get_connection(f"smtp://{server.host}:{server.port}") as mailer:
            assert mailer.connection.login("ann", "s3cret")[0] == 235
            mailer.send_messages([mail()])

        assert len(server.messages) == 1
        assert [command for command in server.commands if command.startswith("AUTH")]


def test_the_next_message_begins_with_rset(mailer: EmailBackend, smtp_server: SMTPServer) -> None:
    before = len(smtp_server.commands)
    mailer.connection.noop()
    mailer.send_messages([mail()])
    mailer.send_messages([mail()])

    said = [command.split()[0].upper() for command in smtp_server.commands[before:]]
    assert said == ["NOOP", "RSET", *["MAIL", "RCPT", "DATA"] * 2]


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS"])
@pytest.mark.parametrize("option", ["host", "server_hostname"])
def test_a_certificate_is_for_the_name_without_its_last_dot(
    option: str, implicit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost.` is a full name in the DNS; certificates and SNI have no dot at the end."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **rest: resolve("127.0.0.1", *more, **rest)
    )
    with SMTPServer(tls=implicit, starttls=not implicit) as server:
        options: dict[str, Any] = {"host": server.host, option: "localhost."}
        mailer = EmailBackend(
            port=server.port, use_ssl=implicit, use_tls=not implicit, ca_file=server.ca_file,
            **options,
        )  # fmt: skip
        assert mailer.send_messages([mail()]) == 1


class TestStartTLS:
    def test_it_verifies_by_the_mailers_rules(self, tls_server: SMTPServer) -> None:
        with EmailBackend(tls_server.host, tls_server.port, ca_file=tls_server.ca_file) as mailer:
            assert mailer.connection.starttls()[0] == 220
            assert not mailer.connection.esmtp_features
            assert isinstance(mailer.connection.sock, ssl.SSLSocket)
            mailer.send_messages([mail()])

        assert tls_server.messages[0].tls
        assert len(tls_server.connections) == 1

    def test_it_trusts_nobody_whom_the_mailer_does_not(self, tls_server: SMTPServer) -> None:
        with EmailBackend(tls_server.host, tls_server.port) as mailer:
            with pytest.raises(ssl.SSLCertVerificationError):
                mailer.connection.starttls()
            assert mailer.connection.sock is None

    def test_a_context_that_is_given_counts(self, tls_server: SMTPServer) -> None:
        context = tls.own_context(tls_server.ca_file)
        with EmailBackend(tls_server.host, tls_server.port) as mailer:
            mailer.connection.starttls(context=context)
            assert mailer.connection.sock.context is context

    def test_what_came_before_the_handshake_ends_it(self, tls_server: SMTPServer) -> None:
        """CVE-2011-0411."""
        tls_server.script("STARTTLS", Inject("250 injected", after=True))
        with EmailBackend(tls_server.host, tls_server.port, ca_file=tls_server.ca_file) as mailer:
            with pytest.raises(smtplib.SMTPException, match="250 injected"):
                mailer.connection.starttls()
            assert mailer.connection.sock is None

    def test_where_it_is_required_nothing_goes_without_it(self, tls_server: SMTPServer) -> None:
        """Somebody connects by hand, and leaves it out."""
        with get_connection(tls_server.url) as mailer:
            mailer.connection.connect(tls_server.host, tls_server.port)
            mailer.send_messages([mail()])

        assert [received.tls for received in tls_server.messages] == [True]
        assert len(tls_server.connections) == 3

    def test_a_server_without_it(self, mailer: EmailBackend) -> None:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            mailer.connection.starttls()
        assert mailer.send_messages([mail()]) == 1


class TestWhileAnswersAreOutstanding:
    @pytest.mark.parametrize("use", ["noop", "quit", "rset", "getreply"])
    def test_a_call_raises_and_reads_nothing(self, use: str, smtp_server: SMTPServer) -> None:
        smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
        messages = [mail("a"), mail("b"), mail("c")]
        messages[1].to = ["no@example.com"]
        with get_connection(smtp_server.url) as mailer:
            receipts = []
            for receipt in mailer.iter_deliver(messages):
                receipts.append(receipt)
                if len(receipts) < 2:
                    with pytest.raises(RuntimeError, match="still to come"):
                        getattr(mailer.connection, use)()
            assert mailer.connection.noop()[0] == 250

        assert [receipt.status for receipt in receipts] == [
            Status.SENT, Status.REFUSED, Status.SENT,
        ]  # fmt: skip
        assert subjects(smtp_server) == ["a", "c"]

    def test_closing_it_loses_only_what_was_on_its_way(self, smtp_server: SMTPServer) -> None:
        with get_connection(smtp_server.url) as mailer:
            deliveries = mailer.iter_deliver(mail(str(number)) for number in range(3))
            receipts = [next(deliveries)]
            mailer.connection.close()
            receipts += deliveries

        sent = [number for number, each in enumerate(receipts) if each.status is Status.SENT]
        assert len(receipts) == 3
        assert 0 in sent
        assert subjects(smtp_server) == [str(number) for number in sent]


class TestWaits:
    def test_each_reply_has_a_deadline(self, smtp_server: SMTPServer) -> None:
        smtp_server.script("NOOP", Silence())
        with get_connection(smtp_server.url, timeout=0.2) as mailer:
            with pytest.raises(smtplib.SMTPServerDisconnected, match="No reply"):
                mailer.connection.noop()
            assert mailer.connection.sock is None
            assert mailer.send_messages([mail()]) == 1

    def test_a_reply_without_end_is_not_read_for_ever(self, smtp_server: SMTPServer) -> None:
        smtp_server.script("NOOP", "250-" + "x" * 200_000)
        with get_connection(smtp_server.url) as mailer:
            with pytest.raises(smtplib.SMTPException, match="not an SMTP reply"):
                mailer.connection.noop()
            assert mailer.send_messages([mail()]) == 1


def test_a_connection_that_somebody_has_is_not_kept_for_others(smtp_server: SMTPServer) -> None:
    with get_connection(smtp_server.url, keep_alive=60) as mailer:
        held = mailer.connection
    with get_connection(smtp_server.url, keep_alive=60):
        assert held.sock is None
        assert len(smtp_server.connections) == 2
    close_pools()


def test_it_can_be_debugged(mailer: EmailBackend, capsys: pytest.CaptureFixture[str]) -> None:
    mailer.connection.set_debuglevel(1)
    mailer.connection.noop()

    assert "noop" in (shown := capsys.readouterr().err)
    assert "250" in shown


def test_it_says_nothing_unless_it_is_debugged(
    mailer: EmailBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    mailer.connection.noop()

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("code", [250, 299, 300, 354, 399, 400, 550])
def test_it_is_out_of_step_while_the_server_waits_for_more(
    code: int, mailer: EmailBackend, smtp_server: SMTPServer
) -> None:
    """RFC 5321, 4.3.2: after a 3xx, what is sent next is no command."""
    smtp = mailer.connection
    smtp_server.script("FROB", f"{code} Words")
    assert smtp.is_in_step

    smtp.docmd("FROB")
    assert smtp.is_in_step is not (300 <= code < 400)
    smtp.send("NOOP\r\n")
    assert not smtp.is_in_step
    smtp.getreply()
    assert smtp.is_in_step


def test_each_command_has_its_answer_before_it_is_in_step(mailer: EmailBackend) -> None:
    smtp = mailer.connection
    for _ in range(3):
        smtp.putcmd("NOOP")
    steps = []
    for _ in range(3):
        smtp.getreply()
        steps.append(smtp.is_in_step)

    assert steps == [False, False, True]


def test_a_new_socket_begins_with_a_greeting(smtp_server: SMTPServer) -> None:
    smtp = connection_to(smtp_server)
    smtp.sock = socket.create_connection((smtp_server.host, smtp_server.port))
    smtp.putcmd("EHLO", "client.example")
    steps = []
    for _ in range(2):
        steps.append((smtp.getreply()[0], smtp.is_in_step))
    smtp.close()

    assert steps == [(220, False), (250, True)]


@pytest.mark.parametrize("before", ["127.0.0.1", "0.example", "z.example"])
def test_the_certificate_must_be_for_where_it_leads_now(
    before: str, smtp_server: SMTPServer
) -> None:
    smtp = connection_to(smtp_server)
    smtp.close()
    smtp.host, smtp.server_hostname = before, "mx.example"
    smtp.connect("127.0.0.1", smtp_server.port)
    smtp.close()

    assert smtp.host == "127.0.0.1"
    assert smtp.server_hostname == ("mx.example" if before == "127.0.0.1" else "127.0.0.1")


@pytest.mark.parametrize("name", ["client.example", ""])
def test_it_greets_with_the_name_that_the_mailer_has(name: str, smtp_server: SMTPServer) -> None:
    with get_connection(smtp_server.url, local_hostname=name or None) as mailer:
        mailer.send_messages([mail()])

    [greeting] = [command for command in smtp_server.commands if command.startswith("EHLO")]
    assert (greeting == "EHLO client.example") is bool(name)
    assert greeting != "EHLO "


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
def test_one_that_cannot_be_made_leaves_no_socket_open(
    error: BaseException, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise error

    opened = []

    def connect(host: str, port: int, timeout: float | None) -> socket.socket:
        opened.append(socket.create_connection((host, port), timeout))
        return opened[0]

    monkeypatch.setattr(connection, "Connection", refuse)
    mailer = EmailBackend(smtp_server.host, smtp_server.port, connect=connect)
    with pytest.raises(type(error)):
        connection.dial(mailer._way())

    assert opened[0].fileno() == -1


@pytest.mark.parametrize(
    ("given", "missing"), [({"username": "ann"}, "password"), ({"password": "x"}, "username")]
)
def test_half_a_login_is_none_and_is_warned_of(
    given: dict[str, str], missing: str, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    with get_connection(smtp_server.url, **given) as mailer:
        mailer.send_messages([mail()])

    assert f"Not logging in at 127.0.0.1:{smtp_server.port}: there is no {missing}" in caplog.text
    assert not any(command.startswith("AUTH") for command in smtp_server.commands)


@pytest.mark.parametrize("hello", ["ehlo", "helo"])
def test_either_greeting_makes_it_a_greeted_one(hello: str, smtp_server: SMTPServer) -> None:
    smtp = connection_to(smtp_server)
    smtp.getreply()
    assert not smtp.is_greeted
    getattr(smtp, hello)("client.example")
    assert smtp.is_greeted
    smtp.learn({})
    assert not smtp.is_greeted
    smtp.close()
