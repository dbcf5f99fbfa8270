"""Subject, names and body in UTF-8."""

from __future__ import annotations

import binascii

from harness import Case, django_bytes, head, main, simplemail_bytes

BODY = (
    "Sehr geehrte Frau Müller,\n\n" + "Ihre Bestellung ist schon auf dem Weg zu Ihnen: Grüße!\n" * 8
)


def arguments(number: int) -> tuple[str, str, str, list[str]]:
    to = [f"Jürgen Müller <juergen{number}@example.com>", f"Zoë <zoe{number}@example.com>"]
    return f"Grüße zur Bestellung {number}", f"{BODY}{number}\n", "Bär <shop@example.com>", to


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    subject, body, _, to = arguments(number)
    mime = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n'
    names = ",\r\n ".join(
        f"{_word(name)} <{rest}" for name, rest in (box.split(" <") for box in to)
    )
    headers = head(number, _word(subject), names)
    return (mime + headers + "\r\n" + body.replace("\n", "\r\n")).encode()


def _word(text: str) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(text.encode(), newline=False).decode()}?="


CASES = [Case("UTF-8 subject, names and body", simplemail, django, by_hand, times_django=20)]

if __name__ == "__main__":
    main(*CASES)
