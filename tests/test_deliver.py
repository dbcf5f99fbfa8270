"""deliver(), iter_deliver() and message.deliver(); the backends' own are in backends/."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from simplemail import (
    InvalidMailer,
    Status,
    adeliver,
    aiter_deliver,
    deliver,
    get_connection,
    iter_deliver,
    override_settings,
)
from simplemail.testing import capture
from simplemail.testing.contract import a_message


def test_deliver_tells_of_each_message_in_order():
    with capture() as outbox:
        receipts = deliver([a_message(), a_message(subject="a\nb"), a_message(subject="Third")])

    assert [r.status for r in receipts] == [Status.SENT, Status.REFUSED, Status.SENT]
    assert isinstance(receipts[1].error, ValueError)
    assert [message.subject for message in outbox] == ["Subject", "Third"]


def test_iter_deliver_takes_messages_as_they_are_needed():
    endless = (a_message(subject=str(number)) for number in itertools.count())

    with capture() as outbox:
        receipts = iter_deliver(endless)
        assert outbox == []
        assert [next(receipts).message.subject for _ in range(3)] == ["0", "1", "2"]
        receipts.close()
        assert len(outbox) == 3


def test_using_names_the_mailer():
    with override_settings(MAILERS={"news": "memory:"}), capture() as outbox:
        deliver([a_message()], using="news")
        a_message().deliver(using="news")

    assert [message.sent_using for message in outbox] == ["news", "news"]


def test_bad_configuration_is_raised_at_once():
    with override_settings(EMAIL_URL="smpt://mail.example.com"), pytest.raises(InvalidMailer):
        iter_deliver([a_message()])


@pytest.mark.parametrize(
    "wrong",
    [a_message(), a_message().envelope(), a_message().message(), b"From: a@b.c", "x", 5, None],
    ids=lambda wrong: type(wrong).__name__,
)
@pytest.mark.parametrize("url", ["memory:", "smtp://127.0.0.1:1"])
def test_one_message_is_no_list(url, wrong):
    text = rf"another iterable, like \[message\], not {type(wrong).__name__}$"
    with override_settings(EMAIL_URL=url):
        for call in (deliver, get_connection().send_messages, get_connection().deliver):
            with pytest.raises(TypeError, match=text):
                call(wrong)
        with pytest.raises(TypeError, match=text):
            asyncio.run(adeliver(wrong))
        with pytest.raises(TypeError, match=text):
            asyncio.run(anext(aiter_deliver(wrong)))


def test_a_message_delivers_itself(smtp_server):
    smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
    with override_settings(EMAIL_URL=smtp_server.url):
        receipt = a_message(to=["no@example.com", "ann@example.com"]).deliver()

    assert receipt.status is Status.SENT
    assert str(receipt.refused["no@example.com"]) == "550 5.1.1 No such user"
    smtp_server.wait_for(lambda: smtp_server.open_connections == 0)


@pytest.mark.parametrize("refusal", ["451 4.7.1 Greylisted", "550 5.7.1 Not you"])
def test_a_refused_sender_is_not_the_recipients_fault(smtp_server, refusal):
    """Sent together with MAIL, each RCPT gets a 503: there is no MAIL to add it to."""
    smtp_server.script("MAIL", refusal)
    with override_settings(EMAIL_URL=smtp_server.url):
        receipt = a_message().deliver()

    assert receipt.refused == {}
    assert str(receipt.reply) == refusal
    assert receipt.retry_is_safe is refusal.startswith("4")


def test_a_message_without_recipients_goes_nowhere(smtp_server):
    with override_settings(EMAIL_URL=smtp_server.url):
        receipt = a_message(to=[]).deliver()

    assert receipt.status is Status.REFUSED
    assert smtp_server.connections == []
