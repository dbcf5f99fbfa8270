"""deliver() and iter_deliver(): the truth about each message, through every kind of backend."""

from __future__ import annotations

import contextlib
import gc
import logging
import pickle
import smtplib
import sys
import threading
import weakref

import pytest

from simplemail import EmailMessage, get_connection
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Reply, Status
from simplemail.rendering.envelope import Envelope
from simplemail.smtp import retrying
from simplemail.testing.contract import a_message
from simplemail.testing.server import Close, Delay, Reset, SMTPServer
from support.arrived import subjects
from support.sessions import refuse_bdat_unread

SENT, REFUSED, DEFERRED, UNKNOWN = Status


def numbered(count, **changes):
    """Yield messages that can be told apart at the server."""
    return (a_message(subject=f"n{i}", **changes) for i in range(count))


def arrived(server):
    return subjects(server.messages)


def backend_for(server, **options):
    return EmailBackend(host=server.host, port=server.port, **{"timeout": 5, **options})


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.0)


KINDS = pytest.mark.parametrize(
    "extensions", [["PIPELINING", "CHUNKING"], ["PIPELINING"], []], ids=["bdat", "data", "plain"]
)


@KINDS
class TestSMTP:
    def test_yields_a_receipt_per_message_in_order(self, extensions):
        messages = list(numbered(50))
        with SMTPServer(extensions=extensions) as server:
            receipts = backend_for(server).deliver(messages)

            assert [r.message for r in receipts] == messages
            assert {r.status for r in receipts} == {SENT}
            assert arrived(server) == [f"n{i}" for i in range(50)]
            assert {r.reply.code for r in receipts} == {250}
            assert "queued as 50" in receipts[-1].reply.text
            assert receipts[0].message_id == server.messages[0].message["Message-ID"]
            assert receipts[0].error is None
            assert not server.violations
            server.wait_for(lambda: server.open_connections == 0)

    def test_goes_on_after_any_kind_of_failure(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT TO:<no@", "550 5.1.1 No such user")
            server.script("RCPT TO:<later@", "451 4.7.1 Greylisted")
            receipts = backend_for(server).deliver(
                [
                    a_message(),
                    a_message(to=["no@example.com"]),
                    a_message(to=["bad address"]),
                    a_message(subject="a\nb"),
                    a_message(to=["later@example.com"]),
                    a_message(to=[]),
                    a_message(to=["no@example.com", "yes@example.com"]),
                    "not a message",
                    a_message(),
                ]
            )

        assert [r.status for r in receipts] == [
            SENT, REFUSED, REFUSED, REFUSED, DEFERRED, REFUSED, SENT, REFUSED, SENT,
        ]  # fmt: skip
        assert [type(r.error).__name__ for r in receipts] == [
            "NoneType",
            "SMTPRecipientsRefused",
            "InvalidAddress",
            "BadHeaderError",
            "SMTPRecipientsRefused",
            "NoneType",
            "NoneType",
            type(receipts[7].error).__name__,
            "NoneType",
        ]
        assert receipts[1].refused["no@example.com"] == Reply(550, "No such user", "5.1.1")
        assert list(receipts[6].refused) == ["no@example.com"]
        assert [r.retry_is_safe for r in receipts] == [r.status is DEFERRED for r in receipts]

    def test_the_answer_is_the_one_that_settled_it(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            server.script("MAIL", ["250 2.1.0 Ok", "550 5.1.0 Not you"])
            server.script("RCPT", "550 5.1.1 No", nth=2)
            server.script("END", "250 2.0.0 Queued as 7")
            messages = numbered(2, to=["a@x.example", "b@x.example"])
            sent, refused = backend_for(server).deliver(messages)

        assert (sent.status, sent.reply.text) == (SENT, "Queued as 7")
        assert list(sent.refused) == ["b@x.example"]
        assert (refused.status, refused.reply.text) == (REFUSED, "Not you")
        assert refused.refused == {}

    def test_reconnects_after_a_lost_session(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            server.script("END", Reset(accept=True), nth=3)
            receipts = backend_for(server, window=1).deliver(numbered(8))

            statuses = [r.status for r in receipts]
            assert statuses.count(UNKNOWN) == 1
            assert statuses.count(SENT) == 7
            assert sorted(arrived(server)) == [f"n{i}" for i in range(8)]

    @pytest.mark.parametrize("window", [1, 16])
    def test_a_server_that_takes_few_messages_per_session(self, extensions, window):
        """A 421 before the content is replaced silently: nothing was sent by it."""
        with SMTPServer(extensions=extensions) as server:

            def limit(line, session):
                return "421 4.7.0 Enough for one session" if session.accepted >= 3 else None

            server.script("MAIL", limit)
            receipts = backend_for(server, window=window).deliver(numbered(20))

            assert {r.status for r in receipts} == {SENT}
            assert arrived(server) == [f"n{i}" for i in range(20)]

    @pytest.mark.parametrize("reply", ["502 5.5.1 No BDAT here", "552 5.3.4 Too long"])
    def test_a_server_that_offers_bdat_and_refuses_it(self, extensions, reply, monkeypatch):
        """What it refused goes once more, by DATA; nothing else was on its way with it."""
        refuse_bdat_unread(monkeypatch, reply)
        with SMTPServer(extensions=extensions) as server:
            receipts = backend_for(server, window=16).deliver(numbered(5))

            assert {r.status for r in receipts} == {SENT}
            assert arrived(server) == [f"n{i}" for i in range(5)]
            assert len(server.connections) == (2 if "CHUNKING" in extensions else 1)

    def test_a_server_that_hangs_up_at_a_reset(self, extensions):
        """Exim does after ten. What was behind it was not sent, and is sent again."""
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
            server.script("RSET", Close("554 Too many nonmail commands"), nth=4)
            to = [["no@example.com"], ["yes@example.com"]]
            messages = [a_message(subject=f"n{i}", to=to[i % 2]) for i in range(20)]

            receipts = backend_for(server).deliver(messages)

            assert [r.status for r in receipts] == [REFUSED, SENT] * 10
            assert arrived(server) == [f"n{i}" for i in range(1, 20, 2)]

    def test_stopping_early_closes_the_session(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            backend = backend_for(server)
            for receipt in backend.iter_deliver(numbered(100)):
                assert receipt.status is SENT
                break

            gc.collect()  # CPython ends the iterator without it
            assert backend.connection is None
            server.wait_for(lambda: server.open_connections == 0)
            assert 1 <= len(server.messages) <= 17
            assert not server.violations

    def test_an_open_session_stays_open(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            with backend_for(server) as backend:
                backend.deliver(numbered(3))
                assert backend.connection is not None
                backend.deliver(numbered(3))
            assert len(server.connections) == 1

    def test_is_lazy(self, extensions):
        taken = []

        def messages():
            for message in numbered(100):
                taken.append(1)
                yield message

        with SMTPServer(extensions=extensions) as server:
            receipts = backend_for(server, window=4).iter_deliver(messages())
            assert taken == []
            next(receipts)
            assert len(taken) <= 4
            receipts.close()

    def test_messages_that_raise_do_not_lose_receipts(self, extensions):
        def messages():
            yield from numbered(5)
            raise LookupError("my generator is broken")

        receipts = []
        with SMTPServer(extensions=extensions) as server:
            with pytest.raises(LookupError, match="my generator"):
                receipts.extend(backend_for(server).iter_deliver(messages()))

            assert [r.status for r in receipts] == [SENT] * 5
            server.wait_for(lambda: server.open_connections == 0)

    def test_sending_within_the_loop_works(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            backend = backend_for(server)
            for receipt in backend.iter_deliver(numbered(10)):
                assert receipt.status is SENT
                assert backend.send_messages([a_message(subject="report")]) == 1

            assert arrived(server).count("report") == 10
            assert len(arrived(server)) == 20
            assert not server.violations

    def test_send_messages_stops_at_the_first_failure_and_tells_all(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT TO:<no@", "550 5.1.1 No such user")
            batch = [*numbered(3), a_message(to=["no@example.com"]), a_message()]
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                backend_for(server).send_messages(batch)

        receipts = caught.value.receipts
        assert [r.status for r in receipts] == [SENT, SENT, SENT, REFUSED]
        assert [r.message for r in receipts] == batch[:4]
        assert len(server.messages) == 3
        again = pickle.loads(pickle.dumps(caught.value))
        assert [r.status for r in again.receipts] == [r.status for r in receipts]

    def test_send_messages_tells_of_the_message_that_found_no_server(self, extensions):
        with SMTPServer(extensions=extensions) as server:
            server.kill()
            with pytest.raises(ConnectionRefusedError) as caught:
                backend_for(server).send_messages(numbered(3))

        assert [r.status for r in caught.value.receipts] == [DEFERRED]


class TestReplacedSessions:
    @pytest.mark.parametrize("call", ["deliver", "send_messages"])
    def test_not_one_that_was_opened_for_the_message(self, smtp_server, call):
        """Who waited for a whole timeout shouldn't have to wait for another."""
        smtp_server.script("MAIL", "421 4.3.2 Down")
        with contextlib.suppress(smtplib.SMTPSenderRefused):
            getattr(backend_for(smtp_server), call)([a_message()])

        assert len(smtp_server.connections) == 1

    @pytest.mark.parametrize("fault", [Close(), Close("421 4.4.2 Idle too long"), Reset()])
    def test_a_dead_session_is_replaced_on_the_next_send(self, smtp_server, fault):
        with backend_for(smtp_server) as backend:
            backend.send_messages([a_message()])
            smtp_server.strike(fault)
            smtp_server.wait_for(lambda: smtp_server.open_connections == 0)

            assert backend.send_messages([a_message()]) == 1
            assert [r.status for r in backend.deliver([a_message()])] == [SENT]
        assert len(smtp_server.connections) == 2

    def test_after_a_restart(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.send_messages([a_message()])
            smtp_server.restart()

            assert backend.send_messages([a_message()]) == 1

    def test_once_and_not_twice(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.send_messages([a_message()])
            smtp_server.script("MAIL", "421 4.3.2 Down")
            with pytest.raises(smtplib.SMTPException, match="Down"):
                backend.send_messages([a_message()])

        assert len(smtp_server.connections) == 2

    def test_not_when_content_may_have_arrived(self, smtp_server):
        with backend_for(smtp_server) as backend:
            backend.send_messages([a_message()])
            smtp_server.script("END", Reset(accept=True))
            [receipt] = backend.deliver([a_message()])

            assert receipt.status is UNKNOWN
            assert len(smtp_server.connections) == 1
            assert len(smtp_server.messages) == 2


class TestRetries:
    def test_a_temporary_no_is_tried_again(self, smtp_server):
        smtp_server.script("RCPT", ["451 4.7.1 Greylisted", "451 4.7.1 Greylisted"])
        [receipt] = backend_for(smtp_server, retries=2).deliver([a_message()])

        assert receipt.status is SENT
        assert receipt.refused == {}
        assert len(smtp_server.messages) == 1

    def test_with_the_same_message_id(self, smtp_server):
        smtp_server.script("END", ["451 4.3.0 Later"])
        [receipt] = backend_for(smtp_server, retries=1).deliver([a_message()])

        assert receipt.envelope.content == smtp_server.messages[0].content
        assert smtp_server.connections[0].received.count(receipt.envelope.content) == 2

    def test_not_more_often_than_asked(self, smtp_server):
        smtp_server.script("MAIL", "451 4.3.0 Later")
        [receipt] = backend_for(smtp_server, retries=3).deliver([a_message()])

        assert receipt.status is DEFERRED
        assert len([c for c in smtp_server.commands if c.startswith("MAIL")]) == 4

    @pytest.mark.parametrize("answer", ["550 5.7.1 No", Reset(accept=True)])
    def test_never_a_permanent_no_nor_an_unknown_end(self, smtp_server, answer):
        smtp_server.script("END", answer)
        [receipt] = backend_for(smtp_server, retries=3).deliver([a_message()])

        assert receipt.status in (REFUSED, UNKNOWN)
        assert len([c for c in smtp_server.commands if c.startswith("MAIL")]) == 1

    def test_in_send_messages_too(self, smtp_server):
        smtp_server.script("END", "451 4.3.0 Later", nth=2)

        assert backend_for(smtp_server, retries=1).send_messages(numbered(3)) == 3
        assert sorted(arrived(smtp_server)) == ["n0", "n1", "n2"]

    def test_order_of_receipts_is_kept(self, smtp_server):
        smtp_server.script("END", "451 4.3.0 Later", nth=2)
        receipts = backend_for(smtp_server, retries=1).deliver(numbered(10))

        assert [r.message.subject for r in receipts] == [f"n{i}" for i in range(10)]
        assert {r.status for r in receipts} == {SENT}

    def test_a_server_that_comes_back(self, smtp_server):
        smtp_server.kill()
        timer = threading.Timer(0.1, smtp_server.start)
        timer.start()
        backend = backend_for(smtp_server, retries=100)
        backend._connect = persistent(backend._connect)
        receipts = backend.deliver([a_message()])
        timer.join()

        assert [r.status for r in receipts] == [SENT]

    def test_a_wrong_password_is_not_tried_again(self):
        with SMTPServer(users={"ann": "right"}) as server:
            backend = backend_for(server, username="ann", password="wrong", retries=5)
            [receipt] = backend.deliver([a_message()])

            assert receipt.status is DEFERRED
            assert isinstance(receipt.error, smtplib.SMTPAuthenticationError)
            assert len(server.connections) == 1


def persistent(connect):
    """Without pauses 100 tries may be over too soon: allow as many as it takes."""

    def patiently():
        while True:
            try:
                return connect()
            except ConnectionRefusedError:
                pass

    return patiently


class TestEightBits:
    def test_a_message_is_rendered_as_seven_bits_if_need_be(self):
        with SMTPServer(extensions=["PIPELINING"]) as server:
            receipts = backend_for(server).deliver(numbered(3, body="Grüße\n"))

            assert [r.status for r in receipts] == [SENT] * 3
            assert {m.content.isascii() for m in server.messages} == {True}
            assert server.messages[0].message.get_content().strip() == "Grüße"
            assert not server.violations

    @pytest.mark.parametrize("extensions", [[], ["8BITMIME"], ["SMTPUTF8"], ["PIPELINING"]])
    def test_what_needs_no_extension_is_rendered_once(self, extensions):
        class Counted(EmailMessage):
            rendered = 0

            def message(self, **options):
                self.rendered += 1
                return super().message(**options)

        message = Counted("s", "Text", "a@example.com", ["b@example.com"])
        with SMTPServer(extensions=extensions) as server:
            [receipt] = backend_for(server).deliver([message])

        assert receipt.status is SENT
        assert message.rendered == 1

    def test_an_envelope_is_never_altered(self):
        with SMTPServer(extensions=[]) as server:
            envelope = Envelope.of(a_message(body="Grüße\n"))
            [receipt, other] = backend_for(server).deliver([envelope, a_message()])

            assert receipt.status is REFUSED
            assert "doesn't offer 8BITMIME" in str(receipt.error)
            assert other.status is SENT


class TestMemory:
    def test_is_constant_over_many_messages(self):
        with SMTPServer(record=False) as server:
            seen = weakref.WeakSet()
            most = 0

            def messages():
                for i in range(300):
                    message = a_message(body=f"{i}" * 2000)
                    seen.add(message)
                    yield message

            for receipt in backend_for(server, window=8).iter_deliver(messages()):
                assert receipt.status is SENT
                if sys.implementation.name != "cpython":
                    gc.collect()
                most = max(most, len(seen))

        assert most <= 12

    def test_send_messages_keeps_no_content(self):
        tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy counts no memory")

        def envelopes():
            for i in range(50):
                yield Envelope("a@b.example", ("c@d.example",), b"x\r\n" * 40_000, f"<{i}@b>")

        with SMTPServer(record=False) as server:
            gc.collect()
            tracemalloc.start()
            assert backend_for(server).send_messages(envelopes()) == 50
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

        assert peak < 3_000_000


class TestFailSilently:
    def test_nothing_is_raised_and_all_is_logged(self, smtp_server, caplog):
        smtp_server.script("MAIL", ["451 4.3.0 Later", "250 OK", "550 5.7.1 No"])
        with caplog.at_level(logging.WARNING, "simplemail"):
            backend = backend_for(smtp_server, fail_silently=True)
            assert backend.send_messages(numbered(4)) == 2

        assert "Later" in caplog.text
        assert "5.7.1" in caplog.text


class TestOtherBackends:
    def test_every_backend_delivers(self, tmp_path):
        for url in ("dummy:", "memory:", f"file://{tmp_path}"):
            receipts = get_connection(url).deliver(numbered(3))

            assert [r.status for r in receipts] == [SENT] * 3
            assert all(r.message_id for r in receipts)

    def test_one_that_was_written_for_django(self):
        class Picky(BaseEmailBackend):
            def send_messages(self, email_messages):
                for message in email_messages:
                    if message.subject == "n1":
                        raise smtplib.SMTPDataError(554, b"No n1")
                    if message.subject == "n2":
                        return 0
                return len(email_messages)

        receipts = Picky().deliver(numbered(4))

        assert [r.status for r in receipts] == [SENT, REFUSED, UNKNOWN, SENT]
        assert receipts[1].error.smtp_code == 554

    def test_one_that_raises(self):
        class Flaky(BaseEmailBackend):
            def send_envelope(self, envelope):
                raise ConnectionResetError("gone")

        [receipt] = Flaky().deliver([a_message()])

        assert receipt.status is UNKNOWN
        assert isinstance(receipt.error, ConnectionResetError)

    def test_one_that_cannot_be_opened(self, smtp_server):
        smtp_server.kill()
        receipts = backend_for(smtp_server).deliver(numbered(2))

        assert [r.status for r in receipts] == [DEFERRED] * 2
        assert "Connection refused" in str(receipts[0].error)
        assert receipts[0].retry_is_safe


def test_receipts_of_sent_messages_pickle(smtp_server):
    message = a_message(connection=backend_for(smtp_server))
    [receipt] = message.connection.deliver([message])

    again = pickle.loads(pickle.dumps(receipt))

    assert isinstance(again, Receipt)
    assert isinstance(again.message, EmailMessage)
    assert again.message_id == receipt.message_id
    assert message.connection is not None


def test_many_recipients_are_refused_one_by_one(smtp_server, caplog):
    smtp_server.script("RCPT TO:<bad", "550 5.1.1 No such user")
    to = [f"{'bad' if i % 10 == 0 else 'good'}{i}@example.com" for i in range(300)]
    with caplog.at_level(logging.WARNING, "simplemail"):
        [receipt] = backend_for(smtp_server).deliver([a_message(to=to)])

    assert receipt.status is SENT
    assert len(receipt.refused) == 30
    assert len(smtp_server.messages[0].recipients) == 270
    assert "30 of 300 recipients" in caplog.text


def test_slow_answers_do_not_stop_the_window():
    with SMTPServer(extensions=["PIPELINING", "CHUNKING"]) as server:
        server.script("END", Delay(0.02))
        receipts = backend_for(server).deliver(numbered(5))

        assert {r.status for r in receipts} == {SENT}


class TestSendingAList:
    """The next message's commands travel with this one's content, and its content waits."""

    @pytest.mark.parametrize("window", [1, 16])
    @pytest.mark.parametrize("answer", ["550 5.6.0 Spam", "451 4.3.0 Later", Reset(accept=True)])
    @pytest.mark.parametrize("kind", [["PIPELINING"], ["PIPELINING", "CHUNKING"], []])
    @pytest.mark.parametrize("failing", [1, 2, 3, 5])
    def test_nothing_leaves_after_the_first_failure(self, kind, window, answer, failing):
        with SMTPServer(extensions=kind) as server:
            server.script("END", answer, nth=failing)
            batch = list(numbered(5))
            expected = (smtplib.SMTPDataError, smtplib.SMTPServerDisconnected)
            with pytest.raises(expected) as caught:
                backend_for(server, window=window).send_messages(batch)
            server.wait_for(lambda: server.open_connections == 0)

            assert [r.message for r in caught.value.receipts] == batch[:failing]
            assert [r.status for r in caught.value.receipts[:-1]] == [SENT] * (failing - 1)
            assert len(server.messages) == failing - (not isinstance(answer, Reset))

    @pytest.mark.parametrize("kind", [["PIPELINING"], ["PIPELINING", "CHUNKING"], []])
    def test_what_was_held_back_is_sent_when_the_one_ahead_was_sent_after_all(
        self, kind, monkeypatch
    ):
        monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.001)
        with SMTPServer(extensions=kind) as server:
            server.script("END", "451 4.3.0 Later", nth=2)
            assert backend_for(server, retries=1).send_messages(list(numbered(4))) == 4

            assert arrived(server) == [f"n{i}" for i in range(4)]
            assert not server.violations

    def test_with_fail_silently_the_next_one_simply_follows(self):
        with SMTPServer(extensions=["PIPELINING"]) as server:
            server.script("END", "550 5.6.0 Spam", nth=2)
            assert backend_for(server, fail_silently=True).send_messages(list(numbered(5))) == 4

            assert arrived(server) == ["n0", "n2", "n3", "n4"]
            assert len(server.connections) == 1

    def test_an_overridden_step_is_taken_for_each_message(self, smtp_server):
        class Counting(EmailBackend):
            def deliver_message(self, message):
                seen.append(message.subject)
                return super().deliver_message(message)

        seen = []
        mailer = Counting(host=smtp_server.host, port=smtp_server.port)

        assert mailer.send_messages(list(numbered(3))) == 3
        assert seen == ["n0", "n1", "n2"]
