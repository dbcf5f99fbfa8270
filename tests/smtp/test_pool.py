"""Sessions are kept for the next message, by the same route only, and never in doubt."""

from __future__ import annotations

import gc
import itertools
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from simplemail import EmailMessage, send_mail
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Status
from simplemail.smtp import dialogue
from simplemail.smtp import pool as pool_module
from simplemail.smtp.pool import close_pools, pool
from simplemail.testing.server import Close, Reset, Silence, SMTPServer


@pytest.fixture(autouse=True)
def _empty_pool() -> Iterator[None]:
    yield
    close_pools()


def mailer(server: SMTPServer, **options: Any) -> EmailBackend:
    values = {"keep_alive": 30, "timeout": 5, **options}
    return EmailBackend(host=server.host, port=server.port, **values)


def send(server: SMTPServer, **options: Any) -> int:
    return send_mail("s", "b", "a@x.example", ["b@x.example"], connection=mailer(server, **options))


def idle() -> int:
    return len(pool._idle)


def test_one_session_serves_many_messages(smtp_server: SMTPServer) -> None:
    for _ in range(5):
        assert send(smtp_server) == 1

    assert len(smtp_server.connections) == 1
    assert [c for c in smtp_server.commands if c.startswith(("EHLO", "NOOP", "QUIT"))] == [
        smtp_server.commands[0]
    ]


def test_is_off_by_default(smtp_server: SMTPServer) -> None:
    send(smtp_server, keep_alive=0)
    send(smtp_server, keep_alive=0)

    assert len(smtp_server.connections) == 2
    assert idle() == 0


def test_two_round_trips_per_message() -> None:
    """The commands and DATA, and then the content."""
    with SMTPServer(rtt=0.01) as server:
        send(server)
        before = server.turns
        send(server)

        assert server.turns - before == 2


def test_different_credentials_never_share_a_session() -> None:
    with SMTPServer(users={"ann": "a", "bob": "b"}) as server:
        for user, password in [("ann", "a"), ("bob", "b"), ("ann", "a"), ("bob", "b")]:
            send(server, username=user, password=password)

        assert [m.user for m in server.messages] == ["ann", "bob", "ann", "bob"]
        assert len(server.connections) == 2


def test_a_wrong_password_does_not_get_the_right_one_s_session() -> None:
    with SMTPServer(users={"ann": "a"}) as server:
        send(server, username="ann", password="a")
        with pytest.raises(OSError, match="Wrong user name or password"):
            send(server, username="ann", password="x")


@pytest.mark.parametrize("fault", [Close(), Close("421 4.4.2 Idle"), Reset(), "250 What?"])
def test_a_dead_session_is_not_used(smtp_server: SMTPServer, fault: Any) -> None:
    send(smtp_server)
    smtp_server.strike(fault)
    if not isinstance(fault, str):
        smtp_server.wait_for(lambda: smtp_server.open_connections == 0)

    assert send(smtp_server) == 1
    assert len(smtp_server.messages) == 2
    assert len(smtp_server.connections) == 2


def test_an_idle_session_is_asked_first(smtp_server: SMTPServer) -> None:
    send(smtp_server)
    [session] = [entry.session for entry in pool._idle]
    session.used -= 2
    send(smtp_server)

    assert smtp_server.commands.count("NOOP") == 1
    assert len(smtp_server.connections) == 1


def test_a_silent_session_is_given_up_soon(
    smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "FAREWELL", 0.05)
    send(smtp_server, timeout=600)
    [session] = [entry.session for entry in pool._idle]
    session.used -= 2
    smtp_server.script("NOOP", Silence())

    assert send(smtp_server, timeout=600) == 1
    assert len(smtp_server.connections) == 2


def test_asking_leaves_the_timeout_as_it_was(smtp_server: SMTPServer) -> None:
    send(smtp_server, timeout=600)
    [session] = [entry.session for entry in pool._idle]
    session.used -= 2

    assert session.alive()
    assert session.channel.timeout == 600


