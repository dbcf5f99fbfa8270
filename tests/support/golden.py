"""The messages of tests/data/golden/*.eml: a line for each shape and for each rule.

`PYTHONPATH=src python tests/golden.py` writes the files anew; look at the difference before you
keep it. They have to be the same bytes on every Python.
"""

from __future__ import annotations

import email.message
import email.mime.base
import email.policy
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simplemail import EmailMessage, EmailMultiAlternatives
from simplemail.rendering.envelope import as_bytes
from simplemail.rendering.parts import EmailInline

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FIXED = {"Date": "Mon, 23 Nov 2026 06:12:00 +0000", "Message-ID": "<1@mail.example.com>"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
HTML = ("<p>Hello</p>\n", "text/html")
EIGHT_BIT_MAIL = (
    b"Subject: Inner\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
)
SEVEN_BIT = {"eight_bit": False}
SMTPUTF8 = {"utf8": True}

Case = Callable[[], EmailMessage]


def message(**options: Any) -> EmailMultiAlternatives:
    """Return a message that differs from the plainest one by options, its attributes."""
    headers = {**FIXED, **options.pop("headers", {})}
    result = EmailMultiAlternatives(
        "Hello", "Hello\n", "ann@example.com", ["bob@example.com"], headers=headers
    )
    for name, value in options.items():
        setattr(result, name, value)
    return result


class Overriding(EmailMessage):
    """A user's subclass with a message() of its own, as Django documents it."""

    def message(self, *, policy: Any = None) -> email.message.EmailMessage:
        result = super().message(policy=policy)
        result["X-Added"] = "by a subclass"
        return result


def overriding() -> EmailMessage:
    return Overriding("Hello", "Hello\n", "ann@example.com", ["bob@example.com"], headers=FIXED)


def mime_part() -> email.message.MIMEPart:
    part = email.message.MIMEPart(policy=email.policy.SMTP)
    part.set_content(b"ready", "application", "x-ready", filename="ready.bin")
    part["X-Kept"] = "as it is"
    return part


def legacy_part() -> email.mime.base.MIMEBase:
    part = email.mime.base.MIMEBase("application", "x-old")
    part.set_payload("b2xk\n")
    part["Content-Transfer-Encoding"] = "base64"
    return part


def standard() -> email.message.EmailMessage:
    nested = email.message.EmailMessage(policy=email.policy.SMTP)
    nested["Subject"] = "Inner"
    nested["From"] = "carla@example.com"
    nested.set_content("Inner\n")
    return nested


def attached(filename: str | None, content: Any, mimetype: str) -> Case:
    return lambda: message(attachments=[(filename, content, mimetype)])


def subject(text: str) -> Case:
    return lambda: message(subject=text)


def to(*addresses: str) -> Case:
    return lambda: message(to=list(addresses))


def headers(**given: Any) -> Case:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return lambda: message(headers=named)


def body(text: str, **options: Any) -> Case:
    return lambda: message(body=text, **options)


LONG_NAME = ", ".join(['Ann "Annie" Lee', "Head of Sales", "Marketing", "Support"] * 4)[:200]
LONG_URL = "<https://example.com/u?" + "t=1234567-" * 40 + ">"
IDS = " ".join(f"<{n:016x}@mail.example.com>" for n in range(60))

# Name -> how it is made, and, after it, what as_bytes() is told about the server.
CASES: dict[str, Case | tuple[Case, dict[str, bool]]] = {
    # Shapes
    "text": body("Hello\n"),
    "text_empty": body(""),
    "html_alone": body("<p>Hello</p>", content_subtype="html"),
    "text_and_html": lambda: message(alternatives=[HTML]),
    "html_without_text": lambda: message(body="", alternatives=[HTML]),
    "text_html_calendar": lambda: message(
        alternatives=[HTML, ("BEGIN:VCALENDAR\r\n", "text/calendar; method=REQUEST")]
    ),
    "alternative_not_text": lambda: message(alternatives=[(PNG, "image/png")]),
    "attachment": attached("a.pdf", PNG, "application/pdf"),
    "attachment_empty": attached("a.pdf", b"", "application/pdf"),
    "attachment_without_name": attached(None, PNG, "image/png"),
    "attachment_text": attached("a.txt", "Grüße\n", "text/plain"),
    "attachment_text_as_bytes": attached("a.csv", "ä;b\r\n".encode(), "text/csv"),
    "attachment_text_not_utf8": attached("a.txt", b"Gr\xfc\xdfe", "text/plain"),
    "attachment_without_text": lambda: message(
        body="", attachments=[("a.pdf", PNG, "application/pdf")]
    ),
    "text_html_attachments": lambda: message(
        alternatives=[HTML],
        attachments=[("a.pdf", PNG, "application/pdf"), ("b.txt", "b\n", "text/plain")],
    ),
    "inline_image": lambda: message(
        alternatives=[('<img src="cid:logo@example.com">', "text/html")],
        inlines=[EmailInline("logo@example.com", "logo.png", PNG, "image/png")],
    ),
    "inline_image_and_attachment": lambda: message(
        alternatives=[('<img src="cid:logo@example.com">', "text/html")],
        attachments=[("a.pdf", PNG, "application/pdf")],
        inlines=[EmailInline("logo@example.com", None, PNG, "image/png")],
    ),
    "mail_of_ours": lambda: message(
        attachments=[("inner.eml", message(subject="Grüße", alternatives=[HTML]), "message/rfc822")]
    ),
    "mail_of_the_standard_library": attached("inner.eml", standard(), "message/rfc822"),
    "mail_as_8bit_bytes": attached(None, EIGHT_BIT_MAIL, "message/rfc822"),
    "ready_part": lambda: message(attachments=[mime_part()]),
    "ready_part_of_the_old_kind": lambda: message(attachments=[legacy_part()]),
    "subclass_with_its_own_message": overriding,
    # Bodies
    "body_utf8": body("Grüße aus Köln\n"),
    "body_utf8_for_a_7bit_server": (body("Grüße aus Köln\n"), SEVEN_BIT),
    "body_cjk_for_a_7bit_server": (body("請求書をお送りします。\n" * 3), SEVEN_BIT),
    "body_latin1": body("Grüße\n", encoding="iso-8859-1"),
    "body_long_lines": body("the invoice is due " * 12 + "\n"),
    "body_long_lines_cjk": body("請求書" * 60 + "\n"),
    "body_long_lines_mixed": body("Grüße " * 60 + "\nshort\n"),
    "body_bare_cr": body("one\rtwo\n"),
    "body_nul": body("one\0two\n"),
    "body_dots_and_from": body(".\n..\nFrom me\n-- \nspaces  \n\ttab\t\n\n\n"),
    "body_without_newline": body("Hello"),
    "body_crlf": body("Hello\r\n\r\nBye\r\n"),
    "body_bytes_that_are_no_text": body(b"Gr\xfc\xdfe\n".decode("utf-8", "surrogateescape")),
    "body_like_a_boundary": lambda: message(body="--\n--==\n--x--\n", alternatives=[HTML]),
    # Subjects and other text
    "subject_empty": subject(""),
    "subject_folded": subject("the monthly statement of all your orders and returns " * 3),
    "subject_latin": subject("Grüße aus Köln"),
    "subject_latin_among_ascii": subject("the invoice of Müller is due, and that of Maier is not"),
    "subject_cjk_long": subject("請求書在中" * 20),
    "subject_emoji": subject("Party \N{PARTY POPPER} with \N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}!"),
    "subject_combining": subject("e\u0301te\u0301 " * 12),
    "subject_right_to_left": subject("שלום עולם: مرحبا"),
    "subject_spaces": subject("one  two   three\tfour Grüße  Grüße "),
    "subject_looks_encoded": subject("=?utf-8?q?=41?= and =?utf-8?b?QQ==?="),
    "subject_long_word": subject("x" * 900),
    "subject_longest_word": subject("x" * 3000),
    "subject_smtputf8": (subject("Grüße aus Köln"), SMTPUTF8),
    "header_of_the_users": headers(X_Note="Grüße", x_lower="yes", Comments="a, b; <c> (d) \\"),
    "header_date_as_datetime": headers(Date=datetime(2026, 11, 23, 6, 12, tzinfo=UTC)),
    "references_60": headers(References=IDS, In_Reply_To="<1@example.com>"),
    "list_unsubscribe_400": headers(
        List_Unsubscribe=LONG_URL, List_Unsubscribe_Post="List-Unsubscribe=One-Click"
    ),
    # Addresses
    "names": to("Ann Lee <ann@example.com>", '"Lee, Ann" <ann@example.com>', "<bob@example.com>"),
    "name_latin": to("Jürgen Müller <j@example.com>", '"Müller, J. (Köln)" <j@example.com>'),
    "name_cjk_long": to("株式会社請求書" * 8 + " <a@example.com>"),
    "name_right_to_left": to("שלום עולם <a@example.com>"),
    "name_200_with_commas_and_quotes": to(
        '"' + LONG_NAME.replace('"', '\\"') + '" <ann@example.com>', "bob@example.com"
    ),
    "name_encoded_already": to("=?utf-8?q?J=C3=BCrgen_M=2E?= <a@example.com>"),
    "addresses_30": to(*(f"Member {n} <member{n}@example.com>" for n in range(30))),
    "addresses_odd": to(
        '"a b"@example.com', "ann@[127.0.0.1]", "webmaster", "o'neil+x@Example.COM"
    ),
    "domain_idna": to("ann@bücher.example", "Ann <ann@例え.example>", "a@xn--mnchen-3ya.example"),
    "domain_smtputf8": (to("Jürgen <jürgen@bücher.example>"), SMTPUTF8),
    "cc_and_reply_to": lambda: message(
        cc=["carla@example.com"], reply_to=["Office <office@example.com>"], bcc=["d@example.com"]
    ),
    "headers_replace_addresses": headers(
        From="Boss <boss@example.com>", To="undisclosed-recipients:;", reply_to="x@example.com"
    ),
    # File names
    "file_name_spaces": attached("annual report.pdf", PNG, "application/pdf"),
    "file_name_quotes": attached('a "b" \\ c;d=e.pdf', PNG, "application/pdf"),
    "file_name_latin": attached("Übersicht.pdf", PNG, "application/pdf"),
    "file_name_long": attached("annual-report-" * 12 + ".pdf", PNG, "application/pdf"),
    "file_name_cjk_200": attached("請" * 196 + ".pdf", PNG, "application/pdf"),
    "file_name_emoji": attached("\N{PARTY POPPER} 100% it's.pdf", PNG, "application/pdf"),
}


def render(name: str) -> bytes:
    """Return the bytes of the case, its boundaries numbered instead of drawn by chance."""
    case = CASES[name]
    make, server = case if isinstance(case, tuple) else (case, {})
    content = as_bytes(make(), **server)
    for number, boundary in enumerate(re.findall(rb'boundary="([^"]+)"', content), 1):
        content = content.replace(boundary, b"=====%d==" % number)
    return content


def server(name: str) -> dict[str, bool]:
    """Return what the case tells as_bytes() about the server."""
    case = CASES[name]
    return case[1] if isinstance(case, tuple) else {}


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        (GOLDEN / f"{name}.eml").write_bytes(render(name))
