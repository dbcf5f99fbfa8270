"""The header fields by which readers leave a newsletter (RFC 8058, RFC 2369)."""

import pytest

from simplemail import EmailMessage, Envelope, unsubscribe_headers

URL = "https://example.com/leave?reader=17&list=news"


def test_both_fields():
    assert unsubscribe_headers(URL) == {
        "List-Unsubscribe": f"<{URL}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize("mailto", ["leave@example.com", "mailto:leave@example.com"])
def test_an_address_stands_behind_the_url(mailto):
    headers = unsubscribe_headers(URL, mailto)

    assert headers["List-Unsubscribe"] == f"<{URL}>, <mailto:leave@example.com>"


@pytest.mark.parametrize("length", [60, 200, 700])
def test_they_arrive_in_one_piece(length):
    """A mail program that doesn't unfold would cut the URL."""
    url = "https://example.com/" + "x" * length
    message = EmailMessage("News", "Text", to=["a@b.example"], headers=unsubscribe_headers(url))

    header = Envelope.of(message).content.partition(b"\r\n\r\n")[0]

    assert f"<{url}>".encode() in header


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/x", "mailto:a@b.example", "/leave", "", "https://a b"),
        *("https://a>", "https://a<b", "https://a\r\nBcc: x@y.example", "https://ä.example"),
    ],
)
def test_what_is_no_https_url_is_refused(url):
    with pytest.raises(ValueError, match="must be an https:// URL in ASCII") as caught:
        unsubscribe_headers(url)

    assert repr(url) in str(caught.value)


@pytest.mark.parametrize("mailto", ["no address", "mailto:a b", "mailto:a>b", ""])
def test_what_is_no_address_is_refused(mailto):
    with pytest.raises(ValueError, match="address"):
        unsubscribe_headers(URL, mailto)
