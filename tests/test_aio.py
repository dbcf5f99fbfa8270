from __future__ import annotations

import asyncio
import contextvars
import smtplib
import threading
from contextlib import aclosing

import pytest

import simplemail
from simplemail import (
    Status,
    adeliver,
    aio,
    aiter_deliver,
    amail_admins,
    amail_managers,
    asend_mail,
    asend_mass_mail,
    override_settings,
    threads,
)
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.dummy import EmailBackend as Dummy
from simplemail.receipts import Reply
from simplemail.testing import capture
from simplemail.testing.contract import a_message
from simplemail.testing.server import Close, SMTPServer
from support.arrived import subjects


@pytest.fixture(autouse=True)
def _no_threads_left():
    yield
    aio.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("simplemail")]


class Blocking(BaseEmailBackend):
    """Holds every message until the test lets it go."""

    pool_size = 1

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.entered, self.release = threading.Event(), threading.Event()
        self.taken = []

    def send_envelope(self, envelope):
        self.entered.set()
        assert self.release.wait(30)
        self.taken.append(envelope)
        return Reply(250)


ARGUMENTS = ("Subject", "Text", "me@example.com", ["ann@example.com"])


class TestCalls:
    """Each does what its blocking counterpart does."""

    def test_asend_mail(self):
        with capture() as outbox:
            assert asyncio.run(asend_mail(*ARGUMENTS, html_message="<p>")) == 1
            assert asyncio.run(asend_mail("Subject", "Text", None, [])) == 0

        assert outbox[0].alternatives == [("<p>", "text/html")]

    def test_asend_mass_mail(self):
        with capture() as outbox:
            assert asyncio.run(asend_mass_mail([ARGUMENTS, ARGUMENTS])) == 2

        assert len(outbox) == 2

    def test_amail_admins_and_managers(self):
        people = override_settings(ADMINS=["a@example.com"], MANAGERS=["m@example.com"])
        with people, capture() as outbox:
            asyncio.run(amail_admins("Subject", "Text"))
            asyncio.run(amail_managers("Subject", "Text", html_message="<p>"))

        assert [message.to for message in outbox] == [["a@example.com"], ["m@example.com"]]

    def test_asend(self):
        with capture() as outbox:
            assert asyncio.run(a_message().asend()) == 1
            assert asyncio.run(a_message(to=[]).asend()) == 0

        assert len(outbox) == 1

    def test_asend_messages(self):
        with capture() as outbox:
            mailer = simplemail.mailers.default
            assert asyncio.run(mailer.asend_messages([a_message(), a_message()])) == 2

        assert len(outbox) == 2

    def test_adeliver(self):
        with capture():
            receipts = asyncio.run(adeliver([a_message(), a_message(subject="a\nb")]))

        assert [receipt.status for receipt in receipts] == [Status.SENT, Status.REFUSED]

    def test_using(self):
        with override_settings(MAILERS={"news": "memory:"}), capture() as outbox:
            asyncio.run(asend_mail(*ARGUMENTS, using="news"))
            asyncio.run(a_message().asend(using="news"))

        assert [message.sent_using for message in outbox] == ["news", "news"]

    def test_contradicting_arguments(self):
        for call in (
            asend_mail(*ARGUMENTS, using="x", fail_silently=True),
            a_message().asend(True, using="x"),
            asend_mass_mail([], using="x", connection=Dummy()),
        ):
            with pytest.raises(TypeError, match="not compatible"):
                asyncio.run(call)

    def test_errors_come_through(self):
        class Broken(BaseEmailBackend):
            def send_envelope(self, envelope):
                raise ConnectionResetError("gone")

        with pytest.raises(ConnectionResetError):
            asyncio.run(asend_mail(*ARGUMENTS, connection=Broken()))

    def test_context_variables_are_carried_over(self):
        variable = contextvars.ContextVar("variable", default="unset")
        seen = []

        class Looking(Dummy):
            def send_envelope(self, envelope):
                seen.append(variable.get())
                return super().send_envelope(envelope)

        async def send():
            variable.set("set")
            await asend_mail(*ARGUMENTS, connection=Looking())

        asyncio.run(send())
        assert seen == ["set"]

    def test_the_loop_is_not_blocked(self):
        backend = Blocking()

        async def send():
            task = asyncio.create_task(asend_mail(*ARGUMENTS, connection=backend))
            while not backend.entered.is_set():
                await asyncio.sleep(0)
            backend.release.set()
            return await task

        assert asyncio.run(send()) == 1


