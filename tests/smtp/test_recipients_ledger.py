"""Each recipient's receipt agrees with the server's ledger, whatever happens to which transaction.

SIMPLEMAIL_MANY=1 sends many more messages, and tries each fault in all ways to send.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import NamedTuple

import pytest

from simplemail import EmailMessage, close_pools
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Status
from simplemail.testing.server import SMTPServer
from simplemail.testing.server.session import Session
from support.chaos import Chaos
from support.fault_table import Row, fault, rows
from support.samples import EVERYTHING, sample

pytestmark = pytest.mark.usefixtures("short_pauses")

MANY = bool(os.environ.get("SIMPLEMAIL_MANY"))
SEEDS = range(48) if MANY else sample((1, 6, 0, 11), 2)
SIZE = 300 if MANY else 60
EXTENSIONS = [["PIPELINING", "CHUNKING"], ["PIPELINING"], ["CHUNKING"], []]
SENT, DEFERRED, REFUSED, UNKNOWN = Status.SENT, Status.DEFERRED, Status.REFUSED, Status.UNKNOWN

Kept = Counter[tuple[str, str]]
Fates = dict[tuple[str, str], Status | None]


class Setting(NamedTuple):
    """How a batch is sent, and how the server limits recipients: different for each seed."""

    seed: int
    extensions: list[str]
    limit: str  # "announced", "refused", "ours" or ""
    window: int
    retries: int
    keep_alive: int

    @classmethod
    def of(cls, seed: int) -> Setting:
        return cls(
            seed,
            EXTENSIONS[seed % 4],
            limit=("refused", "announced", "ours", "")[seed // 4 % 4 if seed >= 16 else seed % 3],
            window=1 if seed % 3 else 8,
            retries=2 if seed % 5 == 1 else 0,
            keep_alive=30 if seed % 7 == 4 else 0,
        )

    def server(self) -> SMTPServer:
        more = ["LIMITS RCPTMAX=2"] if self.limit == "announced" else []
        return SMTPServer(extensions=[*self.extensions, *more])

    def mailer(self, server: SMTPServer) -> EmailBackend:
        return EmailBackend(
            host=server.host,
            port=server.port,
            timeout=0.5,
            window=self.window,
            retries=self.retries,
            keep_alive=self.keep_alive,
            max_recipients=3 if self.limit == "ours" else None,
            local_hostname="client.example",
        )


class LimitedChaos(Chaos):
    """Trouble, and a limit on recipients: two of a transaction, or three."""

    limited = False
    taken: Counter[Session] = Counter()

    def answer(self, line: str, session: Session) -> object:  # type: ignore[override]
        told = super().answer(line, session)
        verb = line.partition(" ")[0]
        if told is not None or not self.limited:
            return told
        if verb == "MAIL":
            self.taken[session] = 0
        elif verb == "RCPT":
            self.taken[session] += 1
            if self.taken[session] > 2 + session.number % 2:
                return "452 4.5.3 Too many recipients"
        return None


@pytest.mark.parametrize("seed", SEEDS)
def test_recipients_and_the_server_agree(seed: int) -> None:
    setting = Setting.of(seed)
    with setting.server() as server:
        chaos = LimitedChaos(server, seed)
        chaos.limited, chaos.taken = setting.limit == "refused", Counter()
        with chaos:
            fates = send_all(server, setting)
        close_pools()
        server.wait_for(lambda: server.open_connections == 0)
        kept = ledger(server)

    assert not disagreements(fates, kept), setting
    assert len({fate for fate in fates.values() if fate}) > 1  # else nothing was tested


def ledger(server: SMTPServer) -> Kept:
    return Counter(
        (str(received.message["Subject"]), who)
        for received in server.messages
        for who in received.recipients
    )


def disagreements(fates: Fates, kept: Kept) -> dict[tuple[str, str], tuple[Status | None, int]]:
    allowed = {SENT: (1,), UNKNOWN: (0, 1), None: (0, 1)}
    everyone = {*fates, *kept}
    found = {who: (fates.get(who), kept[who]) for who in everyone}
    return {who: each for who, each in found.items() if each[1] not in allowed.get(each[0], (0,))}


def message(number: int) -> EmailMessage:
    count = 1 + number * 5 % 7
    people = [f"r{i}@x.example" for i in range(count)]
    return EmailMessage(f"{number}", "Hello\n" * (number % 50), "a@x.example", people)


def noted(receipts: list[Receipt], numbers: Iterable[int]) -> Fates:
    """Check that each receipt says the same twice, and return each recipient's fate."""
    found: Fates = {}
    for receipt, number in zip(receipts, numbers, strict=False):
        fates = {who: fate.status for who, fate in receipt.recipients.items()}
        if receipt.by_recipient:
            assert receipt.status is worst(set(fates.values()))
            lost = {who for who, fate in fates.items() if fate in (REFUSED, DEFERRED)}
            assert {*receipt.refused} == lost
        assert (receipt.error is None) is (receipt.status is SENT)
        assert (UNKNOWN in fates.values()) is (receipt.status is UNKNOWN)
        assert (SENT in fates.values()) is (receipt.status is SENT) or receipt.by_recipient
        if receipt.envelope is None:  # there was no session
            fates = dict.fromkeys(message(number).to, receipt.status)
        found |= {(f"{number}", who): fate for who, fate in fates.items()}
    return found


