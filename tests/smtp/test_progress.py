"""A message on its way knows whether its session still carries it, and what its fate was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simplemail.receipts import Receipt, Reply, Status
from simplemail.smtp.progress import Delivery, receipt_for
from simplemail.smtp.transaction import Transaction
from support.sessions import letter


def delivery(**attributes: Any) -> Delivery:
    made = Delivery("a message")
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("broken", "exhausted"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_it_is_stranded_if_its_session_takes_no_more(broken: bool, exhausted: bool) -> None:
    session = SimpleNamespace(broken=broken, exhausted=exhausted)

    assert delivery(session=session).is_stranded() is (broken or exhausted)


def test_without_a_session_it_is_not_stranded() -> None:
    assert not delivery().is_stranded()


@pytest.mark.parametrize("status", [None, *Status])
def test_only_a_known_no_is_a_refusal(status: Status | None) -> None:
    """One whose answer is missing may have been taken."""
    receipt = None if status is None else Receipt("a message", status, None, {}, None, None)

    assert delivery(receipt=receipt).was_refused() is (status in (Status.REFUSED, Status.DEFERRED))


def test_before_it_was_begun_only_the_error_is_known() -> None:
    error = OSError("nobody there")
    receipt = receipt_for(delivery(envelope=letter()), Status.DEFERRED, error)

    assert (receipt.message, receipt.status, receipt.error) == (
        "a message", Status.DEFERRED, error,
    )  # fmt: skip
    assert receipt.envelope == letter()
    assert (receipt.reply, receipt.refused) == (None, {})


def test_afterwards_the_answers_are() -> None:
    transaction = Transaction(letter(), [])
    transaction.reply, transaction.refused = Reply(250, "Queued"), {"b@x.example": Reply(550)}
    receipt = receipt_for(delivery(transaction=transaction), Status.SENT, None)

    assert receipt.reply == Reply(250, "Queued")
    assert receipt.refused == {"b@x.example": Reply(550)}
