"""What is on disk when: traced, because killing a process doesn't test the loss of power."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simplemail.queue import Queue

SOURCE = str(Path(__file__).parents[2] / "src")
SETUP = """
import os, sys
from simplemail import EmailMessage, configure
from simplemail.queue import Queue, Worker
configure(MAILERS={"default": sys.argv[2], "smtp": sys.argv[2]})
queue = Queue(sys.argv[1], mailer="smtp")
message = EmailMessage("Hello", "x", "a@example.com", ["b@example.com"])
"""
PUT = SETUP + 'queue.put(message)\nos.write(1, b"put() has returned")\n'
DRAIN = SETUP + "Worker(queue, threads=1).drain()\n"

SYNC = re.compile(r"(fdatasync|fsync)\(.*= 0|(fdatasync|fsync) resumed.*= 0")


def can_trace() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


def trace(code: str, tmp_path: Path, url: str) -> list[str]:
    """Run code; return its writes, sends and syncs in order."""
    log = tmp_path / "trace"
    calls = "trace=write,pwrite64,sendto,fdatasync,fsync"
    command = ["strace", "-f", "-y", "-s", "200", "-e", calls, "-o", str(log)]
    command += [sys.executable, "-c", code, str(tmp_path / "mail.db"), url]
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


def is_synced_before(lines: list[str], mark: str) -> bool:
    """Did a sync return after the last write to the log of the database, before this call?"""
    [end, *_] = [number for number, line in enumerate(lines) if mark in line]
    written = [n for n in range(end) if "mail.db-wal" in lines[n] and "pwrite64(" in lines[n]]
    return any(SYNC.search(line) for line in lines[written[-1] : end])


@pytest.mark.skipif(not can_trace(), reason="strace isn't here, or may not trace")
def test_the_disk_has_the_message_before_put_returns(tmp_path, server):
    lines = trace(PUT, tmp_path, server.url)

    assert is_synced_before(lines, "put() has returned")


@pytest.mark.skipif(not can_trace(), reason="strace isn't here, or may not trace")
def test_the_disk_has_it_that_a_message_is_being_sent_before_the_first_octet_of_mail(
    tmp_path, server
):
    with Queue(tmp_path / "mail.db", mailer="smtp") as queue:
        from simplemail import EmailMessage

        queue.put(EmailMessage("Hello", "x", "a@example.com", ["b@example.com"]))
    lines = trace(DRAIN, tmp_path, server.url)

    assert is_synced_before(lines, "MAIL FROM")


def test_a_trace_without_a_sync_is_told_from_one_with_it():
    write, sync, mail = "pwrite64(5<mail.db-wal>, ...", "fdatasync(5<x>) = 0", 'send("MAIL FROM'

    assert is_synced_before([sync, write, sync, mail], "MAIL FROM")
    assert not is_synced_before([sync, write, mail, sync], "MAIL FROM")
