import asyncio

import pytest

import simplemail
from simplemail import text_from_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("Hello", "Hello\n"),
        ("<p>Hello,\n   <b>Ann</b>!</p><p>Bye</p>", "Hello, Ann!\n\nBye\n"),
        ("one<br>two<br/>three<br><br>four", "one\ntwo\nthree\n\nfour\n"),
        ("<div>one</div><div><div>two</div></div>three", "one\ntwo\nthree\n"),
        ("<h1>Title</h1>text", "Title\n\ntext\n"),
        ("5 &euro; &amp; &lt;b&gt; &#8364;", "5 € & <b> €\n"),
        (
            '<a href="https://example.com/a?b=c&amp;d">Shop</a>!',
            "Shop (https://example.com/a?b=c&d)!\n",
        ),
        ('<a href="https://example.com/">https://example.com</a>', "https://example.com\n"),
        ('<a href="mailto:a@b.example">write</a>', "write (a@b.example)\n"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example\n"),
        (
            '<a href="#top">up</a> <a name="x">here</a> <a href="javascript:x()">no</a>',
            "up here no\n",
        ),
        (
            '<a href="https://x.example"><img src="a.png" alt="Logo"></a>',
            "Logo (https://x.example)\n",
        ),
        ('<a href="https://x.example"><img src="a.png"></a>', "(https://x.example)\n"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter\n"),
        ("<p>x</p><ol start=3><li>one<li>two</ol>", "x\n\n3. one\n4. two\n"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two\n"),
        ("<ol><li>one<br>more</li></ol>", "1. one\n  more\n"),
        (
            "<table><tr><th>Tea</th><th>Cost</th></tr><tr><td>Mate</td><td> 3 € </td></tr></table>",
            "Tea | Cost\nMate | 3 €\n",
        ),
        ("<table><tr><td></td><td>a</td><td></td><td>b</td></tr></table>", "a | b\n"),
        ("<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a\n\nb\n"),
        ("<blockquote>he said<p>this</p></blockquote>yes", "> he said\n>\n> this\n\nyes\n"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c\n"),
        ("a<hr>b", "a\n\n--------------------\n\nb\n"),
        ("<style>p {}</style><script>x < 1</script><p>shown</p>", "shown\n"),
        ("<html><head><title>T</title></head><body>b</body></html>", "b\n"),
        ('<div style="DISPLAY: none">pre<span>header</span></div>b<i hidden>x</i>', "b\n"),
        ("<div style='display:none'>a<br><img></div>b", "b\n"),
        ("</p></ul></blockquote></a>x</li>", "x\n"),
        ("<p>un<b>closed<p>next", "unclosed\n\nnext\n"),
        ("<!-- no --><!DOCTYPE html><p>x<![CDATA[y]]>", "x\n"),
        ("<ul><li>a<ul><li>b<ul><li>c</ul></ul></ul>", "- a\n  - b\n    - c\n"),
        ("<ol><li>a<ol><li>b<li>c</ol><li>d</ol>", "1. a\n  1. b\n  2. c\n2. d\n"),
        ("x<ul><li>a</ul>y<ol><li>b</ol>z", "x\n\n- a\n\ny\n\n1. b\n\nz\n"),
        ("<pre>a\n\n\nb</pre>", "a\n\n\nb\n"),
        ("<pre>a  b<p>c  d</p>e  f</pre>g  h", "a  b\n\nc  d\n\ne  f\n\ng h\n"),
        ("<tr><td>a</td><td>b <b>c</b> d</td></tr><tr><td>e", "a | b c d\ne\n"),
        ("x<br><br><p>y", "x\n\ny\n"),
        ("a &nbsp; b", "a \xa0 b\n"),
    ],
)
def test_html_becomes_text(html, text):
    assert text_from_html(html) == text


def test_much_html_is_read_in_one_go():
    for piece in ("<b>a", "<ul><li>a", "<blockquote>", "<a href=x>", "a ", "<td>a", "<div hidden>"):
        text_from_html(piece * 3_000)


HTML = "<p>Hello, <b>Ann</b>!</p>"


def sent(**changes):
    with simplemail.testing.capture() as outbox:
        simplemail.send_mail(
            "s", from_email="a@b.example", recipient_list=["c@d.example"], **changes
        )
    return outbox[0]


@pytest.mark.parametrize(
    ("message", "body"), [(None, "Hello, Ann!\n"), ("", ""), ("given", "given")]
)
def test_send_mail_makes_a_text_that_is_none(message, body):
    mail = sent(message=message, html_message=HTML)

    assert mail.body == body
    assert mail.alternatives == [(HTML, "text/html")]


def test_send_mail_without_html_has_an_empty_text():
    assert sent(message=None).body == ""


def test_asend_mail_does_it_too_and_mail_admins_does_not():
    with (
        simplemail.testing.capture() as outbox,
        simplemail.override_settings(ADMINS=["a@b.example"], SERVER_EMAIL="a@b.example"),
    ):
        asyncio.run(
            simplemail.asend_mail("s", None, "a@b.example", ["c@d.example"], html_message=HTML)
        )
        simplemail.mail_admins("s", None, html_message=HTML)

    assert [mail.body for mail in outbox] == ["Hello, Ann!\n", ""]
