"""The test server understands clients that nobody here wrote: swaks, curl, msmtp, Nodemailer.

`.ci/install-clients` installs them. None of them speaks CHUNKING.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest

from simplemail import EmailMessage
from simplemail.testing import SMTPServer, assert_sent

# They would be a twentieth of the default run, and only a part of them is on most machines.
pytestmark = pytest.mark.skipif(
    not os.environ.get("SIMPLEMAIL_CI"), reason="foreign programs run in CI: SIMPLEMAIL_CI=1"
)

SCRIPT = Path(__file__).parent / "clients" / "nodemailer.cjs"
NODE_MODULES = Path(__file__).parents[2] / ".ci-work" / "clients" / "node_modules"
SENDER = "me@example.com"
RECIPIENTS = ["ann@example.com", "bob@example.org"]
SECRET = "s3cret pw=+/"


def message(**changes: object) -> EmailMessage:
    values = {"subject": "Übersicht", "from_email": SENDER, "to": RECIPIENTS}
    body = "Grüße\n.\n..two dots\n.dot\n\n" + "x" * 900 + "\nlast line\n"
    return EmailMessage(**({"body": body} | values | changes))


class Client:
    """Subclasses say how their program is told what to do."""

    program: ClassVar[str]
    mechanisms: ClassVar[list[str]]
    adds_a_newline = False
    checks_names = True

    def missing(self) -> str:
        """Why it can't be run, or nothing."""
        return "" if shutil.which(self.program) else f"no {self.program}: run .ci/install-clients"

    def command(self, server: SMTPServer, recipients: list[str], mechanism: str | None) -> list:
        """What sends standard input to these recipients, logged in as the server's first user."""
        raise NotImplementedError

    def send(
        self,
        server: SMTPServer,
        content: bytes,
        recipients: list[str] = RECIPIENTS,
        mechanism: str | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(each) for each in self.command(server, recipients, mechanism)],
            input=content.replace(b"\r\n", b"\n")[: -1 if self.adds_a_newline else None],
            check=False,
            capture_output=True,
            timeout=60,
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        )


class Swaks(Client):
    program = "swaks"
    mechanisms: ClassVar = ["PLAIN", "LOGIN", "CRAM-MD5"]
    adds_a_newline = True
    checks_names = False  # 20201014, Debian's, compares none

    def command(self, server, recipients, mechanism):
        command = ["swaks", "--server", f"{server.host}:{server.port}", "--from", SENDER]
        command += ["--to", ",".join(recipients), "--helo", "client.example", "--data", "-"]
        if "PIPELINING" in server.extensions:
            command += ["--pipeline"]
        if server.tls or server.starttls:
            command += ["--tls-on-connect" if server.tls else "--tls", "--tls-verify"]
            command += ["--tls-ca-path", server.ca_file]
        for user, password in server.users.items():
            command += ["--auth", mechanism, "--auth-user", user, "--auth-password", password]
        return command


class Curl(Client):
    program = "curl"
    mechanisms: ClassVar = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"]

    def command(self, server, recipients, mechanism):
        scheme = "smtps" if server.tls else "smtp"
        command = ["curl", "--silent", "--show-error", "--crlf", "--upload-file", "-"]
        command += ["--url", f"{scheme}://{server.host}:{server.port}/client.example"]
        command += ["--mail-from", SENDER]
        command += [option for each in recipients for option in ("--mail-rcpt", each)]
        if server.tls or server.starttls:
            command += ["--ssl-reqd", "--cacert", server.ca_file]
        for user, password in server.users.items():
            if mechanism == "XOAUTH2":
                command += ["--user", user, "--oauth2-bearer", password]
            else:
                command += ["--user", f"{user}:{password}"]
            command += ["--login-options", f"AUTH={mechanism}"]
        return command


class Msmtp(Client):
    program = "msmtp"
    mechanisms: ClassVar = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"]

    def command(self, server, recipients, mechanism):
        command = ["msmtp", "--file=/dev/null", f"--host={server.host}", f"--port={server.port}"]
        command += [f"--from={SENDER}", "--domain=client.example"]
        if server.tls or server.starttls:
            starttls = "off" if server.tls else "on"
            command += ["--tls=on", f"--tls-starttls={starttls}"]
            command += [f"--tls-trust-file={server.ca_file}"]
        for user, password in server.users.items():
            command += [f"--auth={mechanism.lower()}", f"--user={user}"]
            command += [f"--passwordeval=printf %s '{password}'"]
        return [*command, "--", *recipients]


