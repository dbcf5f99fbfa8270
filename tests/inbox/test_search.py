"""What somebody types into the search field finds the messages that it says."""

import pytest

from simplemail.inbox.search import WrongSearch, condition, octets
from simplemail.inbox.store import Arrival
from support.inboxes import plain_mail

MESSAGES = {
    "invoice": Arrival(
        plain_mail("Invoice 4711", "Please pay. 100%_sure", "Ann <ann@example.com>"),
        "billing@shop.example",
        ("ann@example.com", "hidden@example.com"),
        arrived=1_780_000_000,
    ),
    "welcome": Arrival(
        plain_mail("Welcome, Jörg", "Grüße aus KÖLN", "joann@example.com"),
        "team@shop.example",
        ("joann@example.com",),
        arrived=1_790_000_000,
    ),
    "file": Arrival(
        b"From: x@example.com\nTo: z@example.com\nSubject: Report for you\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee file\n--b\n"
        b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=numbers.pdf\n\n"
        + b"x" * 2000
        + b"\n--b--\n",
        "x@example.com",
        ("z@example.com",),
        arrived=1_800_000_000,
    ),
}


@pytest.fixture
def found(store):
    for arrival in MESSAGES.values():
        store.add(arrival)
    store.mark(2, unread=False)
    store.settle()
    names = list(MESSAGES)
    return lambda search: {names[row.id - 1] for row in store.rows(search)}


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", "invoice welcome file"),
        ("   ", "invoice welcome file"),
        ("invoice", "invoice"),
        ("INVOICE 4711", "invoice"),
        ('"4711 invoice"', ""),
        ('"invoice 4711"', "invoice"),
        ('"invoice 47', "invoice"),
        ("-invoice", "welcome file"),
        ("grüsse", "welcome"),
        ("köln", "welcome"),
        ("JÖRG", "welcome"),
        ("100%_sure", "invoice"),
        ("100%%sure", ""),
        ("numbers.pdf", "file"),
        ("to:ann", "invoice welcome"),
        ("to:<ann@example.com>", "invoice"),
        ("TO:<Ann@Example.COM>", "invoice"),
        ("to:hidden", "invoice"),
        ("from:shop.example", "invoice welcome"),
        ("from:<team@shop.example>", "welcome"),
        ('subject:"for you"', "file"),
        ("subject:pay", ""),
        ("has:attachment", "file"),
        ("-has:attachment", "invoice welcome"),
        ("is:unread", "invoice file"),
        ("is:read", "welcome"),
        ("larger:2k", "file"),
        ("smaller:2k", "invoice welcome"),
        ("after:2026-09-01", "welcome file"),
        ("before:2026-09-01", "invoice"),
        ("after:2026-09-01 before:2026-12-31", "welcome"),
        ("https://shop.example", ""),
        ("unknown:word", ""),
        ("'; DROP TABLE messages; --", ""),
        ("to:", "invoice welcome file"),
    ],
)
def test_searches(found, search, expected):
    assert found(search) == set(expected.split())


@pytest.mark.parametrize("search", ["is:new", "has:fun", "larger:big", "after:yesterday"])
def test_a_search_that_means_nothing_says_how_to_write_it(search):
    with pytest.raises(WrongSearch, match="write"):
        condition(search)


def test_long_searches_are_cut():
    assert len(condition("word " * 10_000).values) == 20


@pytest.mark.parametrize(("text", "size"), [("50M", 50_000_000), ("100k", 100_000), ("7", 7)])
def test_sizes(text, size):
    assert octets(text) == size
