"""Receipts and the server's own ledger agree, message by message, whatever happens on the way.

SIMPLEMAIL_MANY=1 sends 20 batches of 1,000 messages. Where the threads stand when something happens
is up to the machine; what happens, and to whom, is up to the seed.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from simplemail import EmailMessage, close_pools
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Status
from simplemail.smtp import retrying
from simplemail.testing.server import Close, Delay, Fault, HalfClose, Reset, Silence, SMTPServer
from simplemail.testing.server.session import Session
from support.arrived import subjects

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


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE", 0.01)
    yield
    close_pools()


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


class Chaos:
    """Trouble at every stage, of every kind that a server can make; and restarts."""

    def __init__(self, server: SMTPServer, seed: int) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.ends = 0
        self.over = False
        self.due = threading.Event()
        self.killer = threading.Thread(target=self.kill_and_restart)

    def __enter__(self) -> Chaos:
        self.server.script(re.compile(""), self.answer)
        self.killer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.due.set()
        self.killer.join()
        self.server.unscript()

    def answer(self, line: str, session: Session) -> Fault | str | None:
        """Answer a command, or the end of the content; None is the usual answer."""
        verb = line.partition(" ")[0]
        with self.lock:
            dice = self.random.random()
            if verb == "END":
                self.ends += 1
                if self.ends % 60 == 0:
                    self.due.set()
            if dice > 0.04:
                return None
            return self.random.choice(self.troubles(verb))

    def troubles(self, verb: str) -> list[Fault | str | None]:
        found: list[Fault | str | None] = [
            Close(),
            Reset(),
            HalfClose(),
            "421 4.3.2 Too tired",
            Close("451 4.3.0 And goodbye"),
            Delay(0.002),
        ]
        if self.random.random() < 0.1:
            found.append(Silence())
        if verb in ("MAIL", "RCPT", "DATA", "END"):
            found += ["451 4.3.0 Not now", "452 4.2.2 Full", "550 5.7.1 Never", "554 5.0.0 No"]
        if verb == "END":
            found += [kind(accept=True) for kind in (Close, Reset, HalfClose)] * 2
        return found

    def kill_and_restart(self) -> None:
        while True:
            self.due.wait()
            self.due.clear()
            if self.over:
                return
            self.server.kill()
            time.sleep(self.random.random() * 0.002)
            self.server.start()


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
