"""With a real Exim."""

from __future__ import annotations

from typing import ClassVar

import pytest

from interop.servers import running
from interop.servers.base import a_mail, mailer_for
from interop.servers.contract import ServerContract
from interop.servers.delivery import DeliveryContract
from interop.servers.exim import Exim
from simplemail.receipts import Status


@pytest.fixture(scope="module")
def server():
    with running(Exim()) as server:
        yield server


class Offers:
    ways: ClassVar = ["plain", "pipelining", "basic"]
    without_extensions: ClassVar = ["basic"]


class TestExim(Offers, ServerContract):
    """What every server is asked."""


class TestEximDelivery(Offers, DeliveryContract):
    """What every server is asked about receipts and lasting sessions.

    Also that Exim ends a session after ten commands that carry no mail, such as RSET.
    """

    many = 100  # Exim starts a process for each

    def test_a_list_with_many_dead_addresses(self, server, box):
        """Each refused mail needs a RSET: sessions end, and no mail's fate is in doubt."""
        to = [f"nobody-{n}@example.com" if n % 3 else f"{box}-{n}@example.com" for n in range(90)]

        receipts = mailer_for(server).deliver([a_mail(address) for address in to])

        fates = [Status.REFUSED if n % 3 else Status.SENT for n in range(90)]
        assert [receipt.status for receipt in receipts] == fates
        assert len(server.wait_for(box, 30)) == 30


@pytest.fixture(scope="module")
def limited():
    """Ends a session after ten messages."""
    with running(Exim(session_limit=10)) as server:
        yield server


class TestEximLimit:
    """Exim ends a session after so many messages: smtp_accept_max_per_connection, 1,000."""

    @pytest.mark.parametrize("way", ["plain", "pipelining", "basic"])
    def test_more_messages_than_a_session_takes(self, limited, way):
        mails = [a_mail(f"box-{way}-{number}@example.com") for number in range(35)]

        receipts = mailer_for(limited, way).deliver(mails)

        assert [receipt.status for receipt in receipts] == [Status.SENT] * 35
        limited.wait_for(f"box-{way}", 35)

    def test_more_messages_than_a_session_takes_one_by_one(self, limited):
        mails = [a_mail(f"box-one-{number}@example.com") for number in range(35)]

        assert mailer_for(limited).send_messages(mails) == 35

        limited.wait_for("box-one", 35)
