"""The newsletter's shape: plain text and HTML, one recipient."""

from __future__ import annotations

from harness import Case, django_bytes, head, main, simplemail_bytes

TEXT = "Dear reader,\n\n" + "here is what happened in our shop this month.\n" * 8
HTML = "<html><body>\n" + "<p>Here is what happened in <b>our shop</b> this month.</p>\n" * 8
PART = 'Content-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n{}\r\n{}\r\n'


def arguments(number: int) -> tuple[str, str, str, list[str], str]:
    to = [f"reader{number}@example.com"]
    html = f"{HTML}{number}</body></html>\n"
    return f"News {number}", f"{TEXT}{number}\n", "shop@example.com", to, html


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    subject, text, _, [to], html = arguments(number)
    boundary = f"=={number}=="
    return "".join(
        [
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n',
            head(number, subject, to),
            f"\r\n--{boundary}\r\n",
            PART.format("plain", "", text.replace("\n", "\r\n")),
            f"--{boundary}\r\n",
            PART.format("html", "MIME-Version: 1.0\r\n", html.replace("\n", "\r\n")),
            f"--{boundary}--\r\n",
        ]
    ).encode()


CASES = [Case("text and HTML", simplemail, django, by_hand, times_django=40)]

if __name__ == "__main__":
    main(*CASES)
