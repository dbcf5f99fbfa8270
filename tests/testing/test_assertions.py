"""assert_sent(): finds what was sent, and shows what was sent instead."""

from __future__ import annotations

import re
from email.message import EmailMessage as StdlibMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from simplemail import EmailMessage, EmailMultiAlternatives, mailers, override_settings
from simplemail.testing import SMTPServer, assert_nothing_sent, assert_sent, capture


def order(number: int = 4711, **changes: object) -> EmailMultiAlternatives:
    values = {
        "subject": f"Order {number}",
        "body": "Thank you, Jörg!\nYours, the shop",
        "from_email": "Shop <shop@example.com>",
        "to": ["Ann Smith <ann@example.com>"],
        "cc": ["carl@example.com"],
        "bcc": ["bob@example.com"],
    }
    message = EmailMultiAlternatives(**(values | changes))
    message.attach_alternative("<p>Thank you, Jörg!</p>", "text/html")
    message.attach("invoice.pdf", b"%PDF", "application/pdf")
    return message


def standard() -> StdlibMessage:
    """The same as a message of the standard library."""
    message = StdlibMessage()
    message["Subject"] = "Order 4711"
    message["From"] = "Shop <shop@example.com>"
    message["To"] = "Ann Smith <ann@example.com>"
    message["Cc"] = "carl@example.com"
    message["Bcc"] = "bob@example.com"
    message.set_content("Thank you, Jörg!\nYours, the shop")
    message.add_alternative("<p>Thank you, Jörg!</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


def classic() -> MIMEMultipart:
    """And the way it was written before Python 3.6."""
    message = MIMEMultipart(_subparts=[MIMEText("Thank you, Jörg!\n", "plain", "utf-8")])
    message.attach(MIMEText("<p>Thank you, Jörg!</p>", "html", "utf-8"))
    pdf = MIMEText("%PDF")
    pdf.add_header("Content-Disposition", "attachment", filename="invoice.pdf")
    message.attach(pdf)
    for name, value in list(standard().items())[:5]:
        message[name] = value
    return message


ALL = {
    "to": "ann@example.com",
    "cc": "carl@example.com",
    "bcc": "bob@example.com",
    "from_email": "shop@example.com",
    "subject": "Order 4711",
    "body_contains": "Jörg!\n",
    "html_contains": "<p>Thank you, Jörg!</p>",
    "attachment": "invoice.pdf",
}
OTHER = {
    "to": "bob@example.com",
    "cc": ["carl@example.com", "dan@example.com"],
    "bcc": "ann@example.com",
    "from_email": "ann@example.com",
    "subject": "Order 471",
    "body_contains": "Jorg",
    "html_contains": "Yours",
    "attachment": "invoice",
}


def failure(outbox: object, **wanted: object) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_sent(outbox, **wanted)
    return str(caught.value)


class TestFinds:
    @pytest.mark.parametrize(
        "kind", [order, lambda: order().envelope(), lambda: order().as_bytes(), standard, classic]
    )
    def test_every_kind_of_message(self, kind):
        mail = kind()
        wanted = (
            ALL if not isinstance(mail, bytes) else {k: v for k, v in ALL.items() if k != "bcc"}
        )

        assert assert_sent([mail], **wanted) == [mail]
        for name in wanted:
            assert f"! {name.removesuffix('_contains')}" in failure([mail], **{name: OTHER[name]})

    def test_what_every_kind_of_message_leaves_in_an_outbox(self):
        with capture() as outbox:
            mailers.default.send_messages([order(), standard(), order().envelope()])

        assert_sent(outbox, **ALL, count=3)

    def test_what_arrived_at_a_server(self):
        with SMTPServer() as server, override_settings(EMAIL_URL=server.url):
            order().send()

        [mail] = assert_sent(server.messages, **ALL)
        assert mail.sender == "shop@example.com"

    def test_returns_what_fits_in_the_order_sent(self):
        first, second, third = order(1), order(2), order(1)

        assert assert_sent([first, second, third], subject="Order 1") == [first, third]

    def test_without_wishes_any_mail_will_do(self):
        assert len(assert_sent([order()])) == 1

    def test_none_may_be_counted(self):
        assert assert_sent([order()], subject="Order 4712", count=0) == []

    @pytest.mark.parametrize(
        "to",
        [
            "ann@EXAMPLE.com",
            "Ann Smith <ann@example.com>",
            ["ann@example.com"],
            ("ann@example.com", "jo@bücher.example"),
            iter(["jo@xn--bcher-kva.example"]),
        ],
    )
    def test_addresses_in_any_form(self, to):
        mail = order(to=["Ann Smith <ann@example.com>", "jo@bücher.example"])

        assert assert_sent([order(), mail], to=to)[-1] is mail

    @pytest.mark.parametrize("to", ["Bob <ann@example.com>", "Ann@example.com", "example.com"])
    def test_other_addresses(self, to):
        assert "! to: Ann Smith <ann@example.com>" in failure([order()], to=to)

    def test_a_mistyped_address_in_the_test_is_no_failed_assertion(self):
        with pytest.raises(ValueError, match="Invalid address"):
            assert_sent([order()], to="ann@example.com>")

    def test_patterns(self):
        assert_sent(
            [order()],
            subject=re.compile(r"^Order \d+$"),
            body_contains=re.compile("yours", re.I),
            html_contains=re.compile("<p.*</p>"),
            attachment=re.compile(r"\.pdf$"),
        )
        assert "re.compile('^Bill')" in failure([order()], subject=re.compile("^Bill"))

    def test_the_body_is_html_where_there_is_no_other(self):
        mail = EmailMessage("Hello", "<p>Hello</p>", to=["ann@example.com"])
        mail.content_subtype = "html"

        assert_sent([mail], body_contains="<p>Hello", html_contains="<p>Hello")

    def test_an_attached_mail_is_no_part_of_this_one(self):
        mail = EmailMessage("Fwd", "See below", to=["ann@example.com"])
        mail.attach("order.eml", order(), "message/rfc822")

        assert_sent([mail], attachment="order.eml", body_contains="See below")
        assert_sent([mail], attachment="invoice.pdf", count=0)

    def test_an_inline_image_is_attached_too(self):
        mail = order()
        mail.attach_inline(b"PNG", "logo.png")

        assert_sent([mail], attachment="logo.png")


class TestFailure:
    def test_says_what_was_wanted_and_what_was_sent_instead(self):
        mails = [order(4711), order(4713, to=["eve@example.com"], cc=[], bcc=[])]

        assert failure(mails, to="ann@example.com", subject="Order 4712").splitlines() == [
            "No mail like this was sent:",
            "    to: ['ann@example.com']",
            "    subject: 'Order 4712'",
            "2 mails sent, ! marks what is different:",
            "  1.   to: Ann Smith <ann@example.com>",
            "       cc: carl@example.com",
            "       bcc: bob@example.com",
            "     ! subject: 'Order 4711'",
            "       body: 'Thank you, Jörg!\\nYours, the shop\\n'",
            "       attachments: invoice.pdf",
            "  2. ! to: eve@example.com",
            "     ! subject: 'Order 4713'",
            "       body: 'Thank you, Jörg!\\nYours, the shop\\n'",
            "       attachments: invoice.pdf",
        ]

    def test_says_that_nothing_was_sent(self):
        assert failure([]).splitlines() == [
            "No mail like this was sent:",
            "    (any mail)",
            "Nothing was sent.",
        ]

    def test_says_what_a_mail_has_not(self):
        mail = EmailMessage("Hello", "Hello", to=["ann@example.com"])

        text = failure([mail], attachment="a.pdf", html_contains="Hello", cc="bob@example.com")

        assert [line for line in text.splitlines() if "!" in line[:6]] == [
            "     ! cc: none",
            "     ! html: ''",
            "     ! attachments: none",
        ]

    def test_counts(self):
        mails = [order(), order(), order(4713)]

        assert "1 mail like this expected, 2 sent:" in failure(mails, subject="Order 4711", count=1)
        assert "3 mails like this expected, none sent:" in failure(mails, subject="No", count=3)

    def test_says_by_which_mailer(self):
        with override_settings(MAILERS={"news": "dummy:"}), capture() as outbox:
            order().send(using="news")

        assert "sent_using: 'news'" in failure(outbox, subject="No")

    def test_is_short_whatever_was_sent(self):
        mails = [order(number, body="x" * 10_000) for number in range(40)]

        text = failure(mails, subject="Order 30", to="eve@example.com")

        assert len(text) < 8000
        assert "... and 30 mails more" in text
        assert "31. ! to" in text  # the nearest is among those shown
        assert "... and 9701 more characters" in text

    def test_drives_no_terminal(self):
        mail = order(subject="\u202eevil", body="\x1b[2J")

        assert "\x1b" not in failure([mail], subject="No")
        assert "\u202e" not in failure([mail], subject="No")


class TestNothingSent:
    def test_passes_for_an_empty_outbox(self):
        assert_nothing_sent([])

    def test_shows_what_was_sent(self):
        with pytest.raises(AssertionError) as caught:
            assert_nothing_sent([order(cc=[], bcc=[])])

        assert str(caught.value).splitlines() == [
            "No mail was expected.",
            "1 mail sent:",
            "  1.   to: Ann Smith <ann@example.com>",
            "       subject: 'Order 4711'",
            "       body: 'Thank you, Jörg!\\nYours, the shop\\n'",
            "       attachments: invoice.pdf",
        ]


def test_pytest_shows_the_test_and_the_mail_and_nothing_between(pytester, run_pytest):
    pytester.makepyfile(
        """
        from simplemail import send_mail
        from simplemail.testing import assert_nothing_sent, assert_sent

        def test_sent(mail_outbox):
            send_mail("Order 4711", "Thank you!", "shop@example.com", ["ann@example.com"])
            assert_sent(mail_outbox, subject="Order 4712")

        def test_nothing(mail_outbox):
            send_mail("Order 4711", "Thank you!", "shop@example.com", ["ann@example.com"])
            assert_nothing_sent(mail_outbox)
        """
    )
    result = run_pytest()

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E*! subject: 'Order 4711'"])
    assert "assertions.py" not in result.stdout.str()
