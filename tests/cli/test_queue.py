"""`simplemail queue`: what each action prints, does and returns."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simplemail import EmailMessage, override_settings
from simplemail.__main__ import main
from simplemail.queue import Queue, Worker
from simplemail.testing.server import Close, SMTPServer

SOURCE = Path(__file__).parents[2] / "src"
SECRET = "s3cr3t-pw"


@pytest.fixture
def server():
    with SMTPServer() as server:
        yield server


@pytest.fixture
def queue(tmp_path, monkeypatch, server):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMAIL_URL", raising=False)
    entry = {"BACKEND": "queue", "OPTIONS": {"path": "mail.db", "mailer": "smtp"}}
    with override_settings(MAILERS={"default": entry, "smtp": server.url}), Queue.of() as queue:
        yield queue


@pytest.fixture
def run(capsys):
    def run(*arguments):
        status = main(["queue", *map(str, arguments)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def put(queue, to="ann@example.com", **terms):
    return queue.put(EmailMessage("Hello", "It works.", "me@example.com", [to]), **terms)


def test_run_drains_and_says_what_became_of_each(queue, run, server):
    put(queue)

    status, out, err = run("run", "--drain")

    assert (status, out) == (0, "1 sent\n")
    assert "Message 1: sent (250" in err
    assert server.accepted == 1


def test_status_has_exit_status_1_when_somebody_must_look(queue, run, server):
    put(queue)
    assert run("status")[::2] == (0, "")
    server.script("END", Close(accept=True))
    Worker(queue).drain()

    status, out, err = run("status")

    assert status == 1
    assert "unknown            1" in out
    assert "1 message is unknown: see `simplemail queue list unknown`" in err


def test_status_complains_of_mail_that_is_older_than_asked_for(queue, run, monkeypatch):
    put(queue)
    with queue.file.writing() as db:
        db.execute(
            "UPDATE simplemail_messages SET created = created - 700, changed = changed - 700"
        )

    assert run("status", "--max-age", "1h")[0] == 0
    status, _, err = run("status", "--max-age", "10m")

    assert status == 1
    assert "and no worker runs: start `simplemail queue run`" in err


def test_status_in_json_has_the_fields_of_health(queue, run):
    put(queue)

    status, out, err = run("status", "--json")

    shown = json.loads(out)
    assert (status, err) == (0, "")
    assert shown["counts"]["ready"] == 1
    assert set(shown) == {"counts", "oldest", "workers", "mailers", "problems"}


def test_list_takes_state_recipient_tag_and_age(queue, run):
    put(queue, tags=["news"])
    put(queue, to="bob@example.com", hold=True)

    def ids(*arguments):
        return [each["id"] for each in json.loads(run("list", *arguments, "--json")[1])]

    assert ids() == [1, 2]
    assert ids("held") == [2]
    assert ids("--to", "ANN@example.com") == [1]
    assert ids("--tag", "news") == [1]
    assert ids("--older", "1h") == []
    assert ids("--limit", "1") == [1]
    assert "  held      " in run("list")[1]


def test_list_refuses_a_state_that_does_not_exist(queue, run):
    status, _, err = run("list", "helt")

    assert status == 2
    assert "No state 'helt'; use one of ready, waiting" in err


def test_show_prints_the_history_and_on_demand_the_content(queue, run, server):
    server.script("RCPT", "450 Wait")
    put(queue)
    Worker(queue).drain()

    status, out, _ = run("show", 1, "--content")

    assert status == 0
    assert "deferred: " in out
    assert "answer         ann@example.com: deferred: 450 Wait (to be served)" in out
    assert "Subject: Hello" in out
    assert json.loads(run("show", 1, "--json")[1])["attempts"][0]["kind"] == "deferred"


def test_show_never_lets_a_message_drive_the_terminal(queue, run, server):
    server.script("RCPT", "550 \x1b[2J")
    put(queue)
    Worker(queue).drain()

    assert "\x1b" not in run("show", 1)[1] + run("list")[1]


def test_a_message_that_is_not_there_is_said_so(queue, run):
    assert run("show", 9) == (1, "", "simplemail: There is no message 9\n")
    assert run("hold", 9) == (1, "", "simplemail: There is no message 9\n")


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        (["hold"], "held"),
        (["hold", "release"], "ready"),
        (["cancel"], "cancelled"),
    ],
)
def test_a_person_holds_releases_and_cancels(queue, run, actions, state):
    put(queue)

    assert [run(action, 1)[0] for action in actions] == [0] * len(actions)
    assert queue.get(1).state == state


def test_what_cannot_be_done_is_said_with_the_state(queue, run):
    put(queue)

    status, out, err = run("retry", 1)

    assert (status, out) == (1, "")
    assert "Message 1 is ready, and `retry` doesn't apply to that state" in err


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        (["settle", 1, "--sent"], "sent"),
        (["settle", 1, "--not-sent"], "refused"),
        (["resend", 1], "ready"),
    ],
)
def test_a_person_decides_about_what_may_have_been_sent(queue, run, server, arguments, state):
    server.script("END", Close(accept=True))
    put(queue)
    Worker(queue).drain()

    assert run(*arguments)[0] == 0
    assert queue.get(1).state == state


def test_settle_wants_to_know_which(queue, run):
    assert run("settle", 1)[0] == 2


def test_a_paused_mailer_gets_nothing_until_it_is_resumed(queue, run, server):
    put(queue)

    assert run("pause")[0] == 0
    assert run("run", "--drain")[1] == "Nothing was sent\n"
    assert "The mailer 'smtp' is paused" in run("status")[2]
    assert run("resume", "smtp")[0] == 0
    assert run("run", "--drain")[1] == "1 sent\n"


def test_a_backup_is_restored_with_everything_held(queue, run, tmp_path):
    put(queue)
    assert run("backup", "copy.db")[0] == 0
    assert run("restore", "copy.db")[0] == 1
    queue.close()
    for path in tmp_path.glob("mail.db*"):
        path.unlink()

    status, out, _ = run("restore", "copy.db")

    assert status == 0
    assert "1 messages are held" in out
    assert queue.get(1).state == "held"


def test_purge_deletes_what_is_done(queue, run):
    put(queue)
    run("cancel", 1)

    assert run("purge", "--older", "1d")[1] == "0 messages deleted\n"
    assert run("purge", "--older", "0")[1] == "1 messages deleted\n"
    assert run("purge", "--older", "soon")[0] == 2


def test_check_says_that_the_file_is_sound(queue, run):
    put(queue)

    assert run("check") == (0, "The file is sound.\n", "")


def test_the_only_queue_is_meant_if_the_default_mailer_is_none(queue, run, server):
    entry = {"BACKEND": "queue", "OPTIONS": {"path": "mail.db", "mailer": "default"}}
    put(queue)

    with override_settings(MAILERS={"default": server.url, "later": entry}):
        assert "ready" in run("status")[1]
    with override_settings(MAILERS={"default": server.url}):
        assert "The mailer 'default' is not a queue; set EMAIL_URL" in run("status")[2]
    with override_settings(MAILERS={"one": entry, "two": entry, "default": server.url}):
        assert "There are several queues; name one with --mailer: one, two" in run("status")[2]


def command(*arguments, **environment):
    return {
        "args": [sys.executable, "-m", "simplemail", "queue", *arguments],
        "env": {**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        "text": True,
    }


def test_a_url_is_enough_and_the_password_in_it_is_nowhere_in_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SMTPServer(users={"me": SECRET}, auth_in_clear=True, auth_required=True) as server:
        monkeypatch.setenv("EMAIL_URL", f"queue:mail.db?mailer={server.url}")
        with override_settings(EMAIL_URL=None, MAILERS=None):
            put(Queue.of())
        done = subprocess.run(**command("run", "--drain"), capture_output=True, check=True)

        assert server.accepted == 1
    assert done.stdout == "1 sent\n"
    files = b"".join(path.read_bytes() for path in tmp_path.glob("mail.db*"))
    assert SECRET.encode() not in files + (done.stdout + done.stderr).encode()
    assert b"\x80\x04\x95" not in files  # how a pickle begins


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_drain_shows_on_a_terminal_how_far_it_is_and_takes_the_line_away(queue, server):
    with Queue(queue.path) as same:  # whose mailer is that of the URL
        for _ in range(10):
            put(same)
    is_shown = threading.Event()
    server.script("END", lambda line, session: is_shown.wait(60) and None, nth=3)
    master, terminal = os.openpty()
    url = f"queue:{queue.path}?mailer={server.url}"
    words = command("run", "--drain", "--threads", "1", "--batch", "1", EMAIL_URL=url)

    with subprocess.Popen(**words, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        seen = read_until(master, re.compile(rb"\r2 sent, [5-8] left\x1b\[K"))
        is_shown.set()
        seen += read_until(master, None)
        out, _ = process.communicate(timeout=60)
    os.close(master)

    assert (process.returncode, out) == (0, "10 sent\n")
    assert b"Message 1: sent" not in seen  # a line for each would push the progress away
    assert seen.endswith(b"\r\x1b[K")


def read_until(terminal, pattern):
    """Read what a terminal shows until there is this, or (None) until the other end closes."""
    found = b""
    while pattern is None or not pattern.search(found):
        try:
            got = os.read(terminal, 1000)
        except OSError:  # Linux: nobody has the other end open
            got = b""
        if not got:
            assert pattern is None, found
            break
        found += got
    return found


def test_app_is_imported_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shop.py").write_text(
        "import simplemail\n"
        "simplemail.configure(MAILERS={'default': 'queue:mail.db?mailer=console'})\n"
    )

    found = subprocess.run(**command("status", "--app", "shop"), capture_output=True, check=True)
    wrong = subprocess.run(**command("status", "--app", "shob"), capture_output=True, check=False)

    assert "nothing in it" in found.stdout
    assert "--app shob: No module named 'shob'" in wrong.stderr
    assert wrong.returncode == 2


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="systemd is on Linux alone")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_sigterm_ends_it_in_peace_and_systemd_is_told(queue, server, tmp_path):
    url = f"queue:{queue.path}?mailer={server.url}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        words = command("run", EMAIL_URL=url, NOTIFY_SOCKET=str(tmp_path / "notify"))
        with subprocess.Popen(**words, stderr=subprocess.PIPE) as process:
            assert systemd.recv(100) == b"READY=1"
            process.send_signal(signal.SIGTERM)
            assert systemd.recv(100) == b"STOPPING=1"
            process.communicate(timeout=30)
    assert process.returncode == 0
    assert queue.health().workers == []


def test_other_commands_load_neither_the_queue_nor_what_knows_the_version():
    code = "import sys; from simplemail.__main__ import main; main(['send', '--mailer', 'dummy:', "
    code += "'--to', 'a@example.com', '--text', 'x']); "
    code += "print({'sqlite3', 'importlib.metadata'} & {*sys.modules})"
    words = {**command(), "args": [sys.executable, "-c", code]}

    assert subprocess.run(**words, capture_output=True, check=True).stdout == "set()\n"
