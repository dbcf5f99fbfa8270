"""Transactions: few round trips, the right commands, and the truth about what became of them."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable, Iterator

import pytest

from simplemail.receipts import Status
from simplemail.rendering.envelope import Envelope
from simplemail.smtp import channel as channel_module
from simplemail.smtp.greeting import _features
from simplemail.smtp.pipeline import UNANSWERED
from simplemail.smtp.session import Session
from simplemail.testing.server import Close, Inject, Reset, Silence, SMTPServer
from support.sessions import begin, connect, letter, narrow, refuse_bdat_unread

PIPELINING, CHUNKING = ["PIPELINING"], ["PIPELINING", "CHUNKING"]
ALL = pytest.mark.parametrize(
    "extensions", [CHUNKING, PIPELINING, ["CHUNKING"], []], ids=lambda e: "+".join(e) or "none"
)
RTT = 0.01


def send(
    session: Session, envelopes: Iterable[Envelope], window: int = 1
) -> Iterator[tuple[Status, OSError | None]]:
    """Hand envelopes over as a backend does, `window` at a time."""
    begun = []
    for envelope in envelopes:
        begun.append(begin(session, envelope, chunking=window > 1))
        while len(begun) > session.ahead(window):
            yield session.finish(begun.pop(0))
    for transaction in begun:
        yield session.finish(transaction)


def statuses(session: Session, envelopes: Iterable[Envelope], window: int = 1) -> list[Status]:
    return [status for status, _ in send(session, envelopes, window)]


@ALL
@pytest.mark.parametrize("window", [1, 16])
def test_content_arrives_byte_for_byte(extensions: list[str], window: int) -> None:
    letters = [letter(i, to=("b@example.net", "c@example.net")) for i in range(40)]
    with SMTPServer(extensions=extensions) as server:
        session = connect(server)
        assert set(statuses(session, letters, window)) == {Status.SENT}
        session.quit()

        assert [m.content for m in server.messages] == [e.content for e in letters]
        assert {tuple(m.recipients) for m in server.messages} == {letters[0].recipients}
        assert not server.violations


@ALL
@pytest.mark.parametrize("content", [b"", b".", b"x", b".\r\n", b"\r\n", b"a\r\n.", b"..\r\n.\r\n"])
def test_odd_content_arrives_with_a_line_end(extensions: list[str], content: bytes) -> None:
    with SMTPServer(extensions=extensions) as server:
        session = connect(server)
        assert statuses(session, [letter(content=content), letter(1)]) == [Status.SENT] * 2
        session.quit()

        assert server.messages[0].content.rstrip(b"\r\n") == content.rstrip(b"\r\n")
        assert server.messages[0].content.endswith(b"\r\n")
        assert not server.violations


@ALL
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_megabytes_arrive(extensions: list[str], tls: bool) -> None:
    content = b"Subject: big\r\n\r\n" + b".0123456789\r\n" * 250_000
    with SMTPServer(extensions=extensions, tls=tls) as server:
        session = connect(server)
        assert statuses(session, [letter(content=content), letter(1)], 16) == [Status.SENT] * 2
        session.quit()

        assert server.messages[0].content == content


class TestRoundTrips:
    @pytest.mark.parametrize(
        ("extensions", "window", "most"),
        [
            (CHUNKING, 1, 1.1),
            (CHUNKING, 16, 0.3),
            (PIPELINING, 1, 1.1),
            (PIPELINING, 16, 1.1),
            (["CHUNKING"], 16, 3.0),
            ([], 16, 4.0),
        ],
    )
    def test_per_message(self, extensions: list[str], window: int, most: float) -> None:
        with SMTPServer(extensions=extensions, rtt=RTT) as server:
            session = connect(server)
            before = server.turns
            assert set(statuses(session, map(letter, range(10)), window)) == {Status.SENT}

            assert (server.turns - before) / 10 <= most
            session.quit()

    def test_one_at_a_time_over_data_takes_two(self) -> None:
        with SMTPServer(extensions=PIPELINING, rtt=RTT) as server:
            session = connect(server)
            before = server.turns
            for i in range(5):
                session.finish(begin(session, letter(i)))

            assert server.turns - before == 10
            session.quit()

    @pytest.mark.parametrize("extensions", [CHUNKING, PIPELINING])
    def test_a_thousand_recipients(self, extensions: list[str]) -> None:
        to = tuple(f"user{i}@example.net" for i in range(1000))
        with SMTPServer(extensions=extensions, rtt=RTT) as server:
            session = connect(server)
            assert statuses(session, [letter(to=to)]) == [Status.SENT]

            assert server.turns <= 15
            assert tuple(server.messages[0].recipients) == to
            session.quit()

    def test_more_recipients_than_commands_may_be_unanswered(self) -> None:
        to = tuple(f"user{i}@example.net" for i in range(2 * UNANSWERED + 5))
        with SMTPServer() as server:
            session = connect(server)
            assert statuses(session, [letter(to=to), letter(1, to=to)], 16) == [Status.SENT] * 2

            assert tuple(server.messages[1].recipients) == to
            session.quit()


@ALL
@pytest.mark.parametrize("window", [1, 16])
class TestRefusals:
    """One message's trouble is no other's."""

    def run(
        self, extensions: list[str], window: int, script: dict[str, str], **middle: object
    ) -> tuple[list[tuple[Status, OSError | None]], SMTPServer]:
        with SMTPServer(extensions=extensions) as server:
            for command, answer in script.items():
                server.script(command, answer)
            session = connect(server)
            odd = letter(1, **middle)  # type: ignore[arg-type]
            results = list(send(session, [letter(0), odd, letter(2)], window))
            assert results[0] == results[2] == (Status.SENT, None)
            assert session.ending is None
            session.quit()
            assert not server.violations
            return results, server

    @pytest.mark.parametrize(("code", "status"), [(550, Status.REFUSED), (450, Status.DEFERRED)])
    def test_all_recipients(
        self, extensions: list[str], window: int, code: int, status: Status
    ) -> None:
        to = ("no@x.example", "never@x.example")
        results, server = self.run(
            extensions, window, {"RCPT TO:<n": f"{code} 5.1.1 No such user"}, to=to
        )

        assert results[1][0] is status
        assert isinstance(results[1][1], smtplib.SMTPRecipientsRefused)
        assert [*results[1][1].recipients] == [*to]
        assert len(server.messages) == 2

    @pytest.mark.parametrize(("code", "status"), [(553, Status.REFUSED), (451, Status.DEFERRED)])
    def test_the_sender(
        self, extensions: list[str], window: int, code: int, status: Status
    ) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("MAIL FROM:<bad", f"{code} 5.7.1 Not you")
            session = connect(server)
            bad = letter(1)._replace(sender="bad@example.com")
            results = list(send(session, [letter(0), bad, letter(2)], window))
            session.quit()

        assert results[1][0] is status
        assert isinstance(results[1][1], smtplib.SMTPSenderRefused)
        assert results[1][1].args == (code, b"5.7.1 Not you", "bad@example.com")
        assert results[2] == (Status.SENT, None)
        assert not server.violations
        assert [m.content[9:10] for m in server.messages] == [b"0", b"2"]

    @pytest.mark.parametrize(("code", "status"), [(554, Status.REFUSED), (452, Status.DEFERRED)])
    def test_the_content(
        self, extensions: list[str], window: int, code: int, status: Status
    ) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("END", f"{code} 5.6.0 Spam", nth=2)
            session = connect(server)
            results = list(send(session, map(letter, range(3)), window))
            session.quit()

        assert results[1][0] is status
        assert isinstance(results[1][1], smtplib.SMTPDataError)
        assert results[1][1].smtp_error == b"5.6.0 Spam"
        assert [m.content[9:10] for m in server.messages] == [b"0", b"2"]

    def test_some_recipients(self, extensions: list[str], window: int) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT TO:<no", "550 5.1.1 No such user")
            session = connect(server)
            transaction = begin(session, letter(to=("yes@x.example", "no@x.example")))

            assert session.finish(transaction) == (Status.SENT, None)
            assert transaction.refused["no@x.example"].code == 550
            session.quit()
            assert server.messages[0].recipients == ["yes@x.example"]


class TestTheDataCommand:
    def test_refused(self) -> None:
        with SMTPServer(extensions=PIPELINING) as server:
            server.script("DATA", "451 4.3.0 Not now", nth=1)
            session = connect(server)
            results = list(send(session, map(letter, range(2))))
            session.quit()

        assert results[0][0] is Status.DEFERRED
        assert isinstance(results[0][1], smtplib.SMTPDataError)
        assert results[1] == (Status.SENT, None)

    @pytest.mark.parametrize("end", ["250 2.0.0 OK", "554 5.5.1 No valid recipients"])
    def test_a_354_without_recipients_gets_a_lone_dot(self, end: str) -> None:
        """RFC 2920, 3.1."""
        with SMTPServer(extensions=PIPELINING) as server:
            server.script("RCPT TO:<no", "550 5.1.1 No such user")
            server.script("DATA", "354 Go ahead", nth=1)
            server.script("END", end, nth=1)
            session = connect(server)
            results = list(send(session, [letter(to=("no@x.example",)), letter(1)]))
            session.quit()

            assert results[0][0] is Status.REFUSED
            assert results[1] == (Status.SENT, None)
            assert b"\r\nDATA\r\n.\r\n" in server.connections[0].received


FORGED = b"\r\n".join(
    [
        b"Subject: a copy for you\r\n",
        *(b"RSET", b"MAIL FROM:<boss@example.com>", b"RCPT TO:<victim@example.net>", b"DATA"),
        *(b"Subject: forged\r\n", b"Pay at once", b"."),
        *(b"MAIL FROM:<boss@example.com>", b"RCPT TO:<victim@example.net>", b"BDAT 2 LAST", b""),
    ]
)
NOT_SWALLOWED = ["500 5.5.2 What?", "502 5.5.1 No BDAT here", "503 5.5.1 RCPT first"]
NOT_SWALLOWED += ["504 5.5.4 Not like this", "552 5.3.4 Too long"]


@ALL
@pytest.mark.parametrize("refused", [(), ("no@x.example",), ("no@x.example", "no2@x.example")])
@pytest.mark.parametrize("reply", NOT_SWALLOWED)
def test_no_text_of_a_message_is_taken_for_commands(
    extensions: list[str],
    refused: tuple[str, ...],
    reply: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Content leaves only after the server has agreed to take it."""
    refuse_bdat_unread(monkeypatch, reply)
    with SMTPServer(extensions=extensions) as server:
        server.script("RCPT TO:<no", "550 5.1.1 No such user")
        session = connect(server)
        list(send(session, [letter(content=FORGED, to=(*refused, "ann@x.example")), letter(1)]))
        list(send(session, [letter(content=FORGED, to=refused or ("ann@x.example",)), letter(2)]))
        session.quit()

        assert {*server.messages[0].recipients} == {"ann@x.example"}
        assert not [m for m in server.messages if "victim@example.net" in m.recipients]
        assert not [m for m in server.messages if m.sender == "boss@example.com"]
        assert not [line for line in server.commands if "boss" in line]


