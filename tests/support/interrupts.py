"""Interrupts the sending of mail at every step in turn, and looks at what arrived.

Run in a process of its own, because it traces: `python interrupts.py '{"kind": "chunking", ...}'`
prints how many places it tried, and a line for each at which a promise was broken.
"""

from __future__ import annotations

import gc
import json
import random
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from simplemail import EmailMessage
from simplemail.backends import base, smtp
from simplemail.receipts import Receipt, Status
from simplemail.smtp import channel, pool
from simplemail.testing.server import SMTPServer
from support.arrived import subject, subjects

KINDS = {
    "chunking": (["PIPELINING", "CHUNKING"], 16),
    "pipelining": (["PIPELINING"], 1),
    "plain": ([], 1),
}
WAYS = ("open", "pool", "list", "iter", "parts")
SIZES = (100, 100_000)
# Of smtp/ all, so that what moves to another file is still interrupted there.
FILES = {base.__file__, smtp.__file__, *map(str, Path(channel.__file__).parent.glob("*.py"))}


class OwnError(Exception):
    """An exception of somebody's own."""


EXCEPTIONS: list[type[BaseException]] = [KeyboardInterrupt, TimeoutError, OwnError]


class CountedTimeout(TimeoutError):  # noqa: N818 - a TimeoutError
    """What the channel raises when the server takes too long."""

    count = 0

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        CountedTimeout.count += 1


class Case(NamedTuple):
    """What is sent how, to which kind of server."""

    kind: str
    way: str
    size: int

    def mailer(self, server: SMTPServer) -> smtp.EmailBackend:
        return smtp.EmailBackend(
            host=server.host,
            port=server.port,
            timeout=3,
            window=KINDS[self.kind][1],
            keep_alive=60 if self.way == "pool" else 0,
            max_recipients=1 if self.way == "parts" else None,
            local_hostname="client.example",
        )

    def message(self, number: int) -> EmailMessage:
        line = f"marked {number} marked\n"
        body = line * (self.size // len(line) + 1)
        return EmailMessage(f"{number}", body, "a@example.com", self.people(number))

    def people(self, number: int | str) -> list[str]:
        """Those who get a message: one, or two for whom it takes two transactions."""
        names = [f"r{number}@example.net", f"s{number}@example.net"]
        return names if self.way == "parts" else names[:1]


class Play:
    """One run: what was interrupted, the receipts, and what arrived."""

    def __init__(self, case: Case, server: SMTPServer) -> None:
        self.case = case
        self.server = server
        self.receipts: list[Receipt] = []
        self.ended_by: BaseException | None = None
        self.timeouts = 0

    def run(self, interrupting: Callable[[], Any]) -> list[str]:
        """Send, be interrupted, send two more; return what is wrong."""
        self.server.messages.clear()
        mailer = self.case.mailer(self.server)
        if self.case.way == "open":
            mailer.open()
        if self.case.way not in ("list", "parts"):
            mailer.send_messages([self.case.message(0)])
        try:
            with interrupting():
                self.send(mailer)
        except BaseException as error:
            self.ended_by = error
            self.receipts += getattr(error, "receipts", [])
            forget_frames(error)
        for receipt in self.receipts:
            forget_frames(receipt.error)
        gc.collect()  # a generator's, too
        before = CountedTimeout.count
        after = [mailer.deliver([self.case.message(number)])[0] for number in (90, 91)]
        waited = CountedTimeout.count - before
        mailer.close()
        pool.close_pools()
        self.server.wait_for(lambda: self.server.open_connections == 0)
        wrong = [f"{waited} timeouts afterwards"] if waited else []
        wrong += [f"the next: {each}" for each in after if each.status is not Status.SENT]
        return wrong + list(self.complaints(self.receipts + after))

    def send(self, mailer: smtp.EmailBackend) -> None:
        if self.case.way == "iter":
            for receipt in mailer.iter_deliver(map(self.case.message, range(1, 5))):
                self.receipts.append(receipt)
        elif self.case.way in ("list", "parts"):
            mailer.send_messages([self.case.message(number) for number in range(1, 4)])
        else:
            mailer.send_messages([self.case.message(1)])

    def complaints(self, receipts: list[Receipt]) -> Iterator[str]:
        arrived = self.arrived_for()
        for who, count in arrived.items():
            if count > 1:
                yield f"{who} got a message {count} times"
        for receipt in receipts:
            for who, fate in receipt.recipients.items():
                if arrived[who] and fate.status in (Status.REFUSED, Status.DEFERRED):
                    yield f"{who} has it: {receipt}"
                if not arrived[who] and fate.status is Status.SENT:
                    yield f"{who} hasn't got it: {receipt}"
        for received in self.server.messages:
            number = subject(received)
            whole = received.content.count(b"marked") == 2 * received.content.count(
                b"marked %b marked\r\n" % number.encode()
            )
            people = self.case.people(number)
            if len(received.recipients) != 1 or received.recipients[0] not in people or not whole:
                yield f"{received.recipients} got message {number}"
        told = {receipt.message.subject for receipt in receipts} | {"0"}
        if self.case.way == "iter" and hasattr(self.ended_by, "receipts"):
            yield from (f"no receipt for {each}" for each in self.arrived() if each not in told)

    def arrived_for(self) -> Counter[str]:
        return Counter(who for received in self.server.messages for who in received.recipients)

    def arrived(self) -> Counter[str]:
        return Counter(subjects(self.server.messages))


def forget_frames(error: BaseException | None) -> None:
    """Drop what the frames of a traceback hold: connections that an exception cut loose."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


@contextmanager
def tracing(at: int, raising: type[BaseException], *, opcodes: bool) -> Iterator[list[int]]:
    """Raise at the so-manieth line or opcode; yields where, and how many there were."""
    seen = [0]
    wanted = "opcode" if opcodes else "line"

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = opcodes
        if event == wanted:
            seen[0] += 1
            if seen[0] == at:
                place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise raising(f"at {place}")
        return trace

    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(None)


@contextmanager
def alarm(seconds: float, raising: type[BaseException]) -> Iterator[None]:
    """Raise after so many seconds, from a signal's handler."""
    armed = True

    def handler(number: int, frame: FrameType | None) -> None:
        if armed:
            raise raising("by a signal")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main(options: dict[str, Any]) -> None:
    """Try the places that the options ask for, in every case that they name.

    `opcodes` (or lines, if it is false) in a `sample` of so many, or `all` of them with each
    exception; and so many real `signals`, within the `longest` time in seconds.
    """
    warnings.simplefilter("ignore", ResourceWarning)  # who is interrupted may leave a socket
    channel.TimeoutError = CountedTimeout  # type: ignore[attr-defined]
    chance = random.Random(options.get("seed", 1))
    tried = 0
    for kind in options["kinds"]:
        with SMTPServer(extensions=KINDS[kind][0]) as server:
            for way in options["ways"]:
                for size in options["sizes"]:
                    tried += try_case(Case(kind, way, size), server, options, chance)
    print(f"{tried} places")


def try_case(case: Case, server: SMTPServer, options: dict[str, Any], chance: random.Random) -> int:
    plays = dict(signals(options, chance) if "signals" in options else [])
    plays |= dict(places(case, server, options, chance) if "opcodes" in options else [])
    for name, interrupting in plays.items():
        play = Play(case, server)
        try:
            wrong = play.run(interrupting)
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error}"]
        complain(case, f"{name} ({play.ended_by!r})", wrong)
    return len(plays)


