"""docs/how-to/queues.md with the real Celery and real workers: nothing is lost or sent twice."""

import importlib
import os
import smtplib
import subprocess
import sys

import pytest

from simplemail import EmailMessage, Envelope, override_settings
from simplemail.testing import SMTPServer
from simplemail.testing.server import Close
from support.docs_runner import ROOT, blocks_of

pytest.importorskip("celery")

LIMIT = 120  # seconds; nothing takes so long unless it never ends

FORKING = """
import os

from celery.signals import worker_ready

from simplemail import EmailMessage, configure, send_mail
from tasks import app, send_envelope

app.conf.broker_transport_options = {"polling_interval": 0.02}
configure(EMAIL_URL=os.environ["MAIL"])
send_mail("From the parent", "", "me@example.com", ["ann@example.com"])  # its session stays open


@worker_ready.connect
def queue(**_):
    for number in range(6):
        message = EmailMessage(f"Number {number}", "", "me@example.com", ["ann@example.com"])
        send_envelope.delay(message.envelope().to_json())
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The page's files, as somebody would copy them."""
    directory = tmp_path_factory.mktemp("queues")
    for block in blocks_of(ROOT / "docs/how-to/queues.md"):
        if block.file_name:
            (directory / block.file_name).write_text(block.code)
    return directory


@pytest.fixture(scope="module")
def tasks(directory):
    """The page's tasks.py, with a worker in a thread that takes them from memory."""
    from celery.contrib.testing.worker import start_worker
    from celery.signals import setup_logging

    with pytest.MonkeyPatch.context() as patch, override_settings():
        patch.syspath_prepend(directory)
        patch.setenv("CELERY_BROKER_URL", "memory://")
        patch.setenv("CELERY_RESULT_BACKEND", "cache+memory://")
        tasks = importlib.import_module("tasks")
        tasks.app.conf.broker_transport_options = {"polling_interval": 0.02}
        tasks.app.conf.task_default_queue = "test_celery"  # memory is shared with other tests
        setup_logging.connect(leave_logging_alone)
        try:
            with start_worker(tasks.app, perform_ping_check=False, shutdown_timeout=LIMIT):
                yield tasks
        finally:
            setup_logging.disconnect(leave_logging_alone)
            for name in ("tasks", "outgoing"):
                sys.modules.pop(name, None)


def leave_logging_alone(**_):
    """Celery would set up logging for the whole process."""


@pytest.fixture
def server():
    with SMTPServer() as server, override_settings(EMAIL_URL=server.url):
        yield server


@pytest.fixture
def pauses(tasks, monkeypatch):
    """How long the task wanted to wait before each retry. It waits for a moment instead."""
    pauses = []
    retry = tasks.send_envelope.retry

    def soon(*, countdown, **options):
        pauses.append(countdown)
        return retry(countdown=0.01, **options)

    monkeypatch.setattr(tasks.send_envelope, "retry", soon)
    return pauses


def envelope(*recipients):
    message = EmailMessage("Welcome", "Hello!", "shop@example.com", recipients)
    return Envelope.of(message, eight_bit=False)


def outcome(tasks, envelope):
    """Queue the task, and return its result, or the exception with which it failed for good."""
    result = tasks.send_envelope.delay(envelope.to_json())
    return result.get(timeout=LIMIT, interval=0.02, propagate=False)


def sent(server):
    """Whom the server took each message for."""
    return [message.recipients for message in server.messages]


def test_is_sent_once(tasks, pauses, server):
    mail = envelope("ann@example.com")

    assert outcome(tasks, mail).startswith("250 ")
    assert sent(server) == [["ann@example.com"]]
    assert server.messages[0].content == mail.content
    assert pauses == []


def test_temporary_no_is_tried_again_and_sent_once(tasks, pauses, server):
    server.script("END", ["451 4.3.0 Try later", "452 4.2.2 Still full"])
    mail = envelope("ann@example.com", "bob@example.com")

    assert outcome(tasks, mail).startswith("250 ")
    assert sent(server) == [["ann@example.com", "bob@example.com"]]
    assert server.messages[0].message["Message-ID"] == mail.message_id
    assert pauses == [60, 120]


