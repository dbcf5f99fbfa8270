"""The queue does what every backend does, and what async callers want."""

from __future__ import annotations

import asyncio

import pytest

from simplemail import EmailMessage, asend_mail, override_settings
from simplemail.backends.queue import EmailBackend
from simplemail.queue import Queue
from simplemail.testing import BackendContract, assert_sent, capture

ONE = ("Hello", "It works.", "a@example.com", ["b@example.com"])


class TestQueue(BackendContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path):
        self.path = tmp_path / "mail.db"

    def make(self, **options):
        return EmailBackend(path=self.path, mailer="dummy:", **options)

    def sent(self):
        return Queue(self.path).counts()["ready"]


def test_async_callers_queue_without_blocking(tmp_path):
    options = {"path": tmp_path / "mail.db", "mailer": "dummy:"}
    with override_settings(MAILERS={"queue": {"BACKEND": "queue", "OPTIONS": options}}):
        assert asyncio.run(asend_mail(*ONE, using="queue")) == 1
        queue = Queue.of("queue")
        assert asyncio.run(queue.aput(EmailMessage(*ONE), delay=60)).state == "waiting"
        assert len(asyncio.run(queue.aput_many([EmailMessage(*ONE)] * 3))) == 3
        assert queue.counts()["ready"] == 4


def test_capture_takes_send_mail_and_put_alike(tmp_path):
    options = {"path": tmp_path / "mail.db", "mailer": "dummy:"}
    with override_settings(MAILERS={"default": {"BACKEND": "queue", "OPTIONS": options}}):
        with capture() as outbox:
            EmailMessage(*ONE).send()
            Queue.of().put_many([EmailMessage(*ONE)], tags=["news"], priority=3)
            assert_sent(outbox[1:], to="b@example.com", subject="Hello")
        assert [each.sent_using for each in outbox] == ["default", "default"]
        assert outbox[1].queued_with == {"tags": ("news",), "priority": 3}
        assert not (tmp_path / "mail.db").exists()
