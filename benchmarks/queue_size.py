"""A queue of 1,000,000 messages: how long a claim and a look at its health take.

PYTHONPATH=src python benchmarks/queue_size.py [messages]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from simplemail import EmailMessage
from simplemail.queue import Queue, claims, members

COLUMNS = (
    "state, mailer, priority, due, expires, deadline, created, changed, at_least_once, key, tags, "
    "sender, recipients, remaining, message_id, eight_bit, utf8, size"
)
FILL = f"""
WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
INSERT INTO simplemail_messages ({COLUMNS})
SELECT {COLUMNS} FROM simplemail_messages, numbers WHERE id = 1
"""


def median(act: Callable[[], object], times: int = 21) -> float:
    """Milliseconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return statistics.median(found) * 1e3


def main(count: int = 1_000_000) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        Queue(Path(name) / "mail.db", mailer="smtp") as queue,
    ):
        queue.put(EmailMessage("Hello", "x", "a@example.com", ["b@example.com"]))
        with queue.file.writing() as db:
            db.execute(FILL, (count,))
            worker = members.register(db, 1, 1, "here", time.time())
            wish = claims.Wish(worker, 1, 8, lambda name: None)
            took = median(lambda: claims.claim(db, wish, time.time()))
        print(f"{count:,} messages: a claim of 8 takes {took:.2f} ms")
        print(f"health() takes {median(queue.health, 5):.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
