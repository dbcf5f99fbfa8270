"""`inbox:` in a Flask development server: one page, and mail survives the reloader."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

import simplemail
from simplemail.inbox import places
from simplemail.inbox.client import find

pytest.importorskip("flask", reason="Flask is not installed")

APP = """
import os
from flask import Flask
from simplemail import send_mail

app = Flask(__name__)

@app.get("/send/<subject>")
def send(subject):
    send_mail(subject, "text", "shop@example.com", ["ann@example.com"])
    return str(os.getpid())
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(condition):
    deadline = time.monotonic() + 60
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_there_is_one_page_and_mail_survives_the_reload(tmp_path, monkeypatch):
    project, temporary = tmp_path / "project", tmp_path / "tmp"
    project.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (project / "app.py").write_text(APP)
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(Path(simplemail.__file__).parents[1]),
        "TMPDIR": str(temporary),
        "EMAIL_URL": f"inbox:?port={free_port()}",
    }
    command = [sys.executable, "-m", "flask", "--app", "app", "run", "--debug", "--port", str(port)]
    log = (project / "log").open("w")
    server = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)

    def send(subject: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/send/{subject}") as answer:
            return str(answer.read().decode())

    try:
        first = until(lambda: send("before"))
        url = places.announced(places.place_of(project)).url
        (project / "app.py").write_text(APP + "# changed\n")
        until(lambda: send("after") != first)

        page = find(project)
        found = {row["subject"] for row in page.call("GET", "/api/messages")["messages"]}
        assert found == {"before", "after"}
        assert page.url == url
    finally:
        children = subprocess.run(
            ["pgrep", "-P", str(server.pid)], capture_output=True, text=True
        ).stdout.split()
        server.terminate()
        for child in children:
            with contextlib.suppress(ProcessLookupError):  # it went with its parent
                os.kill(int(child), 15)
        server.wait(30)
        log.close()
