"""Whatever comes is kept, shown as far as it can be, and costs a few times its size at most."""

import json

import pytest

from inbox.test_reading import HOSTILE
from simplemail.inbox import shown
from simplemail.inbox.digest import digest
from simplemail.inbox.document import document
from simplemail.inbox.reading import Mail
from simplemail.inbox.store import Arrival, Store

MORE = {
    "50 MB line": b"Subject: x\n\n" + b"x" * 50_000_000,
    "50 MB of base64": b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n"
    + b"QUJD" * 12_500_000,
    "50 MB of HTML tags": b"Content-Type: text/html\n\n" + b"<a href=x>y</a>" * 3_300_000,
    "unclosed tags": b"Content-Type: text/html\n\n" + b"<a b='" * 300_000,
    "wrong charset": b"Content-Type: text/plain; charset=utf-16\n\n\xff" + b"\xd8\x00" * 100_000,
    "names": b"Content-Type: a/b; name*=utf-8''" + b"%2F..%0D%E2%80%AE" * 2_000 + b"\n\nx",
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1_000,
}
CORPUS = {**HOSTILE, **MORE}
A_LITTLE = 8_000_000


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
def test_to_look_it_up_costs_at_most_three_times_its_size_in_memory(name: str):
    content = CORPUS[name]
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy counts no memory")
    tracemalloc.start()
    try:
        digest(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * len(content) + A_LITTLE
