"""16 threads that call send_mail() 50 times each, as a web server's workers do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sinks
import small_text
import ways
from race import Claim, Race, main

THREADS = 16


def in_threads(send_mail: Any, messages: int) -> None:
    def work(first: int) -> None:
        for number in range(first, messages, THREADS):
            send_mail(*small_text.arguments(number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def keep_alive(port: int, messages: int) -> None:
    import simplemail
    from simplemail.pool import close_pools

    simplemail.configure(MAILERS={"default": f"smtp://127.0.0.1:{port}?keep_alive=60"})
    in_threads(simplemail.send_mail, messages)
    close_pools()


def without(port: int, messages: int) -> None:
    import simplemail

    simplemail.configure(MAILERS={"default": f"smtp://127.0.0.1:{port}"})
    in_threads(simplemail.send_mail, messages)


def django(port: int, messages: int) -> None:
    in_threads(ways.django_mail(port).send_mail, messages)


CASES = [
    Race(
        "16 threads, 50 times send_mail() each, smtp-sink",
        sinks.smtp_sink,
        {"keep_alive": keep_alive, "send_mail": without, "Django": django},
        [Claim("keep_alive", 10)],
        messages=16 * 50,
        quick=32,
    ),
]

if __name__ == "__main__":
    main(*CASES)
