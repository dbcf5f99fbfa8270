from __future__ import annotations

import logging
import logging.config
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import simplemail
from simplemail import override_settings
from simplemail.logs import MailHandler, one_line
from simplemail.testing import capture

ADMINS = ["ops@example.com"]


@pytest.fixture(autouse=True)
def outbox():
    with override_settings(ADMINS=ADMINS), capture() as outbox:
        yield outbox


@pytest.fixture
def log():
    """A logger of the test's own; handlers added to it are closed afterwards."""
    logger = logging.Logger("shop.orders")
    yield logger
    for handler in logger.handlers:
        handler.close()


@pytest.fixture
def clock(monkeypatch):
    """The handler's time, which passes when the test says so."""
    clock = _Clock()
    monkeypatch.setattr("simplemail.logs.time", clock)
    monkeypatch.setattr(threading, "Timer", clock.timer)
    return clock


def added(log, **options):
    handler = MailHandler(**options)
    log.addHandler(handler)
    return handler


class TestOneRecord:
    def test_is_mailed_to_the_admins(self, log, outbox):
        with override_settings(SERVER_EMAIL="server@example.com", EMAIL_SUBJECT_PREFIX="[Shop] "):
            added(log)
            log.error("Order %d failed", 7)

        [mail] = outbox
        assert mail.subject == "[Shop] ERROR: Order 7 failed"
        assert mail.body == "Order 7 failed"
        assert (mail.from_email, mail.to) == ("server@example.com", ADMINS)

    def test_has_the_traceback(self, log, outbox):
        added(log)
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            log.exception("Sum")

        assert "ZeroDivisionError: division by zero" in outbox[0].body
        assert "Traceback" in outbox[0].body

    def test_goes_to_given_addresses_through_a_given_mailer(self, log, outbox):
        with override_settings(MAILERS={"alerts": "memory:"}):
            added(
                log, to=["me@example.com"], using="alerts", from_email="x@example.com",
                subject_prefix="!",
            )  # fmt: skip
            log.warning("Disk")

        [mail] = outbox
        assert (mail.to, mail.sent_using, mail.from_email) == (
            ["me@example.com"], "alerts", "x@example.com",
        )  # fmt: skip
        assert mail.subject == "!WARNING: Disk"

    def test_in_html_is_escaped(self, log, outbox):
        added(log, html=True)
        log.error("<script>")

        assert outbox[0].alternatives == [("<pre>&lt;script&gt;</pre>", "text/html")]

    def test_subject_is_one_bounded_line(self, log, outbox):
        added(log)
        log.error("first\x00\x1b" + "x" * 1000 + "\r\nBcc: eve@example.com")

        assert outbox[0].subject.startswith("ERROR: first x")
        assert len(outbox[0].subject) == 200
        assert outbox[0].message()["Bcc"] is None

    def test_uses_the_formatter(self, log, outbox):
        added(log).setFormatter(logging.Formatter("%(name)s: %(message)s"))
        log.error("Hello")

        assert outbox[0].body == "shop.orders: Hello"

    def test_is_filtered_by_level_and_filters(self, log, outbox):
        handler = added(log, level="ERROR")
        handler.addFilter(lambda record: "secret" not in record.getMessage())
        log.warning("below")
        log.error("secret")

        assert outbox == []

    def test_nobody_to_mail_to(self, log, outbox):
        added(log)
        with override_settings(ADMINS=[]):
            log.error("x")

        assert outbox == []

    def test_recipients_are_a_list(self):
        with pytest.raises(TypeError, match="must be a list of addresses"):
            MailHandler(to="ops@example.com")


