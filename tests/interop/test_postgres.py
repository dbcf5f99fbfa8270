"""The outbox of docs/how-to/durable-queue.md in a real PostgreSQL: committed with it, sent once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from simplemail import EmailMessage, configure, override_settings
from simplemail.queue import Queue, Worker
from simplemail.testing.server import SMTPServer
from support.docs_runner import ROOT, blocks_of

psycopg = pytest.importorskip("psycopg", reason="psycopg isn't installed")

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PAGE = ROOT / "docs" / "how-to" / "durable-queue.md"
[OUTBOX] = [block.code for block in blocks_of(PAGE) if block.file_name == "outbox.py"]

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL isn't installed")

MOVE = """
import os, signal, sys
import psycopg
from simplemail.queue import Queue
from outbox import move

queue = Queue(sys.argv[2], mailer="smtp")
puts = []

def put(*args, **kwargs):
    found = Queue.put(queue, *args, **kwargs)
    puts.append(found)
    if len(puts) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return found

queue.put = put
with psycopg.connect(sys.argv[1]) as connection:
    move(connection, queue)
"""


@pytest.fixture(scope="module")
def postgres():
    """A cluster of its own, in a directory of its own, on a socket there."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    as_other = user if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="sm-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        if as_other:
            shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o755)
        run = [*as_other, str(PROGRAMS[-1].parent)]

        def command(name, *arguments):
            words = [*run[:-1], f"{run[-1]}/{name}", "-D", str(folder / "data"), *arguments]
            log = (folder.parent / f"{folder.name}.log").open("ab")
            with log:
                done = subprocess.run(
                    words, check=False, timeout=120, cwd="/", stdout=log, stderr=log
                )
            assert done.returncode == 0, (folder.parent / f"{folder.name}.log").read_text()

        command("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        command("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield f"host={folder} user=postgres dbname=postgres"
        finally:
            command("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        (folder.parent / f"{folder.name}.log").unlink(missing_ok=True)


@pytest.fixture
def outbox(postgres, tmp_path, monkeypatch):
    """The page's own code, with an empty table."""
    (tmp_path / "outbox.py").write_text(OUTBOX, encoding="utf-8")
    found: dict = {}
    exec(OUTBOX, found)
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP TABLE IF EXISTS outbox")
        connection.execute(found["TABLE"])
    return found


def message(number):
    return EmailMessage(f"Order {number}", "Thank you!", "a@example.com", ["b@example.com"])


def test_a_message_is_in_the_outbox_if_and_only_if_the_transaction_is_committed(
    postgres, outbox, tmp_path
):
    queue = Queue(tmp_path / "mail.db", mailer="smtp")
    with psycopg.connect(postgres) as connection:
        outbox["write"](connection.cursor(), message(1))
        connection.rollback()
        outbox["write"](connection.cursor(), message(2))
        connection.commit()

        assert outbox["move"](connection, queue) == 1
        assert outbox["move"](connection, queue) == 0
    assert b"Order 2" in queue.envelope(1).content
    queue.close()


@pytest.mark.parametrize("nth", [1, 3, 5])
def test_a_mover_that_is_killed_between_the_two_commits_moves_each_message_once(
    postgres, outbox, tmp_path, nth
):
    with psycopg.connect(postgres) as connection:
        for number in range(5):
            outbox["write"](connection.cursor(), message(number))
    path = tmp_path / "mail.db"
    command = [sys.executable, "-c", MOVE, postgres, str(path), str(nth)]
    paths = os.pathsep.join([str(ROOT / "src"), str(tmp_path)])
    killed = subprocess.run(
        command, check=False, timeout=60, env=os.environ | {"PYTHONPATH": paths}
    )
    assert killed.returncode == -9

    with (
        SMTPServer() as server,
        override_settings(),
        Queue(path, mailer="smtp") as queue,
        psycopg.connect(postgres) as connection,
    ):
        configure(MAILERS={"smtp": server.url})
        assert queue.counts()["ready"] == nth
        assert outbox["move"](connection, queue) == 5
        assert Worker(queue).drain() == {"sent": 5}
    subjects = sorted(received.message["Subject"] for received in server.messages)
    assert subjects == [f"Order {number}" for number in range(5)]
