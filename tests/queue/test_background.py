"""`worker="thread"`: a worker in the process that sends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simplemail import InvalidMailer, mailers, override_settings, send_mail
from simplemail.queue import Queue, background
from simplemail.testing.server import SMTPServer

SOURCE = str(Path(__file__).parents[2] / "src")
ONE = ("Hello", "It works.", "a@example.com", ["b@example.com"])
SEND = """
from simplemail import send_mail
send_mail("Hello", "It works.", "a@example.com", ["b@example.com"])
"""
FORK = """
import os
def in_a_child():
    if (child := os.fork()) == 0:
        send_mail("Hello", "It works.", "a@example.com", ["b@example.com"])
        from simplemail.queue import background
        background.end_workers()
        os._exit(0)
    os.waitpid(child, 0)
in_a_child()
"""


@pytest.fixture
def server():
    with SMTPServer() as server:
        yield server


def run(code, path, server):
    url = f"queue:{path}?mailer={server.url}&worker=thread"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    environment = {**os.environ, "PYTHONPATH": SOURCE, "EMAIL_URL": url}
    done = subprocess.run(command, env=environment, timeout=60, capture_output=True, check=True)
    return done.stderr.decode()


def test_mail_is_delivered_without_another_process(tmp_path, server):
    options = {"path": tmp_path / "mail.db", "mailer": server.url, "worker": "thread"}
    with override_settings(MAILERS={"default": {"BACKEND": "queue", "OPTIONS": options}}):
        send_mail(*ONE)
        send_mail(*ONE)

        server.wait_for(lambda: server.accepted == 2, timeout=30)
        background.end_workers()
        assert Queue.of().counts()["sent"] == 2


def test_a_script_that_ends_at_once_still_delivers(tmp_path, server):
    assert run(SEND, tmp_path / "mail.db", server) == ""

    assert server.accepted == 1


def test_a_script_that_ends_while_the_server_is_down_ends_and_keeps_the_mail(tmp_path, server):
    server.kill()
    assert "The mailer '' can't send: " in run(SEND, tmp_path / "mail.db", server)

    with Queue(tmp_path / "mail.db") as queue:
        assert queue.counts()["ready"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_forked_child_has_a_worker_of_its_own(tmp_path, server):
    run(SEND + FORK, tmp_path / "mail.db", server)

    assert server.accepted == 2
    with Queue(tmp_path / "mail.db") as queue:
        assert queue.counts()["sent"] == 2
        assert queue.check() == []


def test_another_kind_of_worker_is_refused(tmp_path):
    options = {"path": tmp_path / "mail.db", "mailer": "console:", "worker": "process"}
    with (
        override_settings(MAILERS={"default": {"BACKEND": "queue", "OPTIONS": options}}),
        pytest.raises(InvalidMailer, match="'worker' must be 'thread'"),
    ):
        mailers["default"]
