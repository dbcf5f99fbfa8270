"""`inbox:` finds the running inbox of a directory, or shows the mail itself and says where."""

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import simplemail
from simplemail.__main__ import main
from simplemail.exceptions import InvalidMailer
from simplemail.inbox import current, places
from simplemail.inbox.client import find
from simplemail.inbox.server import InboxServer, Options
from support.inboxes import plain_mail

SOURCE = str(Path(simplemail.__file__).parents[1])
SEND = "import simplemail; simplemail.send_mail({!r}, 'text', 'a@example.com', ['b@example.com'])"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory, and a temporary directory of its own."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.chdir(directory)
    yield directory
    current.close()


def send(subject: str, directory: Path, url: str = "inbox:?port=0") -> str:
    """Send from a program of its own; return what it logged."""
    environment = os.environ | {"PYTHONPATH": SOURCE, "EMAIL_URL": url}
    command = [sys.executable, "-c", SEND.format(subject)]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def subjects(directory: Path) -> list[str]:
    """What an inbox that is opened in the directory shows."""
    options = Options(http=("127.0.0.1", 0), smtp=None, store=places.place_of(directory).store)
    inbox = InboxServer(options).start()
    try:
        return [row.subject for row in inbox.messages.rows()]
    finally:
        inbox.stop()


def test_mail_of_a_script_that_ends_at_once_is_there_later_and_a_hint_says_so(project):
    logged = send("Hello", project)

    assert "Mail is shown at http://127.0.0.1:" in logged
    assert f"`simplemail inbox` in {project} shows it" in logged
    assert subjects(project) == ["Hello"]


def test_mail_survives_a_restart_of_the_program(project):
    send("before", project)
    send("after", project)

    assert subjects(project) == ["after", "before"]


def send_from_here(subject: str) -> None:
    """Send from this process, in its working directory."""
    connection = simplemail.get_connection("inbox:?port=0")
    simplemail.send_mail(subject, "t", "a@example.com", ["b@example.com"], connection=connection)


def test_a_running_inbox_gets_the_mail_and_nothing_is_said(project, caplog):
    with running(project) as inbox:
        send_from_here("Hello")

        assert caplog.records == []
        assert [row.subject for row in inbox.messages.rows()] == ["Hello"]


def test_the_inbox_of_a_directory_above_counts(project, monkeypatch):
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    with running(project) as inbox:
        send_from_here("Hello")

        assert [row.subject for row in inbox.messages.rows()] == ["Hello"]


def test_another_directory_has_an_inbox_of_its_own(project, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)

    with running(project) as inbox:
        send_from_here("Hello")

        assert inbox.messages.rows() == []
    current.close()
    assert subjects(other) == ["Hello"]


