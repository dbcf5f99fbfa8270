"""capture(): nothing gets out while it lasts, and nothing of it stays."""

from __future__ import annotations

import asyncio
import socket
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
from simplemail.backends.base import BaseEmailBackend
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


class Foreign:
    """A backend that is no child of ours: Django's, say."""

    alias = "theirs"

    def __init__(self):
        self.sent = []

    def send_messages(self, messages):
        self.sent += messages
        return len(self.sent)


class Api(BaseEmailBackend):
    """A backend written for Django, which overrides `send_messages()`."""

    def send_messages(self, email_messages):
        raise AssertionError("sent")


class Mixed(Api, RealMailer):
    pass


class Filtered(RealMailer):
    def send_messages(self, email_messages):
        return super().send_messages([each for each in email_messages if each.to])


class Mixin:
    """Of a package written for Django: no child of ours, and it calls no `super()`."""

    def send_messages(self, email_messages):
        raise AssertionError("sent")


class WithMixin(Mixin, RealMailer):
    pass


class Signing(RealMailer):
    def _send(self, email_message):
        raise AssertionError("sent")


UNREACHABLE = {"host": "h.invalid", "alias": "old"}
BEFORE = {
    "smtp": lambda: RealMailer(**UNREACHABLE),
    "pooled": lambda: RealMailer(**UNREACHABLE, keep_alive=9),
    "silent": lambda: RealMailer(**UNREACHABLE, fail_silently=True),
    "file": lambda: get_connection("file", file_path="/nowhere/at/all", alias="old"),
    "dummy": lambda: get_connection("dummy", alias="old"),
    "failover": lambda: get_connection(
        "failover", mailers=[RealMailer(**UNREACHABLE)], alias="old"
    ),
    "tee": lambda: get_connection("tee", mailer="dummy:", copies=["dummy:"], alias="old"),
    "written for Django": lambda: Api(alias="old"),
    "mixed": lambda: Mixed(**UNREACHABLE),
    "calling super": lambda: Filtered(**UNREACHABLE),
    "mixin": lambda: WithMixin(**UNREACHABLE),
    "hook": lambda: Signing(**UNREACHABLE),
}
WAYS = {
    "send_messages": lambda mailer, message: mailer.send_messages([message]),
    "with": lambda mailer, message: mailer.__enter__().send_messages([message]),
    "open": lambda mailer, message: (mailer.open(), mailer.send_messages([message])),
    "asend_messages": lambda mailer, message: asyncio.run(mailer.asend_messages([message])),
    "deliver": lambda mailer, message: mailer.deliver([message]),
    "iter_deliver": lambda mailer, message: next(mailer.iter_deliver([message])),
    "send_mail": lambda mailer, message: send(message.subject, connection=mailer),
    "send_mass_mail": lambda mailer, message: simplemail.send_mass_mail(
        [(message.subject, "Text", None, message.to)], connection=mailer
    ),
    "asend_mail": lambda mailer, message: asyncio.run(
        simplemail.asend_mail(message.subject, "Text", None, message.to, connection=mailer)
    ),
    "message": lambda mailer, message: connected(message, mailer).send(),
    "message's receipt": lambda mailer, message: connected(message, mailer).deliver(),
    "asend": lambda mailer, message: asyncio.run(connected(message, mailer).asend()),
}


def connected(message, mailer):
    message.connection = mailer
    return message


class TestMailersMadeBefore:
    """At module level, say. They ask when they send, and then nobody is called."""

    @pytest.fixture(autouse=True)
    def _network_is_forbidden(self, monkeypatch):
        def forbidden(*args, **kwargs):
            raise AssertionError("somebody was called")

        monkeypatch.setattr(socket.socket, "connect", forbidden)
        monkeypatch.setattr(socket, "getaddrinfo", forbidden)
        monkeypatch.setattr("simplemail.backends.filebased.EmailBackend._directory", str)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("kind", BEFORE)
    def test_are_captured(self, kind, way):
        if kind == "file" and way in ("with", "open"):
            pytest.skip("opening it makes a file, and sends nothing")
        mailer = BEFORE[kind]()
        with capture() as outbox:
            WAYS[way](mailer, EmailMessage("Subject", "Text", to=["ann@example.com"]))

        assert [(message.subject, message.sent_using) for message in outbox] == [("Subject", "old")]

    @pytest.mark.parametrize("way", ["send_mail", "message", "asend_mail", "asend"])
    def test_of_other_libraries_are_captured(self, way):
        mailer = Foreign()
        with capture() as outbox:
            WAYS[way](mailer, EmailMessage("Subject", "Text", to=["ann@example.com"]))

        assert [message.sent_using for message in outbox] == ["theirs"]
        assert mailer.sent == []

    def test_refuse_what_a_real_mailer_refuses(self):
        mailer = RealMailer(**UNREACHABLE)
        with capture() as outbox, pytest.raises(ValueError, match="linefeed"):
            mailer.send_messages([EmailMessage("a\nb", "Text", to=["ann@example.com"])])
        assert outbox == []

    def test_send_again_afterwards(self):
        mailer = get_connection("dummy")
        with capture() as outbox, mailer:
            send(connection=mailer)
        [receipt] = mailer.deliver([EmailMessage("Subject", "Text", to=["ann@example.com"])])

        assert receipt.reply.text == "discarded"
        assert len(outbox) == 1

    def test_that_are_memory_keep_to_the_outbox_of_the_block(self):
        mailer = Memory(alias="mine")
        with capture() as outbox:
            mailer.send_messages([EmailMessage("Subject", "Text", to=["ann@example.com"])])

        assert [message.sent_using for message in outbox] == ["mine"]


class TestWhatIsKept:
    """What every other mailer sends is kept, whatever it holds."""

    def test_a_message_that_cannot_be_copied_whole(self):
        class Locked(EmailMessage):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.lock = threading.Lock()

        content = memoryview(b"octets")
        message = Locked("Subject", "Text", to=["ann@example.com"], headers={"X-A": "1"})
        message.attach("a.bin", content, "application/octet-stream")
        message.attach("b.bin", bytearray(b"more"), "application/octet-stream")
        with capture() as outbox:
            message.send()
        message.to.append("bob@example.com")
        message.extra_headers["X-A"] = "2"
        message.attachments[1].content[:] = b"less"
        message.attachments.clear()

        [kept] = outbox
        assert type(kept) is Locked
        assert kept.to == ["ann@example.com"]
        assert kept.extra_headers == {"X-A": "1"}
        assert [bytes(each.content) for each in kept.attachments] == [b"octets", b"more"]
        assert type(kept.attachments[0]).__name__ == "EmailAttachment"
        assert kept.lock is message.lock
        assert not hasattr(message, "sent_using")

    @pytest.mark.parametrize(
        "hindrance",
        [
            {"__deepcopy__": lambda self, memo: 1 / 0},
            {"__reduce_ex__": lambda self, protocol: 1 / 0},
            {"__getstate__": lambda self: 1 / 0},
        ],
    )
    def test_a_message_that_refuses_to_be_copied(self, hindrance):
        message = type("Stubborn", (EmailMessage,), hindrance)("S", "Text", to=["ann@example.com"])
        with capture() as outbox:
            message.send()
        message.to.clear()

        assert outbox[0].to == ["ann@example.com"]
