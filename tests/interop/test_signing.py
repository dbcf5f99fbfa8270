"""The functions of docs/how-to/sign.md through `signed`: what arrives is what others verify.

Nobody here wrote the verifiers: dkimpy and OpenDKIM, OpenSSL, GnuPG.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import uuid

import pytest

from interop.servers import running
from interop.servers.base import mailer_for
from interop.servers.mailboxes import wait_until
from interop.servers.places import Unpacked
from interop.servers.postfix import Postfix
from simplemail import EmailMessage, Status, get_connection, unsubscribe_headers
from simplemail.queue import Worker
from simplemail.testing import SMTPServer
from support.docs_runner import ROOT, blocks_of

dkim = pytest.importorskip("dkim")
pytest.importorskip("nacl")
pytest.importorskip("cryptography")
for program in ("openssl", "gpg"):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed", allow_module_level=True)

OPENDKIM = Unpacked("opendkim")

BODIES = {
    "plain": "Hello\n",
    "umlauts": "Grüße aus Köln, 5 €\n",
    "awkward": ".\n..\nFrom me\n-- \n\ttab \n--=-\n" + "long " * 400 + "\n\n\n",
    "empty": "",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A directory with the page's files, and with the keys that its commands make."""
    directory = tmp_path_factory.mktemp("sign")
    printed = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setenv("HOME", str(directory))
        patch.delenv("GNUPGHOME", raising=False)
        patch.syspath_prepend(str(directory))
        for block in blocks_of(ROOT / "docs/how-to/sign.md"):
            if block.language == "sh":
                command = ["sh", "-e", "-c", block.code]
                printed += subprocess.run(
                    command, check=True, stdout=subprocess.PIPE
                ).stdout.decode()
            elif block.file_name:
                (directory / block.file_name).write_text(block.code, encoding="utf-8")
        # As in a zone file: a name, and the record.
        (directory / "records").write_text(re.sub(r" +TXT +", " ", printed))
        yield directory
        subprocess.run(["gpgconf", "--kill", "all"], check=True)
    for name in ("signing", "multipart_signed", "smime", "openpgp"):
        sys.modules.pop(name, None)


@pytest.fixture
def signed(page):
    """What the page's functions returned; `signed.sign` is one that remembers."""
    return Remembering()


class Remembering(list):
    def by(self, *names):
        def sign(content):
            for name in names:
                module, _, function = name.partition(".")
                content = getattr(importlib.import_module(module), function)(content)
            self.append(content)
            return content

        return sign


def a_message(body="Grüße\n", to="ann@example.com", **changes):
    message = EmailMessage("Grüße", body, "Me <me@example.com>", [to], **changes)
    message.attach("data.bin", bytes(range(256)), "application/octet-stream")
    return message


def deliver(message, signed, mailer, *names):
    [receipt] = get_connection("signed", mailer=mailer, sign=signed.by(*names)).deliver([message])
    assert receipt.status is Status.SENT, receipt
    return receipt


# The verifiers: each returns whether a message as it arrived is signed, and unchanged.


def dkimpy_verifies(content, page):
    records = dict(line.split(" ", 1) for line in (page / "records").read_text().splitlines())
    message = dkim.DKIM(content)
    count = len([name for name, _ in message.headers if name.lower() == b"dkim-signature"])

    def txt(name, timeout):
        return records.get(name.decode().rstrip("."), "").encode()

    try:
        return count > 0 and all(message.verify(number, dnsfunc=txt) for number in range(count))
    except dkim.DKIMException:
        return False


def opendkim_verifies(content, page):
    if reason := OPENDKIM.missing():
        (pytest.fail if os.environ.get("SIMPLEMAIL_CI") else pytest.skip)(reason)
    (page / "arrived").write_bytes(content)
    settings = f"Mode v\nTestPublicKeys {page}/records\nUserID root\nSyslog no\n"
    (page / "opendkim.conf").write_text(settings)
    # With -t it reads a file; with -v twice, it prints the Authentication-Results.
    program = OPENDKIM.root / "usr/sbin/opendkim"
    done = subprocess.run(
        [program, "-x", "opendkim.conf", "-v", "-v", "-t", "arrived"],
        cwd=page,
        env={**os.environ, **OPENDKIM.environment()},
        check=True,
        capture_output=True,
        text=True,
    )
    return "dkim=pass" in done.stdout and "dkim=fail" not in done.stdout


def openssl_verifies(content, page):
    command = ["openssl", "cms", "-verify", "-CAfile", "smime.pem", "-out", os.devnull]
    done = subprocess.run(command, input=content, cwd=page, check=False, capture_output=True)
    return done.returncode == 0


