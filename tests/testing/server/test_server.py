"""The scripted server itself, driven by smtplib and by bare sockets."""

import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import simplemail.testing.server as kit
from simplemail.testing.server import SMTPServer
from support.raw_client import Raw

MESSAGE = b"Subject: Hello\r\n\r\n.dotted\r\nbye\r\n"


@contextlib.contextmanager
def client(server: SMTPServer, *, hello: bool = True) -> Iterator[smtplib.SMTP]:
    smtp = smtplib.SMTP(server.host, server.port, local_hostname="client.example", timeout=10)
    try:
        if hello:
            smtp.ehlo()
        yield smtp
    finally:
        smtp.close()


@pytest.fixture
def trust(tls_ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls_ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


class TestMessages:
    def test_keeps_envelope_and_content_as_received(self, smtp_server):
        with client(smtp_server) as smtp:
            smtp.sendmail("a@s.example", ["b@d.example", "c@d.example"], MESSAGE, ["body=8bitmime"])

        [received] = smtp_server.messages
        assert received.sender == "a@s.example"
        assert received.recipients == ["b@d.example", "c@d.example"]
        assert received.parameters == {"SIZE": str(len(MESSAGE)), "BODY": "8bitmime"}
        assert received.content == MESSAGE
        assert received.message["Subject"] == "Hello"
        assert smtp_server.violations == []

    def test_chunks_make_one_content(self, smtp_server):
        with Raw(smtp_server) as raw:
            raw.ask(b"MAIL FROM:<a@s.example>\r\nRCPT TO:<b@d.example> NOTIFY=NEVER\r\n", replies=2)
            raw.ask(b"BDAT 4\r\n.\r\nx", replies=1)
            assert raw.ask(b"BDAT 2 LAST\r\n\r\n").startswith(b"250 2.0.0")

        [received] = smtp_server.messages
        assert received.content == b".\r\nx\r\n"
        assert received.chunks == 2
        assert received.recipient_parameters == {"b@d.example": {"NOTIFY": "NEVER"}}
        assert smtp_server.violations == []

    @pytest.mark.parametrize("content", [b"", b".\r\n", b"..\r\n.\r\n..\r\n", b"\r\n.x\r\n"])
    def test_unstuffs_dots(self, smtp_server, content):
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        with Raw(smtp_server) as raw:
            raw.ask(b"MAIL FROM:<>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n", replies=3)
            raw.ask(stuffed + b".\r\n")

        assert smtp_server.messages[0].content == content

    def test_refused_recipients_are_not_in_the_envelope(self, smtp_server):
        smtp_server.script("RCPT TO:<no@d.example>", "550 5.1.1 No such user")
        with client(smtp_server) as smtp:
            refused = smtp.sendmail("a@s.example", ["no@d.example", "yes@d.example"], MESSAGE)

        assert refused == {"no@d.example": (550, b"5.1.1 No such user")}
        assert smtp_server.messages[0].recipients == ["yes@d.example"]

    def test_without_recipients_there_is_no_content(self, smtp_server):
        smtp_server.script("RCPT", "450 4.2.0 Greylisted")
        with Raw(smtp_server) as raw:
            replies = raw.ask(
                b"MAIL FROM:<a@s.example>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n", replies=3
            )
        assert replies.endswith(b"554 5.5.1 No valid recipients\r\n")
        assert smtp_server.messages == []
        assert smtp_server.violations == []

    def test_a_message_over_size_is_refused(self):
        with SMTPServer(extensions=["SIZE 10"]) as server, client(server) as smtp:
            with pytest.raises(smtplib.SMTPSenderRefused):
                smtp.sendmail("a@s.example", ["b@d.example"], MESSAGE)
            smtp.rset()
            smtp.mail("a@s.example")
            smtp.rcpt("b@d.example")
            assert smtp.data(MESSAGE)[0] == 552

    def test_counts_only_without_record(self):
        with SMTPServer(record=False) as server:
            with client(server) as smtp:
                smtp.sendmail("a@s.example", ["b@d.example"], MESSAGE)
            assert server.accepted == 1
            assert server.messages == []
            assert [each.received for each in server.connections if each.received] == []

    def test_records_every_byte(self, smtp_server):
        with Raw(smtp_server) as raw:
            raw.ask(b"NOOP\r\nQUIT\r\n", replies=2)
        assert smtp_server.connections[0].received == b"EHLO client.example\r\nNOOP\r\nQUIT\r\n"
        assert smtp_server.commands == ["EHLO client.example", "NOOP", "QUIT"]


class TestTLS:
    def test_starttls_begins_anew(self, trust):
        with SMTPServer(starttls=True, tls_extensions=["SIZE 5"]) as server:
            with client(server) as smtp:
                assert smtp.has_extn("starttls")
                smtp.starttls(context=trust)
                smtp.ehlo()
                assert smtp.esmtp_features == {"size": "5"}
            assert server.connections[0].tls_version in ("TLSv1.2", "TLSv1.3")

    def test_implicit_tls(self, trust):
        with (
            SMTPServer(tls=True) as server,
            smtplib.SMTP_SSL(server.host, server.port, context=trust, timeout=10) as smtp,
        ):
            smtp.sendmail("a@s.example", ["b@d.example"], MESSAGE)
            assert server.messages[0].tls
            assert server.violations == []

    @pytest.mark.parametrize(
        ("certificate", "complaint"),
        [("wrong-host", "IP address mismatch"), ("expired", "certificate has expired")],
    )
    def test_bad_certificates_are_bad(self, trust, tls_dir, certificate, complaint):
        with SMTPServer(tls=True, certificate=tls_dir / f"{certificate}.pem") as server:
            with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
                smtplib.SMTP_SSL(server.host, server.port, context=trust, timeout=10)
            server.wait_for(lambda: server.connections[0].closed)
            assert server.connections[0].tls_error is not None

    def test_another_ca_is_not_ours(self, tls_dir):
        other = ssl.create_default_context(cafile=tls_dir / "other-ca.pem")
        with (
            SMTPServer(tls=True) as server,
            pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"),
        ):
            smtplib.SMTP_SSL(server.host, server.port, context=other, timeout=10)

    def test_client_certificates(self, trust, tls_dir, tls_ca):
        def hello(server):
            # In TLS 1.3 the refusal comes after the client's side of the handshake.
            with smtplib.SMTP_SSL(server.host, server.port, context=trust, timeout=10) as smtp:
                smtp.ehlo()

        with SMTPServer(tls=True, client_ca=tls_ca) as server:
            with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected)):
                hello(server)
            trust.load_cert_chain(tls_dir / "client.pem")
            hello(server)
            certificate = server.connections[-1].peer_certificate
            assert certificate["subject"] == ((("commonName", "ann@example.com"),),)

    def test_bytes_before_the_handshake(self, trust):
        with SMTPServer(starttls=True) as server, Raw(server) as raw:
            server.script("STARTTLS", kit.Inject("250 injected", after=True))
            assert raw.ask(b"STARTTLS\r\n", replies=2) == b"220 2.0.0 Go ahead\r\n250 injected\r\n"

    def test_a_stop_between_two_sockets_ends_the_handshake_that_follows(self, monkeypatch):
        wrap = ssl.SSLContext.wrap_socket
        server = SMTPServer(starttls=True).start()

        def interrupted(self, *args, **options):
            wrapped = wrap(self, *args, **options)
            channels.append(server.connections[0].channel)
            channels[0].hang_up()  # as stop() does in another thread
            return wrapped

        channels = []
        monkeypatch.setattr(ssl.SSLContext, "wrap_socket", interrupted)
        with Raw(server) as raw:
            raw.ask(b"STARTTLS\r\n")
            # The client says nothing, and never hangs up by itself.
            assert raw.file.read() == b""
            server.stop()
        assert len(channels) == 1


