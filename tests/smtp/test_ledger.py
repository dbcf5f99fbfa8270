"""Receipts and the server's own ledger agree, message by message, whatever happens on the way.

SIMPLEMAIL_MANY=1 sends 20 batches of 1,000 messages. Where the threads stand when something happens
is up to the machine; what happens, and to whom, is up to the seed.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from simplemail import EmailMessage, close_pools
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Status
from simplemail.testing.server import SMTPServer
from support.arrived import subjects
from support.chaos import Chaos

pytestmark = pytest.mark.usefixtures("short_pauses")

MANY = bool(os.environ.get("SIMPLEMAIL_MANY"))
SEEDS = range(20) if MANY else (7, 14)
SIZE = 1000 if MANY else 150
KINDS = [["PIPELINING", "CHUNKING"], ["PIPELINING"], ["CHUNKING"], []]
SENT, UNKNOWN = Status.SENT, Status.UNKNOWN

Fates = dict[int, Status]


class Setting(NamedTuple):
    """How a batch is sent: different for each seed."""

    seed: int
    extensions: list[str]
    tls: bool
    window: int
    retries: int
    pooled: bool

    @classmethod
    def of(cls, seed: int) -> Setting:
        return cls(
            seed,
            extensions=KINDS[seed % 4],
            tls=seed % 5 == 4,
            window=1 if seed // 4 % 2 else 16,
            retries=3 if seed % 3 == 1 else 0,
            pooled=seed // 8 % 2 == 1,
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_receipts_and_the_server_agree(seed: int) -> None:
    setting = Setting.of(seed)
    with SMTPServer(extensions=setting.extensions, tls=setting.tls) as server:
        with Chaos(server, seed):
            fates = send_all(server, setting)
        close_pools()
        server.wait_for(lambda: server.open_connections == 0)
        kept = Counter(map(int, subjects(server.messages)))

    assert sorted(fates) == list(range(SIZE))
    wrong = {n: (fate, kept[n]) for n, fate in fates.items() if kept[n] not in allowed(fate)}
    assert not wrong, setting
    # Who gave up while the server came back hangs up unheard, as if it had spoken first.
    assert not [each for each in server.violations if "before the greeting" not in each]
    assert SENT in fates.values()
    assert len(set(fates.values())) > 1  # else nothing was tested


def allowed(fate: Status) -> tuple[int, ...]:
    """How often may the server have a message with this receipt?"""
    return {SENT: (1,), UNKNOWN: (0, 1)}.get(fate, (0,))


def send_all(server: SMTPServer, setting: Setting) -> Fates:
    """Send messages 0 to SIZE; return what became of each."""
    if not setting.pooled:
        return deliver(backend(server, setting), range(SIZE))
    fates: Fates = {}
    with ThreadPoolExecutor(4) as executor:
        chunks = [range(start, min(start + 7, SIZE)) for start in range(0, SIZE, 7)]
        for part in executor.map(lambda chunk: send_a_few(server, setting, chunk), chunks):
            fates |= part
    return fates


def backend(server: SMTPServer, setting: Setting) -> EmailBackend:
    return EmailBackend(
        host=server.host,
        port=server.port,
        timeout=0.5,
        use_ssl=setting.tls,
        ca_file=server.ca_file,
        window=setting.window,
        retries=setting.retries,
        keep_alive=30 if setting.pooled else 0,
        local_hostname="client.example",
    )


def send_a_few(server: SMTPServer, setting: Setting, numbers: range) -> Fates:
    """Send by one call or the other."""
    mailer = backend(server, setting)
    if numbers[0] % 2:
        return deliver(mailer, numbers)
    fates: Fates = {}
    left = list(numbers)
    while left:
        try:
            assert mailer.send_messages(map(message, left)) == len(left)
        except OSError as error:
            statuses = [receipt.status for receipt in error.receipts]  # type: ignore[attr-defined]
        else:
            statuses = [SENT] * len(left)
        assert statuses
        fates |= dict(zip(left, statuses, strict=False))
        left = left[len(statuses) :]
    return fates


def deliver(mailer: EmailBackend, numbers: range) -> Fates:
    receipts = mailer.iter_deliver(map(message, numbers))
    return {int(receipt.message.subject): receipt.status for receipt in receipts}


def message(number: int) -> EmailMessage:
    return EmailMessage(f"{number}", "Hello\n" * (number % 50), "a@x.example", ["b@x.example"])