def worst(fates: set[Status]) -> Status:
    return next(each for each in (UNKNOWN, SENT, DEFERRED, REFUSED) if each in fates)


def send_all(server: SMTPServer, setting: Setting) -> Fates:
    """Send messages 0 to SIZE, in several ways; return what became of whom."""
    if not setting.keep_alive:
        return send_in(server, setting, range(SIZE), "iter_deliver")
    fates: Fates = {}
    with ThreadPoolExecutor(4) as executor:
        chunks = [range(start, min(start + 5, SIZE)) for start in range(0, SIZE, 5)]
        ways = ["iter_deliver", "list", "iterator"]
        work = zip(chunks, ways * len(chunks), strict=False)
        for part in executor.map(lambda each: send_in(server, setting, *each), work):
            fates |= part
    return fates


def send_in(server: SMTPServer, setting: Setting, numbers: range, way: str) -> Fates:
    mailer = setting.mailer(server)
    if way == "iter_deliver":
        return noted(list(mailer.iter_deliver(map(message, numbers))), numbers)
    fates: Fates = {}
    left = list(numbers)
    while left:
        batch = [message(number) for number in left]
        try:
            mailer.send_messages(batch if way == "list" else iter(batch))
        except OSError as error:
            receipts = error.receipts  # type: ignore[attr-defined]
            assert receipts
            fates |= noted(receipts, left)
            left = left[len(receipts) :]
        else:  # sent, to some at least
            fates |= {(f"{number}", who): None for number in left for who in message(number).to}
            left = []
    return fates


# The faults of the table, at the second of three transactions

STAGES = ("MAIL", "RCPT", "DATA", "CONTENT", "END", "END-KEPT")
CASES = [row for row in rows() if row.stage in STAGES and (MANY or not row.slow)]
HOW = list(
    product(EXTENSIONS, ["announced", "ours", "refused"], ["iter_deliver", "list", "one"], [0, 2])
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_in_the_second_of_three_transactions(stage: str) -> None:
    cases = [
        (row, *how)
        for number, row in enumerate(CASES)
        if row.stage == stage
        for how in (HOW if MANY else random.Random(number).sample(HOW, 6 if EVERYTHING else 3))
        if not (stage in ("DATA", "CONTENT") and "CHUNKING" in how[0] and how[2] != "list")
    ]
    with ThreadPoolExecutor(8) as executor:
        complaints = list(filter(None, executor.map(lambda case: complaint(*case), cases)))

    assert not complaints


def complaint(row: Row, extensions: list[str], limit: str, way: str, retries: int) -> str:
    """Play one case: a message to three, one by one, and another; return what was wrong."""
    timeout = 0.3 if row.slow else 10.0
    window = 1 if way == "list" else 4
    more = ["LIMITS RCPTMAX=1"] if limit == "announced" else []
    with SMTPServer(extensions=[*extensions, *more]) as server:
        if limit == "refused":
            refuse_the_second(server)
        verb = row.stage.partition("-")[0]
        nth = 4 if verb == "RCPT" and limit == "refused" else 2
        server.script(verb, [None] * (nth - 1) + [fault(row, timeout)], after=3)
        mailer = EmailBackend(
            host=server.host,
            port=server.port,
            timeout=timeout,
            window=window,
            retries=retries,
            max_recipients=1 if limit == "ours" else None,
            local_hostname="client.example",
        )
        people = [f"r{i}@x.example" for i in range(3)]
        batch = [EmailMessage(f"{n}", "Hello\n", "a@x.example", people) for n in range(2)]
        fates: Fates = {}
        if way == "iter_deliver":
            fates = noted(list(mailer.iter_deliver(batch)), range(2))
        elif way == "one":
            fates = noted([mailer.deliver([each])[0] for each in batch], range(2))
        else:
            try:
                mailer.send_messages(batch)
            except OSError as error:
                fates = noted(error.receipts, range(2))  # type: ignore[attr-defined]
            for number, who in product("01", people):
                fates.setdefault((number, who), None)
        mailer.close()
        server.wait_for(lambda: server.open_connections == 0)
        wrong = disagreements(fates, ledger(server))
    if way == "one" and fates["0", "r0@x.example"] is not SENT:
        return f"{row} {extensions} {limit} {way} {retries}: the first is {fates}"
    return f"{row} {extensions} {limit} {way} {retries}: {wrong}" if wrong else ""


def refuse_the_second(server: SMTPServer) -> None:
    """Take one recipient of each transaction."""
    taken: Counter[Session] = Counter()

    def answer(text: str, session: Session) -> str | None:
        if text.startswith("MAIL"):
            taken[session] = 0
            return None
        taken[session] += 1
        return "452 4.5.3 Too many recipients" if taken[session] > 1 else None

    server.script(re.compile("^(MAIL|RCPT)"), answer)