class TestAuth:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
    def test_smtplib_logs_in(self, mechanism):
        with SMTPServer(users={"änn": "sécret"}, auth=[mechanism]) as server:
            server.users = {"ann": "secret"}
            with client(server) as smtp:
                smtp.login("ann", "secret")
                assert server.connections[0].user == "ann"
            with client(server) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.login("ann", "wrong")
            assert server.violations == []

    @pytest.mark.parametrize(
        ("command", "answers"),
        [
            (b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", [b"235 2.7.0 Welcome\r\n"]),
            (b"AUTH PLAIN\r\nAGFubgBzZWNyZXQ=\r\n", [b"334 \r\n", b"235 2.7.0 Welcome\r\n"]),
            (b"AUTH PLAIN\r\n*\r\n", [b"334 \r\n", b"501 5.7.0 Cancelled\r\n"]),
            (b"AUTH KERBEROS\r\n", [b"504 5.5.4 Unknown mechanism\r\n"]),
        ],
    )
    def test_dialogues(self, command, answers):
        with SMTPServer(users={"ann": "secret"}) as server, Raw(server) as raw:
            for line, answer in zip(command.splitlines(keepends=True), answers, strict=True):
                assert raw.ask(line) == answer

    def test_nothing_without_login_where_it_is_required(self):
        with (
            SMTPServer(users={"ann": "secret"}, auth_required=True) as server,
            client(server) as smtp,
        ):
            assert smtp.mail("a@s.example")[0] == 530
            smtp.login("ann", "secret")
            assert smtp.mail("a@s.example")[0] == 250

    def test_with_starttls_login_is_offered_within_only(self, trust):
        with SMTPServer(starttls=True, users={"ann": "secret"}) as server, client(server) as smtp:
            assert not smtp.has_extn("auth")
            smtp.starttls(context=trust)
            smtp.ehlo()
            assert smtp.has_extn("auth")


class TestScript:
    def test_a_list_holds_the_answers_one_by_one(self, smtp_server):
        smtp_server.script("NOOP", ["250 one", None, "450 three"])
        with client(smtp_server) as smtp:
            assert [smtp.noop()[0] for _ in range(4)] == [250, 250, 450, 250]

    def test_nth_and_pattern_and_function(self, smtp_server):
        smtp_server.script(re.compile("^VRFY .*bob", re.I), lambda line, session: f"250 {line[5:]}")
        smtp_server.script("NOOP", "450 second", nth=2)
        with client(smtp_server) as smtp:
            assert smtp.verify("bobby") == (250, b"bobby")
            assert [smtp.noop()[0] for _ in range(3)] == [250, 450, 250]

    def test_a_reply_of_several_lines(self, smtp_server):
        smtp_server.script("NOOP", "250 a\nb\n250 c")
        with Raw(smtp_server) as raw:
            assert raw.ask(b"NOOP\r\n") == b"250-a\r\n250-b\r\n250 c\r\n"

    def test_a_421_closes(self, smtp_server):
        smtp_server.script("MAIL", "421 4.3.2 Shutting down")
        with Raw(smtp_server) as raw:
            assert raw.ask(b"MAIL FROM:<>\r\n", replies=2) == b"421 4.3.2 Shutting down\r\n"

    def test_after_a_refusing_greeting_only_quit_helps(self, smtp_server):
        smtp_server.script("GREETING", "554 5.3.2 No service")
        with Raw(smtp_server) as raw:
            assert raw.hello.startswith(b"503")
            assert raw.ask(b"QUIT\r\n").startswith(b"221")

    def test_helo_only(self):
        with SMTPServer(helo_only=True) as server, client(server, hello=False) as smtp:
            smtp.ehlo_or_helo_if_needed()
            assert not smtp.does_esmtp
            smtp.sendmail("a@s.example", ["b@d.example"], MESSAGE)
            assert len(server.messages) == 1
            assert server.violations == []


class TestLife:
    def test_stop_ends_every_thread_at_once(self):
        before = threading.active_count()
        server = SMTPServer().start()
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(client(server))
            server.stop()
        assert threading.active_count() == before
        assert server.open_connections == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((server.host, server.port))

    def test_restart_keeps_the_port(self, smtp_server):
        port = smtp_server.port
        with client(smtp_server) as smtp:
            smtp_server.restart()
            with pytest.raises(smtplib.SMTPServerDisconnected):
                smtp.noop()
        with client(smtp_server) as smtp:
            assert smtp.noop()[0] == 250
        assert smtp_server.port == port

    def test_a_killed_server_refuses(self, smtp_server):
        smtp_server.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((smtp_server.host, smtp_server.port))
        smtp_server.start()
        with client(smtp_server) as smtp:
            assert smtp.noop()[0] == 250

    def test_the_url_has_all_that_a_mailer_needs(self):
        with SMTPServer(starttls=True, users={"a@b": "p/w"}, ca_file="/ca file") as server:
            assert (
                server.url == f"smtp+tls://a%40b:p%2Fw@127.0.0.1:{server.port}?ca_file=/ca%20file"
            )
        with SMTPServer() as server:
            assert server.url == f"smtp://127.0.0.1:{server.port}"
