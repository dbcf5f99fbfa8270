"""Receipts tell the truth, and no more than that."""

from __future__ import annotations

import pickle
import smtplib

import pytest

from simplemail.receipts import Receipt, RecipientReceipt, Reply, Status
from simplemail.rendering.envelope import Envelope

ENVELOPE = Envelope(
    "a@b.example", ("c@d.example",), b"Subject: secret plan\r\n\r\n", "<1@b.example>"
)
NO_USER = smtplib.SMTPRecipientsRefused({"c@d.example": (550, b"No such user")})


class TestReply:
    def test_reads_as_the_server_said_it(self) -> None:
        assert str(Reply(550, "No such user", "5.1.1")) == "550 5.1.1 No such user"
        assert str(Reply(250)) == "250"


class TestReceipt:
    receipt = Receipt(
        "message",
        Status.REFUSED,
        ENVELOPE,
        {"c@d.example": Reply(550, "No such user", "5.1.1")},
        Reply(503, "No recipients"),
        NO_USER,
    )

    def test_has_the_message_id_of_its_envelope(self) -> None:
        assert self.receipt.message_id == "<1@b.example>"
        assert Receipt("message", Status.REFUSED).message_id == ""

    def test_shows_what_happened_and_no_content(self) -> None:
        shown = repr(self.receipt)

        assert "Status.REFUSED" in shown
        assert "No such user" in shown
        assert "secret plan" not in shown
        assert "message'" not in shown

    def test_survives_pickle(self) -> None:
        again = pickle.loads(pickle.dumps(self.receipt))

        assert again[:5] == self.receipt[:5]
        assert again.error.recipients == NO_USER.recipients

    def test_is_frozen(self) -> None:
        with pytest.raises(AttributeError):
            self.receipt.status = Status.SENT  # type: ignore[misc]

    @pytest.mark.parametrize("status", Status)
    def test_only_what_was_deferred_is_safe_to_retry(self, status: Status) -> None:
        assert Receipt("message", status).retry_is_safe is (status is Status.DEFERRED)

    @pytest.mark.parametrize("status", Status)
    def test_tells_of_each_recipient_what_the_server_said_of_it(self, status: Status) -> None:
        envelope = ENVELOPE._replace(recipients=("c@d.example", "grey@d.example", "no@d.example"))
        last, grey, no = Reply(250, "Queued"), Reply(451, "Later"), Reply(550, "No such user")
        refused = {"grey@d.example": grey, "no@d.example": no}

        assert Receipt("message", status, envelope, refused, last).recipients == {
            "c@d.example": (status, last),
            "grey@d.example": (Status.DEFERRED, grey),
            "no@d.example": (Status.REFUSED, no),
        }

    def test_tells_of_each_recipient_what_became_of_several_transactions(self) -> None:
        told = {
            "c@d.example": RecipientReceipt(Status.SENT, Reply(250)),
            "late@d.example": RecipientReceipt(Status.DEFERRED, Reply(452)),
        }
        receipt = Receipt("message", Status.SENT, ENVELOPE, by_recipient=told)

        assert receipt.recipients == told
        assert pickle.loads(pickle.dumps(receipt)).recipients == told

    def test_knows_no_recipients_of_a_message_that_could_not_be_rendered(self) -> None:
        assert Receipt("message", Status.REFUSED).recipients == {}