class TestFlood:
    def test_is_one_mail_at_once_and_one_digest(self, log, outbox, clock):
        added(log, interval=60)
        for number in range(10_000):
            if number < 9_990:
                log.error("User %d is gone", number)
            else:
                log.warning("Disk is full")
            clock.pass_(0.0001)
        assert [mail.subject for mail in outbox] == ["ERROR: User 0 is gone"]

        clock.pass_(60)

        first, digest = outbox
        assert first.body == "User 0 is gone"
        assert digest.subject == "9999 log records, most often ERROR: User %d is gone"
        assert digest.body.startswith("9,999 log records\n")
        assert "  9,989  ERROR shop.orders: User %d is gone\n" in digest.body
        assert "     10  WARNING shop.orders: Disk is full\n" in digest.body
        assert "User 1 is gone" in digest.body
        assert len(digest.body) < 2_000

        clock.pass_(3600)
        assert len(outbox) == 2
        log.error("Later")
        assert [mail.subject for mail in outbox[2:]] == ["ERROR: Later"]

    def test_digest_waits_for_the_end_of_the_interval(self, log, outbox, clock):
        added(log, interval=60)
        log.error("one")
        clock.pass_(50)
        log.error("two")
        clock.pass_(9)
        assert len(outbox) == 1
        clock.pass_(2)
        assert len(outbox) == 2

    def test_digest_leaves_by_itself_when_the_interval_is_over(self, log):
        arrived = threading.Event()
        added(log, interval=0.2)
        with capture():
            simplemail.outbox = outbox = _Signalling(arrived, 2)
            log.error("one")
            log.error("two")
            assert arrived.wait(30)

        assert [mail.subject for mail in outbox] == ["ERROR: one", "ERROR: two"]

    def test_digest_of_one_reads_like_a_record(self, log, outbox):
        handler = added(log)
        log.error("one")
        log.error("two")
        handler.flush()

        assert [mail.subject for mail in outbox] == ["ERROR: one", "ERROR: two"]

    def test_kinds_are_bounded(self, log, outbox):
        handler = added(log)
        for number in range(1_000):
            log.error(f"unique {number}")
        handler.flush()

        assert outbox[1].body.count("unique") < 120
        assert "others" in outbox[1].body

    def test_closing_sends_what_is_held(self, log, outbox):
        handler = added(log)
        log.error("one")
        log.error("two")
        handler.close()
        handler.close()

        assert len(outbox) == 2

    def test_nothing_is_held_after_closing(self, log, outbox):
        handler = added(log)
        handler.close()
        log.error("one")
        log.error("two")

        assert len(outbox) == 2

    def test_no_thread_outlives_the_handler(self, log):
        before = threading.active_count()
        handler = added(log)
        log.error("one")
        log.error("two")
        assert threading.active_count() == before + 1
        handler.close()

        assert threading.active_count() == before


class TestBackground:
    def test_sends_at_once_when_it_is_closed(self, log, monkeypatch):
        seen = []

        def watching(self, messages):
            seen.append(threading.current_thread())
            return 1

        monkeypatch.setattr("simplemail.backends.locmem.EmailBackend.send_messages", watching)
        added(log, background=True, interval=0)
        log.error("one")
        log.handlers[0].close()
        log.error("two, after closing")

        assert len(seen) == 2
        assert seen[1] is threading.current_thread()

    def test_does_not_wait_for_a_slow_mailer(self, log, monkeypatch):
        release, entered = threading.Event(), threading.Event()

        def slow(self, messages):
            entered.set()
            assert release.wait(30)
            return 1

        monkeypatch.setattr("simplemail.backends.locmem.EmailBackend.send_messages", slow)
        added(log, background=True)

        log.error("one")
        assert entered.wait(30)
        log.error("two")  # while the mailer is busy: returns all the same

        release.set()


