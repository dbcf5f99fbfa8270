"""What is wrong with a message as it was sent is said once, with what, why and where."""

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.inbox.reading import Mail
from simplemail.inbox.warnings import CHECKS, Sent, warnings

GOOD = (
    b"From: shop@example.com\nTo: ann@example.com\nSubject: x\n"
    b"Date: Sun, 29 Nov 2026 08:00:00 +0000\nMessage-ID: <1@example.com>\n"
)


def html(body: str, text: str = "text", head: bytes = GOOD) -> bytes:
    return (
        head + b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\n" + text.encode()
        + b"\n--b\nContent-Type: text/html; charset=utf-8\n\n" + body.encode() + b"\n--b--\n"
    )  # fmt: skip


def codes(content: bytes, **sent: bool) -> list[str]:
    return [found.code for found in warnings(Sent(Mail(content), **sent))]


CASES = {
    "script-link": html('<a href="javascript:alert(1)">x</a>'),
    "misleading-link": html('<a href="https://evil.example/">https://bank.example</a>'),
    "bcc-header": GOOD + b"Bcc: hidden@example.com\n\nx",
    "broken": GOOD + b"Content-Type: multipart/mixed\n\nx",
    "undecodable-text": GOOD + b"Content-Type: text/plain; charset=utf-8\n\n\xff\xfe",
    "duplicate-header": GOOD + b"Subject: y\n\nx",
    "missing-header": GOOD.replace(b"Date: Sun, 29 Nov 2026 08:00:00 +0000\n", b"") + b"\nx",
    "localhost-address": GOOD.replace(b"shop@example.com", b"me@localhost") + b"\nx",
    "localhost-message-id": GOOD.replace(b"1@example.com", b"1@box.local") + b"\nx",
    "long-line": GOOD + b"\n" + b"x" * 999,
    "8bit-unannounced": GOOD + b"Content-Type: text/plain; charset=utf-8\n\n\xc3\xbc",
    "no-text": GOOD + b"Content-Type: text/html\n\n<p>x</p>",
    "empty-text": html("<p>x</p>", "  "),
    "no-unsubscribe": GOOD + b"List-Id: <news.example.com>\n\nx",
    "broken-unsubscribe": GOOD + b"List-Unsubscribe: https://example.com/u\n\nx",
    "no-one-click": GOOD + b"List-Unsubscribe: <https://example.com/u>\n\nx",
    "html-over-102k": html("<p>\n" * 30_000),
    "message-over-10m": GOOD + b"\n" + b"x\n" * 5_100_000,
    "cid-without-part": html('<img alt="" src="cid:missing">'),
    "part-without-cid": GOOD
    + b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>x\n--b\n"
    b"Content-Type: image/png\nContent-ID: <logo>\n\nx\n--b--\n",
    "http-image": html('<img alt="" src="http://example.com/a.png">'),
    "remote-images": html('<img alt="" src="https://example.com/a.png">'),
    "no-alt": html('<img src="https://example.com/a.png">'),
}


@pytest.mark.parametrize("code", CASES)
def test_each_is_found(code):
    assert code in codes(CASES[code], is_8bit_announced=code != "8bit-unannounced")


def test_every_check_has_a_case():
    names = {check.__name__ for check in CHECKS}

    assert len(CASES) >= len(names) == 15


@pytest.mark.parametrize(
    "content",
    [
        GOOD + b"\ntext",
        html(
            '<p>ü <a href="https://example.com">Shop</a> <img alt="" src="data:image/gif;base64,x">'
        ),
        html('<a href="https://www.example.com/x">example.com</a><a href="mailto:a@b.c">a@b.c</a>'),
        GOOD + b"List-Id: <a>\nList-Unsubscribe: <mailto:u@example.com>, <https://example.com/u>\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nx",
        GOOD + b"\n" + b"x" * 998,
    ],
)
def test_a_good_message_has_none(content):
    assert codes(content) == []


def test_our_own_messages_have_none(monkeypatch):
    message = EmailMultiAlternatives(
        "Grüße", "Text ü", "Shop <shop@example.com>", ["ann@example.com"],
        headers={"Message-ID": "<1@example.com>"},
    )  # fmt: skip
    message.attach_alternative("<p>ü " + "lang " * 500, "text/html")
    message.attach("größe.bin", b"\xff" * 5000, "application/octet-stream")

    assert codes(message.as_bytes()) == []


@pytest.mark.parametrize(
    "href",
    ["java\tscript:x", " JavaScript:x", "vbscript:x", "data:text/html,x", "java&#10;script:x"],
)
def test_script_links_are_seen_as_browsers_read_them(href):
    assert "script-link" in codes(html(f'<a href="{href}">x</a>'))


@pytest.mark.parametrize("content", [b"", b"\x00", b"no mail", b"\n\nbody", b"Subject: \xff\n\n"])
def test_what_is_no_message_is_looked_at_too(content):
    assert "missing-header" in codes(content)
