from __future__ import annotations

import email
import io
import sys

import pytest

from simplemail import EmailMessage, ImproperlyConfigured, get_connection
from simplemail.backends.console import EmailBackend
from simplemail.testing.contract import BackendContract, a_message

SEPARATOR = "\n" + "-" * 79 + "\n"


class TestConsole(BackendContract):
    def make(self, **options):
        self.stream = io.StringIO()
        return EmailBackend(stream=self.stream, **options)

    def sent(self):
        return self.stream.getvalue().count(SEPARATOR)


def shown(**changes):
    stream = io.StringIO()
    EmailBackend(stream=stream).send_messages([a_message(**changes)])
    return stream.getvalue()


def test_writes_message_newline_dashes_newline():
    """django-compatibility 37."""
    text = shown()

    assert text.startswith('Content-Type: text/plain; charset="utf-8"\n')
    assert text.endswith("\n\nText\n" + SEPARATOR)
    assert email.message_from_string(text.removesuffix(SEPARATOR))["To"] == "ann@example.com"


def test_writes_to_standard_output_of_the_moment(monkeypatch):
    """django-compatibility 37: `stream`, else sys.stdout."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    EmailBackend().send_messages([a_message()])

    assert "Subject: Subject\n" in sys.stdout.getvalue()


def test_shows_text_readably():
    text = shown(subject="Grüße", body="Ünïcode, long: " + "日本語" * 400)

    assert "Subject: Grüße\n" in text
    assert "日本語" * 400 in text
    assert "base64" not in text


def test_escapes_control_characters():
    """A message must not control the terminal."""
    text = shown(body="red \x1b[31m, bell \x07, C1 \x9b, turned \u202e, kept:\tx\n")

    assert r"red \x1b[31m, bell \x07, C1 \x9b, turned \u202e, kept:" + "\tx\n" in text
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


def test_escapes_what_an_envelope_brings():
    from simplemail.rendering.envelope import Envelope

    stream = io.StringIO()
    raw = b"From: a@b.example\r\nSubject: =?utf-8?q?=1B]0;owned=07?=\r\n\r\n\x1b[2J\r\n"
    envelope = Envelope("a@b.example", ("c@d.example",), raw, "", False, False)
    EmailBackend(stream=stream).send_messages([envelope])

    assert "\x1b" not in stream.getvalue()
    assert r"\x1b[2J" in stream.getvalue()


def test_a_terminal_that_knows_ascii_only():
    octets = io.BytesIO()
    stream = io.TextIOWrapper(octets, encoding="ascii")

    EmailBackend(stream=stream).send_messages([a_message(body="Grüße")])

    assert rb"Gr\xfc\xdfe" in octets.getvalue()


def test_several_parts_are_shown():
    message = a_message()
    message.attach("a.bin", b"\x00\x01", "application/octet-stream")
    message.attach("note.eml", a_message(subject="Inner"), "message/rfc822")
    stream = io.StringIO()
    EmailBackend(stream=stream).send_messages([message])

    parsed = email.message_from_string(stream.getvalue().removesuffix(SEPARATOR))
    assert parsed.get_payload(1).get_payload(decode=True) == b"\x00\x01"
    assert parsed.get_payload(2).get_payload(0)["Subject"] == "Inner"


def test_without_standard_output_it_says_so_before_anything_is_written(monkeypatch):
    """As under pythonw.exe, or in a daemon that has closed it."""
    monkeypatch.setattr(sys, "stdout", None)
    message = EmailMessage("Hi", "Text", "me@example.com", ["ann@example.com"])

    with pytest.raises(ImproperlyConfigured, match=r"sys\.stdout is None.* use a file: mailer"):
        get_connection("console").send_messages([message])

    stream = io.StringIO()
    assert get_connection("console", stream=stream).send_messages([message]) == 1
    assert "ann@example.com" in stream.getvalue()
