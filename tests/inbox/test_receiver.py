"""The inbox takes mail by SMTP from any program, whatever it is configured with."""

import smtplib

import pytest

import simplemail
from simplemail.inbox.server import InboxServer, Options
from support.inboxes import plain_mail


def client(inbox) -> smtplib.SMTP:
    host, _, port = inbox.smtp_url.removeprefix("smtp://").partition(":")
    return smtplib.SMTP(host, int(port), timeout=10)


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
