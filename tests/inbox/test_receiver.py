"""The inbox takes mail by SMTP from any program, whatever it is configured with."""

import smtplib
import socket
import ssl
from urllib.parse import urlsplit

import pytest

import simplemail
from simplemail.inbox.client import Client
from simplemail.inbox.receiver import TLS
from simplemail.inbox.server import InboxServer, Options
from simplemail.testing.server import TLS_DIR
from support.inboxes import FREE, plain_mail, running


def client(inbox) -> smtplib.SMTP:
    parts = urlsplit(inbox.smtp_url)
    return smtplib.SMTP(parts.hostname, parts.port, timeout=10)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


def send_by(url: str) -> None:
    connection = simplemail.get_connection(url)
    simplemail.send_mail("s", "t", "a@example.com", ["b@example.com"], connection=connection)


def test_a_message_is_kept_with_its_envelope(inbox):
    with client(inbox) as smtp:
        smtp.sendmail("bounce@shop.example", ["a@example.com", "b@example.com"], plain_mail("Hi"))

    [row] = inbox.messages.rows()
    assert (row.sender, row.recipients) == (
        "bounce@shop.example",
        ["a@example.com", "b@example.com"],
    )
    assert inbox.messages.store.content(row.id) == plain_mail("Hi")


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_any_name_and_password_will_do(inbox, mechanism):
    with client(inbox) as smtp:
        smtp.ehlo()
        smtp.user, smtp.password = "anybody", "anything"
        code, _ = smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism}"))

    assert code == 235


def test_a_program_that_logs_in_gets_its_mail_through(inbox):
    url = inbox.smtp_url.replace("smtp://", "smtp://user:pass@")

    simplemail.send_mail(
        "s", "t", "a@example.com", ["b@example.com"], connection=simplemail.get_connection(url)
    )

    assert inbox.messages.rows()[0].subject == "s"


def test_nothing_that_is_too_large_is_kept():
    options = Options(http=("127.0.0.1", 0), smtp=("127.0.0.1", 0), max_size=1000)
    inbox = InboxServer(options).start()
    try:
        with client(inbox) as smtp:
            with pytest.raises(smtplib.SMTPResponseException) as refused:
                smtp.sendmail("a@example.com", ["b@example.com"], b"x" * 5000)
            assert refused.value.smtp_code == 552
            smtp.docmd("MAIL", "FROM:<a@example.com>")
            smtp.docmd("RCPT", "TO:<b@example.com>")
            assert smtp.data(b"x\r\n" * 5000)[0] == 552
            smtp.sendmail("a@example.com", ["b@example.com"], plain_mail("small"))

        assert [row.subject for row in inbox.messages.rows()] == ["small"]
    finally:
        inbox.stop()


def test_eight_bits_without_notice_are_known(inbox):
    content = plain_mail(text="ü")
    with client(inbox) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], content)
        smtp.sendmail("a@example.com", ["b@example.com"], content, ["BODY=8BITMIME"])

    assert [row.announced_8bit for row in inbox.messages.rows()] == [True, False]


def test_a_port_that_is_taken_leads_to_the_next(inbox):
    taken = int(inbox.smtp_url.rpartition(":")[2])
    other = InboxServer(Options(http=("127.0.0.1", 0), smtp=("127.0.0.1", taken))).start()
    try:
        assert taken < int(other.smtp_url.rpartition(":")[2]) < taken + 50
    finally:
        other.stop()


@needs_ipv6
@pytest.mark.parametrize("address", ["::1", "::"])
@pytest.mark.parametrize("tls", [None, TLS()])
def test_it_listens_on_ipv6_too(address, tls):
    with running(http=(address, 0), smtp=(address, 0), token="t", tls=tls) as inbox:
        send_by(inbox.smtp_url)

        assert inbox.url.startswith("http://[::1]:")
        assert inbox.smtp_url.startswith("smtp+tls://[::1]:" if tls else "smtp://[::1]:")
        found = Client(inbox.url, "t").call("GET", "/api/messages")
        assert [each["subject"] for each in found["messages"]] == ["s"]


@needs_ipv6
def test_a_taken_port_of_ipv6_leads_to_the_next():
    with running(smtp=("::1", 0)) as inbox:
        taken = urlsplit(inbox.smtp_url).port
        with running(smtp=("::1", taken)) as other:
            assert taken < urlsplit(other.smtp_url).port < taken + 50


def test_without_being_asked_it_offers_no_starttls(inbox):
    with client(inbox) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("starttls")


class TestSTARTTLS:
    def test_programs_that_insist_on_it_get_their_mail_through(self):
        with running(tls=TLS()) as inbox:
            assert inbox.smtp_url.startswith("smtp+tls://127.0.0.1:")
            send_by(inbox.smtp_url.replace("://", "://user:pass@"))

            assert [row.subject for row in inbox.messages.rows()] == ["s"]

    def test_the_certificate_is_one_that_nobody_trusts_by_chance(self):
        with running(tls=TLS()) as inbox:
            with client(inbox) as smtp, pytest.raises(ssl.SSLCertVerificationError):
                smtp.starttls(context=ssl.create_default_context())

            send_by(inbox.smtp_url)

            assert len(inbox.messages.rows()) == 1

    def test_others_may_go_on_without_it_and_log_in(self):
        with running(tls=TLS()) as inbox:
            with client(inbox) as smtp:
                smtp.login("anybody", "anything")
                smtp.sendmail("a@example.com", ["b@example.com"], plain_mail("clear"))

            assert [row.subject for row in inbox.messages.rows()] == ["clear"]

    def test_it_takes_a_certificate_of_yours(self, tmp_path):
        pem = (TLS_DIR / "server.pem").read_text()
        start = pem.index("-----BEGIN CERTIFICATE")
        end = pem.index("-----END CERTIFICATE-----", start) + len("-----END CERTIFICATE-----\n")
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        cert.write_text(pem[start:end])
        key.write_text(pem[:start] + pem[end:])

        with running(tls=TLS(cert, key)) as inbox:
            assert "ca_file" not in inbox.smtp_url
            send_by(f"{inbox.smtp_url}?ca_file={TLS_DIR / 'ca.pem'}")

            assert [row.subject for row in inbox.messages.rows()] == ["s"]

    @pytest.mark.parametrize(
        ("files", "why"),
        [
            (("missing.pem",), "There is no file"),
            (("cert", "missing.pem"), "There is no file"),
            (("ca.pem",), "a certificate and its key in PEM"),
            (("make.sh",), "a certificate and its key in PEM"),
            (("server.pem", "client.pem"), "the key belongs to another certificate"),
        ],
    )
    def test_a_certificate_that_cant_be_used_is_said_at_once(self, files, why):
        with pytest.raises(ValueError, match=why):
            InboxServer(
                Options(http=FREE, smtp=FREE, tls=TLS(*(TLS_DIR / f for f in files)))
            ).start()

    def test_a_client_that_says_half_a_handshake_doesnt_hold_up_the_end(self):
        with running(tls=TLS()) as inbox:
            parts = urlsplit(inbox.smtp_url)
            with socket.create_connection((parts.hostname, parts.port), 10) as sock:
                for line in (b"", b"EHLO x\r\n", b"STARTTLS\r\n"):
                    sock.sendall(line)
                    sock.recv(1000)
                sock.sendall(b"\x16\x03\x01\x00")
                inbox.stop()
