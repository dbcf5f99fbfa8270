"""Mistakes that people make. A line that is no error to mypy or pyright is reported by them."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import simplemail
from simplemail import (
    EmailMessage,
    EmailMultiAlternatives,
    Receipt,
    configure,
    get_connection,
    override_settings,
    send_mail,
)

TO = ["ann@example.com"]


async def recipients_are_no_text() -> None:
    send_mail("Hi", "Text", None, "ann@example.com")  # type: ignore[arg-type]
    await simplemail.asend_mail("Hi", "Text", None, "ann@example.com")  # type: ignore[arg-type]
    EmailMessage("Hi", "Text", None, "ann@example.com")  # type: ignore[arg-type]
    EmailMessage(to="ann@example.com")  # type: ignore[arg-type]
    EmailMessage(cc="ann@example.com")  # type: ignore[arg-type]
    EmailMessage(bcc="ann@example.com")  # type: ignore[arg-type]
    EmailMessage(reply_to="ann@example.com")  # type: ignore[arg-type]
    EmailMultiAlternatives(to="ann@example.com")  # type: ignore[arg-type]
    EmailMultiAlternatives(bcc="ann@example.com")  # type: ignore[arg-type]


def settings_have_names_and_types() -> None:
    configure(EMAIL_PRT=25)  # type: ignore[call-arg]
    configure(EMAIL_PORT="25")  # type: ignore[arg-type]
    configure(ADMINS=5)  # type: ignore[arg-type]
    configure(EMAIL_TIMEOUT="10")  # type: ignore[arg-type]
    override_settings(EMAIL_URI="memory:")  # type: ignore[call-arg]
    override_settings(MAILERS="memory:")  # type: ignore[arg-type]


def a_backend_has_its_own_options() -> None:
    get_connection("smtp", hots="mail.example.com")  # type: ignore[call-overload]
    get_connection("smtp", host="mail.example.com", port="25")  # type: ignore[call-overload]
    get_connection("smtp", host="mail.example.com", timeout="10")  # type: ignore[call-overload]
    get_connection("smtp", host="mail.example.com", use_tsl=True)  # type: ignore[call-overload]
    get_connection("smtp", format="eml")  # type: ignore[call-overload]
    get_connection("smtp://mail.example.com", retires=3)  # type: ignore[call-overload]
    get_connection(hots="mail.example.com")  # type: ignore[call-overload]
    get_connection("file", path="mail")  # type: ignore[call-overload]
    get_connection("console", stream="log.txt")  # type: ignore[call-overload]
    get_connection("failover", mailer="smtp://mail.example.com")  # type: ignore[call-overload]
    get_connection("memory", fail_silently="yes")  # type: ignore[call-overload]
    get_connection(25)  # type: ignore[call-overload]
    get_connection("memory").send_mesages([])  # type: ignore[attr-defined]


def what_was_sent_is_messages() -> None:
    simplemail.outbox[0].subjct  # type: ignore[attr-defined]  # noqa: B018
    simplemail.outbox["ann"]  # type: ignore[call-overload]


def a_receipt_may_have_no_envelope(receipt: Receipt) -> None:
    print(receipt.envelope.message_id)  # type: ignore[union-attr]
    receipt.status = None  # type: ignore[misc,assignment]


def counts_are_numbers() -> None:
    send_mail("Hi", "Text", None, TO).bit_lenght()  # type: ignore[attr-defined]
    send_mail("Hi", "Text", None, TO, "ann", using=5)  # type: ignore[arg-type]
