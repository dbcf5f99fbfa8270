"""With a real Postfix."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest

from interop.servers import running
from interop.servers.base import a_mail, logged_in, mailer_for
from interop.servers.contract import ServerContract
from interop.servers.delivery import DeliveryContract
from interop.servers.greylist import Greylist
from interop.servers.mailboxes import wait_until
from interop.servers.postfix import USERS, Postfix
from simplemail.receipts import Status


@pytest.fixture(scope="module")
def server():
    with Greylist() as greylist, running(Postfix(greylist=greylist.address)) as server:
        yield server


class Offers:
    ways: ClassVar = ["plain", "pipelining", "basic"]
    without_extensions: ClassVar = ["basic"]
    mechanisms: ClassVar = ["plain", "login", "cram-md5", "scram-sha-256"]


class TestPostfix(Offers, ServerContract):
    """What every server is asked."""


class TestPostfixDelivery(Offers, DeliveryContract):
    """What every server is asked about receipts and lasting sessions."""

    @pytest.mark.parametrize(
        ("port", "window", "command"),
        [("plain", 1, "data=1"), ("plain", 2, "bdat=1"), ("basic", 2, "data=1")],
    )
    def test_best_command_for_content(self, server, port, window, command, box):
        mailer_for(server, port, window=window).send_messages([a_mail(f"{box}@example.com")])

        lines = lambda: server.log().splitlines()  # noqa: E731
        wait_until(lambda: any(f"/{port}/smtpd" in line and command in line for line in lines()))

    def test_best_mechanism(self, server, box):
        logged_in(server, "auth").send_messages([a_mail(f"{box}@example.com")])

        wait_until(lambda: "/auth/smtpd" in server.log())
        wait_until(lambda: "sasl_method=SCRAM-SHA-256" in server.log())

    def test_credentials_that_are_not_ascii(self, server, mechanism, box):
        username, password = list(USERS.items())[1]

        mailer = mailer_for(server, "auth", username=username, password=password, auth=mechanism)

        assert mailer.send_messages([a_mail(f"{box}@example.com")]) == 1

    def test_greylisted_mail_can_be_sent_again_as_it_is(self, server, box):
        mailer = mailer_for(server, "greylist")

        [first] = mailer.deliver([a_mail(f"{box}@example.com")])
        [second] = mailer.deliver([first.envelope])

        assert (first.status, second.status) == (Status.DEFERRED, Status.SENT)
        assert first.refused[f"{box}@example.com"].code == 450
        assert first.retry_is_safe
        [mail] = server.wait_for(box)
        assert mail.parsed["Message-ID"] == first.message_id == second.message_id

    def test_retries_get_through_a_greylist(self, server, box):
        mailer = mailer_for(server, "greylist", retries=2)

        assert mailer.send_messages([a_mail(f"{box}@example.com")]) == 1

        assert len(server.wait_for(box)) == 1

    @pytest.mark.parametrize("most", [None, 100, 70])
    def test_recipients_over_the_limit_get_it_in_further_transactions(self, server, most):
        """smtpd_recipient_limit: 452 for each recipient after the first hundred."""
        box = f"many-limit-{most}"
        bcc = [f"{box}-{number}@example.com" for number in range(300)]
        mailer = mailer_for(server, "hundred", max_recipients=most)

        [receipt] = mailer.deliver([a_mail([], bcc=bcc)])

        assert receipt.status is Status.SENT
        assert not receipt.refused
        assert [*receipt.recipients] == bcc
        replies = Counter(str(fate.reply) for fate in receipt.recipients.values())
        assert sorted(replies.values()) == ([20, 70, 70, 70, 70] if most == 70 else [100] * 3)
        got = Counter(mail.recipients[0] for mail in server.wait_for(f"{box}-", 300))
        assert got == dict.fromkeys(bcc, 1)

    def test_delivery_report(self, server, box):
        """RFC 3461: the server tells the sender that the mail arrived."""
        message = a_mail(f"{box}@example.com", from_email=f"{box}-sender@example.com")

        mailer_for(server, notify="success", ret="hdrs").send_messages([message])

        [report] = server.wait_for(f"{box}-sender")
        assert report.sender == ""
        assert report.parsed.get_content_type() == "multipart/report"