class TestARefusedChunk:
    """A window over 1 trusts the server; one that refuses BDAT is trusted no longer."""

    @pytest.mark.parametrize("reply", NOT_SWALLOWED)
    def test_ends_the_session(self, reply: str, monkeypatch: pytest.MonkeyPatch) -> None:
        refuse_bdat_unread(monkeypatch, reply)
        with SMTPServer(extensions=CHUNKING) as server:
            session = connect(server)
            transaction = begin(session, letter(), chunking=True)
            assert session.ahead(16) == 0, "nothing else is sent before the first answer"
            status, _ = session.finish(transaction)

            assert status is Status.REFUSED
            assert transaction.unread
            assert not session.usable

    @pytest.mark.parametrize("reply", ["503 5.5.1 Valid RCPT command must precede BDAT", "554 No"])
    def test_after_refused_recipients_is_how_some_servers_refuse_what_they_have_read(
        self, reply: str
    ) -> None:
        with SMTPServer(extensions=CHUNKING) as server:
            server.script("RCPT TO:<no", "550 5.1.1 No such user")
            server.script("BDAT", [reply])
            session = connect(server)
            first, second = send(session, [letter(to=("no@x.example",)), letter(1)], window=16)
            session.quit()

        assert first[0] is Status.REFUSED
        assert isinstance(first[1], smtplib.SMTPRecipientsRefused)
        assert second == (Status.SENT, None)

    @pytest.mark.parametrize("reply", ["554 5.6.0 Spam", "451 4.3.0 Later", "550 5.7.1 No"])
    def test_for_what_it_says_is_an_ordinary_no(self, reply: str) -> None:
        with SMTPServer(extensions=CHUNKING) as server:
            server.script("END", reply, nth=1)
            session = connect(server)
            first, second = send(session, [letter(), letter(1)], window=16)
            session.quit()

        assert first[0] in (Status.REFUSED, Status.DEFERRED)
        assert second == (Status.SENT, None)