class TestCancelling:
    def test_before_a_thread_took_it_nothing_is_sent(self):
        backend = Blocking()

        async def send():
            first = asyncio.create_task(asend_mail(*ARGUMENTS, connection=backend))
            while not backend.entered.is_set():
                await asyncio.sleep(0)
            second = asyncio.create_task(asend_mail(*ARGUMENTS, connection=backend))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await second
            backend.release.set()
            return await first, caught.value

        sent, cancelled = asyncio.run(send())
        assert sent == 1
        assert len(backend.taken) == 1
        assert not hasattr(cancelled, "result")

    @pytest.mark.parametrize("times", [1, 3])
    def test_afterwards_the_outcome_is_told(self, times):
        backend = Blocking()
        told = []

        async def careful():
            try:
                await asend_mail(*ARGUMENTS, connection=backend)
            except asyncio.CancelledError as cancelled:
                told.append(cancelled.result)
                raise

        async def send():
            task = asyncio.create_task(careful())
            while not backend.entered.is_set():
                await asyncio.sleep(0)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            assert not task.done()
            backend.release.set()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(send())
        assert told == [1]
        assert len(backend.taken) == 1

    @pytest.mark.parametrize("call", ["asend_mail", "adeliver"])
    def test_half_of_many(self, call):
        """Receipts and server agree, the connections are bounded, and none is left open."""
        told = []

        async def one(number):
            subject = f"Number {number}"
            try:
                if call == "asend_mail":
                    sent = await asend_mail(subject, *ARGUMENTS[1:]) == 1
                else:
                    [receipt] = await adeliver([a_message(subject=subject)])
                    sent = receipt.status is Status.SENT
            except asyncio.CancelledError as cancelled:
                sent = bool(getattr(cancelled, "result", 0))
            told.extend([subject] if sent else [])

        async def everybody():
            tasks = [asyncio.create_task(one(number)) for number in range(200)]
            while len(server.messages) < 5:
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks)

        with SMTPServer() as server, few_connections(server, 4):
            asyncio.run(everybody())
            simplemail.close_pools()
            server.wait_for(lambda: server.open_connections == 0)

            assert sorted(told) == sorted(subjects_at(server))
            assert {f"Number {number}" for number in range(1, 200, 2)} <= set(told)
            assert len(server.connections) <= 4
            assert server.violations == []


def few_connections(server, pool_size):
    return override_settings(EMAIL_URL=f"{server.url}?keep_alive=30&pool_size={pool_size}")


def subjects_at(server):
    return subjects(server.messages)


def send_at_once(calls):
    """What calls of asend_mail() return or raise, one of them sent before the others."""

    async def run():
        await asend_mail(*ARGUMENTS)  # the session is there for them
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(run())


