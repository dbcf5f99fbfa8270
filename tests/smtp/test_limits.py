"""A server's limits on messages per session, and ours, lead to a fresh session in time."""

from __future__ import annotations

import gc
import os
import re
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from simplemail import EmailMessage, close_pools, mailers, override_settings
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Reply, Status
from simplemail.smtp.limits import announced, ends_session
from simplemail.smtp.places import Place, line
from simplemail.smtp.pool import pool
from simplemail.testing.server import SMTPServer
from simplemail.testing.server.session import Session
from support.arrived import subjects
from support.samples import sample
from support.ways import Way, adeliver, deliver, iter_deliver, send_an_iterator, send_messages

P, PC = ["PIPELINING"], ["PIPELINING", "CHUNKING"]


@pytest.fixture(autouse=True)
def _empty_pool() -> Iterator[None]:
    yield
    close_pools()
    if line._places:  # held by a circle, perhaps; it takes long to look for one after every test
        gc.collect()
    assert not line._places


def mailer_for(server: SMTPServer, **options: Any) -> EmailBackend:
    options = {"timeout": 5, "local_hostname": "client.example", **options}
    return EmailBackend(host=server.host, port=server.port, **options)


def message(number: int = 0) -> EmailMessage:
    return EmailMessage(f"{number}", "Hello\n", "a@x.example", ["b@x.example"])


def messages(count: int) -> list[EmailMessage]:
    return [message(number) for number in range(count)]


# Limits that the server tells in its way

SAID = [
    "421 4.7.0 Too many messages in this session",
    "452 4.4.5 Try again",
    "452 4.4.5",
    "451 4.7.1 Too many messages per session",
    "450 too many mails in this connection, try a new one",
    "452 Maximum number of messages per connection reached",
    "451 4.5.3 Message limit for this session exceeded",
    "450-4.7.1 You have reached the maximum number of messages\n450 4.7.1 for this SMTP session",
    "451 This session has too many transactions",
    "452 4.3.1 Session limit reached: 10 messages",
    "452 4.5.0 Connection: message limit exceeded",
    "450 4.7.0 No more deliveries on this connection",
]
OTHERS = [
    "451 4.7.1 Greylisted, try again in 5 minutes",
    "450 4.2.0 Graylisting in action: messages in this session are delayed",
    "450 4.7.1 Too many connections from your address",
    "451 4.3.2 Too many sessions; message deferred",
    "451 4.3.0 Not now",
    "452 4.2.2 Mailbox full",
    "452 4.3.1 Insufficient system storage",
    "452 4.5.3 Too many recipients",
    "451 4.7.0 Message rate limit exceeded",
    "450 4.7.1 Connection refused by policy",
]


@pytest.mark.parametrize("said", SAID[1:])
def test_what_ends_a_session(said: str) -> None:
    assert ends_session(reply(said))
    assert ends_session(reply(said.upper()))
    for code in (250, 354, 399, 500, 550):
        assert not ends_session(reply(said)._replace(code=code))


@pytest.mark.parametrize(("code", "ends"), [(399, False), (400, True), (499, True), (500, False)])
def test_words_end_a_session_only_in_a_temporary_no(code: int, ends: bool) -> None:
    assert ends_session(Reply(code, "Too many messages in this session")) is ends


@pytest.mark.parametrize("said", OTHERS)
def test_what_ends_no_session(said: str) -> None:
    assert not ends_session(reply(said))


def reply(said: str) -> Reply:
    lines = [re.fullmatch(r"(\d+)[ -]?(4\.\d\.\d)? ?(.*)", text) for text in said.split("\n")]
    assert lines[0]
    assert all(lines)
    return Reply(int(lines[0][1]), "\n".join(each[3] for each in lines if each), lines[0][2])


class Limited:
    """Takes `most` messages per session, and then says so at a command."""

    def __init__(self, server: SMTPServer, most: int, verb: str, said: str) -> None:
        self.taken: Counter[Session] = Counter()
        self.most, self.verb, self.said = most, verb, said
        server.script(re.compile(""), self.answer)

    def answer(self, text: str, session: Session) -> str | None:
        verb = text.partition(" ")[0].upper()  # smtplib writes small letters
        if verb == self.verb and self.taken[session] >= self.most:
            return self.said
        self.taken[session] += verb == "END"
        return None


def on_one_session(mailer: EmailBackend, messages: list[EmailMessage]) -> list[Receipt]:
    with mailer:
        assert [mailer.send_messages([each]) for each in messages] == [1] * len(messages)
    return []


WAYS: list[Way] = [
    deliver, iter_deliver, send_messages, send_an_iterator, on_one_session, adeliver,
]  # fmt: skip
VERBS = ["MAIL", "RCPT", "DATA", "END"]
ALL_WAYS = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def send_by(way: Any, server: SMTPServer, count: int, query: str = "") -> None:
    """Send in one of the ways, and check that each message arrived once, in order."""
    with override_settings(EMAIL_URL=f"{server.url}?timeout=5{query}"):
        receipts: list[Receipt] = way(mailers["default"], messages(count))
    assert [receipt.status for receipt in receipts] in ([], [Status.SENT] * count)
    arrived = Counter(subjects(server.messages))
    assert arrived == Counter(map(str, range(count)))


