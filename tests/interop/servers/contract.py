"""What must work with every server: the tests of each inherit this class."""

from __future__ import annotations

import hashlib
import logging
import smtplib
import ssl
import time
import uuid
from collections import Counter
from typing import Any

import pytest

from simplemail.rendering.envelope import Envelope
from simplemail.testing.server import TLS_DIR

from . import node
from .base import Contract, a_mail, logged_in, mailer_for
from .corpus import Parts, samples, trimmed


class ServerContract(Contract):
    """Subclasses have a fixture `server`, and say what theirs offers."""

    # Content

    def test_every_message_arrives_as_it_was_written(self, server, way, box):
        sent = samples(f"{box}@example.com")

        count = mailer_for(server, way).send_messages(sample.message for sample in sent)

        mails = {mail.parsed["subject"]: mail for mail in server.wait_for(box, len(sent))}
        assert count == len(sent) == len(mails)
        for sample in sent:
            assert read_by_python(mails[sample.message.subject].parsed) == sample.parts()

    def test_another_reader_finds_the_same_in_them(self, server, way, box):
        if reason := node.missing():
            pytest.skip(reason)
        sent = samples(f"{box}@example.com")

        mailer_for(server, way).send_messages(sample.message for sample in sent)

        mails = server.wait_for(box, len(sent))
        read = {mail["subject"]: mail for mail in node.parse(mail.content for mail in mails)}
        for sample in sent:
            assert read_by_node(read[sample.message.subject]) == sample.parts()

    def test_content_is_handed_on_octet_by_octet(self, server, way, box):
        """The lines that a dot, a long line or a chunk could harm, in a ready-made message."""
        lines = [b".", b"..", b". .", b"", b"x" * 998, b".", b"\x81\xff" * 100, b"", b"."]
        content = b"Subject: raw\r\n\r\n" + b"".join(line + b"\r\n" for line in lines * 200)
        eight_bit = "8bitmime" in self.offers(server, way)
        content = content if eight_bit else content.translate(bytes(range(128)) * 2)
        envelope = Envelope(
            "box-sender@example.com", (f"{box}@example.com",), content, eight_bit=eight_bit
        )

        mailer_for(server, way).send_messages([envelope])

        [mail] = server.wait_for(box)
        assert body_of(mail.content) == body_of(content)

    def test_null_sender(self, server, way, box):
        envelope = Envelope("", (f"{box}@example.com",), b"Subject: bounce\r\n\r\nText\r\n")

        mailer_for(server, way).send_messages([envelope])

        assert [mail.sender for mail in server.wait_for(box)] == [""]

    # Addresses

    def test_domain_that_is_not_ascii_needs_no_extension(self, server, way, box):
        mailer_for(server, way).send_messages([a_mail(f"{box}@bücher.example")])

        [mail] = server.wait_for(box)
        assert mail.recipients[0].partition("@")[2] in ("xn--bcher-kva.example", "bücher.example")

    def test_address_that_is_not_ascii(self, server, box):
        mailer = mailer_for(server)

        mailer.send_messages([a_mail(f"{box}-grün@example.com", "Grüße\n")])

        [mail] = server.wait_for(box)
        assert f"To: {box}-grün@example.com".encode() in mail.content
        assert mail.parsed.get_content().strip() == "Grüße"

    def test_address_that_is_not_ascii_where_the_server_cannot_take_it(self, server, poor_way, box):
        with mailer_for(server, poor_way) as mailer:
            with pytest.raises((smtplib.SMTPNotSupportedError, ValueError), match="SMTPUTF8"):
                mailer.send_messages([a_mail(f"{box}-grün@example.com")])

            assert mailer.send_messages([a_mail(f"{box}@example.com")]) == 1

        assert len(server.wait_for(box)) == 1

    # Security

    def test_secure_session_with_login(self, server, secure, box):
        logged_in(server, secure).send_messages([a_mail(f"{box}@example.com", "Grüße\n")])

        assert len(server.wait_for(box)) == 1

    def test_wrong_password(self, server, secure, box):
        mailer = logged_in(server, secure, password="not the password")

        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            mailer.send_messages([a_mail(f"{box}@example.com")])

        assert caught.value.smtp_code == 535
        said = f"{caught.value!r} {caught.value} {getattr(caught.value, '__notes__', '')}"
        assert "not the password" not in said
        assert logged_in(server, secure).send_messages([a_mail(f"{box}@example.com")]) == 1

    def test_mail_without_login_where_one_is_wanted(self, server, box):
        with pytest.raises(smtplib.SMTPException) as caught:
            mailer_for(server, "auth").send_messages([a_mail(f"{box}@example.com")])

        assert "530" in str(caught.value) or "5.7." in str(caught.value)

    def test_wrong_ca(self, server, secure, box):
        mailer = mailer_for(server, secure, ca_file=TLS_DIR / "other-ca.pem")

        with pytest.raises(ssl.SSLCertVerificationError):
            mailer.send_messages([a_mail(f"{box}@example.com")])

    @pytest.mark.parametrize("port", ["wrong_host", "wrong_host_tls"])
    def test_wrong_host_name(self, server, port, box):
        with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
            mailer_for(server, port).send_messages([a_mail(f"{box}@example.com")])

    # Refusals

    def test_partly_refused_recipients_are_told_and_the_others_get_it(
        self, server, way, box, caplog
    ):
        message = a_mail([f"{box}@example.com", "nobody@example.com", "grey@example.com"])

        with caplog.at_level(logging.WARNING, "simplemail"):
            count = mailer_for(server, way).send_messages([message])

        assert count == 1
        assert "nobody@example.com" in caplog.text
        assert "grey@example.com" in caplog.text
        assert len(server.wait_for(box)) == 1

    def test_all_recipients_refused_and_the_session_goes_on(self, server, way, box):
        with mailer_for(server, way) as mailer:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                mailer.send_messages([a_mail(["nobody@example.com", "grey@example.com"])])

            assert caught.value.recipients["nobody@example.com"][0] == 550
            assert caught.value.recipients["grey@example.com"][0] in (450, 451)
            assert mailer.send_messages([a_mail(f"{box}@example.com")]) == 1
        assert len(server.wait_for(box)) == 1

    def test_oversize_and_the_session_goes_on(self, server, way, box):
        big = a_mail(f"{box}-big@example.com", "x" * 70 + "\n")
        big.attach("big.bin", b"x" * server.size_limit, "application/octet-stream")

        with mailer_for(server, way) as mailer:
            with pytest.raises(smtplib.SMTPResponseException) as caught:
                mailer.send_messages([big])

            assert caught.value.smtp_code == 552
            assert mailer.send_messages([a_mail(f"{box}@example.com")]) == 1
        assert len(server.wait_for(box)) == 1

    # Many

    def test_a_thousand_recipients(self, server, way):
        mark = f"many-{uuid.uuid4().hex[:12]}"
        bcc = [f"{mark}-{number}@example.com" for number in range(1000)]

        count = mailer_for(server, way).send_messages([a_mail([], bcc=bcc)])

        assert count == 1
        assert Counter(self.wait_for_recipients(server, mark, 1000)) == Counter(bcc)

    def test_five_hundred_messages_in_one_call(self, server, box):
        messages = (
            a_mail(f"{box}-{number}@example.com", f"Number {number}\n") for number in range(500)
        )

        assert mailer_for(server).send_messages(messages) == 500

        bodies = [mail.parsed.get_content().strip() for mail in server.wait_for(box, 500)]
        assert sorted(bodies) == sorted(f"Number {number}" for number in range(500))

    # Helpers

    def offers(self, server, port):
        """The extensions that a port offers."""
        with smtplib.SMTP("127.0.0.1", server.ports[port]) as client:
            client.ehlo()
            return set(client.esmtp_features)

    def wait_for_recipients(self, server, box, count):
        """Everybody whose mail came, counted in the mails, which may be for many each."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = [address for mail in server.mails(box) for address in mail.recipients]
            if len(found) >= count:
                break
            time.sleep(0.05)
        return found


def body_of(content: bytes) -> bytes:
    """What comes after the headers, to which servers may add, with whatever line ends."""
    return content.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def read_by_python(mail: Any) -> Parts:
    """The parts, as the standard library reads them."""
    text, html = mail.get_body(["plain"]), mail.get_body(["html"])
    return Parts(
        trimmed(text.get_content()),
        trimmed(html.get_content()) if html else "",
        tuple(
            (
                part.get_filename(),
                part.get_content_type(),
                hashlib.sha256(part.get_payload(decode=True)).hexdigest(),
            )
            for part in mail.iter_attachments()
        ),
    )


def read_by_node(mail: dict[str, Any]) -> Parts:
    """The parts, as mailparser read them."""
    return Parts(
        trimmed(mail["text"] or ""),
        trimmed(mail["html"] or ""),
        tuple((part["filename"], part["mimetype"], part["sha256"]) for part in mail["attachments"]),
    )
