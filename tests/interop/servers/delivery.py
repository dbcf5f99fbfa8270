"""What receipts and lasting sessions promise, with every server: its tests inherit this class."""

from __future__ import annotations

import smtplib
import threading
from collections import Counter
from typing import ClassVar

import pytest

from simplemail import EmailMessage
from simplemail.receipts import Status

from .base import Contract, a_mail, logged_in, mailer_for
from .mailboxes import wait_until


class DeliveryContract(Contract):
    """Subclasses have a fixture `server`, and say what theirs offers."""

    many: ClassVar = 500

    # Receipts

    def test_receipt_has_the_servers_last_word(self, server, way, box):
        [receipt] = mailer_for(server, way).deliver([a_mail(f"{box}@example.com")])

        assert receipt.status is Status.SENT
        assert receipt.reply.code == 250
        assert receipt.error is None
        [mail] = server.wait_for(box)
        assert mail.parsed["Message-ID"] == receipt.message_id

    def test_receipt_names_the_refused_recipients(self, server, way, box):
        message = a_mail([f"{box}@example.com", "nobody@example.com", "grey@example.com"])

        [receipt] = mailer_for(server, way).deliver([message])

        assert receipt.status is Status.SENT
        assert receipt.refused.keys() == {"nobody@example.com", "grey@example.com"}
        assert receipt.refused["nobody@example.com"].code == 550
        assert receipt.refused["nobody@example.com"].enhanced == "5.1.1"
        assert receipt.refused["grey@example.com"].code in (450, 451)

    def test_one_batch_of_every_fate(self, server, way, box):
        """Each message's fate is its own, also with many in flight."""
        fates = {
            f"{box}@example.com": Status.SENT,
            "nobody@example.com": Status.REFUSED,
            "grey@example.com": Status.DEFERRED,
            f"{box}-big@example.com": Status.REFUSED,
            "somebody@elsewhere.example": Status.REFUSED,
        }
        recipients = [*fates] * 4

        receipts = mailer_for(server, way).deliver(_mails(recipients, server.size_limit))

        assert [receipt.status for receipt in receipts] == [fates[to] for to in recipients]
        assert [receipt.message.to for receipt in receipts] == [[to] for to in recipients]
        assert len(server.wait_for(box, 4)) == 4

    def test_many_messages_arrive_once(self, server, box):
        numbers = range(self.many)
        messages = (
            a_mail(f"{box}-{number}@example.com", f"Number {number}\n") for number in numbers
        )

        receipts = mailer_for(server).deliver(messages)

        assert {receipt.status for receipt in receipts} == {Status.SENT}
        bodies = [mail.parsed.get_content().strip() for mail in server.wait_for(box, self.many)]
        assert sorted(bodies) == sorted(f"Number {number}" for number in numbers)

    @pytest.mark.parametrize("window", [1, 16])
    def test_restart_in_mid_batch(self, server, way, window, box):
        """Receipts and mailbox agree, message by message; and after the restart it goes on."""

        def messages():
            for number in range(60):
                if number == 30:
                    server.stop()
                    server.start()
                yield a_mail(f"{box}-{number:02}@example.com")

        receipts = mailer_for(server, way, window=window).deliver(messages())

        fates = {receipt.message.to[0]: receipt.status for receipt in receipts}
        sent = [address for address, fate in fates.items() if fate is Status.SENT]
        assert len(fates) == 60
        assert sent[-1] == f"{box}-59@example.com"
        wait_until(lambda: {*sent} <= {mail.recipients[0] for mail in server.mails(box)})
        reached = Counter(mail.recipients[0] for mail in server.mails(box))
        assert set(reached.values()) == {1}
        assert not [to for to, fate in fates.items() if to in reached and fate is Status.DEFERRED]
        assert not [to for to, fate in fates.items() if fate is Status.REFUSED]

    def test_send_messages_tells_what_was_sent_before_the_failure(self, server, box):
        """A call that raises in the middle says which mails are gone already."""
        to = [f"{box}-0@example.com", f"{box}-1@example.com", "nobody@example.com", f"{box}-2@b.c"]

        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            mailer_for(server).send_messages([a_mail(address) for address in to])

        fates = [receipt.status for receipt in caught.value.receipts]
        assert fates == [Status.SENT, Status.SENT, Status.REFUSED]
        assert len(server.wait_for(box, 2)) == 2

    # Sessions

    def test_each_mechanism(self, server, mechanism, box):
        [receipt] = logged_in(server, "auth", auth=mechanism).deliver(
            [a_mail(f"{box}@example.com")]
        )

        assert receipt.status is Status.SENT
        assert len(server.wait_for(box)) == 1

    def test_each_mechanism_refuses_a_wrong_password(self, server, mechanism, box):
        mailer = logged_in(server, "auth", auth=mechanism, password="not the password")

        [receipt] = mailer.deliver([a_mail(f"{box}@example.com")])

        assert isinstance(receipt.error, smtplib.SMTPAuthenticationError)
        assert "not the password" not in repr(receipt) + str(receipt.error)

    def test_open_session_that_died_is_replaced(self, server, box):
        with mailer_for(server) as mailer:
            mailer.send_messages([a_mail(f"{box}-0@example.com")])
            server.stop()
            server.start()
            assert mailer.send_messages([a_mail(f"{box}-1@example.com")]) == 1

        assert len(server.wait_for(box, 2)) == 2

    def test_kept_session_is_used_again(self, server, secure, box):
        def send(number):
            mailer = logged_in(server, secure, keep_alive=30, pool_size=2)
            mailer.send_messages([a_mail(f"{box}-{number}@example.com")])

        send(0)
        server.wait_for(box)
        before = server.sessions(secure)
        for number in range(1, 5):
            send(number)

        assert len(server.wait_for(box, 5)) == 5
        assert server.sessions(secure) == before

    def test_kept_session_that_died_is_replaced(self, server, secure, box):
        for number in range(2):
            mailer = logged_in(server, secure, keep_alive=30, pool_size=3)
            mailer.send_messages([a_mail(f"{box}-{number}@example.com")])
            server.stop()
            server.start()

        assert len(server.wait_for(box, 2)) == 2

    def test_threads_share_kept_sessions(self, server, box):
        before = server.sessions("plain")

        def send(thread):
            for number in range(10):
                mailer = mailer_for(server, keep_alive=30, pool_size=8)
                mailer.send_messages([a_mail(f"{box}-{thread}-{number}@example.com")])

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        reached = Counter(mail.recipients[0] for mail in server.wait_for(box, 80))
        assert set(reached.values()) == {1}
        assert server.sessions("plain") - before <= 8


def _mails(recipients: list[str], limit: int):
    for address in recipients:
        message: EmailMessage = a_mail(address)
        if "big" in address:
            message.attach("big.bin", b"x" * limit, "application/octet-stream")
        yield message
