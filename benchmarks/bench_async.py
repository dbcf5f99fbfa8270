"""200 messages at once on one event loop: tasks that call asend_mail(), or aiosmtplib's send()."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import repeated_send_mail
import sinks
import small_text
import ways
from race import Claim, Race, main

POOL_SIZE = 16


def keep_alive(port: int, messages: int, **options: Any) -> None:
    """Begin without a connection, and leave none."""
    import simplemail

    _configure(port, keep_alive=60, pool_size=POOL_SIZE, **options)
    _at_once(_asend_mail, messages)
    simplemail.close_pools()


def without(port: int, messages: int, **options: Any) -> None:
    _configure(port, **options)
    _at_once(_asend_mail, messages)


def aiosmtplib(port: int, messages: int, **options: Any) -> None:
    import aiosmtplib

    def send(number: int) -> Any:
        message = ways.stdlib_message(number)
        return aiosmtplib.send(message, hostname="127.0.0.1", port=port, **options)

    _at_once(send, messages)


def _configure(port: int, **options: Any) -> None:
    from simplemail import configure

    options = {"host": "127.0.0.1", "port": port, **options}
    configure(MAILERS={"default": {"BACKEND": "smtp", "OPTIONS": options}})


async def _asend_mail(number: int) -> None:
    from simplemail import asend_mail

    assert await asend_mail(*small_text.arguments(number)) == 1


def _at_once(send: Callable[[int], Coroutine[Any, Any, Any]], messages: int) -> None:
    async def run() -> None:
        await asyncio.gather(*map(send, range(messages)))

    asyncio.run(run())


class Connections(NamedTuple):
    """Claims that so many tasks share `POOL_SIZE` connections, and that none stays open."""

    messages: int

    def judge(self, *, quick: bool) -> int:
        from simplemail.testing import SMTPServer

        messages = 3 if quick else self.messages
        with SMTPServer(extensions=sinks.PIPELINING) as server:
            keep_alive(server.port, messages)
            server.wait_for(lambda: server.open_connections == 0)
            opened, arrived = len(server.connections), len(server.messages)
        doubt = "" if (holds := opened <= POOL_SIZE and arrived == messages) else "   does not hold"
        print(f"\n{arrived} of {messages} messages came over {opened} connections", end=" ")
        print(f"(at most {POOL_SIZE}); none is left open{doubt}")
        return not holds


SECURE = repeated_send_mail.LOGIN
CLEAR = {"keep_alive": keep_alive, "asend_mail": without, "aiosmtplib": aiosmtplib}
CASES = [
    Race(
        "200 at once in clear, 0 ms",
        partial(sinks.simulated, extensions=sinks.CHUNKING),
        CLEAR,
        [Claim("keep_alive", 6, than="aiosmtplib")],
        messages=200,
    ),
    # A server that does nothing with what it gets: only our work is measured, which has one lock.
    Race("200 at once in clear, smtp-sink", sinks.smtp_sink, CLEAR, [], messages=200),
    Race(
        "200 at once, STARTTLS and AUTH, 0 ms",
        repeated_send_mail.secure(0),
        {
            "keep_alive": partial(keep_alive, use_tls=True, **SECURE),
            "aiosmtplib": partial(aiosmtplib, start_tls=True, **SECURE),
        },
        [Claim("keep_alive", 6, than="aiosmtplib")],
        messages=200,
    ),
    Connections(200),
]

if __name__ == "__main__":
    main(*CASES)
