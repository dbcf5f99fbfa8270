"""A body of 100 kB, in short lines and in long ones."""

from __future__ import annotations

from harness import Case, django_bytes, head, main, simplemail_bytes

SHORT = "what a report has to say in lines of about sixty characters\n" * 1700
LONG = ("what a report has to say in lines of about six hundred characters " * 9 + "\n") * 170
KIND = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: '


def short(number: int) -> tuple[str, str, str, list[str]]:
    return (
        f"Report {number}",
        f"{SHORT}{number}\n",
        "shop@example.com",
        [f"boss{number}@example.com"],
    )


def long(number: int) -> tuple[str, str, str, list[str]]:
    return (
        f"Report {number}",
        f"{LONG}{number}\n",
        "shop@example.com",
        [f"boss{number}@example.com"],
    )


def short_by_hand(number: int) -> bytes:
    subject, body, _, [to] = short(number)
    headers = KIND + "7bit\r\n" + head(number, subject, to) + "\r\n"
    return (headers + body.replace("\n", "\r\n")).encode()


def long_by_hand(number: int) -> bytes:
    subject, body, _, [to] = long(number)
    headers = KIND + "quoted-printable\r\n" + head(number, subject, to) + "\r\n"
    return (headers + "\r\n".join(map(_wrapped, body.split("\n")))).encode()


def _wrapped(line: str) -> str:
    """Return a line that needs no escapes in quoted-printable."""
    return "=\r\n".join([line[start : start + 75] for start in range(0, len(line), 75)])


CASES = [
    Case(
        "100 kB body, short lines",
        lambda number: simplemail_bytes(*short(number)),
        lambda number: django_bytes(*short(number)),
        short_by_hand,
        times_django=10,
    ),
    Case(
        "100 kB body, long lines",
        lambda number: simplemail_bytes(*long(number)),
        lambda number: django_bytes(*long(number)),
        long_by_hand,
        times_django=4,
    ),
]

if __name__ == "__main__":
    main(*CASES)
