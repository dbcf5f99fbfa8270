"""Decides whether to retry, and how long to wait."""

from __future__ import annotations

import time

from ..light import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

# Seconds between tries: doubled each time up to the longest, and shortened at random by up to
# half, so that many senders don't come back together.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class NoPlace(TimeoutError):  # noqa: N818 - what it says of the connections
    """All connections that may be open were in use for too long."""


def pause(tries: int) -> None:
    """Wait before another try, longer after each one."""
    import random

    time.sleep(min(FIRST_PAUSE * 2.0**tries, LONGEST_PAUSE) * random.uniform(0.5, 1.0))


def trying(open_session: Callable[[], _T], retries: int) -> _T:
    """Call a function, and retry it after pauses while its error may be temporary."""
    tries = 0
    while True:
        try:
            return open_session()
        except OSError as error:
            if tries == retries or not may_pass(error):
                raise
        pause(tries)
        tries += 1


def may_pass(error: OSError) -> bool:
    """Could the server accept a session soon, after this error?"""
    import smtplib
    import socket

    if code := getattr(error, "smtp_code", None):
        return 400 <= int(code) < 500
    passing = (ConnectionError, TimeoutError, socket.gaierror, smtplib.SMTPServerDisconnected)
    return isinstance(error, passing)