class TestParameters:
    def commands(self, session: Session, server: SMTPServer, envelope: Envelope) -> list[str]:
        assert session.finish(begin(session, envelope)) == (Status.SENT, None)
        session.quit()
        assert not server.violations
        return [c for c in server.commands if c.startswith(("MAIL", "RCPT"))]

    def test_size_is_declared(self) -> None:
        with SMTPServer(extensions=["SIZE 1000"]) as server:
            found = self.commands(connect(server), server, letter(content=b"x\r\n"))

        assert found[0] == "MAIL FROM:<a@example.com> SIZE=3"

    def test_eight_bits_and_utf8_are_announced(self) -> None:
        envelope = Envelope(
            "ä@example.com", ("ü@example.net",), "ö\r\n".encode(), "<1@x>", True, True
        )
        with SMTPServer(extensions=["8BITMIME", "SMTPUTF8"]) as server:
            found = self.commands(connect(server), server, envelope)

        assert found[0] == "MAIL FROM:<ä@example.com> BODY=8BITMIME SMTPUTF8"

    def test_delivery_notifications(self) -> None:
        with SMTPServer(extensions=["DSN"]) as server:
            session = connect(server, notify="FAILURE,DELAY", ret="HDRS")
            found = self.commands(session, server, letter(1))

        assert found == [
            "MAIL FROM:<a@example.com> RET=HDRS ENVID=<1@example.com>",
            "RCPT TO:<b@example.net> NOTIFY=FAILURE,DELAY",
        ]

    def test_the_null_sender(self) -> None:
        with SMTPServer(extensions=[]) as server:
            found = self.commands(connect(server), server, letter()._replace(sender=""))

        assert found[0] == "MAIL FROM:<>"


