"""smtplib.LMTP as the class of a mailer's connections, with a real LMTP server."""

from __future__ import annotations

import smtplib

import pytest

from interop.servers import running
from interop.servers.dovecot import Dovecot
from simplemail import EmailMessage
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Status


class LMTPBackend(EmailBackend):
    connection_class = smtplib.LMTP


@pytest.fixture(scope="module")
def server():
    with running(Dovecot()) as server:
        yield server


@pytest.fixture
def mailer(server):
    return LMTPBackend("127.0.0.1", server.ports["lmtp"], timeout=20)


def a_mail(subject, *to):
    return EmailMessage(
        subject, "Grüße\n", "me@example.com", [f"{name}@example.com" for name in to]
    )


def subjects(server, name, count):
    mails = server.wait_for(f"{name}@example.com", count)
    return sorted(str(mail.parsed["Subject"]) for mail in mails)


def test_each_recipient_has_an_answer_of_its_own_and_the_session_goes_on(server, mailer):
    """After the content LMTP answers once for each recipient, where smtplib reads one answer."""
    mailer.deliver([a_mail("in vain", "full")])
    before = server.sessions()

    [first, second] = mailer.deliver([a_mail("first", "ann", "full"), a_mail("second", "ann")])

    assert first.status is Status.SENT
    assert first.recipients["ann@example.com"].status is Status.SENT
    full = first.recipients["full@example.com"]
    assert (full.status, full.reply.code, full.reply.enhanced) == (Status.REFUSED, 552, "5.2.2")
    assert first.refused == {"full@example.com": full.reply}
    assert (second.status, second.refused) == (Status.SENT, {})
    assert subjects(server, "ann", 2) == ["first", "second"]
    assert server.mails("full") == []
    assert server.sessions() - before == 1


def test_the_one_who_is_refused_may_come_first(server, mailer):
    [receipt] = mailer.deliver([a_mail("order", "full", "bob")])

    assert receipt.status is Status.SENT
    assert list(receipt.refused) == ["full@example.com"]
    assert subjects(server, "bob", 1) == ["order"]


def test_one_whom_it_doesnt_know_is_refused_before_the_content(mailer):
    [receipt] = mailer.deliver([a_mail("nobody", "nobody")])

    assert receipt.status is Status.REFUSED
    assert receipt.recipients["nobody@example.com"].reply.code == 550
    assert isinstance(receipt.error, smtplib.SMTPRecipientsRefused)


def test_send_messages_raises_when_nobody_gets_it(mailer):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        mailer.send_messages([a_mail("in vain", "full")])

    assert caught.value.recipients["full@example.com"][0] == 552
