"""A small plain-text message: ten lines, one recipient."""

from __future__ import annotations

from harness import Case, django_bytes, head, main, simplemail_bytes

BODY = (
    "Dear customer,\n\n" + "your order of twelve items is on its way to you today.\n" * 7 + "Bye\n"
)


def arguments(number: int) -> tuple[str, str, str, list[str]]:
    to = [f"customer{number}@example.com"]
    return f"Order {number} is on its way", f"{BODY}{number}\n", "shop@example.com", to


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    subject, body, _, [to] = arguments(number)
    mime = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
    return (mime + head(number, subject, to) + "\r\n" + body.replace("\n", "\r\n")).encode()


CASES = [Case("small plain text", simplemail, django, by_hand, times_django=40)]

if __name__ == "__main__":
    main(*CASES)
