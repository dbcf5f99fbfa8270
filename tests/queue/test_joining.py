"""`put(connection=...)`: a message inside the application's own transaction."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from simplemail import EmailMessage
from simplemail.queue import Queue, Worker

SOURCE = str(Path(__file__).parents[2] / "src")
ONE = ("Hello", "It works.", "a@example.com", ["b@example.com"])
SHOP = """
import os, signal, sqlite3, sys
from simplemail import EmailMessage
from simplemail.queue import Queue
queue = Queue(sys.argv[1], mailer="smtp")
db = sqlite3.connect(sys.argv[1], timeout=30)
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
db.commit()
print("ready", flush=True)
while True:
    with db:
        order = db.execute("INSERT INTO orders DEFAULT VALUES").lastrowid
        message = EmailMessage("Order", str(order), "a@example.com", ["b@example.com"])
        queue.put(message, connection=db, tags=[f"order-{order}"])
    if sys.argv[2] == "committed":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing kills like SIGKILL")
@pytest.mark.parametrize("when", ["committed", "soon", "later"])
def test_the_applications_data_and_its_mail_survive_a_kill_together(tmp_path, when):
    path = tmp_path / "shop.db"
    command = [sys.executable, "-c", SHOP, str(path), when]
    environment = os.environ | {"PYTHONPATH": SOURCE}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as shop:
        assert shop.stdout.readline() == b"ready\n"
        if when != "committed":
            time.sleep(random.random() * (0.05 if when == "soon" else 0.3))
            shop.kill()
        shop.wait(30)

    with closing(sqlite3.connect(path)) as db:
        orders = {id_ for (id_,) in db.execute("SELECT id FROM orders")}
    with Queue(path, mailer="smtp") as queue:
        mailed = {int(each.tags[0].removeprefix("order-")) for each in queue.find(limit=None)}
        assert queue.check() == []
    assert mailed == orders
    assert when != "committed" or orders == {1}


def test_a_worker_notices_what_the_application_committed(queue, server):
    worker = Worker(queue)
    worker.start()
    queue.counts()
    with closing(sqlite3.connect(queue.path)) as db, db:
        queue.put(EmailMessage(*ONE), connection=db)
    server.wait_for(lambda: server.accepted == 1, timeout=30)
    worker.stop()


def test_another_file_is_refused(queue, tmp_path):
    with (
        closing(sqlite3.connect(tmp_path / "other.db")) as db,
        pytest.raises(ValueError, match=r"needs a connection to .*mail.db, not to '.*other.db'"),
    ):
        queue.put(EmailMessage(*ONE), connection=db)


def test_a_connection_that_commits_each_statement_needs_a_transaction(queue):
    queue.counts()
    with closing(sqlite3.connect(queue.path, isolation_level=None)) as db:
        with pytest.raises(ValueError, match=r"execute\('BEGIN'\) first"):
            queue.put(EmailMessage(*ONE), connection=db)
        db.execute("BEGIN")
        queue.put(EmailMessage(*ONE), connection=db)
        db.execute("COMMIT")
    assert queue.counts()["ready"] == 1


def test_a_connection_that_does_not_wait_for_the_disk_is_warned_of(queue):
    queue.counts()
    with closing(sqlite3.connect(queue.path)) as db:
        db.execute("PRAGMA synchronous=NORMAL")
        with pytest.warns(RuntimeWarning, match="may not survive a power cut"):
            queue.put(EmailMessage(*ONE), connection=db)
        db.commit()


def test_the_file_holds_json_and_bytes_alone(queue):
    queue.put(EmailMessage(*ONE), tags=["news"])
    with closing(sqlite3.connect(queue.path)) as db:
        row = db.execute("SELECT tags, recipients, answers FROM simplemail_messages").fetchone()

    assert [json.loads(text) for text in row] == [["news"], ["b@example.com"], {}]