class TestTrouble:
    def test_never_raises_into_the_program(self, log, capsys, monkeypatch):
        def broken(self, messages):
            raise ConnectionRefusedError("no server")

        monkeypatch.setattr("simplemail.backends.locmem.EmailBackend.send_messages", broken)
        handler = added(log)
        log.error("one")
        log.error("two")
        handler.flush()

        told = capsys.readouterr().err
        assert told.count("ConnectionRefusedError: no server") == 2

    def test_a_record_that_cannot_be_formatted(self, log, capsys, outbox):
        added(log)
        log.error("%d", "not a number")

        assert "Logging error" in capsys.readouterr().err
        log.handlers[0].flush()
        assert outbox == []
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("text", ["%s", None])
    def test_a_record_whose_formatting_logs(self, log, outbox, text):
        class Chatty:
            def __str__(self):
                log.error("asked for its text")
                return "chatty"

        handler = added(log)
        arguments = (text, Chatty()) if text else (Chatty(),)
        thread = threading.Thread(target=log.error, args=arguments, daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()

        handler.flush()
        assert outbox[0].body == "asked for its text"
        assert "chatty" in outbox[1].body

    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            ({"to": []}, ValueError, "'to' is empty; name an address, or leave it out"),
            ({"to": iter(())}, ValueError, "'to' is empty"),
            ({"to": "ann@example.com"}, TypeError, "list of addresses, not 'ann@example.com'"),
            ({"to": 5}, TypeError, "list of addresses, not 5"),
            ({"interval": -1}, ValueError, "'interval' must be a number of seconds.* not -1"),
            ({"interval": "5"}, ValueError, "'interval' must be a number of seconds.* not '5'"),
            ({"interval": float("nan")}, ValueError, "'interval' must be a number .* not nan"),
            ({"interval": float("inf")}, ValueError, "'interval' must be a number .* not inf"),
        ],
    )
    def test_a_wrong_option_is_named(self, options, error, text):
        with pytest.raises(error, match=text):
            MailHandler(**options)

    def test_that_nobody_is_mailed_to_is_said_once(self, log, capsys, outbox):
        with override_settings(ADMINS=[]):
            handler = added(log)
            for text in ("one", "two"):
                log.error(text)
                handler.flush()

        told = capsys.readouterr().err
        assert told == (
            "simplemail.logs.MailHandler has no recipients: set ADMINS, or pass to=[...]\n"
        )
        assert outbox == []

    def test_never_chases_itself(self, log, monkeypatch, outbox):
        def chatty(self, messages):
            log.error("sending")
            outbox.extend(messages)
            return 1

        monkeypatch.setattr("simplemail.backends.locmem.EmailBackend.send_messages", chatty)
        handler = added(log)
        log.error("one")
        handler.flush()

        assert [mail.subject for mail in outbox] == ["ERROR: one"]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_forked_child_sends_its_own_only(self, log, tmp_path):
        handler = added(log)
        log.error("one")
        log.error("held in the parent")
        pid = os.fork()
        if not pid:
            with capture() as mine:
                log.error("from the child")
                handler.flush()
                (tmp_path / "child").write_text("|".join(mail.subject for mail in mine))
            os._exit(0)
        os.waitpid(pid, 0)

        assert (tmp_path / "child").read_text() == "ERROR: from the child"


