"""send_mail() again and again, as a web application calls it."""

from __future__ import annotations

import atexit
import os
import ssl
import tempfile
from functools import cache, partial
from pathlib import Path

import raw
import sinks
import ways
from race import Claim, Race, main

[(NAME, PASSWORD)] = sinks.USER.items()
LOGIN = {"username": NAME, "password": PASSWORD}
CA = sinks.ROOT / "src" / "simplemail" / "testing" / "tls" / "ca.pem"


def trust_also(path: Path) -> None:
    """Let everybody in this process trust the system's CAs and this one."""
    bundle = tempfile.NamedTemporaryFile(suffix=".pem")  # noqa: SIM115 - until the end
    atexit.register(bundle.close)
    known = ssl.get_default_verify_paths().cafile
    bundle.write(Path(known).read_bytes() if known else b"")
    bundle.write(path.read_bytes())
    bundle.flush()
    os.environ["SSL_CERT_FILE"] = bundle.name


trust_also(CA)


@cache
def context() -> ssl.SSLContext:
    return ssl.create_default_context()


def secure(rtt: float) -> partial:
    return partial(
        sinks.simulated,
        extensions=sinks.CHUNKING,
        starttls=True,
        users=sinks.USER,
        auth=["PLAIN", "LOGIN"],  # what most servers offer
        rtt=rtt,
    )


def raw_one_by_one(port: int, messages: int) -> None:
    raw.one_by_one(port, messages, context())


def raw_kept_open(port: int, messages: int) -> None:
    raw.kept_open(port, messages, context())


SECURE = {
    "keep_alive": partial(ways.send_mail, use_tls=True, keep_alive=60, **LOGIN),
    "send_mail": partial(ways.send_mail, use_tls=True, **LOGIN),
    "Django": partial(ways.django_send_mail, use_tls=True, **LOGIN),
    "aiosmtplib": partial(ways.aiosmtplib_send, start_tls=True, **LOGIN),
    "raw, kept open": raw_kept_open,
    "raw": raw_one_by_one,
}
CASES = [
    Race(
        "send_mail() 200 times, STARTTLS and AUTH, 20 ms",
        secure(0.02),
        SECURE,
        [Claim("keep_alive", 12), Claim("send_mail", than="raw", at_most=1.25)],
        messages=200,
        rounds=3,
    ),
    Race(
        "send_mail() 200 times, STARTTLS and AUTH with the system's CAs, 0 ms",
        secure(0),
        SECURE,
        [Claim("keep_alive", 100), Claim("send_mail", than="raw", at_most=1.25)],
        messages=200,
    ),
    Race(
        "send_mail() 100 times in clear, 0 ms",
        partial(sinks.simulated, extensions=sinks.CHUNKING),
        {
            "keep_alive": partial(ways.send_mail, keep_alive=60),
            "send_mail": ways.send_mail,
            "Django": ways.django_send_mail,
            "aiosmtplib": ways.aiosmtplib_send,
            "raw": raw.one_by_one,
        },
        [],
        messages=100,
    ),
]

if __name__ == "__main__":
    main(*CASES)
