"""HTML as templates make it: lines over 78 characters, so quoted-printable."""

from __future__ import annotations

import binascii

from harness import Case, django_bytes, head, main, simplemail_bytes

LINE = (
    '<p style="margin: 0 auto; color: #333">Hello, here is <a href="https://example.com/">news</a>'
)
HTML = (
    f"<html><body>\n{(LINE + ' for all of you, our friends.</p>' + chr(10)) * 12}</body></html>\n"
)


def arguments(number: int) -> tuple[str, str, str, list[str], str]:
    to = [f"reader{number}@example.com"]
    return f"News {number}", f"News\n{number}\n", "shop@example.com", to, f"{HTML}{number}\n"


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    subject, text, _, [to], html = arguments(number)
    boundary = b"==%d==" % number
    kind = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n%b\r\n'
    return b"".join(
        [
            b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n',
            head(number, subject, to).encode(),
            b"\r\n--" + boundary + b"\r\n" + kind % (b"plain", b"7bit", b""),
            text.replace("\n", "\r\n").encode() + b"\r\n--" + boundary + b"\r\n",
            kind % (b"html", b"quoted-printable", b"MIME-Version: 1.0\r\n"),
            binascii.b2a_qp(html.replace("\n", "\r\n").encode()),
            b"\r\n--" + boundary + b"--\r\n",
        ]
    )


CASES = [Case("HTML with lines over 78", simplemail, django, by_hand, times_django=25)]

if __name__ == "__main__":
    main(*CASES)
