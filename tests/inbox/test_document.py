"""The HTML that a browser shows is the message's own, but for what would connect or stay inside."""

import pytest

from simplemail.inbox.document import document, remote_images
from simplemail.inbox.links import links_in_html, links_in_text
from simplemail.inbox.markup import plain, tags
from simplemail.inbox.reading import Mail


def shown(html: str, scheme: str = "light") -> str:
    content = b"Content-Type: text/html; charset=utf-8\n\n" + html.encode()
    return document(Mail(content), scheme).partition("</style>")[2]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p title='link'>x <b>link</b></p>", "<p title='link'>x <b>link</b></p>"),
        ("<link rel=x>", "<x-link rel=x>"),
        ("<LINK/rel=x>", "<x-LINK/rel=x>"),
        ("<linked>", "<linked>"),
        ("<iframe src=x></iframe>", "<x-iframe src=x></x-iframe>"),
        ('<a target="_self" href=x>', '<a target="_blank" href=x>'),
        ("<a target=_TOP>", "<a target=_blank>"),
        ("<script>1</script>", "<script>1</script>"),
        ('<img src="cid:none">', '<img src="cid:none">'),
    ],
)
def test_little_is_changed(html, expected):
    assert shown(html) == expected


def test_every_document_begins_with_where_links_open():
    assert document(Mail(b"")).startswith(
        '<!doctype html><meta charset="utf-8"><base target="_blank">'
    )


@pytest.mark.parametrize(
    ("scheme", "dark", "light"),
    [("dark", "min-width:0", "max-width:0"), ("light", "max-width:0", "min-width:0")],
)
def test_the_mails_own_styles_for_a_scheme_hold_or_dont(scheme, dark, light):
    html = "@media (prefers-color-scheme: dark){} @media (prefers-color-scheme:light){}"

    assert shown(html, scheme) == f"@media ({dark}){{}} @media ({light}){{}}"


def picture_mail(kind: str, reference: str, times: int = 1) -> bytes:
    return (
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n"
        + f'<img src="cid:{reference}">' * times
        + f"\n--b\nContent-Type: {kind}\nContent-ID: <a b@x>\n\n{'P' * 100_000}\n--b--\n"
    ).encode()


def test_pictures_of_the_message_become_part_of_the_document():
    html = document(Mail(picture_mail("image/png", "a%20b@x")))

    assert '<img src="data:image/png;base64,UFBQ' in html


@pytest.mark.parametrize("kind", ["text/html", "application/pdf", 'image/"x'])
def test_nothing_but_pictures_does(kind):
    assert "data:" not in document(Mail(picture_mail(kind, "a%20b@x")))


def test_a_picture_that_is_shown_a_thousand_times_makes_no_document_a_thousand_times_as_large():
    content = picture_mail("image/png", "a%20b@x", times=1000)

    assert len(document(Mail(content))) < 4 * len(content)


def test_remote_images_are_counted():
    html = """<img src="https://a/b"><img src=http://a/b><td background='https://x'>
    <p style="background:url( 'https://x')"><img src="data:x"><img src="cid:x">"""

    assert remote_images(html) == 4


def test_links_are_found_with_their_texts():
    html = """<!-- <a href="no">no</a> --><a class=x href="https://a.example/?b=1&amp;c=2"><b>Go</b>
    there</a><a name=x>no</a><A HREF='mailto:x@y'>mail</A><script>"<a href=no>"</script>
    <map><area alt=area href=/x></map><a href=last>open"""

    found = [(link.url, link.text) for link in links_in_html(html)]

    assert found == [
        ("https://a.example/?b=1&c=2", "Go there"),
        ("mailto:x@y", "mail"),
        ("/x", "area"),
        ("last", "open"),
    ]


def test_links_of_a_text_end_where_a_reader_thinks():
    text = "See https://a.example/b, (http://c.example/d?e=f). Or <https://g.example>!"

    assert [link.url for link in links_in_text(text)] == [
        "https://a.example/b", "http://c.example/d?e=f", "https://g.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "url", "misleads"),
    [
        ("https://bank.example/login", "https://evil.example/", True),
        ("bank.example", "https://bank.example.evil.example/", True),
        ("www.bank.example", "https://bank.example/x", False),
        ("bank.example", "https://login.bank.example/x", False),
        ("Click here", "https://evil.example/", False),
        ("bank.example", "mailto:x@evil.example", False),
        ("bank.example", "https://[broken", True),
    ],
)
def test_misleading_links(text, url, misleads):
    [link] = links_in_html(f'<a href="{url}">{text}</a>')

    assert link.is_misleading is misleads


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<p>b", "a b"),
        ("<style>p{}</style>a<script>b</script>c", "a c"),
        ("<head><title>t</title></head><body>a", "a"),
        ("&lt;b&gt; &amp; &uuml;", "<b> & ü"),
        ("a < b", "a < b"),
        ("<b", "<b"),
    ],
)
def test_plain_text_of_html(html, expected):
    assert plain(html) == expected


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<script>", "<a b='", "</", '<a b="', "&"])
def test_broken_html_is_read_to_its_end(piece):
    assert isinstance(list(tags(piece * 100_000)), list)
