"""What is known about one message, answer by answer, and what its commands say."""

from __future__ import annotations

import smtplib

import pytest

from simplemail.receipts import Reply, Status
from simplemail.rendering.envelope import Envelope
from simplemail.smtp.progress import Delivery, receipt_for
from simplemail.smtp.transaction import (
    CONTENT,
    DATA,
    MAIL,
    QUIT,
    RSET,
    Question,
    Transaction,
    fits,
    parameters,
    steps,
    stuffed,
)
from support.sessions import letter

YES, NO = [200, 250, 251, 299], [400, 421, 450, 499, 500, 550, 599]
ANN, BOB = "ann@example.net", "bob@example.net"


def heard(*answers: tuple[Question, int]) -> Transaction:
    transaction = Transaction(letter(to=(ANN, BOB)), [])
    for asked, code in answers:
        transaction.hear(asked, Reply(code, "words"))
    return transaction


@pytest.mark.parametrize("code", YES)
class TestAYes:
    def test_to_the_sender(self, code: int) -> None:
        transaction = heard((MAIL, code))

        assert not transaction.hopeless
        assert transaction.refusal() is None

    def test_to_a_recipient(self, code: int) -> None:
        transaction = heard((MAIL, 250), (ANN, code), (BOB, 550))

        assert list(transaction.refused) == [BOB]
        assert not transaction.hopeless
        assert transaction.refusal() is None

    def test_to_the_content(self, code: int) -> None:
        transaction = heard((MAIL, 250), (ANN, 250), (BOB, 250), (DATA, 354), (CONTENT, code))

        assert transaction.over
        assert transaction.taken
        assert transaction.refusal() is None

    def test_to_the_sender_is_not_the_one_in_the_receipt(self, code: int) -> None:
        delivery = Delivery("a message")
        delivery.transaction = heard((MAIL, code), (ANN, 550), (CONTENT, 250))
        receipt = receipt_for(delivery, Status.SENT, None)

        assert receipt.reply == Reply(250, "words")
        assert list(receipt.refused) == [ANN]


@pytest.mark.parametrize("code", NO)
class TestANo:
    def test_to_the_sender(self, code: int) -> None:
        transaction = heard((MAIL, code))
        error = transaction.refusal()

        assert transaction.hopeless
        assert isinstance(error, smtplib.SMTPSenderRefused)
        assert (error.smtp_code, error.sender) == (code, "a@example.com")

    def test_to_all_recipients(self, code: int) -> None:
        transaction = heard((MAIL, 250), (ANN, code), (BOB, code))
        error = transaction.refusal()

        assert transaction.hopeless
        assert isinstance(error, smtplib.SMTPRecipientsRefused)
        assert error.recipients == dict.fromkeys((ANN, BOB), (code, b"words"))

    @pytest.mark.parametrize("asked", [DATA, CONTENT])
    def test_to_the_content(self, asked: Question, code: int) -> None:
        transaction = heard((MAIL, 250), (ANN, 250), (BOB, 550), (asked, code))
        error = transaction.refusal()

        assert transaction.over
        assert not transaction.taken
        assert not transaction.hopeless
        assert isinstance(error, smtplib.SMTPDataError)
        assert error.smtp_code == code

    def test_to_the_sender_is_the_one_in_the_receipt(self, code: int) -> None:
        """What follows gets a 503, which says nothing about the recipients."""
        delivery = Delivery("a message")
        delivery.transaction = heard((MAIL, code), (ANN, 503), (BOB, 503), (DATA, 554))
        receipt = receipt_for(delivery, Status.REFUSED, None)

        assert receipt.reply == Reply(code, "words")
        assert receipt.refused == {}


