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
    raws = ["".join(six).encode() for six in product(codes, *[words] * 4, ["\r\n", "\n"])]
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


@pytest.mark.parametrize("ends", [*product(["\r\n", "\n"], repeat=3)], ids=repr)
def test_a_no_in_any_line_is_a_no_whatever_ends_the_lines(ends: tuple[str, ...]) -> None:
    """Lines of one reply may have several codes: the last one counts, but a no is a no."""
    for codes in product([250, 251, 354, 421, 451, 550], repeat=3):
        lines = [f"{code}-{code // 100}.0.0 {i}" for i, code in enumerate(codes)]
        lines[-1] = lines[-1].replace("-", " ", 1)
        raw = "".join(line + end for line, end in zip(lines, ends, strict=True)).encode()
        refusals = [code for code in codes if code >= 400]

        reply = replies.parse(raw)

        assert reply.code == (refusals or codes)[-1]
        assert reply.enhanced in (None, f"{reply.code // 100}.0.0")


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
