"""When another try makes sense, and how long to wait for it."""

from __future__ import annotations

import time

# Seconds between tries: doubled each time up to the longest, and shortened at random by up to
# half, so that many senders don't come back together.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


def pause(tries: int) -> None:
    """Wait before another try, longer after each one."""
    import random

    time.sleep(min(FIRST_PAUSE * 2.0**tries, LONGEST_PAUSE) * random.uniform(0.5, 1.0))


def may_pass(error: OSError) -> bool:
    """Is this how a server fails to open a session that may be back soon?"""
    import smtplib
    import socket

    if code := getattr(error, "smtp_code", None):
        return 400 <= int(code) < 500
    passing = (ConnectionError, TimeoutError, socket.gaierror, smtplib.SMTPServerDisconnected)
    return isinstance(error, passing)