def test_before_any_answer_nothing_is_known() -> None:
    transaction = heard()

    assert not any((transaction.over, transaction.taken, transaction.hopeless))
    assert not any((transaction.early, transaction.unread, transaction.begun, transaction.chunked))
    assert transaction.refusal() is None
    assert transaction.fate is None


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        (RSET, {250, 421}),
        (MAIL, {*YES, *NO}),
        (ANN, {*YES, *NO}),
        (DATA, {354, *NO}),
        (CONTENT, {*YES, *NO}),
        (QUIT, {*YES, *NO}),
    ],
)
def test_which_answers_fit(asked: Question, codes: set[int]) -> None:
    assert {code for code in {*YES, *NO, 300, 334, 354, 399} if fits(asked, code)} == codes


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (b"", b"\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..a\r\n.b\r\n\r\n.\r\n", b"...a\r\n..b\r\n\r\n..\r\n.\r\n"),
        (b"a.\r\nb .", b"a.\r\nb .\r\n.\r\n"),
    ],
)
def test_no_line_of_a_content_is_its_end(content: bytes, written: bytes) -> None:
    """RFC 5321, 4.5.2."""
    assert stuffed(content) == written


@pytest.mark.parametrize(
    ("limit", "size", "fit"),
    [
        ("", 3, True), ("0", 3, True), ("2", 3, False), ("3", 3, True), ("4", 3, True),
        ("1000", 1_001, False), ("nonsense", 3, True), ("-1", 3, True),
    ],
)  # fmt: skip
def test_a_size_is_declared_and_kept_to(limit: str, size: int, fit: bool) -> None:
    """RFC 1870, 4: 0 is no limit."""
    envelope, features = letter(content=b"x" * size), {"size": limit}
    if fit:
        assert parameters(envelope, features, "h", "", "") == (f" SIZE={size}", "")
    else:
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            parameters(envelope, features, "h", "", "")
        assert caught.value.smtp_code == 552
        assert f"has {size} octets, and h accepts at most {limit}" in str(caught.value)


@pytest.mark.parametrize(
    ("features", "notify", "ret", "mail", "rcpt"),
    [
        ({}, "FAILURE", "HDRS", "", ""),
        ({"dsn": ""}, "", "", "", ""),
        ({"dsn": ""}, "FAILURE", "", " ENVID=<1+2B2~+3D@example.com>", " NOTIFY=FAILURE"),
        ({"dsn": ""}, "", "HDRS", " RET=HDRS ENVID=<1+2B2~+3D@example.com>", ""),
    ],
)
def test_reports_are_asked_for_where_they_are_known(
    features: dict[str, str], notify: str, ret: str, mail: str, rcpt: str
) -> None:
    envelope = letter()._replace(message_id="<1+2~=@example.com>")

    assert parameters(envelope, features, "h", notify, ret) == (mail, rcpt)


@pytest.mark.parametrize("chunked", [True, False])
def test_the_last_command_brings_or_announces_the_content(chunked: bool) -> None:
    *commands, last = steps(letter(to=(ANN, BOB), content=b"abc"), {}, "h", chunked=chunked)

    assert last == ((b"BDAT 5 LAST\r\n", CONTENT) if chunked else (b"DATA\r\n", DATA))
    assert commands == [
        (b"MAIL FROM:<a@example.com>\r\n", MAIL),
        (b"RCPT TO:<ann@example.net>\r\n", ANN),
        (b"RCPT TO:<bob@example.net>\r\n", BOB),
    ]


@pytest.mark.parametrize(
    "address", ["a b@example.net", "<a@example.net", "a@example.net>", "a@b c"]
)
def test_an_address_that_would_end_its_path_is_sent_to_nobody(address: str) -> None:
    """RFC 5321, 4.1.2: what nobody judged before, such as a tuple of somebody's."""
    sender = Envelope._make((address, *letter()[1:]))
    for envelope in (letter(to=(ANN, address)), sender):
        with pytest.raises(ValueError, match=r"Invalid address .* can't be sent to a mail server"):
            steps(envelope, {}, "h")


@pytest.mark.parametrize("address", ["", "ann", '"a b"@example.net', '"a\\"<>"@[192.0.2.1]'])
def test_odd_but_whole_paths_are_sent(address: str) -> None:
    [first, *_] = steps(Envelope._make((address, *letter()[1:])), {}, "h")

    assert first == (f"MAIL FROM:<{address}>\r\n".encode(), MAIL)
