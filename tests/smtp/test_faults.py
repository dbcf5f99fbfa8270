"""Whatever a server does, and when: the receipt tells the truth, and the next message gets through.

The table is in fault_table.py. SIMPLEMAIL_MANY=1 tries each cell in all ways to send.
"""

from __future__ import annotations

import gc
import logging
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

import pytest

import simplemail
from simplemail import EmailMessage, send_mail
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Status
from simplemail.smtp import connection, opening
from simplemail.smtp.channel import Channel
from simplemail.smtp.pool import Pool
from simplemail.testing.server import SMTPServer
from support.arrived import subjects
from support.fault_table import CONNECTING, ERRORS, MANY, STATUSES, Row, Way, fault, rows, ways

EXTENSIONS = {"P": "PIPELINING", "C": "CHUNKING"}
NARROW = 32_768
BIG = ("x" * 75 + "\n") * 8_000  # more than goes into the buffers of both sides
HURRY, PATIENCE = 0.25, 2.5
"""How long a slow server is waited for, in seconds; longer if this machine was slow itself."""

_own = threading.local()


@pytest.fixture(scope="module", autouse=True)
def _pools_and_pipes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "pool", lambda: _own.pool)
        patch.setattr(connection, "Channel", narrow)
        yield


def narrow(sock: socket.socket, timeout: float | None) -> Channel:
    """Return a channel that doesn't swallow megabytes before the server reads them."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)
    return Channel(sock, timeout)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    simplemail.close_pools()  # of tests before
    _join_timers()
    before = threading.active_count()
    yield
    gc.collect()  # a socket that was left open warns now, which is an error
    _join_timers()
    assert threading.active_count() == before


def _join_timers() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):  # a pool's, cancelled
            thread.join()


class Warnings(logging.Handler):
    """The warnings on logger `simplemail`, by thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: dict[int | None, list[str]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        self.texts[record.thread].append(record.getMessage())

    def take(self) -> list[str]:
        """Return those of this thread, once."""
        return self.texts.pop(threading.get_ident(), [])


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    logging.getLogger("simplemail").addHandler(handler)
    yield handler
    logging.getLogger("simplemail").removeHandler(handler)


ROWS = rows()
STAGES = dict.fromkeys(row.stage for row in ROWS)


@pytest.mark.parametrize("stage", STAGES)
def test_fault(stage: str, warnings: Warnings) -> None:
    cases = [(row, way) for i, row in enumerate(ROWS) if row.stage == stage for way in ways(row, i)]
    with ThreadPoolExecutor(16 if MANY else 8) as executor:
        complaints = filter(None, executor.map(lambda case: complaint(*case, warnings), cases))

    if text := "\n\n".join(complaints):
        pytest.fail(text, pytrace=False)


def complaint(row: Row, way: Way, warnings: Warnings) -> str:
    """Play one case; return what was wrong, if anything."""
    for timeout in [HURRY, PATIENCE] if row.slow else [30.0]:
        try:
            with closing(Case(row, way, timeout)) as case:
                case.play(warnings)
        except Exception as error:
            wrong = f"{row} {way}: {type(error).__name__}: {error}".partition("\nassert")[0]
        else:
            return ""
    return wrong


class Told(NamedTuple):
    """What a caller learns."""

    receipts: list[Receipt]
    count: int | None = None
    wanted: int | None = None
    raised: BaseException | None = None


class Case:
    """One row of the table, in one way."""

    def __init__(self, row: Row, way: Way, timeout: float) -> None:
        self.row, self.way, self.timeout = row, way, timeout
        self.pool = _own.pool = Pool()
        self.stack = ExitStack()
        self.server = self.stack.enter_context(server_for(row, way))
        self.server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
        self.stack.callback(self.pool.close)
        self.mailer = self.new_mailer()

    def close(self) -> None:
        self.mailer.close()
        self.stack.close()

    def new_mailer(self) -> EmailBackend:
        way, server = self.way, self.server
        options: dict[str, Any] = {"keep_alive": 60} if way.session in ("pooled", "kept") else {}
        if server.users:
            options |= {"username": "ann", "password": "secret"}
            options["ehlo_after_auth"] = self.row.stage == "EHLO-AUTH"
        return EmailBackend(
            host=server.host,
            port=server.port,
            timeout=self.timeout,
            use_tls=way.tls == "starttls",
            use_ssl=way.tls == "tls",
            ca_file=server.ca_file,
            window=way.window,
            fail_silently=way.silent,
            local_hostname="client.example",
            **options,
        )

    def play(self, warnings: Warnings) -> None:
        self.use_the_session_before()
        self.set_the_trap()
        warnings.take()
        told = self.send()
        if self.row.stage == "QUIT":
            self.end_sessions()
        self.check(told, warnings.take())
        self.check_the_next()
        self.end_sessions()
        self.server.wait_for(lambda: self.server.open_connections == 0)
        self.check_ledger(told)

    def use_the_session_before(self) -> None:
        if self.way.session == "open":
            self.mailer.open()
        if self.way.session not in ("open", "kept"):
            return
        if self.row.stage == "RSET":
            self.server.script("RCPT", ["550 5.1.1 No such user"])
        self.mailer.deliver([message("before")])
        self.server.unscript()
        if self.way.session == "kept":
            self.mailer = self.new_mailer()

    def set_the_trap(self) -> None:
        row, server, trap = self.row, self.server, fault(self.row, self.timeout)
        if row.stage == "CONNECT":
            server.kill()
        elif row.stage == "IDLE":
            server.strike(trap)
            if row.what in ("close", "reset", "421"):
                server.wait_for(lambda: server.open_connections == 0)
        else:
            verb, number = row.place(self.way)
            server.script(verb, [None] * (number - 1) + [trap], after=50_000)
        if row.stage == "NOOP":
            [session] = [self.mailer._session] if self.mailer._session else self.idle()
            session.used -= 2  # as if two seconds had passed

    def send(self) -> Told:
        """Send as the way says; the first message meets the fault."""
        mailer, call = self.mailer, self.way.call
        body = BIG if self.row.stage == "CONTENT" else "Hello\n"
        batch = [message("struck", body), message("second"), message("third")]
        if call in ("deliver", "iter_deliver"):
            return Told(list(getattr(mailer, call)(batch)))
        try:
            if call == "send_messages":
                count = mailer.send_messages(batch)
            else:
                count = send_mail("struck", body, "a@x.example", ["b@x.example"], connection=mailer)
        except OSError as error:
            return Told(error.receipts, raised=error)  # type: ignore[attr-defined]
        return Told([], count, 3 if call == "send_messages" else 1)

    def check(self, told: Told, warned: list[str]) -> None:
        expected = self.row.expected(self.way)
        errors = [receipt.error for receipt in told.receipts]
        cell = next((cell for cell in expected if tells(cell, told)), None)
        assert cell, f"not {expected}: {told}"
        loud = not self.way.silent and self.way.call.startswith("send")
        assert told.raised is (errors[-1] if errors and loud else None)
        failed = cell[0] != "S" or any(errors)
        assert bool(warned) == (failed and self.way.silent), f"logged {warned}"
        if self.row.what == "421" and any(errors[:1]):
            assert "Too tired" in str(errors[0]) or self.row.stage in ("CONTENT", "HANDSHAKE")

    def check_ledger(self, told: Told) -> None:
        """The server's own list of messages agrees with what the caller learned."""
        kept = subjects(self.server.messages)
        assert len(kept) == len(set(kept)), kept
        for receipt in told.receipts:
            subject, status = receipt.message.subject, receipt.status
            allowed = {Status.SENT: [True], Status.UNKNOWN: [True, False]}.get(status, [False])
            assert (subject in kept) in allowed, f"{subject} is {status}, and there are {kept}"
        if self.row.stage == "END-KEPT":
            assert "struck" in kept
        if told.count is not None:
            assert told.count <= len(set(kept) - {"before", "next"})
        if told.raised:
            assert set(kept) <= {"before", "next"} | {r.message.subject for r in told.receipts}
        if self.row.stage not in ("CONTENT", "RSET"):
            # With those, the server doesn't say what it does.
            assert not self.server.violations

    def check_the_next(self) -> None:
        if self.row.stage == "CONNECT":
            self.server.start()
        self.server.unscript()
        assert self.mailer.send_messages([message("next")]) == 1, "the next message isn't sent"

    def end_sessions(self) -> None:
        self.mailer.close()
        self.pool.close()

    def idle(self) -> list[Any]:
        return [entry.session for entry in self.pool._idle]


def server_for(row: Row, way: Way) -> SMTPServer:
    with_login = row.stage in ("AUTH", "RESPONSE", "EHLO-AUTH")
    return SMTPServer(
        extensions=[EXTENSIONS[letter] for letter in way.extensions],
        starttls=way.tls == "starttls",
        tls=way.tls == "tls",
        users={"ann": "secret"} if with_login else None,
        auth=["LOGIN" if row.stage == "RESPONSE" else "PLAIN"],
    )


def message(subject: str, body: str = "Hello\n") -> EmailMessage:
    return EmailMessage(subject, body, "a@x.example", ["b@x.example"])


def tells(cell: str, told: Told) -> bool:
    """Is this what the caller was told about the first message?"""
    status, errors = STATUSES[cell[0]], ERRORS.get(cell[2:], ())
    if not told.receipts:  # a count, then
        return (told.count == told.wanted) == (status is Status.SENT)
    receipt = told.receipts[0]
    if receipt.status is not status:
        return False
    if errors == (OSError,):
        return isinstance(receipt.error, OSError)
    return type(receipt.error) in (errors or (type(None),))


def test_each_stage_of_a_new_session_is_in_the_table() -> None:
    assert set(CONNECTING) < set(STAGES)