class Nodemailer(Client):
    program = "node"
    mechanisms: ClassVar = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"]

    def missing(self):
        if not (NODE_MODULES / "nodemailer").exists():
            return f"no Nodemailer in {NODE_MODULES}: run .ci/install-clients"
        return super().missing()

    def command(self, server, recipients, mechanism):
        transport = {"host": server.host, "port": server.port, "name": "client.example"}
        transport |= {"secure": server.tls, "requireTLS": server.starttls}
        transport["tls"] = {"ca": Path(server.ca_file).read_text()}
        for user, password in server.users.items():
            if mechanism == "XOAUTH2":
                transport["auth"] = {"type": "OAuth2", "user": user, "accessToken": password}
            else:
                transport["auth"] = {"user": user, "pass": password}
                transport["authMethod"] = mechanism
        envelope = {"from": SENDER, "to": recipients}
        return ["node", SCRIPT, json.dumps({"transport": transport, "envelope": envelope})]


CLIENTS = [Swaks(), Curl(), Msmtp(), Nodemailer()]


def each_client(*more: str):
    """Run a test with every client, and with each of the mechanisms that it has, if asked."""
    cases = [
        pytest.param(
            client,
            *each,
            id="-".join([type(client).__name__, *each]),
            marks=pytest.mark.skipif(bool(client.missing()), reason=client.missing()),
        )
        for client in CLIENTS
        for each in ([[name] for name in client.mechanisms] if more else [[]])
    ]
    return pytest.mark.parametrize(("client", *more), cases)


def check(server: SMTPServer, content: bytes, recipients: list[str] = RECIPIENTS) -> None:
    """One message arrived, octet for octet, and the client kept to the RFCs."""
    [received] = server.messages
    assert (received.sender, received.recipients) == (SENDER, recipients)
    assert received.content == content
    assert server.violations == []


def succeed(done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@each_client()
@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_a_message_arrives_as_it_was_sent(client, security):
    content = message().as_bytes()
    options = {} if security == "plain" else {security: True}
    with SMTPServer(**options) as server:
        succeed(client.send(server, content))

    check(server, content)
    assert server.messages[0].tls is (security != "plain")
    assert_sent(server.messages, to=RECIPIENTS, subject="Übersicht", body_contains="\n.dot\n")


@each_client()
def test_without_extensions(client):
    content = message(subject="Hi", body="Hello\n.dot\n").as_bytes()
    with SMTPServer(extensions=[]) as server:
        succeed(client.send(server, content))

    check(server, content)


@each_client()
def test_eight_bits_arrive_as_they_were_sent(client):
    content = message(body="Grüße\n.\nend\n").envelope().content
    assert not content.isascii()
    with SMTPServer() as server:
        succeed(client.send(server, content))

    [received] = server.messages
    assert received.content == content


@each_client("mechanism")
@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_logs_in(client, mechanism, security):
    content = message().as_bytes()
    options = {} if security == "plain" else {security: True}
    users = {"ann@example.com": SECRET}
    with SMTPServer(users=users, auth=[mechanism], auth_required=True, **options) as server:
        succeed(client.send(server, content, mechanism=mechanism))

    check(server, content)
    assert server.messages[0].user == "ann@example.com"


@each_client()
def test_a_wrong_password_is_told(client):
    with SMTPServer(users={"ann": SECRET}, auth_required=True) as server:
        server.script("AUTH", "535 5.7.8 Wrong")
        server.script("RESPONSE", "535 5.7.8 Wrong")

        assert client.send(server, message().as_bytes(), mechanism="PLAIN").returncode != 0
    assert server.messages == []


@each_client()
def test_many_recipients(client):
    content, recipients = message().as_bytes(), [f"r{n}@example.com" for n in range(50)]
    with SMTPServer() as server:
        succeed(client.send(server, content, recipients))

    check(server, content, recipients)


@each_client()
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
def test_a_refusal_is_told(client, command):
    with SMTPServer() as server:
        server.script(command, "550 5.1.1 No such thing")

        done = client.send(server, message().as_bytes())

    assert done.returncode != 0
    assert server.messages == []


@each_client()
@pytest.mark.parametrize("certificate", ["wrong-host.pem", "expired.pem"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_bad_certificate_is_refused(client, certificate, security, tls_dir):
    if certificate == "wrong-host.pem" and not client.checks_names:
        pytest.skip(f"{client.program} doesn't compare names")
    options = {security: True, "certificate": tls_dir / certificate}
    with SMTPServer(**options) as server:
        assert client.send(server, message().as_bytes()).returncode != 0

    assert server.messages == []