@pytest.mark.parametrize(
    ("envelope", "error", "match"),
    [
        (letter(content=b"x\r\n" * 400), smtplib.SMTPSenderRefused, "1200 octets.*at most 1000"),
        (letter(eight_bit=True), smtplib.SMTPNotSupportedError, "doesn't offer 8BITMIME"),
        (letter(utf8=True), smtplib.SMTPNotSupportedError, "doesn't offer SMTPUTF8"),
        (letter(to=("ü@example.net",)), ValueError, "ascii"),
        (letter(to=("x>\r\nRSET\r\nfoo",)), ValueError, "An address has a line break"),
        (letter(to=("x\n",)), ValueError, "An address has a line break"),
        (letter(content=b"a\nb\r\n"), ValueError, "The content has a line break"),
        (letter(content=b"a\rb\r\n"), ValueError, "The content has a line break"),
        (letter(content=b"a\rb\nc\r\n"), ValueError, "The content has a line break"),
        (letter(content=b"a\rb\n.\r\nRSET\r\n"), ValueError, "The content has a line break"),
        (letter(content=b"a\r\n.\n.\r\nRSET"), ValueError, "The content has a line break"),
    ],
)
def test_what_the_server_cannot_take_is_not_sent(
    envelope: Envelope, error: type[Exception], match: str
) -> None:
    with SMTPServer(extensions=["SIZE 1000"]) as server:
        session = connect(server)
        with pytest.raises(error, match=match) as caught:
            begin(session, envelope)

        assert getattr(caught.value, "smtp_code", 552) == 552
        assert statuses(session, [letter()]) == [Status.SENT]
        session.quit()
        assert len([c for c in server.commands if c.startswith("MAIL")]) == 1


