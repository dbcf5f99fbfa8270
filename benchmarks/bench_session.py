"""All claims about sessions with servers in one table."""

from __future__ import annotations

import blind_copies
import latency
import repeated_send_mail
import round_trips
import startup
import threads
import throughput
from race import main

CASES = [
    *round_trips.CASES,
    *throughput.CASES,
    *latency.CASES,
    *repeated_send_mail.CASES,
    *blind_copies.CASES,
    *threads.CASES,
    *startup.CASES,
]

if __name__ == "__main__":
    main(*CASES)
