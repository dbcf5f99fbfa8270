"""A message goes out only where `--release` says, to those who were typed, if they are allowed."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail.exceptions import InvalidMailer
from simplemail.inbox.release import Release
from simplemail.inbox.store import Arrival
from simplemail.testing import SMTPServer
from support.inboxes import HTML_MAIL, running, send

SOURCE = str(Path(simplemail.__file__).parents[1])


@pytest.fixture
def outside():
    with SMTPServer() as server:
        yield server


def released(outside, to, *, allow=()) -> tuple[int, dict]:
    release = Release(outside.url, allow)
    with running(smtp=None, release=release) as inbox:
        inbox.messages.add(Arrival(HTML_MAIL, "bounce@shop.example", ("ann@example.com",)))
        body = json.dumps({"to": to}).encode()
        answer = send(inbox.url, "POST", "/m/1/release", body, content_type="application/json")
        return answer.status, answer.json


def test_it_goes_as_it_is_to_those_who_were_typed_and_nobody_else(outside):
    status, answer = released(outside, ["me@example.net", "me@example.net"])

    assert (status, answer["released"]) == (200, ["me@example.net"])
    [message] = outside.messages
    assert message.recipients == ["me@example.net"]
    assert message.sender == "bounce@shop.example"
    assert message.content == HTML_MAIL


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ([], 400), ("me@example.net", 400), ([5], 400), (["no address"], 400), (["a@b\r\nc"], 400),
        (["a@example.net, b@example.net"], 400), ([f"{n}@example.net" for n in range(51)], 400),
        (["ann@elsewhere.example"], 403), (["me@example.net.evil.example"], 403),
        (["me@example.net", "ann@elsewhere.example"], 403),
    ],
)  # fmt: skip
def test_what_isnt_allowed_goes_nowhere(outside, to, status):
    assert released(outside, to, allow=["example.net"])[0] == status
    assert outside.messages == []


@pytest.mark.parametrize("allow", ["me@example.net", "Example.NET"])
def test_addresses_and_domains_are_allowed(outside, allow):
    assert released(outside, ["Me@example.net"], allow=[allow])[0] == 200


def test_a_refusal_is_told(outside):
    outside.script("RCPT", "550 5.1.1 No such user")

    status, answer = released(outside, ["me@example.net"])

    assert status == 502
    assert "No such user" in answer["error"]


def test_a_wrong_mailer_is_said_at_once():
    with pytest.raises(InvalidMailer):
        Release("smpt://mail.example.com")


def test_no_connection_goes_out_but_for_release():
    """Every socket that the process connects is seen by an audit hook of Python's own."""
    code = """
import json, sys, urllib.request
from simplemail.inbox.server import InboxServer, Options
from simplemail.inbox.store import Arrival
from support.inboxes import get
from support.hostile_html import LEAKS

gone, quiet = [], [False]
sys.addaudithook(lambda name, args: gone.append((name, args[1:])) if quiet[0] and name in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request") else None)
inbox = InboxServer(Options(http=("127.0.0.1", 0), smtp=("127.0.0.1", 0))).start()
quiet[0] = True
for html in LEAKS.values():
    html = html.format(leak="http://leak.example", host="leak.example")
    content = f"From: x@leak.example\\nContent-Type: text/html\\n\\n{html}".encode()
    inbox.messages.add(Arrival(content, "x@leak.example", ("y@leak.example",)))
ours = int(inbox.url.rpartition(":")[2])
for path in ("", "/headers", "/parts", "/links", "/warnings"):
    for number in range(1, len(LEAKS) + 1):
        assert get(inbox.url, f"/api/messages/{number}{path}").status == 200
for form in ("html?images=1", "text", "source", "eml", "part/0"):
    for number in range(1, len(LEAKS) + 1):
        assert get(inbox.url, f"/m/{number}/{form}").status == 200
quiet[0] = False
inbox.stop()
# The test itself asks over connections to the page's port, and nothing else.
print(json.dumps(sorted({(name, *map(str, args)) for name, args in gone
    if not str(args).endswith(f"{ours}),)") and str(ours) not in str(args)})))
"""
    tests = str(Path(__file__).parents[1])
    environment = {"PYTHONPATH": f"{SOURCE}:{tests}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_audit_hook_of_the_test_above_sees_connections():
    seen = []
    sys.addaudithook(lambda name, args: seen.append(name) if name == "socket.connect" else None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()

    assert "socket.connect" in seen
