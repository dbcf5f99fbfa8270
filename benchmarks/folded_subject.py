"""A subject that does not fit on one line."""

from __future__ import annotations

from harness import Case, django_bytes, head, main, simplemail_bytes

FIRST = "Your monthly statement of all your orders,"
REST = "returns and refunds is ready for you to look at whenever you like"


def arguments(number: int) -> tuple[str, str, str, list[str]]:
    to = [f"customer{number}@example.com"]
    return f"{FIRST} {number} {REST}", f"Here it is.\n{number}\n", "shop@example.com", to


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    _, body, _, [to] = arguments(number)
    mime = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
    subject = f"{FIRST} {number}\r\n {REST}"
    return (mime + head(number, subject, to) + "\r\n" + body.replace("\n", "\r\n")).encode()


CASES = [Case("folded subject", simplemail, django, by_hand, times_django=25)]

if __name__ == "__main__":
    main(*CASES)