class TestManyAtOnce:
    """Messages that wait share the sessions that `keep_alive` keeps."""

    def test_connections_are_bounded_and_none_is_left_open(self):
        with SMTPServer() as server, few_connections(server, 8):
            calls = [asend_mail(f"{number}", *ARGUMENTS[1:]) for number in range(200)]
            assert send_at_once(calls) == [1] * 200
            simplemail.close_pools()
            server.wait_for(lambda: server.open_connections == 0)

            numbers = [str(number) for number in range(200)]
            assert sorted(subjects_at(server)) == sorted([*numbers, "Subject"])
            assert len(server.connections) <= 8
            assert server.violations == []

    def test_one_connection_keeps_their_order(self):
        subjects = [str(number) for number in range(250)]
        with SMTPServer() as server, few_connections(server, 1):
            send_at_once([asend_mail(subject, *ARGUMENTS[1:]) for subject in subjects])
            simplemail.close_pools()

            assert subjects_at(server) == ["Subject", *subjects]
            assert len(server.connections) == 1

    def test_each_hears_of_its_own_failure(self):
        with SMTPServer() as server, few_connections(server, 1):
            server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
            outcomes = send_at_once(
                [
                    asend_mail(*ARGUMENTS),
                    asend_mail("a\nb", *ARGUMENTS[1:]),
                    asend_mail(*ARGUMENTS[:3], ["no@example.com"]),
                    asend_mail(*ARGUMENTS[:3], ["no@example.com"], fail_silently=True),
                    asend_mail(*ARGUMENTS),
                ]
            )
            simplemail.close_pools()

        assert [outcomes[0], *outcomes[3:]] == [1, 0, 1]
        assert isinstance(outcomes[1], simplemail.BadHeaderError)
        assert isinstance(outcomes[2], smtplib.SMTPRecipientsRefused)
        assert [receipt.status for receipt in outcomes[2].receipts] == [Status.REFUSED]

    def test_each_sees_its_own_context_variables(self):
        language = contextvars.ContextVar("language", default="none")

        class Greeting:
            def __str__(self):
                return f"Hello in {language.get()}"

        async def one(name):
            if name:
                language.set(name)
            await asend_mail(Greeting(), *ARGUMENTS[1:])

        with SMTPServer() as server, few_connections(server, 1):
            send_at_once([one(name) for name in ("en", None, "fr", None)])
            simplemail.close_pools()

            spoken = [f"Hello in {name}" for name in ("en", "none", "fr", "none")]
            assert subjects_at(server) == ["Subject", *spoken]

    def test_a_mailer_that_cannot_be_asked_fails_them_all(self):
        def password():
            raise LookupError("no token")

        options = {"username": "me", "password": password, "keep_alive": 30, "pool_size": 1}
        with SMTPServer(users={"me": "x"}) as server:
            options |= {"host": "127.0.0.1", "port": server.port, "allow_cleartext_auth": True}
            with override_settings(MAILERS={"default": {"BACKEND": "smtp", "OPTIONS": options}}):
                calls = [asend_mail(*ARGUMENTS) for _ in range(5)]

                async def run():
                    return await asyncio.gather(*calls, return_exceptions=True)

                assert {type(outcome) for outcome in asyncio.run(run())} == {LookupError}

    def test_when_the_server_hangs_up_each_is_told(self):
        with SMTPServer() as server, few_connections(server, 1):
            server.script("END", Close(), nth=6)
            outcomes = send_at_once([asend_mail(str(n), *ARGUMENTS[1:]) for n in range(20)])
            simplemail.close_pools()

            told = [str(n) for n, outcome in enumerate(outcomes) if outcome == 1]
            assert subjects_at(server) == ["Subject", *told]
            assert 18 <= len(told) < 20
            assert {type(outcome) for outcome in outcomes} == {int, smtplib.SMTPServerDisconnected}