@ALL_WAYS
@pytest.mark.parametrize("extensions", [P, PC, []], ids=str)
@pytest.mark.parametrize("verb", VERBS)
def test_each_message_over_a_session_s_limit_gets_a_fresh_session(
    way: Any, extensions: list[str], verb: str
) -> None:
    """A fourth of the answers by default, another one for each way and command; in CI, all."""
    start = WAYS.index(way) + VERBS.index(verb)
    for number, said in sample(enumerate(SAID), one_in=4, start=start):
        most, query = 1 + number % 2, ["", "&window=4", "&keep_alive=60"][number % 3]
        with SMTPServer(extensions=extensions) as server:
            Limited(server, most, verb, said)
            send_by(way, server, 5, query)
            close_pools()

            if verb != "DATA" or "CHUNKING" not in extensions:
                assert len(server.connections) >= 5 / most
            assert not server.violations


@pytest.mark.parametrize("said", SAID)
def test_a_limit_costs_one_connection_where_one_message_is_sent_at_a_time(said: str) -> None:
    with SMTPServer(extensions=P) as server:
        Limited(server, 2, "MAIL", said)
        send_by(on_one_session, server, 6)

        assert len(server.connections) == 3


@pytest.mark.parametrize("said", SAID[1:])
def test_a_server_that_is_left_hears_quit(said: str) -> None:
    with SMTPServer(extensions=P) as server:
        Limited(server, 1, "MAIL", said)
        send_by(on_one_session, server, 2)
        server.wait_for(lambda: server.open_connections == 0)

        assert server.commands.count("QUIT") == 2


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("keep_alive", [0, 60])
def test_a_message_gets_one_fresh_session_and_no_more(said: str, keep_alive: int) -> None:
    """A server that has delivered nothing in a session means something else."""
    with SMTPServer(extensions=P) as server:
        mailer = mailer_for(server, keep_alive=keep_alive)
        with mailer:
            assert mailer.send_messages([message()]) == 1
            server.script("MAIL", said)
            [receipt] = mailer.deliver([message(1)])

        assert receipt.status is Status.DEFERRED
        assert len(server.connections) == 2


@pytest.mark.parametrize("said", OTHERS)
@pytest.mark.parametrize("verb", ["MAIL", "DATA", "END"])
def test_another_no_gets_no_fresh_session(said: str, verb: str) -> None:
    with SMTPServer(extensions=P) as server:
        Limited(server, 1, verb, said)
        receipts = deliver(mailer_for(server), messages(3))

        assert [each.status.value for each in receipts] == ["sent", "deferred", "deferred"]
        assert len(server.connections) == 1


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_other_connections_are_replaced_as_well(said: str, verb: str) -> None:
    class Own(smtplib.SMTP):
        """A class of the user's."""

    class Mailer(EmailBackend):
        connection_class = Own

    with SMTPServer(extensions=P) as server:
        Limited(server, 2, verb, said)
        mailer = Mailer(host=server.host, port=server.port, timeout=5)
        receipts = deliver(mailer, messages(5))

        assert [receipt.status for receipt in receipts] == [Status.SENT] * 5
        assert len(server.connections) == 3


@pytest.mark.parametrize("said", SAID)
def test_an_exhausted_session_is_not_kept(said: str) -> None:
    with SMTPServer(extensions=P) as server:
        Limited(server, 1, "MAIL", said)
        mailer = mailer_for(server, keep_alive=60)
        deliver(mailer, messages(1))
        assert len(pool._idle) == 1
        old = pool._idle[0].session
        deliver(mailer, messages(1))

        assert old.closed
        assert [entry.session is old for entry in pool._idle] == [False]


# Limits that are announced, or set here


@pytest.mark.parametrize(
    ("text", "most"),
    [("MAILMAX=5", 5), ("RCPTMAX=9 mailmax=007", 7), ("MAILMAX=0", None), ("MAILMAX", None),
     ("MAILMAX=-1 X=1", None), ("", None), ("MAILMAX=1234567", None), ("MAILMAX=٣", None)],
)  # fmt: skip
def test_limits_are_read_as_rfc_9422_has_them(text: str, most: int | None) -> None:
    assert announced({"limits": text}, "MAILMAX") == most
    assert announced({}, "MAILMAX") is None


@ALL_WAYS
@pytest.mark.parametrize("extensions", [P, PC, []], ids=str)
@pytest.mark.parametrize("query", ["&max_messages=2", "&max_messages=2&window=4", "announced"])
def test_a_session_takes_no_more_messages_than_allowed(
    way: Any, extensions: list[str], query: str
) -> None:
    if query == "announced":
        extensions, query = [*extensions, "LIMITS MAILMAX=2"], ""
    with SMTPServer(extensions=extensions) as server:
        greeted = Greeted(server)
        send_by(way, server, 5, query)

        taken = Counter(received.session.number for received in server.messages)
        assert sorted(taken.values()) == [1, 2, 2]
        assert greeted.most == 1