class TestLimits:
    def test_messages(self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "MOST_MESSAGES", 3)
        for _ in range(6):
            send(smtp_server)

        assert len(smtp_server.connections) == 2
        assert idle() == 0

    def test_age(self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "LONGEST_LIFE", 0.0)
        send(smtp_server)

        assert idle() == 0

    def test_idle_time_also_if_nobody_sends(self, smtp_server: SMTPServer) -> None:
        send(smtp_server, keep_alive=0.05)

        smtp_server.wait_for(lambda: smtp_server.open_connections == 0)
        assert "QUIT" in smtp_server.commands

    def test_idle_time_of_the_most_impatient(self, smtp_server: SMTPServer) -> None:
        send(smtp_server, keep_alive=600)
        send(smtp_server, keep_alive=0.05, local_hostname="other.example")

        smtp_server.wait_for(lambda: smtp_server.open_connections == 1)
        assert idle() == 1

    def test_idle_time_of_each_one_left_after_another(
        self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        due: list[float] = []
        monkeypatch.setattr(pool_module._Sweeper, "start", lambda self: due.append(self.due))
        for number, seconds in enumerate([10, 600, 20, 300]):
            send(smtp_server, keep_alive=seconds, local_hostname=f"c{number}.example")
        later = pool_module.monotonic() + 15
        monkeypatch.setattr(pool_module, "monotonic", lambda: later)
        pool.sweep(pool._sweepers[0])

        assert idle() == 3
        assert due[1:] == [min(entry.until for entry in pool._idle)]

    def test_number(self, smtp_server: SMTPServer) -> None:
        backends = [mailer(smtp_server, pool_size=2) for _ in range(4)]
        for backend in backends:
            backend.open()
        for backend in backends:
            backend.close()

        assert idle() == 2


def test_a_failed_message_leaves_no_doubtful_session(smtp_server: SMTPServer) -> None:
    smtp_server.script("END", [Reset(accept=True)])
    with pytest.raises(OSError, match="connection"):
        send(smtp_server)
    assert idle() == 0

    smtp_server.script("RCPT", ["550 5.1.1 No"])
    with pytest.raises(OSError, match="No"):
        send(smtp_server)
    assert send(smtp_server) == 1
    assert smtp_server.commands.count("RSET") == 1


def test_threads_share_it(smtp_server: SMTPServer) -> None:
    def work() -> None:
        for _ in range(10):
            send(smtp_server)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(smtp_server.messages) == 80
    assert len(smtp_server.connections) <= 8
    assert not smtp_server.violations


def test_close_pools_says_goodbye(smtp_server: SMTPServer) -> None:
    send(smtp_server)
    close_pools()

    assert smtp_server.commands[-1] == "QUIT"
    smtp_server.wait_for(lambda: smtp_server.open_connections == 0)
    assert send(smtp_server) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_does_not_use_its_parent_s_session(smtp_server: SMTPServer) -> None:
    send(smtp_server)
    child = os.fork()
    if child == 0:
        os._exit(0 if idle() == 0 and send(smtp_server) == 1 else 1)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert send(smtp_server) == 1
    assert len(smtp_server.connections) == 2
    assert smtp_server.connections[0].accepted == 2


def test_the_route_shows_no_secret(smtp_server: SMTPServer) -> None:
    backend = mailer(smtp_server, username="ann", password="s3cret")

    assert "s3cret" not in repr(backend._way())
    assert "ann" not in repr(backend._way())


def test_where_no_thread_can_start_a_session_ends_at_once(
    smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of the program, say: the mail was sent all the same."""

    def start(timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pool_module._Sweeper, "start", start)
    receipts = mailer(smtp_server).deliver([EmailMessage("s", "b", "a@x.example", ["b@x.example"])])

    assert [receipt.status for receipt in receipts] == [Status.SENT]
    assert idle() == 0
    assert smtp_server.commands[-1] == "QUIT"
    smtp_server.wait_for(lambda: smtp_server.open_connections == 0)


def two_idle(server: SMTPServer) -> None:
    backends = [mailer(server) for _ in range(2)]
    for backend in backends:
        backend.open()
    for backend in backends:
        backend.close()
    assert idle() == 2


class TestWithoutALock:
    """Whoever takes an entry off the list has it; others go on to the next one."""

    def test_one_that_another_thread_was_faster_to_take(
        self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two_idle(smtp_server)
        [left, taken] = list(pool._idle)
        usual = pool_module.Pool._claim

        def claim(self: pool_module.Pool, entry: Any) -> bool:
            if entry is taken:
                usual(self, entry)
            return usual(self, entry)

        monkeypatch.setattr(pool_module.Pool, "_claim", claim)
        session = pool.take(taken.route)

        assert session is left.session
        for each in (left, taken):
            each.session.quit()

    def test_an_entry_can_be_taken_once(self, smtp_server: SMTPServer) -> None:
        two_idle(smtp_server)
        entry = pool._idle[0]

        assert [pool._claim(entry), pool._claim(entry)] == [True, False]
        assert idle() == 1
        entry.session.quit()

    def test_one_without_time_left_is_not_kept(
        self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool_module._Sweeper, "start", lambda self: None)
        two_idle(smtp_server)
        entry = pool._idle.pop()
        now = pool_module.monotonic()
        monkeypatch.setattr(pool_module, "monotonic", lambda: now)
        pool.give(entry.route, entry.session, keep_alive=0, size=10)

        assert idle() == 1
        assert entry.session.closed


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 30.0])
def test_a_sweeper_waits_just_as_long_as_needed_and_holds_up_nobody(seconds: float) -> None:
    sweeper = pool_module._Sweeper(pool, pool_module.monotonic() + seconds)

    assert max(0, seconds - 5) <= sweeper.interval <= max(0, seconds)
    assert sweeper.daemon


class TestManyFallSilent:
    """A firewall forgets them all at once: the wait is that for one."""

    @pytest.fixture
    def server(self, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch) -> SMTPServer:
        backends = [mailer(smtp_server) for _ in range(5)]
        for backend in backends:
            backend.open()
        for backend in backends:
            backend.close()
        assert idle() == 5
        monkeypatch.setattr(dialogue, "FAREWELL", 0.2)
        return smtp_server

    def test_one_is_asked(self, server: SMTPServer) -> None:
        server.script("NOOP", Silence())
        for entry in pool._idle:
            entry.session.used -= 2

        assert send(server) == 1
        assert server.commands.count("NOOP") == 1
        assert idle() == 1

    def test_all_are_told_before_one_is_waited_for(
        self, server: SMTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.script("QUIT", Silence())
        now, waits = itertools.count(), []
        monkeypatch.setattr(dialogue, "monotonic", lambda: next(now) / 25)
        usual = dialogue.Dialogue.hear_goodbye

        def hear(self: dialogue.Dialogue, seconds: float) -> None:
            server.wait_for(lambda: server.commands.count("QUIT") == 5)
            waits.append(seconds)
            usual(self, seconds)

        monkeypatch.setattr(dialogue.Dialogue, "hear_goodbye", hear)
        close_pools()

        assert len(waits) == 5
        assert waits == sorted(waits, reverse=True)
        assert waits[-1] < waits[0]


def dropped(backend: EmailBackend) -> None:
    """Leave an `iter_deliver()` in a circle, with a session of its own: rubbish to be collected."""
    messages = [EmailMessage(f"{n}", "b", "a@x.example", ["b@x.example"]) for n in range(2)]
    receipts = backend.iter_deliver(messages)
    assert next(receipts).status is Status.SENT
    circle: list[object] = [receipts]
    circle.append(circle)


@pytest.mark.parametrize("method", ["give", "take", "_will_be_swept", "_claim", "_of"])
def test_garbage_collection_may_give_a_session_back_in_the_middle(
    method: str, smtp_server: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closes a generator, which gives its session back, before and after each step."""
    send(smtp_server)
    gc.disable()
    original = getattr(pool_module.Pool, method)
    backends = [mailer(smtp_server) for _ in range(2)]  # else their sockets are rubbish, too
    busy: list[int] = []

    def collecting(*arguments: Any, **options: Any) -> Any:
        if busy:
            return original(*arguments, **options)
        busy.append(1)
        dropped(backends[0])
        gc.collect()
        result = original(*arguments, **options)
        dropped(backends[1])
        gc.collect()
        busy.clear()
        return result

    monkeypatch.setattr(pool_module.Pool, method, collecting)
    try:
        sender = threading.Thread(target=send, args=[smtp_server], daemon=True)
        sender.start()
        sender.join(60)
        assert not sender.is_alive(), "it hangs"
    finally:
        gc.enable()
    monkeypatch.undo()

    assert send(smtp_server) == 1
    assert idle() <= 4
    close_pools()
    smtp_server.wait_for(lambda: smtp_server.open_connections == 0)
    assert smtp_server.violations == []
