"""16 threads that call send_mail() 50 times each, as a web server's workers do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import repeated_send_mail as repeated
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


def ours(port: int, messages: int, **options: Any) -> None:
    mail = ways.our_mail(port, **options)
    in_threads(mail.send_mail, messages)
    mail.close_pools()


def django(port: int, messages: int, **options: Any) -> None:
    in_threads(ways.django_mail(port, **options).send_mail, messages)


SECURE = {"use_tls": True, **repeated.LOGIN}

CASES = [
    Race(
        "16 threads, 50 times send_mail() each, smtp-sink",
        sinks.smtp_sink,
        {
            "keep_alive": partial(ours, keep_alive=60),
            "send_mail": ours,
            "one thread": partial(ways.send_mail, keep_alive=60),
            "Django": django,
        },
        [Claim("keep_alive", 10)],
        messages=THREADS * 50,
        quick=32,
    ),
    Race(
        "16 threads, 50 times send_mail() each, STARTTLS and AUTH, 10 ms",
        repeated.secure(0.01),
        {"keep_alive": partial(ours, keep_alive=60, **SECURE), "Django": partial(django, **SECURE)},
        [Claim("keep_alive", 10)],
        messages=THREADS * 50,
        quick=32,
        rounds=3,
    ),
]

if __name__ == "__main__":
    main(*CASES)