def gpg_verifies(content, page):
    content = re.sub(rb"\r?\n", b"\r\n", content)
    [mark] = re.findall(rb'multipart/signed;\s+boundary="([^"]+)"', content)
    _, part, signature, _ = content.split(b"\r\n--" + mark)
    (page / "part").write_bytes(part.removeprefix(b"\r\n"))
    (page / "signature").write_bytes(signature.partition(b"\r\n\r\n")[2])
    command = ["gpg", "--batch", "--verify", "signature", "part"]
    return subprocess.run(command, cwd=page, check=False, capture_output=True).returncode == 0


VERIFIERS = {
    "signing.sign": [dkimpy_verifies, opendkim_verifies],
    "signing.sign_twice": [dkimpy_verifies, opendkim_verifies],
    "smime.sign": [openssl_verifies],
    "openpgp.sign": [gpg_verifies],
}

CASES = [(name, verifies) for name, each in VERIFIERS.items() for verifies in each]


@pytest.mark.parametrize(("name", "verifies"), CASES)
class TestVerifiers:
    @pytest.mark.parametrize("body", BODIES)
    def test_a_signed_message_verifies(self, name, verifies, body, signed, page):
        with SMTPServer() as server:
            deliver(a_message(BODIES[body]), signed, server.url, name)

            assert server.messages[0].content == signed[0]
        assert verifies(signed[0], page)

    def test_a_changed_body_does_not(self, name, verifies, signed, page):
        deliver(a_message("One\n" * 3), signed, "dummy:", name)

        assert verifies(signed[0], page)
        assert not verifies(signed[0].replace(b"One", b"Two", 1), page)


@pytest.mark.parametrize("name", ["signing.sign", "signing.sign_twice"])
@pytest.mark.parametrize("verifies", [dkimpy_verifies, opendkim_verifies])
class TestDKIM:
    @pytest.mark.parametrize(
        "field",
        [
            b"From: eve@example.com",
            b"Subject: Another",
            b"List-Unsubscribe: <https://example.net>",
            b"Content-Type: text/html",
            b"Reply-To: eve@example.com",
            b"Cc: eve@example.com",
        ],
    )
    def test_another_field_breaks_it(self, name, verifies, field, signed, page):
        headers = unsubscribe_headers("https://example.com/leave", "leave@example.com")
        deliver(a_message(headers=headers), signed, "dummy:", name)
        [content] = signed

        assert verifies(b"Received: by a relay\r\n" + content, page)
        assert not verifies(field + b"\r\n" + content, page)

    @pytest.mark.parametrize(
        "field",
        [
            b"List-Id: <friends.example.com>",
            b"Sender: friends-bounces@example.com",
            b"Resent-From: ann@example.com",
            b"X-Spam-Status: No",
        ],
    )
    def test_what_a_mailing_list_or_a_forwarder_adds_does_not(
        self, name, verifies, field, signed, page
    ):
        deliver(a_message(), signed, "dummy:", name)

        assert verifies(field + b"\r\n" + signed[0], page)

    def test_one_click_unsubscribing_is_covered(self, name, verifies, signed, page):
        headers = unsubscribe_headers("https://example.com/leave", "leave@example.com")
        deliver(a_message(headers=headers), signed, "dummy:", name)
        [content] = signed

        assert verifies(content, page)
        assert not verifies(content.replace(b"/leave", b"/other"), page)
        assert not verifies(content.replace(b"=One-Click", b"=Two-Click"), page)


@pytest.fixture(scope="module")
def next_server():
    """Takes what Postfix relays."""
    with SMTPServer() as server:
        yield server


@pytest.fixture(scope="module")
def postfix(next_server):
    with running(Postfix(relay=f"127.0.0.1:{next_server.port}")) as postfix:
        yield postfix


