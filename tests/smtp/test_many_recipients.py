"""Recipients that are too many for one transaction get the message in others, and nobody twice."""

from __future__ import annotations

import re
import smtplib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from simplemail import EmailMessage, close_pools, mailers, override_settings
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Reply, Status
from simplemail.smtp import retrying
from simplemail.smtp.limits import is_one_too_many
from simplemail.testing.server import Close, SMTPServer
from simplemail.testing.server.session import Session
from support.samples import sample
from support.ways import (
    Way,
    adeliver,
    deliver,
    iter_deliver,
    send_an_iterator,
    send_messages,
    send_one_by_one,
)

P, PC = ["PIPELINING"], ["PIPELINING", "CHUNKING"]
KINDS = pytest.mark.parametrize("extensions", [P, PC, []], ids=str)
SENT, DEFERRED, REFUSED, UNKNOWN = Status.SENT, Status.DEFERRED, Status.REFUSED, Status.UNKNOWN


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.0)
    yield
    close_pools()


def mailer_for(server: SMTPServer, **options: Any) -> EmailBackend:
    options = {"timeout": 5, "local_hostname": "client.example", **options}
    return EmailBackend(host=server.host, port=server.port, **options)


def people(count: int) -> list[str]:
    return [f"r{i}@x.example" for i in range(count)]


def message(number: int = 0, count: int = 8) -> EmailMessage:
    return EmailMessage(f"{number}", "Hello\n", "a@x.example", people(count))


def ledger(server: SMTPServer) -> Counter[tuple[int, str]]:
    """How often each recipient has each message, by its number."""
    return Counter(
        (int(received.message["Subject"]), who)
        for received in server.messages
        for who in received.recipients
    )


class Limited:
    """Takes so many recipients of a transaction, and says `said` to the others."""

    def __init__(self, server: SMTPServer, most: int, said: str) -> None:
        self.most, self.said = most, said
        self.taken: Counter[Session] = Counter()
        self.transactions = self.asked = 0
        server.script(re.compile("^(MAIL|RCPT)", re.IGNORECASE), self.answer)

    def answer(self, text: str, session: Session) -> str | None:
        if text.upper().startswith("MAIL"):
            self.transactions += 1
            self.taken[session] = 0
            return None
        self.asked += 1
        if self.taken[session] >= self.most:
            return self.said
        self.taken[session] += 1
        return None


