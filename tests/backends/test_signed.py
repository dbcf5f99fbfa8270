"""The `signed` backend: what is signed is what is sent, and a failed signature sends nothing."""

import pytest

import simplemail
from simplemail import EmailMessage, Envelope, InvalidMailer, Status, get_connection
from simplemail.testing import SMTPServer
from simplemail.testing.contract import BackendContract

seen: list[bytes] = []  # what the function got that options name by its path


def sign(content):
    seen.append(content)
    return b"X-Signature: 1\r\n" + content


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(simplemail, "outbox", [])
    seen.clear()


def a_message(**changes):
    values = {"subject": "Grüße", "body": "Grüße\n.\n", "from_email": "me@example.com"}
    return EmailMessage(**values | {"to": ["ann@example.com"]} | changes)


def deliver(message, **options):
    options = {"mailer": "memory:", "sign": sign} | options
    [receipt] = get_connection("signed", **options).deliver([message])
    return receipt


class TestContract(BackendContract):
    def make(self, **options):
        return get_connection("signed", mailer="memory:", sign=sign, **options)

    def sent(self):
        return len(simplemail.outbox)


class TestSigning:
    def test_gets_the_finished_message_in_7_bits(self):
        deliver(a_message())

        [content] = seen
        assert content.isascii()
        assert content.startswith(b"Content-Type: ")
        assert b"\n" not in content.replace(b"\r\n", b"")

    def test_what_it_returns_is_sent_byte_for_byte(self):
        with SMTPServer() as server:
            receipt = deliver(a_message(), mailer=server.url)

            assert server.messages[0].content == b"X-Signature: 1\r\n" + seen[0]
            assert receipt.status is Status.SENT
            assert receipt.envelope.content == server.messages[0].content

    def test_the_envelope_is_the_messages_own(self):
        with SMTPServer() as server:
            envelope = Envelope.of(a_message(bcc=["eve@example.com"]), sender="bounce@example.com")
            deliver(envelope, mailer=server.url)

            [received] = server.messages
            assert received.sender == "bounce@example.com"
            assert received.recipients == ["ann@example.com", "eve@example.com"]

    def test_8_bit_content_is_made_7_bit_first(self):
        content = "From: me@example.com\r\nTo: ann@example.com\r\n\r\nGrüße\r\n".encode()
        envelope = Envelope.of(
            content.replace(
                b"\r\n\r\n",
                b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: 8bit\r\n\r\n",
            ),
            eight_bit=True,
        )
        assert envelope.eight_bit

        deliver(envelope)

        assert seen[0].isascii()

    def test_by_its_path(self):
        deliver(a_message(), sign=f"{__name__}.sign")

        assert len(seen) == 1

    @pytest.mark.parametrize("way", ["failover", "redirect"])
    def test_goes_through_other_mailers_as_it_is(self, way):
        """Those that hold it rewrite before it signs."""
        with SMTPServer() as server:
            mailer = get_connection("signed", mailer=server.url, sign=sign)
            outer = {
                "failover": {"mailers": [mailer]},
                "redirect": {"mailer": mailer, "to": ["dev@example.com"]},
            }[way]
            get_connection(way, **outer).send_messages([a_message()])

            assert server.messages[0].content == b"X-Signature: 1\r\n" + seen[0]


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (ValueError("no key"), Status.REFUSED),
            (KeyError("key"), Status.REFUSED),
            (FileNotFoundError("dkim.pem"), Status.DEFERRED),
            (ConnectionResetError("agent"), Status.DEFERRED),
            (TimeoutError("agent"), Status.DEFERRED),
        ],
    )
    def test_what_it_raises_is_the_receipt_and_nothing_is_sent(self, error, status):
        def fail(content):
            raise error

        receipt = deliver(a_message(), sign=fail)

        assert (receipt.status, receipt.error) == (status, error)
        assert simplemail.outbox == []

    @pytest.mark.parametrize(
        ("result", "words"),
        [
            (None, "must return the signed message as bytes, not NoneType"),
            ("text", "as bytes, not str"),
            (bytearray(b"From: a@b.example\r\n\r\n"), "as bytes, not bytearray"),
            (b"", "not the signature alone: what it returned has no From"),
            (b"DKIM-Signature: v=1\r\n", "not the signature alone: what it returned has no From"),
            (b"X: a\r\n\r\nFrom: a@b.example\r\n", "what it returned has no From"),
            (b"From: a@b.example\r\nX: \0\r\n\r\n", "NUL"),
            (b"From: a@b.example\r\n\r\na\rb\r\n", "line"),
            (b"From: a@b.example\r\n\r\n" + b"x" * 999 + b"\r\n", "998"),
            ("From: a@b.example\r\nX: é\r\n\r\n".encode(), "would break the signature"),
            (b"From: a@b.example\r\nBcc: c@d.example\r\n\r\n", "would break the signature"),
        ],
    )
    def test_what_can_not_be_sent_is_refused(self, result, words):
        receipt = deliver(a_message(), sign=lambda content: result)

        assert receipt.status is Status.REFUSED
        assert words in str(receipt.error)
        assert simplemail.outbox == []

    def test_a_last_line_without_its_end_is_no_reason(self):
        """The dot that ends a message in SMTP stands on a line of its own, so the end is added."""
        receipt = deliver(a_message(), sign=lambda content: content.removesuffix(b"\r\n"))

        assert receipt.status is Status.SENT

    def test_content_of_ones_own_without_from_needs_none(self):
        envelope = Envelope("me@example.com", ["ann@example.com"], b"Subject: Hi\r\n\r\nText\r\n")

        assert deliver(envelope).status is Status.SENT

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (None, "'sign' must be a function, or the dotted path of one"),
            (5, "not 5"),
            ("sign", "not 'sign'"),
            ("no_such_module.sign", "Could not find 'sign' 'no_such_module.sign': No module named"),
            ("email.no_such", "Could not find 'sign' 'email.no_such': "),
            ("email.__name__", "'sign' must be a function"),
        ],
    )
    def test_no_function(self, wrong, words):
        with pytest.raises(InvalidMailer) as caught:
            get_connection("signed", mailer="memory:", sign=wrong)

        assert words in str(caught.value)


class TestARedirectBehindIt:
    def test_says_that_it_breaks_a_dkim_signature(self, caplog):
        """It rewrites the header that was signed."""
        mailer = get_connection("redirect", mailer="memory:", to=["dev@example.com"])

        def dkim(content):
            return b"DKIM-Signature: v=1; h=From:To\r\n" + content

        get_connection("signed", mailer=mailer, sign=dkim).send_messages([a_message()])

        assert "breaks its DKIM signature" in caplog.text

    def test_says_nothing_without_one(self, caplog):
        mailer = get_connection("redirect", mailer="memory:", to=["dev@example.com"])

        mailer.send_messages([a_message()])

        assert not caplog.messages
