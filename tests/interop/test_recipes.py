"""The recipes for templates and newsletters, with the real packages and with wrong input.

tests/interop/test_docs_frameworks.py runs the pages as they stand.
"""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from simplemail import BadHeaderError, override_settings
from simplemail.testing import capture
from simplemail.testing.server import SMTPServer
from support.docs_runner import ROOT, blocks_of


def code_of(page: str, beginning: str, until: str = "\0") -> SimpleNamespace:
    """Run the block of a page that begins so, up to a line, and return what it defines."""
    [code] = [
        block.code
        for block in blocks_of(ROOT / "docs" / "how-to" / page)
        if block.code.startswith(beginning)
    ]
    names: dict[str, object] = {"__name__": page}
    exec(compile(code.partition(until)[0], page, "exec"), names)
    return SimpleNamespace(**names)


class TestTemplates:
    @pytest.fixture
    def shop(self):
        pytest.importorskip("jinja2")
        return code_of("templates.md", "# shop_mail.py")

    def test_values_are_escaped_in_the_html_alone(self, shop):
        with capture() as outbox:
            shop.send_template("order", "Hi", "ann@example.com", name="<b>Ann</b> & Bob")

        assert outbox[0].body.startswith("Thank you, <b>Ann</b> & Bob\n")
        [html] = outbox[0].alternatives
        assert "<h1>Thank you, &lt;b&gt;Ann&lt;/b&gt; &amp; Bob</h1>" in html.content
        assert html.content.endswith("<p>The shop</p></body></html>")

    @pytest.mark.parametrize("values", [{}, {"nmae": "Ann"}])
    def test_a_value_that_is_missing_sends_nothing(self, shop, values):
        jinja2 = pytest.importorskip("jinja2")

        with capture() as outbox, pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
            shop.send_template("order", "Hi", "ann@example.com", **values)

        assert list(outbox) == []

    def test_a_template_that_is_missing_sends_nothing(self, shop):
        jinja2 = pytest.importorskip("jinja2")

        with capture() as outbox, pytest.raises(jinja2.TemplateNotFound):
            shop.send_template("ordre", "Hi", "ann@example.com", name="Ann")

        assert list(outbox) == []

    def test_a_rendered_subject_injects_nothing(self, shop):
        with capture() as outbox, pytest.raises(BadHeaderError):
            shop.send_template("order", "Hi\nBcc: eve@example.com", "ann@example.com", name="Ann")

        assert list(outbox) == []


class TestStyles:
    @pytest.fixture
    def css_inline(self):
        return pytest.importorskip("css_inline")

    def test_the_page_downloads_nothing(self, css_inline):
        """A server that would say so if anybody called."""
        with SMTPServer() as server:
            link = f'<link rel="stylesheet" href="http://127.0.0.1:{server.port}/a.css"><h1>Hi</h1>'

            html = css_inline.inline(link, keep_style_tags=False, load_remote_stylesheets=False)

            assert "<h1>Hi</h1>" in html
            assert server.connections == []

    def test_rules_for_media_are_kept_if_asked_for(self, css_inline):
        style = "<style>h1 {color: teal} @media print {h1 {color: black}}</style><h1>Hi</h1>"
        options = {"keep_style_tags": False, "load_remote_stylesheets": False}

        assert "@media" not in css_inline.inline(style, **options)
        html = css_inline.inline(style, keep_at_rules=True, **options)
        assert "@media print" in html
        assert '<h1 style="color: teal;">' in html


class TestNewsletters:
    @pytest.fixture
    def news(self):
        with override_settings():
            yield code_of("newsletters.md", "import hmac", "for receipt in")

    @pytest.mark.parametrize(
        "reader", ["ann@example.com", "bob+news@example.com", "a&b=c%40@example.com"]
    )
    def test_the_link_names_its_reader(self, news, reader):
        query = parse_qs(urlsplit(news.leave_link(reader)).query)

        assert query["reader"] == [reader]

    def test_each_reader_has_a_proof_of_its_own(self, news):
        proofs = {
            parse_qs(urlsplit(news.leave_link(reader)).query)["proof"][0]
            for reader in ("ann@example.com", "bob@example.com")
        }

        assert len(proofs) == 2

    def test_the_message_unsubscribes_with_one_click(self, news):
        with capture() as outbox:
            news.message_to("bob+news@example.com").send()

        sent = outbox[0].message()
        link = news.leave_link("bob+news@example.com")
        assert sent["List-Unsubscribe"] == f"<{link}>, <mailto:leave@example.com>"
        assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert link in outbox[0].body
