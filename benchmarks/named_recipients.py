"""Five recipients with their names, as a team's mail has them."""

from __future__ import annotations

from harness import Case, django_bytes, head, main, simplemail_bytes

NAMES = ["Ann Lee", "Bob Stone", "Carla Diaz", "Dan Wu", "Eve Adams"]


def arguments(number: int) -> tuple[str, str, str, list[str]]:
    to = [f"{name} <{name[0].lower()}{number}@example.com>" for name in NAMES]
    return f"Minutes {number}", f"Here they are.\n{number}\n", "shop@example.com", to


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytes:
    subject, body, _, to = arguments(number)
    mime = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
    lines = ",\r\n ".join(to)
    return (mime + head(number, subject, lines) + "\r\n" + body.replace("\n", "\r\n")).encode()


CASES = [Case("five named recipients", simplemail, django, by_hand, times_django=50)]

if __name__ == "__main__":
    main(*CASES)