class TestTheEnd:
    @ALL
    def test_lost_after_the_content_is_unknown(self, extensions: list[str]) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("END", Reset(accept=True))
            session = connect(server)
            [(status, error)] = send(session, [letter()])

            assert status is Status.UNKNOWN
            assert isinstance(error, smtplib.SMTPServerDisconnected)
            assert len(server.messages) == 1

    @pytest.mark.parametrize("extensions", [PIPELINING, []])
    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_lost_before_the_content_is_deferred(self, extensions: list[str], command: str) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script(command, Close())
            session = connect(server)
            [(status, error)] = send(session, [letter()])

        assert status is Status.DEFERRED
        assert isinstance(error, smtplib.SMTPServerDisconnected)

    @pytest.mark.parametrize("extensions", [PIPELINING, CHUNKING])
    def test_lost_within_the_content_is_deferred(self, extensions: list[str]) -> None:
        with SMTPServer(extensions=extensions) as server:
            narrow(server)
            server.script("CONTENT", Reset("552 5.3.4 Enough"), after=100_000)
            session = connect(server)
            big = letter(content=b"Subject: x\r\n\r\n" + b"y\r\n" * 3_000_000)
            [(status, error)] = send(session, [big])

        assert (status, type(error)) in [
            (Status.DEFERRED, smtplib.SMTPServerDisconnected),
            (Status.REFUSED, smtplib.SMTPDataError),  # when its reply came through
        ]

    @pytest.mark.parametrize("window", [1, 16])
    @pytest.mark.parametrize("extensions", [PIPELINING, CHUNKING])
    def test_after_a_421_nothing_was_taken(self, extensions: list[str], window: int) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("MAIL", "421 4.3.2 Going down", nth=3)
            session = connect(server)
            results = list(send(session, map(letter, range(6)), window))

        assert [status for status, _ in results] == [Status.SENT] * 2 + [Status.DEFERRED] * 4
        assert all("Going down" in str(error) for _, error in results[2:])
        assert len(server.messages) == 2

    def test_a_421_says_more_than_that_nothing_can_be_written(self) -> None:
        with SMTPServer(extensions=CHUNKING) as server:
            server.script("MAIL", "421 4.3.2 Going down")
            session = connect(server)
            first = begin(session, letter(0))
            server.wait_for(lambda: server.open_connections == 0)
            others = [begin(session, letter(number)) for number in range(1, 4)]
            results = [session.finish(each) for each in (first, *others)]

        assert [status for status, _ in results] == [Status.DEFERRED] * 4
        assert all("Going down" in str(error) for _, error in results)

    def test_silence_ends_in_a_timeout(self) -> None:
        with SMTPServer() as server:
            server.script("END", Silence(accept=True))
            session = connect(server, timeout=0.2)
            [(status, error)] = send(session, [letter()])

        assert status is Status.UNKNOWN
        assert isinstance(error, TimeoutError)
        assert "in answer to the content" in str(error)

    def test_an_unasked_reply_ends_the_session(self) -> None:
        with SMTPServer() as server:
            session = connect(server)
            server.strike("250 2.0.0 Surprise")
            [(status, error)] = send(session, [letter()])

            assert status is Status.DEFERRED
            assert "Surprise" in str(error)
            assert not server.messages

    def test_a_reply_too_many_after_a_message_is_seen_though_we_looked_before_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A look counts for a while, but not beyond what we say next."""
        monkeypatch.setattr(channel_module, "JUST_NOW", 0.9)  # seconds
        with SMTPServer(extensions=CHUNKING) as server:
            session = connect(server)
            assert session.alive()
            assert session.finish(begin(session, letter(1)))[0] is Status.SENT
            server.strike("250 2.1.5 One more")
            server.script("END", "552 5.3.4 Too big")

            status, _ = session.finish(begin(session, letter(2)))

        assert status is Status.DEFERRED
        assert [received.content for received in server.messages] == [letter(1).content]

    def test_a_reply_too_many_does_not_shift_the_others(self) -> None:
        with SMTPServer(extensions=PIPELINING) as server:
            server.script("RCPT", Inject("250 2.0.0 Surprise"))
            session = connect(server)
            [(status, error)] = send(session, [letter()])

            assert status is Status.DEFERRED
            assert "Surprise" in str(error) or "OK" in str(error)
            assert not server.messages

    @pytest.mark.parametrize(
        ("extensions", "status"), [(CHUNKING, Status.UNKNOWN), (["CHUNKING"], Status.DEFERRED)]
    )
    def test_a_yes_of_another_command_is_not_taken_for_the_content_s(
        self, extensions: list[str], status: Status
    ) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT", Inject("250 2.0.0 Surprise"))
            server.script("END", "554 5.6.0 Spam")
            session = connect(server)
            [(found, error)] = send(session, [letter()], window=16)

            assert found is status
            assert "without being asked" in str(error)
            assert not session.usable

    @pytest.mark.parametrize("extensions", [CHUNKING, PIPELINING, ["CHUNKING"], []])
    def test_a_yes_before_the_content_is_complete_is_none(self, extensions: list[str]) -> None:
        big = letter(content=b"Subject: x\r\n\r\n" + b"y\r\n" * 3_000_000)
        with SMTPServer(extensions=extensions, record=False) as server:
            narrow(server)
            server.script("CONTENT", ["250 2.0.0 Enough"], after=100_000)
            session = connect(server)
            [(status, error)] = send(session, [big])

            assert status is Status.UNKNOWN
            assert "before it had the message" in str(error)
            assert not session.usable

    @ALL
    def test_a_421_after_the_yes_does_not_change_it(self, extensions: list[str]) -> None:
        with SMTPServer(extensions=extensions) as server:
            server.script("END", Inject("421 4.4.2 Enough", after=True))
            session = connect(server)
            results = list(send(session, [letter()]))

            assert results == [(Status.SENT, None)]
            assert not session.usable

    @pytest.mark.parametrize(
        ("script", "status"),
        [
            (("QUIT", Close("250 2.0.0 Bye")), Status.SENT),
            (("QUIT", Close()), Status.SENT),
            (("RCPT", Inject("250 2.0.0 Surprise")), Status.UNKNOWN),
        ],
    )
    def test_the_answer_to_a_quit_that_was_sent_ahead(
        self, script: tuple[str, Close | Inject], status: Status
    ) -> None:
        with SMTPServer(extensions=CHUNKING) as server:
            server.script(*script)
            session = connect(server)
            transaction = begin(session, letter(), chunking=True)
            session.leave()

            assert session.finish(transaction)[0] is status

    @ALL
    @pytest.mark.parametrize("refusal", ["451 4.3.0 Later", "502 5.5.1 What?"])
    def test_a_refused_reset_ends_the_session(self, extensions: list[str], refusal: str) -> None:
        """Who knows which recipients the server would send the next message to."""
        with SMTPServer(extensions=extensions) as server:
            server.script("END", ["554 5.6.0 Spam"])
            server.script("RSET", refusal)
            session = connect(server)
            _, (status, error) = send(session, [letter(), letter(1)], window=16)

            assert status is (Status.UNKNOWN if extensions == CHUNKING else Status.DEFERRED)
            assert "(in answer to RSET)" in str(error)
            assert not session.usable

    def test_a_lone_dot_goes_to_nobody(self) -> None:
        with SMTPServer(extensions=PIPELINING) as server:
            server.script("MAIL", "550 5.7.1 Not you")
            server.script("RCPT", "250 2.1.5 Welcome")
            server.script("DATA", "354 Go ahead")
            session = connect(server)
            [(status, error)] = send(session, [letter()])

            assert status is Status.REFUSED
            assert isinstance(error, smtplib.SMTPSenderRefused)
            assert not session.usable
            assert not server.connections[0].received.endswith(b"\r\n.\r\n")

    @pytest.mark.parametrize(
        ("chunking", "status"), [(True, Status.UNKNOWN), (False, Status.DEFERRED)]
    )
    def test_an_interrupt_ends_the_session(
        self, monkeypatch: pytest.MonkeyPatch, chunking: bool, status: Status
    ) -> None:
        with SMTPServer() as server:
            session = connect(server)
            transaction = begin(session, letter(), chunking=chunking)

            def interrupt() -> None:
                raise KeyboardInterrupt

            monkeypatch.setattr(session.channel, "reply", interrupt)
            with pytest.raises(KeyboardInterrupt):
                session.finish(transaction)

            assert not session.usable
            assert session.finish(transaction)[0] is status
            server.wait_for(lambda: server.open_connections == 0)


class TestAlive:
    def test_a_fresh_session_is(self) -> None:
        with SMTPServer() as server:
            session = connect(server)
            assert session.alive()
            session.quit()
            assert "NOOP" not in server.commands

    @pytest.mark.parametrize("fault", [Close(), Close("421 4.4.2 Idle"), Reset(), "250 What?"])
    def test_one_that_was_ended_is_not(self, fault: Close | str) -> None:
        with SMTPServer() as server:
            session = connect(server)
            server.strike(fault)
            if not isinstance(fault, str):
                server.wait_for(lambda: server.open_connections == 0)

            assert not session.alive()
            assert not session.usable

    def test_an_idle_one_is_asked(self) -> None:
        with SMTPServer() as server:
            session = connect(server)
            session.used -= 2
            assert session.alive()
            server.script("NOOP", "451 4.3.0 Hm")
            session.used -= 2
            assert not session.alive()
            session.close()
            assert server.commands.count("NOOP") == 2


class TestQuit:
    @pytest.mark.parametrize("answer", ["500 No", Close(), Reset(), "250 Stay"])
    def test_never_fails(self, answer: Close | str) -> None:
        with SMTPServer() as server:
            server.script("QUIT", answer)
            session = connect(server)
            session.quit()
            session.quit()

            server.wait_for(lambda: server.open_connections == 0)


class TestLeave:
    @pytest.mark.parametrize("extensions", [CHUNKING, PIPELINING])
    def test_quit_travels_with_the_last_message(self, extensions: list[str]) -> None:
        with SMTPServer(extensions=extensions, rtt=RTT) as server:
            session = connect(server)
            begun = [begin(session, letter(i)) for i in range(2)]
            before = server.turns
            session.leave()
            assert [session.finish(t) for t in begun] == [(Status.SENT, None)] * 2

            assert session.closed
            assert server.turns - before <= 2
            assert server.commands[-1] == "QUIT"
            assert not server.violations

    @pytest.mark.parametrize("answer", ["500 5.5.1 No", Close(), Reset(), "421 4.3.2 Going"])
    def test_its_answer_changes_no_message(self, answer: Close | str) -> None:
        with SMTPServer() as server:
            server.script("QUIT", answer)
            session = connect(server)
            transaction = begin(session, letter())
            session.leave()

            assert session.finish(transaction) == (Status.SENT, None)
            assert session.closed
            assert transaction.refused == {}

    def test_a_refused_message_is_refused(self) -> None:
        with SMTPServer(extensions=PIPELINING) as server:
            server.script("DATA", "451 4.3.0 Not now")
            session = connect(server)
            transaction = begin(session, letter())
            session.leave()

            assert session.finish(transaction)[0] is Status.DEFERRED
            assert not session.broken
            assert server.commands[-1] == "QUIT"

    def test_it_is_not_sent_to_who_wants_one_command_at_a_time(self) -> None:
        with SMTPServer(extensions=[]) as server:
            session = connect(server)
            transaction = begin(session, letter())
            session.leave()
            assert session.finish(transaction) == (Status.SENT, None)
            assert session.usable
            session.quit()


def test_an_old_server_is_told_helo() -> None:
    with SMTPServer(helo_only=True) as server:
        session = connect(server)
        assert statuses(session, [letter()]) == [Status.SENT]
        session.quit()

        assert server.commands[:2] == ["EHLO client.example", "HELO client.example"]


def test_features_are_smtplib_s() -> None:
    text = "host greets\nPIPELINING\nSIZE 1000\nAUTH PLAIN LOGIN\nAUTH=LOGIN\nstarttls\nSIZE="

    assert _features(text) == {
        "pipelining": "",
        "size": "1000",
        "auth": "PLAIN LOGIN",
        "starttls": "",
        "size=": "",
    }


def test_the_transcript_has_commands_and_no_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "simplemail.wire")
    with SMTPServer() as server:
        session = connect(server)
        session.finish(begin(session, letter(content=b"Subject: secret\r\n\r\n")))
        session.quit()

    assert "> MAIL FROM:<a@example.com>" in caplog.text
    assert "< 250 2.0.0 OK queued as 1" in caplog.text
    assert "secret" not in caplog.text