Interrupting = Callable[[], AbstractContextManager[Any]]


def signals(options: dict[str, Any], chance: random.Random) -> Iterator[tuple[str, Interrupting]]:
    for number in range(options["signals"]):
        seconds = chance.uniform(0, options["longest"])
        yield f"signal {number}", partial(alarm, seconds, chance.choice(EXCEPTIONS))


def places(
    case: Case, server: SMTPServer, options: dict[str, Any], chance: random.Random
) -> Iterator[tuple[str, Interrupting]]:
    """Choose places in turn with each exception, or a sample of them."""
    opcodes = options["opcodes"]
    for _ in range(2):  # the first one fills caches
        counted = tracing(0, KeyboardInterrupt, opcodes=opcodes)
        seen: list[list[int]] = []
        complain(case, "nowhere", Play(case, server).run(partial(noting, counted, seen)))
    numbers = range(1, seen[0][0] + 1)
    sample = options.get("sample") or len(numbers)
    for number in sorted(chance.sample(numbers, min(sample, len(numbers)))):
        for raising in EXCEPTIONS if options.get("all") else [chance.choice(EXCEPTIONS)]:
            name = f"{raising.__name__} at {number}"
            yield name, partial(tracing, number, raising, opcodes=opcodes)


@contextmanager
def noting(manager: AbstractContextManager[list[int]], seen: list[list[int]]) -> Iterator[None]:
    with manager as found:
        yield
    seen.append(found)


def complain(case: Case, place: str, wrong: list[str]) -> None:
    for each in wrong:
        print(f"{case}, {place}: {each}", flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