def on_an_open_session(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    with mailer:
        return [mailer.deliver([each])[0] for each in messages]


WAYS: list[Way] = [
    deliver, iter_deliver, send_messages, send_an_iterator, send_one_by_one, on_an_open_session,
    adeliver,
]  # fmt: skip
ALL_WAYS = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def send_by(way: Way, server: SMTPServer, count: int = 3, query: str = "") -> list[Receipt]:
    """Send in one of the ways, and check that each recipient got each message once."""
    with override_settings(EMAIL_URL=f"{server.url}?timeout=5{query}"):
        mailer: Any = mailers["default"]
        receipts = way(mailer, [message(n) for n in range(count)])
    close_pools()
    assert ledger(server) == {(n, who): 1 for n in range(count) for who in people(8)}
    assert not server.violations
    for receipt in receipts:
        assert receipt.status is SENT
        assert receipt.error is None
        assert not receipt.refused
        assert [*receipt.recipients] == people(8)
        assert {fate.status for fate in receipt.recipients.values()} == {SENT}
    return receipts


# Who is too many

TOO_MANY = [
    "452 4.5.3 Too many recipients",
    "452 Too much",
    "552 5.5.3 Hm",
    "552 Too many recipients",
    "451 4.5.3 Later",
    "552 5.5.0 too many rcpts in one go",
]
OTHERS = ["552 5.2.2 Mailbox full", "451 4.7.1 Greylisted", "450 4.2.1 Busy", "550 5.1.1 Too bad"]


def reply(said: str) -> Reply:
    found = re.fullmatch(r"(\d+) (?:([45]\.\d\.\d) )?(.*)", said)
    assert found
    return Reply(int(found[1]), found[3], found[2])


@pytest.mark.parametrize("said", TOO_MANY)
def test_what_means_too_many(said: str) -> None:
    assert is_one_too_many(reply(said))


@pytest.mark.parametrize("said", OTHERS)
def test_what_does_not_mean_too_many(said: str) -> None:
    assert not is_one_too_many(reply(said))


@ALL_WAYS
@KINDS
@pytest.mark.parametrize("query", ["", "&window=4", "&keep_alive=60"])
def test_those_refused_go_in_further_transactions(
    way: Way, extensions: list[str], query: str
) -> None:
    start = WAYS.index(way) + len(query) + len(extensions)
    for said in sample(TOO_MANY, len(TOO_MANY), start):
        with SMTPServer(extensions=extensions) as server:
            limited = Limited(server, 3, said)
            receipts = send_by(way, server, query=query)

            assert sorted(len(each.recipients) for each in server.messages) == [2, 2, 2, *[3] * 6]
            # For send_messages(), the next message was taken back in time, and begun anew.
            assert limited.transactions == 9 or way is send_messages
            for receipt in receipts:  # each recipient's own reply
                replies = [str(fate.reply) for fate in receipt.recipients.values()]
                assert [*Counter(replies).values()] == [3, 3, 2]
                assert str(receipt.reply) == replies[-1]


@ALL_WAYS
@KINDS
@pytest.mark.parametrize("query", ["&max_recipients=3", "&max_recipients=3&window=4", "announced"])
def test_no_more_are_asked_for_than_the_limit(way: Way, extensions: list[str], query: str) -> None:
    if query == "announced":
        extensions, query = [*extensions, "LIMITS MAILMAX=99 RCPTMAX=3"], ""
    with SMTPServer(extensions=extensions) as server:
        limited = Limited(server, 3, "550 5.7.1 You were told")
        send_by(way, server, query=query)

        assert (limited.transactions, limited.asked) == (9, 24)


def test_the_lower_of_two_limits_counts() -> None:
    for announced, ours in [(2, 5), (5, 2)]:
        with SMTPServer(extensions=[f"LIMITS RCPTMAX={announced}"]) as server:
            send_by(deliver, server, 1, f"&max_recipients={ours}")

            assert {len(each.recipients) for each in server.messages} == {2}


@pytest.mark.parametrize("way", [send_one_by_one, deliver])
def test_further_transactions_need_no_further_session(way: Way) -> None:
    with SMTPServer(extensions=P) as server:
        Limited(server, 3, "452 4.5.3 Too many recipients")
        send_by(way, server, 1)

        assert len(server.connections) == 1


def test_a_server_is_not_asked_for_the_same_again_and_again() -> None:
    """Many count refusals as mistakes, and hang up after some."""
    with SMTPServer(extensions=P) as server:
        limited = Limited(server, 2, "452 4.5.3 Too many recipients")
        [receipt] = mailer_for(server).deliver([message(count=20)])

        assert receipt.status is SENT
        assert limited.asked == 20 + 18


@pytest.mark.parametrize("kind", [smtplib.SMTP, None])
def test_it_holds_for_other_connections(kind: Any) -> None:
    class Own(smtplib.SMTP):
        """A class of the user's."""

    class Mailer(EmailBackend):
        connection_class = kind or Own

    for most in (None, 3):
        with SMTPServer(extensions=P) as server:
            Limited(server, 3, "452 4.5.3 Too many recipients")
            mailer = Mailer(host=server.host, port=server.port, timeout=5, max_recipients=most)
            [receipt] = mailer.deliver([message()])

            assert receipt.status is SENT
            assert ledger(server) == {(0, who): 1 for who in people(8)}
            assert len(server.messages) == 3


# Until no more is accepted


def fates(receipt: Receipt) -> list[str]:
    return [fate.status.value for fate in receipt.recipients.values()]


@KINDS
@pytest.mark.parametrize("said", TOO_MANY)
def test_after_a_transaction_that_accepts_none_no_other_follows(
    extensions: list[str], said: str
) -> None:
    with SMTPServer(extensions=extensions) as server:
        limited = Limited(server, 3, said)

        def mail(text: str, session: Session) -> None:
            limited.most = 0 if limited.transactions else 3

        server.script("MAIL", mail)
        [receipt] = mailer_for(server).deliver([message(count=6)])

        assert receipt.status is SENT
        assert fates(receipt) == ["sent"] * 3 + ["deferred"] * 3
        assert [*receipt.refused] == people(6)[3:]
        assert receipt.recipients["r5@x.example"] == (DEFERRED, reply(said))
        assert limited.transactions == 2
        assert ledger(server) == {(0, who): 1 for who in people(3)}


@KINDS
def test_a_full_mailbox_is_asked_once_more_and_alone(extensions: list[str]) -> None:
    with SMTPServer(extensions=extensions) as server:
        server.script("RCPT TO:<r1@", "452 4.2.2 Full")
        [receipt] = mailer_for(server).deliver([message(count=3)])

        assert fates(receipt) == ["sent", "deferred", "sent"]
        assert [*receipt.refused] == ["r1@x.example"]
        assert [c for c in server.commands if c.startswith("RCPT")].count(
            "RCPT TO:<r1@x.example>"
        ) == 2
        assert server.commands.count("MAIL FROM:<a@x.example>") == 2


def test_where_all_are_refused_the_rest_is_asked_all_the_same() -> None:
    with SMTPServer(extensions=P) as server:
        for who in people(4):
            server.script(f"RCPT TO:<{who}", "550 5.1.1 No such user")
        [receipt] = mailer_for(server, max_recipients=2).deliver([message(count=6)])

        assert fates(receipt) == ["refused"] * 4 + ["sent"] * 2
        assert receipt.status is SENT


def test_where_all_of_all_are_refused_the_error_has_them_all() -> None:
    with SMTPServer(extensions=P) as server:
        server.script("RCPT", "550 5.1.1 No such user")
        [receipt] = mailer_for(server, max_recipients=2).deliver([message(count=5)])

        assert receipt.status is REFUSED
        assert isinstance(receipt.error, smtplib.SMTPRecipientsRefused)
        assert [*receipt.error.recipients] == [*receipt.refused] == people(5)


@pytest.mark.parametrize(("code", "status"), [(550, "refused"), (451, "deferred")])
@pytest.mark.parametrize("verb", ["MAIL", "DATA", "END"])
def test_a_message_that_is_refused_is_refused_for_all(verb: str, code: int, status: str) -> None:
    with SMTPServer(extensions=P) as server:
        server.script(verb, f"{code} {code // 100}.7.1 Not this one")
        [receipt] = mailer_for(server, max_recipients=2).deliver([message(count=5)])

        assert fates(receipt) == [status] * 5
        assert server.commands.count("MAIL FROM:<a@x.example>") == 1
        assert receipt.envelope is not None
        assert [*receipt.envelope.recipients] == people(5)


@KINDS
@pytest.mark.parametrize(("code", "status"), [(550, "refused"), (451, "deferred")])
@pytest.mark.parametrize("verb", ["MAIL", "DATA", "END"])
def test_a_later_refusal_leaves_those_served_alone(
    extensions: list[str], verb: str, code: int, status: str
) -> None:
    if verb == "DATA" and "CHUNKING" in extensions:
        extensions = P
    with SMTPServer(extensions=extensions) as server:
        server.script(verb, f"{code} {code // 100}.7.1 Not this one", nth=2)
        [receipt] = mailer_for(server, max_recipients=2).deliver([message(count=5)])

        assert receipt.status is SENT
        assert receipt.error is None
        assert fates(receipt) == ["sent"] * 2 + [status] * 3
        assert [*receipt.refused] == people(5)[2:]
        assert ledger(server) == {(0, who): 1 for who in people(2)}


# Unknown ends


@KINDS
@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("query", ["", "&window=4"])
def test_an_unknown_end_of_one_part_is_that_of_all(
    extensions: list[str], accept: bool, retries: int, query: str
) -> None:
    with SMTPServer(extensions=extensions) as server:
        server.script("END", [None, Close(accept=accept)])
        window = 4 if query else 1
        [receipt] = mailer_for(server, max_recipients=2, retries=retries, window=window).deliver(
            [message(count=5)]
        )

        assert receipt.status is UNKNOWN
        assert isinstance(receipt.error, smtplib.SMTPServerDisconnected)
        assert fates(receipt) == ["sent"] * 2 + ["unknown"] * 2 + ["deferred"]
        assert max(ledger(server).values()) == 1
        assert not receipt.retry_is_safe


@pytest.mark.parametrize("way", [send_messages, send_an_iterator])
def test_send_messages_stops_there(way: Way) -> None:
    with SMTPServer(extensions=P) as server:
        server.script("END", [None, Close()])
        with pytest.raises(smtplib.SMTPServerDisconnected) as caught:
            way(mailer_for(server, max_recipients=4), [message(0), message(1)])

        [receipt] = caught.value.receipts  # type: ignore[attr-defined]
        assert fates(receipt) == ["sent"] * 4 + ["unknown"] * 4
        assert ledger(server) == {(0, who): 1 for who in people(4)}


def test_the_next_message_s_text_waits_for_all_parts() -> None:
    """In send_messages(), nothing leaves before the message ahead of it was taken."""
    for options in ({"max_recipients": 4}, {}):
        with SMTPServer(extensions=P) as server:
            Limited(server, 4, "452 4.5.3 Too many recipients")
            server.script("END", [None, Close()])
            with pytest.raises(smtplib.SMTPServerDisconnected):
                mailer_for(server, **options).send_messages([message(0), message(1), message(2)])

            assert ledger(server) == {(0, who): 1 for who in people(4)}


# Retries


@KINDS
@pytest.mark.parametrize("window", [1, 4])
def test_the_greylisted_are_tried_again(extensions: list[str], window: int) -> None:
    for said in ("451 4.7.1 Greylisted", "450 4.2.0 Try in 5 minutes"):
        with SMTPServer(extensions=extensions) as server:
            server.script("RCPT TO:<r1@", [said])
            server.script("RCPT TO:<r3@", [said, said])
            server.script("RCPT TO:<r4@", "550 5.1.1 No such user")
            mailer = mailer_for(server, retries=2, window=window)
            receipts = mailer.deliver([message(n, 5) for n in range(2)])

            assert fates(receipts[0]) == ["sent"] * 4 + ["refused"]
            assert [*receipts[0].refused] == ["r4@x.example"]
            assert fates(receipts[1]) == ["sent"] * 4 + ["refused"]
            assert set(ledger(server).values()) == {1}
            asked = Counter(each for each in server.commands if each.startswith("RCPT"))
            assert asked["RCPT TO:<r0@x.example>"] == asked["RCPT TO:<r4@x.example>"] == 2


@pytest.mark.parametrize("retries", [0, 1])
def test_without_retries_left_the_greylisted_are_deferred(retries: int) -> None:
    with SMTPServer(extensions=P) as server:
        server.script("RCPT TO:<r1@", "451 4.7.1 Greylisted")
        [receipt] = mailer_for(server, retries=retries).deliver([message(0, 3)])

        assert receipt.status is SENT
        assert fates(receipt) == ["sent", "deferred", "sent"]
        assert str(receipt.refused["r1@x.example"]) == "451 4.7.1 Greylisted"
        assert set(ledger(server).values()) == {1}


@KINDS
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [Close(), "421 4.3.2 Bye"], ids=["close", "421"])
def test_a_session_that_ends_between_parts_is_replaced(
    extensions: list[str], verb: str, fault: Any
) -> None:
    if verb == "DATA" and "CHUNKING" in extensions:
        extensions = P
    with SMTPServer(extensions=extensions) as server:
        server.script(verb, fault, nth=2)
        [receipt] = mailer_for(server, max_recipients=1).deliver([message(0, 3)])

        assert fates(receipt) == ["sent"] * 3
        assert ledger(server) == {(0, who): 1 for who in people(3)}
        assert len(server.connections) == 2


def test_where_no_session_can_be_had_the_rest_is_deferred() -> None:
    with SMTPServer(extensions=P) as server:
        server.script("END", Close("250 2.0.0 Ok", accept=True))
        server.script("GREETING", [None, "554 5.3.2 Gone"])
        [receipt] = mailer_for(server, max_recipients=2).deliver([message(0, 5)])

        assert receipt.status is SENT
        assert fates(receipt) == ["sent"] * 2 + ["deferred"] * 3
        assert [*receipt.refused] == people(5)[2:]


# Who stops early


@KINDS
@pytest.mark.parametrize("options", [{"max_recipients": 3}, {}], ids=str)
def test_a_message_on_its_way_reaches_all_though_the_caller_stops(
    extensions: list[str], options: dict[str, Any]
) -> None:
    with SMTPServer(extensions=extensions) as server:
        Limited(server, 3, "452 4.5.3 Too many recipients")
        receipts = mailer_for(server, **options).iter_deliver(message(n) for n in range(4))
        next(receipts)
        receipts.close()  # type: ignore[attr-defined]

        counts = ledger(server)
        for n in {number for number, _ in counts}:
            assert {who: counts[n, who] for who in people(8)} == dict.fromkeys(people(8), 1)
