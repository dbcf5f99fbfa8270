"""Many small messages to a server that is 10 or 50 ms away, and over there works in no time."""

from __future__ import annotations

from functools import partial

import raw
import sinks
import ways
from race import Claim, Race, main


def far(milliseconds: int, extensions: list[str]) -> partial:
    return partial(sinks.simulated, rtt=milliseconds / 1_000, extensions=extensions)


WITH_CHUNKING = {
    "iter_deliver, window=32": partial(ways.iter_deliver, window=32),
    "iter_deliver": ways.iter_deliver,
    "send_mass_mail": ways.send_mass_mail,
    "Django": ways.django_send_messages,
    "aiosmtplib": ways.aiosmtplib_one_session,
    "raw": raw.bdat,
}
WITHOUT = {
    "iter_deliver": ways.iter_deliver,
    "send_mass_mail": ways.send_mass_mail,
    "Django": ways.django_send_messages,
    "aiosmtplib": ways.aiosmtplib_one_session,
    "raw": raw.data,
}
CASES = [
    Race(
        "200 small messages, 50 ms, CHUNKING; raw with 32 on their way",
        far(50, sinks.CHUNKING),
        WITH_CHUNKING,
        [
            Claim("iter_deliver", 3.7),
            Claim("iter_deliver, window=32", 70),
            Claim("send_mass_mail", 3.7),
        ],
        messages=200,
        rounds=3,
    ),
    Race(
        "200 small messages, 50 ms, PIPELINING",
        far(50, sinks.PIPELINING),
        WITHOUT,
        [Claim("iter_deliver", 3.7), Claim("send_mass_mail", 3.7)],
        messages=200,
        rounds=3,
    ),
    Race(
        "200 small messages, 10 ms, CHUNKING",
        far(10, sinks.CHUNKING),
        WITH_CHUNKING,
        [],
        messages=200,
        rounds=3,
    ),
]

if __name__ == "__main__":
    main(*CASES)
