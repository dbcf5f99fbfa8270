"""What can be wrong with the world around a queue: disks, clocks, processes, other versions."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from simplemail import EmailMessage
from simplemail.queue import Queue, QueueError, Worker, claims, due, mounts, pace, schema, states
from simplemail.queue import worker as worker_module
from simplemail.queue.locks import FileLock
from simplemail.testing.server import Close, SMTPServer
from support.queue_kills import WORKER, Harness

LONG = "SIMPLEMAIL_LONG" in os.environ
SOURCE = str(Path(__file__).parents[2] / "src")


def message(body="It works."):
    return EmailMessage("Hello", body, "a@example.com", ["b@example.com"])


def run(code, *arguments, **more):
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    return subprocess.Popen([*command, *map(str, arguments)], env=environment, text=True, **more)


# Files


def test_a_file_that_can_not_be_written_is_said_so(queue):
    queue.counts()
    db = queue.file._ready().take()  # what SQLite says of a read-only file, also to root
    db.execute("PRAGMA query_only=1")
    queue.file._ready().give(db)

    with pytest.raises(QueueError, match="make it and its directory writable for this user"):
        queue.put(message())


def test_a_directory_that_can_not_be_made_is_said_so(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(QueueError, match="can't be made"):
        Queue(tmp_path / "file" / "mail.db", mailer="smtp").put(message())


def test_another_kind_of_file_is_left_as_it_is(tmp_path):
    path = tmp_path / "mail.db"
    path.write_bytes(b"not a database, but a letter to Ann" * 100)

    with pytest.raises(QueueError, match="the file at this path is not a queue"):
        Queue(path, mailer="smtp").put(message())
    assert path.read_bytes().startswith(b"not a database")


def test_a_file_that_was_removed_is_made_again_and_nothing_is_lost_in_the_old_one(queue, caplog):
    queue.put(message())
    for path in Path(queue.path).parent.glob("mail.db*"):
        path.unlink()

    assert queue.put(message()).id == 1
    assert "was removed or replaced while it was in use" in caplog.text
    assert queue.counts()["ready"] == 1
    assert queue.check() == []


def test_a_worker_goes_on_after_its_file_was_removed_and_made_again(queue, server, monkeypatch):
    monkeypatch.setattr(worker_module, "LOOK_AROUND", 0.05)
    worker = Worker(queue)
    worker.start()
    queue.put(message())
    server.wait_for(lambda: server.accepted == 1, timeout=30)
    for path in Path(queue.path).parent.glob("mail.db*"):
        path.unlink()
    queue.put(message())
    server.wait_for(lambda: server.accepted == 2, timeout=30)
    worker.stop()

    assert queue.counts()["sent"] == 1


def test_a_queue_in_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(QueueError, match="lost with its process; give the path of a file"):
        Queue(":memory:", mailer="smtp").counts()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "is_refused"),
    [
        *((kind, True) for kind in ("nfs4", "cifs", "9p", "virtiofs", "fuse.sshfs")),
        *((kind, False) for kind in ("ext4", "tmpfs", "overlay")),
    ],
)
def test_a_path_on_a_network_file_system_is_refused(tmp_path, monkeypatch, kind, is_refused):
    table = tmp_path / "mounts"
    point = str(tmp_path).replace(" ", "\\040")
    table.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/export {point} {kind} rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNT_TABLE", table)

    if is_refused:
        with pytest.raises(QueueError, match=f"of type {kind}.*unsafe_filesystem=True"):
            Queue(tmp_path / "mail.db", mailer="smtp").put(message())
        with Queue(tmp_path / "other.db", mailer="smtp", unsafe_filesystem=True) as queue:
            assert queue.put(message()).id == 1
    else:
        with Queue(tmp_path / "mail.db", mailer="smtp") as queue:
            assert queue.put(message()).id == 1


def test_the_rollback_journal_does_as_well(tmp_path, queue, server):
    path = tmp_path / "rollback.db"
    with Queue(path, mailer="smtp", unsafe_filesystem=True) as rollback:
        rollback.put_many([message()] * 20)
        assert Worker(rollback).drain() == {"sent": 20}
        assert rollback.check() == []
        with rollback.file.alone() as db:
            assert db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_a_reader_that_stays_blocks_nobody_and_the_log_shrinks_when_it_is_gone(queue):
    queue.put(message())
    reader = sqlite3.connect(queue.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM simplemail_messages").fetchone()
    log = Path(f"{queue.path}-wal")

    for _ in range(6):
        queue.put_many([message("x" * 20_000)] * 50)
    grown = log.stat().st_size
    reader.execute("COMMIT")
    reader.close()
    for _ in range(600):
        queue.put(message())

    assert queue.counts()["ready"] == 901
    assert log.stat().st_size <= grown


def test_somebody_who_holds_the_file_is_named_after_the_time_limit(tmp_path, queue):
    queue.counts()
    code = f"""
