"""Replies are read whole and leniently, and every error says what it means for a message."""

from __future__ import annotations

import re
import smtplib
from itertools import product

import pytest

from simplemail.receipts import Reply, Status
from simplemail.smtp import replies
from simplemail.smtp.replies import status_of


def test_a_plain_reply_is_read_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most replies are read by one pattern: it takes none that means something else."""
    codes = ["250", "421", "550", "354", "25", "199"]
    words = ["", " ", "-", "2.1.0", "5.1.1", "3.0.0", "4.", "2.1.0000", "Ok"]
    raws = ["".join(five).encode() for five in product(codes, *[words] * 4, ["\r\n"])]
    raws += [b"250 gr\xc3\xbc\xc3\x9fe\r\n", b"250 \x1b\r\n", b"250 " + b"x" * 2000 + b"\r\n"]

    plain = [read(raw) for raw in raws]
    monkeypatch.setattr(replies, "_PLAIN", re.compile(b"(?!)"))

    assert plain == [read(raw) for raw in raws]
    assert Reply(250, "Ok", "2.1.0") in plain
    assert None in plain


def read(raw: bytes) -> Reply | None:
    try:
        return replies.parse(raw)
    except replies.Broken:
        return None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad header"), Status.REFUSED),
        (smtplib.SMTPRecipientsRefused({"x@y.example": (550, b"no")}), Status.REFUSED),
        (smtplib.SMTPRecipientsRefused({"a": (550, b""), "b": (450, b"")}), Status.DEFERRED),
        (smtplib.SMTPSenderRefused(550, b"no", "a@b.example"), Status.REFUSED),
        (smtplib.SMTPSenderRefused(421, b"later", "a@b.example"), Status.DEFERRED),
        (smtplib.SMTPDataError(554, b"spam"), Status.REFUSED),
        (smtplib.SMTPDataError(451, b"later"), Status.DEFERRED),
        (smtplib.SMTPAuthenticationError(535, b"no"), Status.DEFERRED),
        (smtplib.SMTPConnectError(554, b"no"), Status.DEFERRED),
        (ConnectionRefusedError(), Status.DEFERRED),
        (smtplib.SMTPServerDisconnected("lost"), Status.UNKNOWN),
        (ConnectionResetError(), Status.UNKNOWN),
        (TimeoutError(), Status.UNKNOWN),
        (OSError("disk full"), Status.DEFERRED),
    ],
    ids=repr,
)
def test_status_of_an_exception(error: Exception, status: Status) -> None:
    assert status_of(error) is status
