"""Small messages over one connection to a server on this machine, composing them included."""

from __future__ import annotations

import raw
import sinks
import ways
from race import Claim, Race, main

CASES = [
    Race(
        "2,000 small messages, one connection, smtp-sink (PIPELINING)",
        sinks.smtp_sink,
        {
            "iter_deliver": ways.iter_deliver,
            "send_messages": ways.send_messages,
            "Django": ways.django_send_messages,
            "aiosmtplib": ways.aiosmtplib_one_session,
            "raw": raw.data,
        },
        [
            Claim("iter_deliver", 11),
            Claim("iter_deliver", than="raw", at_most=1.6),
            Claim("send_messages", 9),
        ],
        messages=2_000,
        quick=100,
        rounds=7,
    ),
]

if __name__ == "__main__":
    main(*CASES)