import sys
from simplemail.queue.locks import FileLock
lock = FileLock({queue.file._lock.path!r})
assert lock.try_acquire()
print("held", flush=True)
sys.stdin.read()
"""
    queue.file.timeout = 0.2
    with run(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(QueueError, match=f"for 0.2 s by the process with pid {holder.pid}"):
            queue.put(message())
        holder.communicate("")
    assert queue.put(message()).id == 1


# Processes


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing stops like SIGSTOP")
def test_a_worker_that_was_stopped_for_a_day_has_lost_nothing_to_others_and_goes_on(
    queue, server, monkeypatch
):
    with SMTPServer(rtt=0.05) as slow:
        harness = Harness(Path(queue.path), slow, seed=1)
        queue.put_many([message(str(number)) for number in range(40)])
        stopped = harness.start(WORKER)
        slow.wait_for(lambda: slow.accepted > 2, timeout=60)
        try:
            stop_between_two_writes(stopped, queue)
            before = states_of(queue)
            with monkeypatch.context() as patch:
                real = time.time
                patch.setattr(time, "time", lambda: real() + 86_400)
                Worker(queue).drain()
            after = states_of(queue)
            alive = [each.pid for each in queue.health().workers]
            stopped.send_signal(signal.SIGCONT)
            slow.wait_for(lambda: slow.accepted + server.accepted == 40, timeout=60)
            stopped.terminate()
            stopped.communicate(timeout=60)
        finally:
            stopped.kill()

    assert stopped.pid in alive
    had = {id_ for id_, state in before.items() if state in ("claimed", "sending")}
    assert had
    assert {after[id_] for id_ in had} <= {"claimed", "sending"}
    assert queue.counts()["sent"] == 40
    assert len({each.message["Message-ID"] for each in slow.messages + server.messages}) == 40


def stop_between_two_writes(process, queue):
    """Stop a process while it doesn't hold the lock of those that write."""
    lock = FileLock(queue.file._lock.path)
    is_free = False
    while not is_free:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        is_free = lock.try_acquire()
        if not is_free:
            process.send_signal(signal.SIGCONT)
    lock.close()


