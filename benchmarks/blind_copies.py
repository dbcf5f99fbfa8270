"""One message to 1,000 blind copies, over a network with a round trip of 10 ms."""

from __future__ import annotations

from functools import partial

import raw
import sinks
import small_text
import ways
from race import Claim, Race, main


def copies(recipients: int) -> list[str]:
    return [f"copy{number}@example.com" for number in range(recipients)]


def simplemail(port: int, recipients: int) -> None:
    from simplemail import EmailMessage, get_connection

    subject, body, sender, _ = small_text.arguments(0)
    mailer = get_connection("smtp", host="127.0.0.1", port=port)
    message = EmailMessage(subject, body, sender, bcc=copies(recipients), connection=mailer)
    assert message.send() == 1


def django(port: int, recipients: int) -> None:
    mail = ways.django_mail(port)
    subject, body, sender, _ = small_text.arguments(0)
    assert mail.EmailMessage(subject, body, sender, bcc=copies(recipients)).send() == 1


CASES = [
    Race(
        "1 message, 1,000 blind copies, 10 ms",
        partial(sinks.simulated, extensions=sinks.CHUNKING, rtt=0.01),
        {"simplemail": simplemail, "Django": django, "raw": raw.blind_copies},
        [Claim("simplemail", 160)],
        messages=1_000,
        quick=20,
        unit="recipient",
    ),
]

if __name__ == "__main__":
    main(*CASES)