@pytest.mark.parametrize(("name", "verifies"), CASES)
class TestWays:
    @pytest.mark.parametrize("body", ["umlauts", "awkward"])
    def test_delivered_by_postfix(self, name, verifies, body, signed, page, postfix):
        box = f"box-{uuid.uuid4().hex[:12]}"

        deliver(a_message(BODIES[body], f"{box}@example.com"), signed, mailer_for(postfix), name)

        [mail] = postfix.wait_for(box)
        # A file has its line ends; the fields above are Postfix's own.
        assert mail.content.endswith(b"\n" + signed[0].replace(b"\r\n", b"\n"))
        assert verifies(mail.content, page)

    @pytest.mark.parametrize("body", ["umlauts", "awkward"])
    def test_relayed_by_postfix(self, name, verifies, body, signed, page, postfix, next_server):
        before = len(next_server.messages)

        deliver(a_message(BODIES[body], "ann@relayed.example"), signed, mailer_for(postfix), name)

        wait_until(lambda: len(next_server.messages) > before)
        [received] = next_server.messages[before:]
        assert received.content.startswith(b"Received: from client.example.com")
        assert received.content.endswith(b"\r\n" + signed[0])
        assert verifies(received.content, page)

    def test_postfix_sendmail(
        self, name, verifies, signed, page, postfix, next_server, monkeypatch
    ):
        before = len(next_server.messages)
        options, environment = postfix.sendmail()
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        sendmail = get_connection("sendmail", **options)

        deliver(a_message(BODIES["awkward"], "ann@relayed.example"), signed, sendmail, name)

        wait_until(lambda: len(next_server.messages) > before)
        monkeypatch.undo()
        [received] = next_server.messages[before:]
        assert received.content.endswith(b"\r\n" + signed[0])
        assert verifies(received.content, page)

    def test_failover(self, name, verifies, signed, page):
        with SMTPServer() as down:
            pass
        with SMTPServer() as server:
            failover = get_connection("failover", mailers=[down.url, server.url])
            deliver(a_message(), signed, failover, name)

            assert [message.content for message in server.messages] == signed
            assert verifies(server.messages[0].content, page)

    def test_queue(self, name, verifies, signed, page, tmp_path):
        with SMTPServer() as server:
            path = tmp_path / "mail.db"
            mailer = get_connection("queue", path=path, mailer=server.url)
            deliver(a_message(), signed, mailer, name)
            assert server.messages == []
            with mailer.queue as queue:
                assert Worker(queue).drain() == {"sent": 1}
            assert [message.content for message in server.messages] == signed
            assert verifies(server.messages[0].content, page)

    def test_redirect_that_holds_it(self, name, verifies, signed, page):
        with SMTPServer() as server:
            inner = get_connection("signed", mailer=server.url, sign=signed.by(name))
            redirect = get_connection("redirect", mailer=inner, to=["me@example.com"])
            [receipt] = redirect.deliver([a_message()])

            assert receipt.status is Status.SENT
            assert server.messages[0].recipients == ["me@example.com"]
            assert [message.content for message in server.messages] == signed
            assert verifies(server.messages[0].content, page)

    def test_a_header_in_utf_8(self, name, verifies, signed, page):
        with SMTPServer() as server:
            deliver(a_message(to="jürgen@bücher.example"), signed, server.url, name)

            [received] = server.messages
            assert received.content == signed[0]
            assert "jürgen@bücher.example".encode() in received.content
            assert verifies(received.content, page)


@pytest.mark.parametrize("verifies", [dkimpy_verifies, opendkim_verifies])
def test_a_redirect_after_the_signature_breaks_it_and_says_so(verifies, signed, page, caplog):
    with SMTPServer() as server:
        redirect = get_connection("redirect", mailer=server.url, to=["me@example.com"])

        deliver(a_message(), signed, redirect, "signing.sign")

        assert verifies(signed[0], page)
        assert not verifies(server.messages[0].content, page)
    assert "DKIM" in caplog.text


@pytest.mark.parametrize(("inner", "verifies"), [CASES[-2], CASES[-1]])
def test_dkim_covers_another_signature(inner, verifies, signed, page, postfix, next_server):
    before = len(next_server.messages)
    message = a_message(to="ann@relayed.example")

    deliver(message, signed, mailer_for(postfix), inner, "signing.sign_twice")

    wait_until(lambda: len(next_server.messages) > before)
    content = next_server.messages[before].content
    assert verifies(content, page)
    assert dkimpy_verifies(content, page)
    assert opendkim_verifies(content, page)


def test_a_key_that_is_not_there_defers(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    mailer = get_connection("signed", mailer="memory:", sign="signing.sign")

    [receipt] = mailer.deliver([a_message()])

    assert receipt.status is Status.DEFERRED
    assert isinstance(receipt.error, FileNotFoundError)


def test_a_message_that_cannot_be_signed_is_refused(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dkim.pem").write_text("not a key")
    mailer = get_connection("signed", mailer="memory:", sign="signing.sign")

    [receipt] = mailer.deliver([a_message()])

    assert receipt.status is Status.REFUSED
    assert isinstance(receipt.error, dkim.KeyFormatError)


def test_an_agent_that_never_answers_defers(page, monkeypatch):
    def hang(command, *, timeout, **options):
        raise subprocess.TimeoutExpired(command, timeout)

    openpgp = importlib.import_module("openpgp")
    monkeypatch.setattr(openpgp.subprocess, "run", hang)
    mailer = get_connection("signed", mailer="memory:", sign="openpgp.sign")

    [receipt] = mailer.deliver([a_message()])

    assert receipt.status is Status.DEFERRED
    assert isinstance(receipt.error, TimeoutError)


def test_a_key_that_gpg_does_not_have_refuses(page, monkeypatch):
    openpgp = importlib.import_module("openpgp")
    monkeypatch.setattr(openpgp, "COMMAND", ["gpg", "--batch", "--local-user", "eve@example.com"])
    mailer = get_connection("signed", mailer="memory:", sign="openpgp.sign")

    [receipt] = mailer.deliver([a_message()])

    assert receipt.status is Status.REFUSED
    assert isinstance(receipt.error, subprocess.CalledProcessError)
