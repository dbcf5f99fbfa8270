"""Retries come later and later, not all at once, and only where time may help."""

from __future__ import annotations

import random
import smtplib
import socket
import time

import pytest

from simplemail.smtp import retrying
from simplemail.smtp.retrying import may_pass, pause, trying


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, each as long as chance may make it."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(random, "uniform", lambda shortest, longest: longest)
    return slept


def test_pauses_are_doubled_up_to_a_minute(slept: list[float]) -> None:
    for tries in range(9):
        pause(tries)

    assert slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_chance_takes_half_of_a_pause_at_most(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda shortest, longest: shortest)
    for tries in range(9):
        pause(tries)

    assert slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


class Server:
    """Raises the error so many times, and then gives a session."""

    def __init__(self, error: OSError, times: int = 100) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "a session"


@pytest.mark.parametrize("retries", range(4))
def test_there_are_as_many_retries_as_asked_for(retries: int, slept: list[float]) -> None:
    server = Server(ConnectionRefusedError())
    with pytest.raises(ConnectionRefusedError):
        trying(server, retries)

    assert server.calls == 1 + retries
    assert slept == [2.0**tries for tries in range(retries)]


def test_there_are_no_more_than_needed(slept: list[float]) -> None:
    server = Server(TimeoutError(), times=2)

    assert trying(server, 5) == "a session"
    assert (server.calls, slept) == (3, [1, 2])


def test_there_are_none_where_they_cannot_help(slept: list[float]) -> None:
    server = Server(smtplib.SMTPAuthenticationError(535, b"no"))
    with pytest.raises(smtplib.SMTPAuthenticationError):
        trying(server, 5)

    assert (server.calls, slept) == (1, [])


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        *((smtplib.SMTPConnectError(code, b""), 400 <= code < 500)
          for code in (220, 399, 400, 421, 450, 499, 500, 554)),
        (smtplib.SMTPServerDisconnected("lost"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (retrying.NoPlace(), True),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), True),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), False),
        (PermissionError("no such file"), False),
    ],
    ids=repr,
)  # fmt: skip
def test_what_may_pass(error: OSError, temporary: bool) -> None:
    assert may_pass(error) is temporary
