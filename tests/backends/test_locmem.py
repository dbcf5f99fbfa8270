from __future__ import annotations

import pytest

import simplemail
from simplemail import BadHeaderError, mailers, override_settings
from simplemail.backends.locmem import EmailBackend
from simplemail.testing.contract import BackendContract, a_message


@pytest.fixture(autouse=True)
def _empty_outbox(monkeypatch):
    monkeypatch.setattr(simplemail, "outbox", [])


class TestLocmem(BackendContract):
    def make(self, **options):
        return EmailBackend(**options)

    def sent(self):
        return len(simplemail.outbox)


def test_keeps_deep_copies():
    """django-compatibility 36: what is changed afterwards doesn't change what was sent."""
    message = a_message()
    EmailBackend().send_messages([message])

    message.to.append("eve@example.com")
    message.subject = "Changed"

    assert simplemail.outbox[0].to == ["ann@example.com"]
    assert simplemail.outbox[0].subject == "Subject"


def test_looks_the_outbox_up_when_called(monkeypatch):
    """django-compatibility 36: users reassign simplemail.outbox."""
    backend = EmailBackend()
    mine = []
    monkeypatch.setattr(simplemail, "outbox", mine)

    backend.send_messages([a_message()])

    assert [message.subject for message in mine] == ["Subject"]


def test_checks_headers_before_it_keeps():
    """django-compatibility 36."""
    with pytest.raises(BadHeaderError):
        EmailBackend().send_messages([a_message(subject="a\r\nBcc: eve@example.com")])

    assert simplemail.outbox == []


def test_sent_using_is_the_alias_or_none():
    """django-compatibility 36."""
    message = a_message()
    with override_settings(MAILERS={"news": "memory:"}):
        mailers["news"].send_messages([message])
    EmailBackend().send_messages([message])

    assert [kept.sent_using for kept in simplemail.outbox] == ["news", None]
    assert not hasattr(message, "sent_using")