def test_no_server_is_tried_again(tasks, pauses, server, monkeypatch):
    server.kill()
    soon = tasks.send_envelope.retry

    def while_the_server_comes_back(**options):
        server.start()
        return soon(**options)

    monkeypatch.setattr(tasks.send_envelope, "retry", while_the_server_comes_back)

    assert outcome(tasks, envelope("ann@example.com")).startswith("250 ")
    assert sent(server) == [["ann@example.com"]]
    assert pauses == [60]


def test_permanent_no_is_not_tried_again(tasks, pauses, server):
    server.script("RCPT", "550 5.1.1 No such user")

    error = outcome(tasks, envelope("ann@example.com"))

    assert isinstance(error, smtplib.SMTPRecipientsRefused)
    assert "5.1.1 No such user" in str(error)
    assert (sent(server), pauses) == ([], [])


@pytest.mark.parametrize("accept", [True, False])
def test_connection_lost_before_the_answer_is_not_tried_again(
    tasks, pauses, server, caplog, accept
):
    server.script("END", Close(accept=accept), nth=1)
    mail = envelope("ann@example.com")

    error = outcome(tasks, mail)

    assert isinstance(error, smtplib.SMTPServerDisconnected)
    assert sent(server) == [["ann@example.com"]] * accept
    assert f"{mail.message_id} may or may not have been sent" in caplog.text
    assert pauses == []


def test_only_those_told_later_are_sent_to_again(tasks, pauses, server):
    server.script("RCPT TO:<bob@", ["451 4.7.1 Greylisted", "451 4.7.1 Still greylisted"])
    server.script("RCPT TO:<carl@", "550 5.1.1 No such user")
    mail = envelope("ann@example.com", "bob@example.com", "carl@example.com")

    assert outcome(tasks, mail).startswith("250 ")
    assert sent(server) == [["ann@example.com"], ["bob@example.com"]]
    assert {message.message["Message-ID"] for message in server.messages} == {mail.message_id}
    assert sum("carl@" in command for command in server.commands) == 1
    assert pauses == [60, 120]


def test_some_told_no_and_the_others_later(tasks, pauses, server):
    server.script("RCPT TO:<ann@", ["451 4.7.1 Greylisted"])
    server.script("RCPT TO:<carl@", "550 5.1.1 No such user")

    assert outcome(tasks, envelope("ann@example.com", "carl@example.com")).startswith("250 ")
    assert sent(server) == [["ann@example.com"]]
    assert pauses == [60]


def test_gives_up_after_three_hours_with_the_last_word(tasks, pauses, server):
    server.script("END", "451 4.3.0 Try later")

    error = outcome(tasks, envelope("ann@example.com"))

    assert isinstance(error, smtplib.SMTPDataError)
    assert "4.3.0 Try later" in str(error)
    *waited, refused = pauses  # for the last one, Celery raised what it was given
    assert len(waited) == 10
    assert 3 * 3600 <= sum(waited) < 3.1 * 3600
    assert max(waited) == refused == 1800
    assert sent(server) == []
    assert sum(command.startswith("MAIL") for command in server.commands) == 11


def test_what_is_no_envelope_fails_at_once(tasks, pauses, server):
    result = tasks.send_envelope.delay('{"version": 1}')

    error = result.get(timeout=LIMIT, interval=0.02, propagate=False)

    assert isinstance(error, ValueError)
    assert "not an envelope in JSON" in str(error)
    assert pauses == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
def test_processes_share_no_session_and_say_goodbye(directory):
    (directory / "forking.py").write_text(FORKING)
    options = ["-A", "forking", "worker", "--pool", "prefork", "--concurrency", "2"]
    with SMTPServer() as server:
        surroundings = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}",
            "CELERY_BROKER_URL": "memory://",
            "MAIL": f"{server.url}?keep_alive=600",
        }
        command = [sys.executable, "-m", "celery", *options]
        with subprocess.Popen(command, cwd=directory, env=surroundings) as worker:
            try:
                server.wait_for(lambda: server.accepted == 7 or worker.poll() is not None, LIMIT)
                worker.terminate()
                assert worker.wait(LIMIT) == 0
            finally:
                worker.kill()
        server.wait_for(lambda: not server.open_connections, LIMIT)

        subjects = sorted(message.message["Subject"] for message in server.messages)
        assert subjects == ["From the parent", *(f"Number {number}" for number in range(6))]
        assert len(server.connections) in (2, 3)  # perhaps one of the two children did it all
        assert {session.commands[-1] for session in server.connections} == {"QUIT"}
        assert server.violations == []