class TestIterating:
    def receipts_of(self, messages, **options):
        async def collect():
            return [receipt async for receipt in aiter_deliver(messages, **options)]

        with capture():
            return asyncio.run(collect())

    def test_in_order(self):
        receipts = self.receipts_of(a_message(subject=str(number)) for number in range(200))

        assert [receipt.message.subject for receipt in receipts] == [str(n) for n in range(200)]

    def test_an_async_iterable(self):
        async def messages():
            for number in range(100):
                await asyncio.sleep(0)
                yield a_message(subject=str(number))

        receipts = self.receipts_of(messages())
        assert [receipt.message.subject for receipt in receipts] == [str(n) for n in range(100)]

    def test_goes_on_after_a_failure(self):
        receipts = self.receipts_of([a_message(subject="a\nb"), a_message()])

        assert [receipt.status for receipt in receipts] == [Status.REFUSED, Status.SENT]

    def test_takes_no_more_than_there_is_room_for(self):
        taken = []

        def messages():
            for number in range(10_000):
                taken.append(number)
                yield a_message()

        async def some():
            async with aclosing(aiter_deliver(messages())) as receipts:
                seen = 0
                async for _ in receipts:
                    seen += 1
                    if seen == 10:
                        break

        with capture() as outbox:
            asyncio.run(some())
        assert len(taken) <= 10 + aio._AHEAD + 1
        assert len(outbox) <= len(taken)

    def test_what_the_messages_raise_is_raised(self):
        def messages():
            yield a_message()
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            self.receipts_of(messages())

    def test_an_async_iterable_that_raises(self):
        async def messages():
            yield a_message()
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            self.receipts_of(messages())

    @pytest.mark.parametrize("how", ["leaving", "cancelling"])
    def test_ended_early_does_not_wait_for_an_async_iterable(self, how):
        ended = []

        async def messages():
            try:
                yield a_message()
                await asyncio.Event().wait()  # for ever
            finally:
                ended.append(True)

        async def first(got):
            async with aclosing(aiter_deliver(messages())) as receipts:
                async for _ in receipts:
                    got.set()
                    if how == "leaving":
                        break

        async def run():
            task = asyncio.create_task(first(got := asyncio.Event()))
            await got.wait()
            if how == "cancelling":
                task.cancel()
            await asyncio.wait([task], timeout=30)
            assert task.done()
            return task.cancelled()

        with capture() as outbox:
            assert asyncio.run(run()) is (how == "cancelling")
        assert ended == [True]
        assert len(outbox) == 1

    def test_ended_early_swallows_no_message(self):
        class Source:
            """An iterator that lives on, over a queue that others may read."""

            def __init__(self):
                self.queue = asyncio.Queue()

            def __aiter__(self):
                return self

            async def __anext__(self):
                return await self.queue.get()

        async def run():
            source = Source()
            source.queue.put_nowait(a_message())
            async with aclosing(aiter_deliver(source)) as receipts:
                await anext(receipts)
            source.queue.put_nowait("next")
            return await asyncio.wait_for(anext(source), 30)

        with capture():
            assert asyncio.run(run()) == "next"

    def test_an_async_iterable_is_closed(self):
        ended = []

        async def messages():
            try:
                while True:
                    yield a_message()
            finally:
                await asyncio.sleep(0)
                ended.append(True)

        async def first():
            async with aclosing(aiter_deliver(messages())) as receipts:
                await anext(receipts)
            return list(ended)

        with capture():
            assert asyncio.run(first()) == [True]


class Single(Dummy):
    """Has one thread."""

    pool_size = 1


class TestThreads:
    def test_iterating_leaves_the_mailers_thread_to_others(self):
        async def run():
            return [
                await asyncio.wait_for(asend_mail(*ARGUMENTS), 30)
                async for _ in aiter_deliver([a_message()] * 2 * aio._AHEAD)
            ]

        with override_settings(MAILERS={"default": {"BACKEND": Single}}):
            assert asyncio.run(run()) == [1] * 2 * aio._AHEAD

    def test_no_mailer_waits_for_another(self):
        stuck = Blocking(alias="stuck")

        async def run():
            task = asyncio.create_task(asend_mail(*ARGUMENTS, connection=stuck))
            while not stuck.entered.is_set():
                await asyncio.sleep(0)
            other = Single(alias="other")
            try:
                sent = await asyncio.wait_for(asend_mail(*ARGUMENTS, connection=other), 30)
            finally:
                stuck.release.set()
            return sent, await task

        assert asyncio.run(run()) == (1, 1)

    def test_mailers_without_an_alias_share_threads(self):
        async def run():
            for _ in range(5):
                await asend_mail(*ARGUMENTS, connection=Single())

        asyncio.run(run())
        assert len(threads._executors) == 1

    @pytest.mark.parametrize("function", [amail_admins, amail_managers])
    def test_mail_to_a_setting_keeps_to_the_pool_size(self, function):
        mailers = {"one": {"BACKEND": Single}}
        people = ["a@example.com"]
        with override_settings(MAILERS=mailers, ADMINS=people, MANAGERS=people):
            asyncio.run(function("Subject", "Text", using="one"))

        assert list(threads._executors) == [("one", 1)]

    def test_mail_to_nobody_needs_no_mailer(self):
        with override_settings(MAILERS={}, ADMINS=[]):
            asyncio.run(amail_admins("Subject", "Text"))


def test_in_a_forked_child():
    import os

    if not hasattr(os, "fork"):
        pytest.skip("needs fork()")
    with capture():
        asyncio.run(asend_mail(*ARGUMENTS))
        [parents] = threads._executors.values()
        threads._executors.clear()  # what a child does

        assert threads._executors == {}
        assert asyncio.run(asend_mail(*ARGUMENTS)) == 1
        parents.shutdown()


def test_lazily_loaded():
    with pytest.raises(AttributeError, match="no attribute 'asend_male'"):
        simplemail.asend_male  # noqa: B018