class Greeted:
    """Counts the clients that have said EHLO and not yet QUIT."""

    def __init__(self, server: SMTPServer) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0
        server.script(re.compile("^(EHLO|QUIT)"), self.count)

    def count(self, text: str, session: Session) -> None:
        with self.lock:
            self.now += 1 if text.startswith("EHLO") else -1
            self.most = max(self.now, self.most)


def test_kept_sessions_count_on() -> None:
    with SMTPServer(extensions=P) as server:
        for _ in range(3):
            deliver(mailer_for(server, keep_alive=60, max_messages=2), messages(1))

        assert [each.session.number for each in server.messages] == [0, 0, 1]


def test_a_session_takes_no_message_after_its_time() -> None:
    with SMTPServer(extensions=P) as server, mailer_for(server, max_lifetime=1000) as mailer:
        mailer.send_messages([message()])
        assert mailer._session is not None
        mailer._session.end -= 1000  # type: ignore[operator,union-attr]
        mailer.send_messages([message()])

        assert [each.session.number for each in server.messages] == [0, 1]


@pytest.mark.parametrize(("options", "seconds"), [({"max_lifetime": 5}, 5), ({}, 60)])
def test_a_kept_session_ends_in_time(options: dict[str, Any], seconds: float) -> None:
    with SMTPServer(extensions=P) as server:
        deliver(mailer_for(server, keep_alive=60, **options), messages(1))
        [entry] = pool._idle

        assert seconds - 1 < entry.until - entry.session.opened < seconds + 1


# How many connections may be open


@pytest.mark.parametrize("keep_alive", [0, 60])
@pytest.mark.parametrize("way", [deliver, send_messages, on_one_session])
def test_threads_open_no_more_connections_than_allowed(way: Any, keep_alive: int) -> None:
    with SMTPServer(extensions=P) as server:
        greeted = Greeted(server)

        def send(_: int) -> None:
            way(
                mailer_for(server, max_connections=2, keep_alive=keep_alive, timeout=60),
                messages(2),
            )

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(send, range(24)))

        assert len(server.messages) == 48
        assert greeted.most <= 2


@pytest.mark.parametrize("keep_alive", [0, 60])
def test_who_waits_too_long_is_told(keep_alive: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "wait", lambda *_: False)
    options = {"max_connections": 1, "keep_alive": keep_alive}
    with SMTPServer(extensions=P) as server, mailer_for(server, **options) as first:
        first.send_messages([message()])
        [receipt] = mailer_for(server, **options).deliver([message()])

        assert receipt.status is Status.DEFERRED
        assert isinstance(receipt.error, TimeoutError)
        assert "(max_connections, 1) were in use for 5 s" in str(receipt.error)
        assert len(server.messages) == 1


def test_who_waits_gets_the_session_that_becomes_free() -> None:
    with SMTPServer(extensions=P) as server:
        first = mailer_for(server, max_connections=1, keep_alive=60)
        first.open()
        sent: list[int] = []
        second = mailer_for(server, max_connections=1, keep_alive=60)
        thread = threading.Thread(target=lambda: sent.append(second.send_messages([message()])))
        thread.start()
        server.wait_for(lambda: len(line._places) == 2)
        first.close()
        thread.join()

        assert sent == [1]
        assert len(server.connections) == 1


def test_other_servers_and_logins_have_places_of_their_own() -> None:
    with (
        SMTPServer(extensions=P) as one,
        SMTPServer(extensions=P) as other,
        mailer_for(one, max_connections=1),
        mailer_for(other, max_connections=1) as mailer,
    ):
        assert mailer.send_messages([message()]) == 1


def test_a_forgotten_connection_takes_no_place() -> None:
    with SMTPServer(extensions=P) as server:
        mailer = mailer_for(server, max_connections=1)
        mailer.open()
        mailer.connection.sock.close()
        del mailer
        gc.collect()

        assert (
            deliver(mailer_for(server, max_connections=1, timeout=1), messages(1))[0].error is None
        )


@pytest.mark.parametrize("refusal", ["554 5.0.0 Never", "421 4.3.2 Too busy"])
def test_a_connection_that_fails_takes_no_place(refusal: str) -> None:
    with SMTPServer(extensions=P) as server:
        server.script("GREETING", [refusal] * 2)
        for _ in range(2):
            assert deliver(mailer_for(server, max_connections=1), messages(1))[0].error
        assert deliver(mailer_for(server, max_connections=1), messages(1))[0].error is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_has_places_of_its_own() -> None:
    with SMTPServer(extensions=P) as server, mailer_for(server, max_connections=1):
        child = os.fork()
        if child == 0:
            fine = (
                deliver(mailer_for(server, max_connections=1, timeout=1), messages(1))[0].error
                is None
            )
            os._exit(0 if fine else 1)

        assert os.waitpid(child, 0)[1] == 0