def test_dict_config(outbox):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "mail": {
                    "class": "simplemail.logs.MailHandler", "level": "ERROR", "to": ["a@b.example"],
                },
            },
            "loggers": {"simplemail-test": {"handlers": ["mail"], "propagate": False}},
        }
    )  # fmt: skip
    logger = logging.getLogger("simplemail-test")
    try:
        logger.warning("below")
        logger.error("above")
    finally:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()

    assert [mail.to for mail in outbox] == [["a@b.example"]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n b\tc", "a b c"),
        ("x" * 201, "x" * 199 + "…"),
        ("\x00\x1b[31m", "[31m"),
        ("Grüße", "Grüße"),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line


class _Signalling(list):
    """A list that sets an event when it holds so many entries."""

    def __init__(self, event, count):
        super().__init__()
        self.event, self.wanted = event, count

    def append(self, item):
        super().append(item)
        if len(self) == self.wanted:
            self.event.set()


class _Clock:
    """Stands for the module `time`; `threading.Timer` goes by it too."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def monotonic(self):
        return self.now

    def timer(self, wait, function):
        self.timers.append(_Timer(self.now + wait, function))
        return self.timers[-1]

    def pass_(self, seconds):
        self.now += seconds
        for timer in self.timers:
            if timer.at <= self.now:
                timer.rings.set()
                timer.join(30)
                assert not timer.is_alive()


class _Timer(threading.Thread):
    def __init__(self, at, function):
        super().__init__(daemon=True)
        self.at, self.function = at, function
        self.rings = threading.Event()

    def run(self):
        self.rings.wait()
        if self.function is not None:
            self.function()

    def cancel(self):
        self.function = None
        self.rings.set()


def test_a_record_that_came_through_a_queue_has_its_first_line_for_a_subject(outbox):
    """QueueHandler puts the traceback behind the message, in one text."""
    import queue
    from logging.handlers import QueueHandler, QueueListener

    records: queue.Queue = queue.Queue()
    logger = logging.getLogger("behind.a.queue")
    handler = QueueHandler(records)
    logger.addHandler(handler)
    listener = QueueListener(records, mail := MailHandler(to=["ops@example.com"]))
    listener.start()
    try:
        try:
            raise LookupError("no such order")
        except LookupError:
            logger.exception("Order %d failed", 5)
    finally:
        listener.stop()
        logger.removeHandler(handler)
        mail.close()

    [message] = outbox
    assert message.subject == "ERROR: Order 5 failed"
    assert "LookupError: no such order" in message.body


@pytest.mark.parametrize("bad", ["\ud800", "a\udcffb", "\0", "x" * 5_000_000])
@pytest.mark.parametrize("html", [False, True])
def test_no_record_can_lose_the_others(bad, html, outbox):
    """Half a character, NUL, or more than a server takes."""
    handler = MailHandler(to=["ops@example.com"], interval=3600, html=html)
    logger = logging.getLogger("one.bad.record")
    logger.propagate = False  # pytest would print all of it
    logger.addHandler(handler)
    try:
        logger.error("first")
        for text in ("before", bad, "after"):
            logger.error("%s", text)
        logger.error(bad)
    finally:
        logger.removeHandler(handler)
        handler.close()

    _, digest = outbox
    assert "before" in digest.body
    assert "after" in digest.body
    assert "4 log records" in digest.subject
    assert len(digest.as_bytes()) < 2_000_000


def test_keeps_no_record_nor_what_is_in_it(outbox):
    """What is dropped under a lock could run code of its own: a __del__ that logs, say."""

    class Thing:
        def __del__(self):
            dropped.append(handler._state._is_owned())
            logger.error("gone")

    dropped: list[bool] = []
    handler = MailHandler(to=["ops@example.com"], interval=3600)
    logger = logging.getLogger("things")
    logger.propagate = False  # pytest keeps records
    logger.addHandler(handler)
    try:
        for _ in range(5):
            logger.error("%s", Thing())
    finally:
        logger.removeHandler(handler)
        handler.close()

    assert dropped == [False] * 5


@pytest.mark.parametrize("wrong", [{"to": []}, {"to": "a@x.example"}, {"interval": -1}])
def test_a_handler_that_is_refused_is_not_registered(wrong):
    before = len(logging._handlerList)
    with pytest.raises((TypeError, ValueError)):
        MailHandler(**wrong)

    assert len(logging._handlerList) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("child", ["close", "flush", "log", "shutdown"])
def test_after_fork_what_is_held_is_the_parents_to_send(tmp_path, background, child):
    """As preloading servers do it: each worker ends with logging.shutdown()."""
    code = f"""
import logging, os, sys, simplemail
from simplemail.logs import MailHandler

simplemail.configure(EMAIL_URL="file:" + sys.argv[1] + "?format=eml", ADMINS=["a@x.example"])
handler = MailHandler(interval=3600)
logging.getLogger().addHandler(handler)
logging.error("first")
handler.background = {background}
logging.error("held")
for _ in range(4):
    if (pid := os.fork()) == 0:
        {{
            "close": handler.close,
            "flush": handler.flush,
            "log": lambda: logging.error("child's"),
            "shutdown": logging.shutdown,
        }}[{child!r}]()
        handler.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(simplemail.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, timeout=60, check=True)

    mails = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    subjects = [re.findall(rb"(?m)^Subject: (.*?)\r", mail)[0] for mail in mails]
    childs = [b"ERROR: child's"] * (4 if child == "log" else 0)
    assert subjects == [b"ERROR: first", *childs, b"ERROR: held"]