def test_one_process_has_one_page_however_many_threads_send(project, caplog):
    mailer = simplemail.get_connection("inbox:?port=0")
    message = ("s", "t", "a@example.com", ["b@example.com"])
    threads = [
        threading.Thread(target=simplemail.send_mail, args=message, kwargs={"connection": each})
        for each in [mailer, *(simplemail.get_connection("inbox:?port=0") for _ in range(7))]
    ]
    with caplog.at_level(logging.WARNING, "simplemail.inbox"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len([r for r in caplog.records if "Mail is shown" in r.message]) == 1
    assert current.inbox().messages.store.counts()[0] == 8


def test_processes_that_start_at_once_share_one_page(project):
    code = (
        "import simplemail, sys\n"
        "simplemail.send_mail('s', 't', 'a@example.com', ['b@example.com'])\n"
        "print('sent', flush=True); sys.stdin.read()"
    )
    environment = os.environ | {"PYTHONPATH": SOURCE, "EMAIL_URL": "inbox:?port=0"}
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=project, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    sent = [program.stdout.readline() for program in programs]
    count = find(project).call("GET", "/api/messages")["total"]
    logged = "".join(program.communicate("", timeout=60)[1] for program in programs)

    assert sent == ["sent\n"] * 4
    assert count == 4
    assert logged.count("Mail is shown") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork()")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_hands_its_mail_to_its_parents_page(project):
    mailer = simplemail.get_connection("inbox:?port=0")
    simplemail.send_mail("parent", "t", "a@example.com", ["b@example.com"], connection=mailer)
    child = os.fork()
    if child == 0:
        try:
            simplemail.send_mail(
                "child", "t", "a@example.com", ["b@example.com"], connection=mailer
            )
            os._exit(0)
        finally:
            os._exit(1)

    assert os.waitpid(child, 0)[1] == 0
    assert [row.subject for row in current.inbox().messages.rows()] == ["child", "parent"]


def test_who_only_listens_at_the_port_of_the_run_file_gets_neither_key_nor_mail(project):
    """After a crash, the file names a port that anybody may have by now."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        url = f"http://127.0.0.1:{impostor.getsockname()[1]}"
        places.announce(places.place_of(project), places.Running(url, "the key", 1))

        def answer() -> None:
            with impostor.accept()[0] as client:
                asked.append(client.recv(65_536))
                body = json.dumps({"status": "ok", "proof": "x" * 64})
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(f"{head}{body}".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        assert find(project) is None
        thread.join()

    assert b"GET /healthz?challenge=" in asked[0]
    assert b"the key" not in asked[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
class TestFolder:
    def test_nobody_else_can_read_it(self, project):
        place = places.place_of(project)
        places.announce(place, places.Running("http://127.0.0.1:1", "key", 1))

        assert place.run_file.stat().st_mode & 0o777 == 0o600
        assert place.run_file.parent.stat().st_mode & 0o777 == 0o700

    def test_a_folder_that_others_can_read_isnt_used(self, project):
        folder = places.place_of(project).store.parent
        folder.chmod(0o755)

        with pytest.raises(PermissionError, match="TMPDIR"):
            places.place_of(project)

    def test_a_link_to_elsewhere_isnt_used(self, project, tmp_path):
        folder = places.place_of(project).store.parent
        folder.rmdir()
        (tmp_path / "elsewhere").mkdir(0o700)
        folder.symlink_to(tmp_path / "elsewhere")

        with pytest.raises(PermissionError):
            places.place_of(project)


def test_a_wrong_port_is_said():
    with pytest.raises(InvalidMailer, match="port"):
        simplemail.get_connection("inbox:?port=70000")


class running:  # noqa: N801 - reads as a verb
    """`simplemail inbox`, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.place = places.place_of(directory)
        free = ("127.0.0.1", 0)
        self.server = InboxServer(Options(http=free, smtp=free, store=self.place.store))

    def __enter__(self) -> InboxServer:
        self.server.start()
        running = places.Running(self.server.url, self.server.key, os.getpid())
        places.announce(self.place, running)
        return self.server

    def __exit__(self, *exc_info: object) -> None:
        self.place.run_file.unlink()
        self.server.stop()


class TestCommand:
    @pytest.fixture
    def start(self, project):
        """Start `simplemail inbox`; return the process and its first lines."""
        started = []

        def run(*options: str):
            command = [sys.executable, "-m", "simplemail", "inbox", "--http", "0", "--smtp", "0"]
            environment = os.environ | {"PYTHONPATH": SOURCE}
            process = subprocess.Popen(
                [*command, *options], cwd=project, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            started.append(process)
            return process, process.stdout.readline()

        yield run
        for process in started:
            process.terminate()
            process.communicate(timeout=30)

    def test_it_says_where_shows_what_comes_and_ends_when_asked(self, start, project):
        process, line = start()
        url = line.split()[-1].rstrip("/")

        mail_line = process.stdout.readline()
        smtp = mail_line.partition("EMAIL_URL=")[2].split()[0]
        message = ("Hello", "t", "a@example.com", ["b@example.com"])
        simplemail.send_mail(*message, connection=simplemail.get_connection(smtp))
        rows = find(project).call("GET", "/api/messages")["messages"]
        process.terminate()

        assert url.startswith("http://127.0.0.1:")
        assert [row["subject"] for row in rows] == ["Hello"]
        assert process.wait(30) == 0
        assert not places.place_of(project).run_file.exists()
        # Mail survives a restart.
        assert subjects(project) == ["Hello"]

    def test_a_second_one_points_to_the_first(self, start):
        _, first = start()
        second, line = start()

        assert second.wait(30) == 0
        assert line.split()[-1] == first.split()[-1]
        assert "is already running" in line

    def test_a_port_that_is_taken_is_said(self, start):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            _, line = start("--http", str(port))

        assert line.endswith(f"/ (port {port} is taken)\n")

    def test_beyond_loopback_it_makes_up_a_token(self, start):
        _, line = start("--http", "0.0.0.0:0")

        assert "/?token=" in line

    @pytest.mark.parametrize(
        ("wrong", "help_"),
        [
            (["--http", "x"], "write 8025"),
            (["--smtp", "1:99999"], "write 8025"),
            (["--keep", "0"], "write 1000"),
            (["--max-size", "big"], "write one like 100k"),
            (["missing"], "'missing' is not a folder; make it"),
            (["a", "b"], "too many arguments"),
            (["--htpp", "8025"], "--http"),
            (["--token", ""], "letters, digits"),
            (["--token", "a;b"], "letters, digits"),
            (["--release", "nonsense"], "--release can't be used: There is no mailer"),
            (["--release", "smpt://a.example"], "--release can't be used: "),
            (["--release-allow", "example.com"], "needs --release"),
            (["--smtp-keyfile", "key.pem"], "needs --smtp-certfile"),
            (["--smtp-certfile", "cert.pem"], "There is no file cert.pem"),
        ],
    )
    def test_wrong_usage_is_explained(self, project, capsys, wrong, help_):
        assert main(["inbox", "--http", "0", "--smtp", "0", *wrong]) == 2

        assert help_ in capsys.readouterr().err

    def test_a_folder_that_a_running_inbox_doesnt_show_is_no_success(self, project, capsys):
        (project / "mails").mkdir()
        with running(project) as inbox:
            assert main(["inbox", "--http", "0", "--smtp", "0", "mails"]) == 1

        told = capsys.readouterr().err
        assert f"already running at {inbox.url}/, without mails" in told

    def test_the_files_of_a_folder_are_shown(self, start, project):
        (project / "mails").mkdir()
        (project / "mails" / "a.eml").write_bytes(plain_mail("a file"))
        start("mails")

        found = find(project).call("GET", "/api/wait", q="subject:file")

        assert found["messages"][0]["read_only"]


def test_the_run_file_of_a_later_inbox_is_left_alone(project):
    place = places.place_of(project)
    first = places.Running("http://127.0.0.1:1", "a", 1)
    places.announce(place, places.Running("http://127.0.0.1:2", "b", 2))

    places.withdraw(place, first)

    assert places.announced(place).key == "b"
    assert time.time() - place.run_file.stat().st_mtime < 3600
