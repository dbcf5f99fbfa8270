"""capture(): nothing gets out while it lasts, and nothing of it stays."""

from __future__ import annotations

import asyncio
import threading
import unittest

import pytest

import simplemail
from simplemail import (
    EmailMessage,
    InvalidMailer,
    MailerDoesNotExist,
    configure,
    get_connection,
    mailers,
    override_settings,
    send_mail,
)
from simplemail.backends.locmem import EmailBackend as Memory
from simplemail.backends.smtp import EmailBackend as RealMailer
from simplemail.testing import capture


def send(subject: str = "Subject", **kwargs: object) -> int:
    return send_mail(subject, "Text", None, ["ann@example.com"], **kwargs)


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch):
    monkeypatch.setattr(simplemail, "outbox", before := [])
    yield
    assert simplemail.outbox is before
    assert isinstance(mailers.default, RealMailer)


class TestBlock:
    def test_collects_what_is_sent(self):
        with capture() as outbox:
            send("first")
            EmailMessage("second", "Text", to=["bob@example.com"]).send()

        assert [message.subject for message in outbox] == ["first", "second"]

    def test_named_mailers_too(self):
        routes = {"default": "smtp://h.invalid", "file": "file:/nowhere", "dummy": "dummy:"}
        with override_settings(MAILERS=routes), capture() as outbox:
            send()
            send(using="file")
            send(using="dummy")
            send(fail_silently=True, auth_user="ann", auth_password="pw")
            send(connection=get_connection("smtp", host="h.invalid", timeout=5))
            mailers["file"].send_messages([EmailMessage(to=["ann@example.com"])])

        sent_using = [message.sent_using for message in outbox]
        assert sent_using == ["default", "file", "dummy", "default", None, "file"]

    def test_a_wrong_alias_is_wrong_in_tests_too(self):
        with override_settings(MAILERS={"x": {"BACKEND": "no.where"}}), capture():
            with pytest.raises(MailerDoesNotExist):
                send(using="y")
            with pytest.raises(InvalidMailer, match=r"no\.where"):
                send(using="x")

    def test_the_public_outbox_is_the_same_list_meanwhile(self):
        before = simplemail.outbox
        before.append("an older message")
        with capture() as outbox:
            send()
            assert simplemail.outbox is outbox
            assert len(outbox) == 1

        assert simplemail.outbox is before
        assert before == ["an older message"]

    def test_the_list_stays_readable_afterwards(self):
        with capture() as outbox:
            send()

        assert outbox[0].to == ["ann@example.com"]

    def test_restores_when_the_block_raises(self):
        before = simplemail.outbox
        with pytest.raises(LookupError), capture():
            raise LookupError

        assert simplemail.outbox is before
        assert isinstance(mailers.default, RealMailer)

    def test_nested_blocks_have_their_own_lists(self):
        with capture() as outer:
            send("1")
            with capture() as inner:
                send("2")
            send("3")

        assert [message.subject for message in outer] == ["1", "3"]
        assert [message.subject for message in inner] == ["2"]

    def test_leaving_in_another_order_leaves_nothing_behind(self):
        first, second = capture(), capture()
        first.__enter__()
        inner = second.__enter__()
        first.__exit__(None, None, None)
        send()
        assert len(inner) == 1
        second.__exit__(None, None, None)

    def test_an_outbox_put_there_inside_is_gone_afterwards(self):
        with capture():
            simplemail.outbox = mine = []
            send()
            assert len(mine) == 1

    def test_what_cannot_be_composed_is_refused_as_by_a_real_mailer(self):
        with capture() as outbox, pytest.raises(ValueError, match="linefeed or carriage return"):
            send("two\nlines")

        assert outbox == []

    @pytest.mark.parametrize("to", ["ann@example.com\nbob@example.com", "ann@", "a b@example.com"])
    def test_an_address_that_no_server_takes_is_refused(self, to):
        with capture() as outbox, pytest.raises(ValueError, match=r"Invalid address|linefeed"):
            EmailMessage("Subject", "Text", to=[to]).send()

        assert outbox == []

    @pytest.mark.parametrize("name", ["smtp", "console", "file", "memory", "dummy", "failover"])
    def test_a_mistyped_option_is_refused(self, name):
        routes = {"news": {"BACKEND": name, "OPTIONS": {"oops_typo": 1}}}
        with override_settings(MAILERS=routes), capture():
            with pytest.raises(InvalidMailer, match=r"MAILERS\['news'\]: Unknown options 'oops_t"):
                send(using="news")
            with pytest.raises(TypeError, match="unknown option 'oops_typo'"):
                get_connection(name, oops_typo=1)

    def test_a_mistyped_option_in_a_url_is_refused(self):
        url = override_settings(EMAIL_URL="smtp://h.invalid?timeuot=5")
        with url, capture(), pytest.raises(InvalidMailer, match="did you mean 'timeout'"):
            send()

    def test_other_peoples_backends_may_take_any_option(self):
        class Backend(Memory):
            def __init__(self, **options):
                self.key = options.pop("key")
                super().__init__(**options)

        routes = {"default": {"BACKEND": Backend, "OPTIONS": {"key": "secret"}}}
        with override_settings(MAILERS=routes), capture() as outbox:
            send()

        assert len(outbox) == 1

    def test_a_message_is_kept_as_it_was(self):
        message = EmailMessage("Subject", "Text", to=["ann@example.com"])
        with capture() as outbox:
            message.send()
            message.to.append("bob@example.com")

        assert outbox[0].to == ["ann@example.com"]

    def test_threads_are_captured(self):
        with capture() as outbox:
            threads = [threading.Thread(target=send) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert len(outbox) == 8

    def test_configuring_inside_changes_nothing(self):
        with override_settings(), capture() as outbox:
            configure(EMAIL_URL="smtp://h.invalid")
            send()

        assert len(outbox) == 1


class TestDecorator:
    def test_functions(self):
        @capture()
        def test():
            send()
            return len(simplemail.outbox)

        assert [test(), test()] == [1, 1]

    def test_coroutines(self):
        @capture()
        async def test():
            await asyncio.to_thread(send)
            return len(simplemail.outbox)

        assert [asyncio.run(test()), asyncio.run(test())] == [1, 1]

    def test_a_failing_function(self):
        @capture()
        def test():
            send()
            raise LookupError

        with pytest.raises(LookupError):
            test()

    def test_classes(self):
        @capture()
        class Tests:
            def test_one(self):
                return send(), len(simplemail.outbox)

            def test_two(self):
                return send(), len(simplemail.outbox)

        assert [Tests().test_one(), Tests().test_two()] == [(1, 1), (1, 1)]

    @pytest.mark.parametrize("base", [unittest.TestCase, unittest.IsolatedAsyncioTestCase])
    def test_mail_sent_in_set_up_stays_inside(self, base):
        seen = []

        @capture()
        class Case(base):
            def setUp(self):
                send("from setUp")
                self.addCleanup(send, "from a cleanup")

            def tearDown(self):
                send("from tearDown")
                seen.append([message.subject for message in simplemail.outbox])

            def test_one(self):
                send("from the test")

            def test_two(self):
                pass

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)

        assert result.wasSuccessful(), result.errors
        assert seen == [
            ["from setUp", "from the test", "from tearDown"],
            ["from setUp", "from tearDown"],
        ]

    def test_a_fixture(self, captured):
        send()

        assert len(captured) == 1


@pytest.fixture
def captured():
    with capture() as outbox:
        yield outbox


def test_a_backend_made_by_hand_is_memory_only_if_it_is_asked_for():
    """The limit that capture() states: an object made before is not swapped."""
    before = get_connection("dummy")
    with capture() as outbox:
        send(connection=before)
        assert isinstance(get_connection("dummy"), Memory)

    assert outbox == []
