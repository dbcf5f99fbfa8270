"""A queue of 1,000,000 messages: how long a claim and a look at its health take.

python benchmarks/queue_size.py [--quick] [--check]
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, main
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


def size(quick: bool) -> Iterator[Figure]:
    count = 10_000 if quick else 1_000_000
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
        yield Figure(f"a claim of 8 among {count:,}, median", took, "ms", most=1)
        yield Figure(f"health() of {count:,}, median", median(queue.health, 5), "ms", most=250)


def median(act: Callable[[], object], times: int = 21) -> float:
    """Milliseconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return statistics.median(found) * 1e3


MEASURES = (size,)

if __name__ == "__main__":
    main(*MEASURES)