def states_of(queue):
    return {each.id: each.state for each in queue.find(limit=None)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_child_of_fork_uses_the_queue_that_its_parent_had_open(queue, tmp_path):
    code = """
import os, sys
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(sys.argv[1], mailer="smtp")
message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
queue.put(message)
children = []
for _ in range(3):
    if (child := os.fork()) == 0:
        for _ in range(20):
            queue.put(message)
        os._exit(0)
    children.append(child)
for _ in range(20):
    queue.put(message)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""
    with run(code, queue.path) as process:
        assert process.wait(60) == 0

    assert queue.counts()["ready"] == 81
    assert queue.check() == []


def test_many_processes_enqueue_at_once(queue):
    code = """
import sys, time
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(sys.argv[1], mailer="smtp")
message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
for _ in range(50):
    queue.put(message)
"""
    processes = [run(code, queue.path) for _ in range(16 if LONG else 4)]
    assert [process.wait(120) for process in processes] == [0] * len(processes)

    assert queue.counts()["ready"] == 50 * len(processes)
    assert queue.check() == []


def test_threads_share_one_queue_and_each_key_is_put_once(queue):
    def put():
        for number in range(20):
            queue.put(message(), key=f"welcome-{number}")

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert queue.counts()["ready"] == 20


def test_a_message_that_kills_its_workers_is_set_aside_and_the_others_are_sent(queue, server):
    code = WORKER.replace(
        "configure(MAILERS",
        """
from simplemail.backends.smtp import EmailBackend
class Deadly(EmailBackend):
    def open(self):
        os.kill(os.getpid(), signal.SIGKILL)
configure(MAILERS={"default": words["url"], "smtp": words["url"],
    "deadly": {"BACKEND": Deadly, "OPTIONS": {"host": "127.0.0.1"}}})
(lambda **_: None)(MAILERS""",
    )
    harness = Harness(Path(queue.path), server, seed=1)
    with Queue(queue.path, mailer="deadly") as deadly:
        deadly.put(message("poison"))
    for _ in range(3):
        harness.start(code).communicate(timeout=60)
    queue.put(message())
    Worker(queue).drain()

    assert (queue.get(1).state, queue.get(1).crashes) == ("broken", 3)
    assert queue.get(2).state == "sent"


# Clocks


@pytest.mark.parametrize("shift", [-86_400, 86_400])
def test_a_clock_that_was_set_is_no_reason_to_send_twice_or_never(queue, server, shift):
    server.script("RCPT", ["450 Wait"])
    queue.put(message())
    Worker(queue).drain()
    assert queue.get(1).state == "waiting"

    with queue.file.writing() as db:
        due.promote(db, time.time() + shift)

    assert queue.get(1).state == "ready"
    assert Worker(queue).drain() == {"sent": 1}
    assert server.accepted == 1


def test_a_live_worker_is_not_taken_for_dead_whatever_the_clock_says(queue, monkeypatch):
    worker = Worker(queue)
    worker.start()
    deadline = time.monotonic() + 30
    while not queue.health().workers and time.monotonic() < deadline:
        time.sleep(0.01)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 10 * 86_400)
    alive = len(queue.health().workers)
    worker.stop()

    assert alive == 1


# Servers


@pytest.mark.parametrize("fault", [Close(), "421 Going away"])
def test_a_dead_server_is_probed_by_one_connection_at_a_time(queue, server, fault):
    count = 10_000
    queue.put_many([message().envelope()] * count)
    server.script("GREETING", fault)
    drain_by_two(queue)

    assert pace.FAILURES <= len(server.connections) <= pace.FAILURES + 2 * 4  # already on their way
    for _ in range(3):  # the rest is over: one probe, and the next rest is twice as long
        with queue.file.writing() as db:
            db.execute("UPDATE simplemail_mailers SET since = since - rest - 1")
            before = pace.pace_of(db, "smtp")
        connected = len(server.connections)
        drain_by_two(queue)
        with queue.file.reading() as db:
            after = pace.pace_of(db, "smtp")
        assert len(server.connections) == connected + 1
        assert after.rest == before.rest * 2
    assert queue.counts()["ready"] == count
    assert queue.get(1).tries == 0


def drain_by_two(queue):
    """Let two workers with four threads each deliver what can be delivered now."""
    workers = [threading.Thread(target=Worker(queue).drain) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


def test_a_server_that_is_back_gets_everything(queue, server):
    queue.put_many([message()] * 20)
    server.kill()
    Worker(queue).drain()
    with SMTPServer() as again:
        from simplemail import configure

        configure(MAILERS={"smtp": again.url})
        queue.resume("smtp")
        assert Worker(queue).drain() == {"sent": 20}


def test_a_rate_holds_over_several_workers(queue, server):
    slow = Queue(queue.path, mailer="smtp", rate="20/s")
    slow.put_many([message()] * 30)
    began = time.monotonic()
    workers = [threading.Thread(target=Worker(slow).drain) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert server.accepted == 30
    assert time.monotonic() - began >= (30 - 20) / 20 * 0.9  # what a second has room for is free


# Versions


def test_tables_of_a_newer_release_are_left_alone(queue):
    queue.counts()
    with queue.file.writing() as db:
        db.execute("UPDATE simplemail_meta SET value = 99 WHERE name = 'version'")
    queue.close()

    with pytest.raises(QueueError, match="written by a newer simplemail"):
        queue.put(message())


def test_a_row_of_a_newer_release_waits_for_a_worker_that_knows_it(queue):
    queue.put(message())
    with queue.file.writing() as db:
        db.execute("UPDATE simplemail_messages SET format = 2")

    assert Worker(queue).drain() == {}
    assert "1 messages were put by a newer simplemail" in " ".join(queue.health().problems)
    assert queue.get(1).state == "ready"


SQL = [
    text
    for path in sorted(Path(schema.__file__).parent.glob("*.py"))
    for text in re.findall(r'"""\n(.*?)\n"""', path.read_text(encoding="utf-8"), re.S)
    if re.match(r"(SELECT|UPDATE|INSERT|DELETE)\b", text)
]


@pytest.mark.parametrize("sql", SQL)
def test_no_statement_reads_all_messages_or_needs_a_young_sqlite(queue, sql):
    assert not re.search(r"\b(RETURNING|STRICT|MATERIALIZED|UPSERT|DO UPDATE)\b", sql)
    if "{" in sql:
        pytest.skip("made of parts, which are among the others")
    with queue.file.reading() as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()

    steps = [step[-1] for step in plan]
    assert not [s for s in steps if re.match(r"SCAN (TABLE )?simplemail_messages$", s)], steps


def test_every_statement_is_read_to_its_end_because_pypy_keeps_the_lock_until_then():
    for path in sorted(Path(schema.__file__).parent.glob("*.py")):
        code = path.read_text(encoding="utf-8")
        assert ".fetchone(" not in code, path
        assert not re.search(r"\bin \w+\.execute\((?!.*\)\.fetchall\(\))", code), path


def test_no_index_makes_an_update_build_a_table(queue):
    sql = claims._RECORD
    with queue.file.reading() as db:
        steps = db.execute(f"EXPLAIN {sql}", (1,) * sql.count("?")).fetchall()

    assert "OpenEphemeral" not in [step[1] for step in steps]


def test_every_state_is_counted_by_an_index(queue):
    for number, state in enumerate(states.ALL, start=1):
        queue.put(message())
        with queue.file.writing() as db:
            owner = 1 if state in ("claimed", "sending") else None
            words = (state, owner, number)
            db.execute("UPDATE simplemail_messages SET state = ?, owner = ? WHERE id = ?", words)

    assert queue.counts() == dict.fromkeys(states.ALL, 1)
