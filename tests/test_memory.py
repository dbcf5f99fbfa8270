"""Whatever a server sends, it costs little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simplemail.testing.server import EndlessLine, EndlessReply, Fault, SMTPServer

SOURCE = Path(__file__).parent.parent / "src"
MOST = 64_000_000

SCRIPT = """
import importlib.util, sys
from simplemail import EmailMessage, get_connection

if importlib.util.find_spec("_tracemalloc"):  # PyPy has none
    import tracemalloc

    tracemalloc.start()

def used():  # what this process ever had, Python's own memory and OpenSSL's included
    try:
        with open("/proc/self/status") as status:
            return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    except OSError:
        return tracemalloc.get_traced_memory()[1]

for url in sys.argv[1:]:
    message = EmailMessage("Subject", "Hello\\n" * 100, "a@x.example", ["b@x.example"])
    [receipt] = get_connection(url).deliver([message])
    print(receipt.status.name, type(receipt.error).__name__, used())
"""

MEGABYTES = b"".join(b"250-X-EXTENSION-%d\r\n" % i for i in range(100_000)) + b"250 HELP\r\n"
A_LONG_LINE = b"250 " + b"x" * 8_000_000 + b"\r\n"
MANY_REPLIES = b"250 2.0.0 OK\r\n" * 100_000


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy alone takes more than that")
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_nothing_that_a_server_sends_takes_more_than_64_megabytes(tls: bool) -> None:
    faults: list[tuple[str, Fault | bytes]] = [
        (stage, fault)
        for stage in (("EHLO", "END") if tls else ("GREETING", "EHLO", "MAIL", "END"))
        for fault in (EndlessLine(), EndlessReply(), A_LONG_LINE, MANY_REPLIES)
    ]
    faults.append(("EHLO", MEGABYTES))
    servers = []
    try:
        for stage, fault in faults:
            servers.append(SMTPServer(tls=tls).start())
            servers[-1].script(stage, fault)
        urls = [f"{s.url}{'&' if '?' in s.url else '?'}timeout=20" for s in servers]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *urls],
            env={"PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        for server in servers:
            server.stop()

    lines = [line.split() for line in done.stdout.splitlines()]
    assert {status for status, _, _ in lines} == {"DEFERRED", "UNKNOWN"}
    assert max(int(used) for _, _, used in lines) < MOST, lines
