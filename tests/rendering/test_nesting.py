"""Messages and parts that are nested in each other without end, at every door they can come by.

By default each kind comes by some of the doors, and each door gets some kinds; in CI, all of them.
"""

import email.message
import io
import itertools
import tempfile
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart

import pytest

import simplemail
from simplemail import EmailMessage, Envelope, Status, get_connection
from simplemail.backends import console
from simplemail.backends.base import BaseEmailBackend
from simplemail.queue import Queue
from simplemail.rendering.readable import readable
from simplemail.testing.contract import a_message
from support.samples import sample

HEAD = b"From: me@example.com\r\nTo: ann@example.com\r\nMIME-Version: 1.0\r\n"
LAST = b"Content-Type: text/plain; charset=latin-1\r\n\r\n\xe9\r\n"


def ours(deep):
    message = a_message()
    for _ in range(deep // 2):  # a multipart with a message/rfc822 in it
        outer = a_message()
        outer.attach("inner.eml", message, "message/rfc822")
        message = outer
    return message


def stdlib(deep):
    message = a_message().message()
    for _ in range(deep // 2):
        outer = a_message().message()
        outer.add_attachment(message)
        message = outer
    return message


def legacy(deep):
    part = a_message().message()
    for _ in range(deep // 2):
        outer = MIMEMultipart()
        outer.attach(MIMEMessage(part))
        part = outer
    part["From"], part["To"] = "me@example.com", "ann@example.com"
    return part


def multiparts(deep):
    opening = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n"
    closing = b"\r\n--%d--\r\n"
    inside = [LAST, *(closing % number for number in reversed(range(deep)))]
    return HEAD + b"".join([opening % (n, n) for n in range(deep)] + inside)


def messages(deep):
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * deep + LAST


def with_attached(make):
    def message(deep):
        outer = a_message()
        thing = make(deep - 2)
        if isinstance(thing, MIMEMultipart):
            outer.attach(thing)
        else:
            outer.attach("inner.eml", thing, "message/rfc822")
        return outer

    return message


def in_itself(_):
    message = a_message()
    for name in ("1.eml", "2.eml"):
        message.attach(name, message, "message/rfc822")
    return message


def in_turns(_):
    message, other = a_message(), a_message()
    message.attach("other.eml", other, "message/rfc822")
    other.attach("message.eml", message, "message/rfc822")
    return message


NESTED = {
    "ours": ours,
    "stdlib": stdlib,
    "legacy": legacy,
    "multiparts": multiparts,
    "messages": messages,
    "attached legacy": with_attached(legacy),
    "attached messages": with_attached(messages),
}
ENDLESS = {"in itself": in_itself, "in turns": in_turns}


class Reading(BaseEmailBackend):
    """A backend written for Django: it reads attributes."""

    def send_messages(self, email_messages):
        return len([message.attachments for message in email_messages])


class Hooked(console.EmailBackend):
    """Another one: it writes what `message()` returns."""

    def write_message(self, message):
        self.stream.write(message.message().as_string())


def through(mailer):
    def deliver(thing):
        [receipt] = mailer().deliver([thing])
        if receipt.error is not None:
            assert receipt.status is Status.REFUSED
            raise receipt.error
        assert receipt.status is Status.SENT

    return deliver


def queued(thing):
    with tempfile.TemporaryDirectory() as directory, Queue(f"{directory}/mail.db") as queue:
        queue.put(thing)


EVERYWHERE = {
    "envelope": Envelope.of,
    "7 bits": lambda thing: Envelope.of(thing, eight_bit=False),
    "memory": through(lambda: get_connection("memory")),
    "console": through(lambda: get_connection("console", stream=io.StringIO())),
    "for Django": through(Reading),
    "hook": through(lambda: Hooked(stream=io.StringIO())),
    "queue": queued,
    "readable": lambda thing: readable(Envelope.of(thing).content),
}
OF_OURS = {
    "str": str,
    "message": lambda thing: thing.message(),
    "message's bytes": lambda thing: thing.message().as_bytes(),
}
DOORS = EVERYWHERE | OF_OURS


@pytest.fixture(autouse=True)
def outbox(monkeypatch):
    monkeypatch.setattr(simplemail, "outbox", [])


def enter(door, thing):
    if door in OF_OURS and not isinstance(thing, EmailMessage):
        pytest.skip("a method of ours")
    DOORS[door](thing)


@pytest.mark.parametrize(("kind", "door"), sample(itertools.product(NESTED, DOORS), one_in=2))
def test_forty_levels_pass(kind, door):
    """Half of the pairs by default, all in CI."""
    enter(door, NESTED[kind](40))


DEEPER = [*((kind, 130) for kind in NESTED), ("messages", 1200), ("attached messages", 1200)]


@pytest.mark.parametrize(
    ("nested", "door"), sample(itertools.product(DEEPER, DOORS), one_in=4), ids=str
)
def test_more_pass_or_the_error_says_what_to_do(nested, door):
    """A fourth of the pairs by default, all in CI."""
    kind, deep = nested
    thing = NESTED[kind](deep)

    try:
        enter(door, thing)
    except ValueError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017  # where it passes, all is well
        assert "attach the inner ones as files" in str(error)  # noqa: PT017


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"for Django", "str"}))
def test_what_holds_itself_is_refused(kind, door):
    with pytest.raises(ValueError, match="more than 100 levels, or in themselves"):
        enter(door, ENDLESS[kind](0))


@pytest.mark.parametrize("make", [ours, in_itself])
def test_what_cannot_be_written_can_be_printed(make):
    assert str(make(130)).startswith("<EmailMessage")


@pytest.mark.parametrize("kind", ["ours", "stdlib", "legacy", "attached legacy"])
def test_objects_are_counted_not_tried(kind):
    """So it doesn't depend on how deep the caller's own calls are."""
    Envelope.of(NESTED[kind](100))
    with pytest.raises(ValueError, match="nested too deeply"):
        Envelope.of(NESTED[kind](104))


def test_remedy_works():
    inner = ours(80).as_bytes()
    outer = a_message()
    outer.attach("inner.eml", inner, "application/octet-stream")
    for _ in range(40):
        outer, before = a_message(), outer
        outer.attach("before.eml", before, "message/rfc822")

    content = Envelope.of(outer).content

    part = email.message_from_bytes(content)
    while part.is_multipart():
        part = part.get_payload()[-1]
    assert part.get_payload(decode=True) == inner
