"""Whatever comes is kept, shown as far as it can be, and costs a few times its size at most."""

from __future__ import annotations

import json
import time

import pytest

from inbox.test_reading import HOSTILE
from simplemail import EmailMultiAlternatives
from simplemail.inbox import shown
from simplemail.inbox.digest import digest
from simplemail.inbox.document import document
from simplemail.inbox.reading import Mail
from simplemail.inbox.store import Arrival, Row, Store
from support.samples import EVERYTHING, sample

# As large as an inbox takes them where there is time for that, and else large enough to tell.
LARGEST = 50_000_000 if EVERYTHING else 200_000
A_LITTLE = 8_000_000


def many(octets: bytes) -> bytes:
    return octets * (LARGEST // len(octets))


MORE = {
    "a large line": b"Subject: x\n\n" + many(b"x"),
    "line ends": b"Subject: x\n\n" + many(b"\n"),
    "base64": b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n" + many(b"QUJD"),
    "HTML tags": b"Content-Type: text/html\n\n" + many(b"<a href=x>y</a>"),
    "images": b"Content-Type: text/html\n\n" + many(b"<img src=http://x>"),
    "unclosed tags": b"Content-Type: text/html\n\n" + b"<a b='" * 300_000,
    "wrong charset": b"Content-Type: text/plain; charset=utf-16\n\n\xff" + b"\xd8\x00" * 100_000,
    "names": b"Content-Type: a/b; name*=utf-8''" + b"%2F..%0D%E2%80%AE" * 2_000 + b"\n\nx",
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1_000,
}
CORPUS = {name: content[:LARGEST] for name, content in {**HOSTILE, **MORE}.items()}

ROW = Row(1, 0.0, 1, True, "a@example.com", ["b@example.com"], "a", "s", True, None, 0, "")
VIEWS = {
    "list": lambda mail: digest(mail.content),
    "head": lambda mail: shown.details(ROW, mail),
    "headers": shown.headers,
    "parts": shown.parts,
    "links": shown.links,
    "html": document,
}


def newsletter() -> bytes:
    message = EmailMultiAlternatives("News", "text", "a@example.com", ["b@example.com"])
    item = '<tr><td style="padding:8px"><a href="https://example.com/1">Read on</a></td></tr>'
    message.attach_alternative(f"<table>{item * 1_000}</table>", "text/html")
    return message.as_bytes()


def cost(content: bytes) -> float:
    """Seconds of processor time for the dearest view of a message."""
    return max(seconds(view, content) for view in VIEWS.values())


def seconds(view, content: bytes) -> float:
    mail = Mail(content)
    began = time.thread_time()
    view(mail)
    return time.thread_time() - began


@pytest.fixture(scope="module")
def ordinary() -> float:
    """What a newsletter of 89 kB with a thousand links costs."""
    return min(cost(newsletter()) for _ in range(3))


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_kept_and_every_view_of_it_can_be_shown(store: Store, name: str):
    content = CORPUS[name]
    number, _ = store.add(Arrival(content, "a@example.com", ("b@example.com",)))
    store.settle()
    row, mail = store.row(number), Mail(content)

    assert store.content(number) == content
    views = [shown.details(row, mail), shown.headers(mail), shown.parts(mail), shown.links(mail)]
    assert len(json.dumps(views)) < 100_000_000
    assert "<base" in document(mail)


@pytest.mark.parametrize("name", CORPUS)
def test_no_view_takes_more_processor_time_than_thirty_newsletters(ordinary, name):
    """Less than 2 s, where a newsletter takes 67 ms. Chance may spoil a measurement or two."""
    assert any(cost(CORPUS[name]) < 30 * ordinary for _ in range(3))


@pytest.mark.parametrize("name", CORPUS)
def test_four_times_the_size_takes_no_more_than_in_proportion(ordinary, name):
    """What grows with the square takes sixteen times as much."""
    content = CORPUS[name]
    quarter = content[: len(content) // 4]

    assert any(cost(content) < 8 * cost(quarter) + ordinary for _ in range(3))


@pytest.mark.parametrize("name", sample(CORPUS, 3))
def test_no_view_takes_more_memory_than_three_times_its_size(name: str):
    content = CORPUS[name]
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy counts no memory")
    tracemalloc.start()
    try:
        for view in sample(VIEWS.values(), len(VIEWS)):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            view(Mail(content))
            peak = tracemalloc.get_traced_memory()[1] - before
            assert peak < 3 * len(content) + A_LITTLE
    finally:
        tracemalloc.stop()
