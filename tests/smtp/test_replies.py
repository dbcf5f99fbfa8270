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


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5_000])
def test_what_is_no_reply_is_shown_in_part(size: int) -> None:
    text = str(replies.nonsense(b"x" * size).error)
    more = "..." if size > 100 else ""

    assert text.startswith(f"The server said b'{'x' * min(size, 100)}'{more}, which is not")


@pytest.mark.parametrize("size", [replies.REPLY - 1, replies.REPLY, replies.REPLY + 1])
def test_a_whole_reply_has_at_most_100_000_octets(size: int) -> None:
    raw = b"250-more\r\n" * 9_998
    raw += b"250 " + b"x" * (size - len(raw) - 6) + b"\r\n"

    assert replies.REPLY == 100_000
    assert len(raw) == size
    assert (read(raw) is None) is (size > 100_000)


@pytest.mark.parametrize("size", [999, 1_000, 1_001, 5_000])
@pytest.mark.parametrize("letter", ["x", "\u00fc"])
def test_of_a_line_a_thousand_octets_are_kept(size: int, letter: str) -> None:
    text = (letter * size).encode()[:size]
    reply = replies.parse(b"250 " + text + b"\r\n")

    assert reply.text == text[:1_000].decode("utf-8", "replace")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(550, "No", "5.1.1"),
        Reply(250, "a\nb\nc"),
        Reply(550, "No such\nuser", "5.1.1"),
        Reply(250),
        Reply(421, "gr\u00fc\u00dfe", "4.3.2"),
    ],
    ids=repr,
)
def test_smtplib_s_form_has_all_of_a_reply(reply: Reply) -> None:
    code, text = replies.in_bytes(reply)
    prefix = f"{reply.enhanced} " if reply.enhanced else ""

    assert code == reply.code
    assert text.decode().split("\n") == [prefix + line for line in reply.text.split("\n")]
    assert replies.from_bytes(code, text) == reply


def test_after_which_answers_content_may_be_taken_for_commands() -> None:
    codes = [n for n in range(200, 600) if replies.leaves_content_unread(Reply(n))]

    assert codes == [500, 502, 503, 504, 552]


@pytest.mark.parametrize(
    ("error", "ours", "foreign"),
    [
        (ValueError("bad header"), Status.REFUSED, Status.REFUSED),
        (TypeError("no text"), Status.REFUSED, Status.REFUSED),
        (RuntimeError("a bug"), Status.REFUSED, Status.UNKNOWN),
        (OSError("a bug"), Status.DEFERRED, Status.UNKNOWN),
        (ConnectionRefusedError(), Status.DEFERRED, Status.DEFERRED),
        (smtplib.SMTPHeloError(554, b"no"), Status.DEFERRED, Status.DEFERRED),
        (smtplib.SMTPDataError(499, b"later"), Status.DEFERRED, Status.DEFERRED),
        (smtplib.SMTPDataError(500, b"no"), Status.REFUSED, Status.REFUSED),
        (smtplib.SMTPNotSupportedError("no"), Status.DEFERRED, Status.UNKNOWN),
    ],
    ids=repr,
)
def test_a_foreign_error_that_tells_no_time_settles_nothing(
    error: Exception, ours: Status, foreign: Status
) -> None:
    assert status_of(error) is ours
    assert status_of(error, foreign=True) is foreign
