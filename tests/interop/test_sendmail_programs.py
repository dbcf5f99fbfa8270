"""The `sendmail` backend with real programs: Postfix's, Exim's, and msmtp in front of Postfix."""

from __future__ import annotations

import os
import shutil
import uuid
from typing import Any, NamedTuple

import pytest

from interop.servers import Server, running
from interop.servers.exim import Exim
from interop.servers.mailboxes import wait_until
from interop.servers.places import free_ports
from interop.servers.postfix import Postfix
from simplemail import EmailMessage, Envelope, Status, get_connection

SENDER = "box-sender@example.com"


class Program(NamedTuple):
    """A program, how to call it, and the server that then has the mail."""

    name: str
    options: dict[str, Any]
    environment: dict[str, str]
    server: Server


@pytest.fixture(scope="module")
def postfix():
    with running(Postfix()) as server:
        yield server


@pytest.fixture(scope="module")
def exim():
    with running(Exim()) as server:
        yield server


def of_msmtp(server):
    if not shutil.which("msmtp"):
        (pytest.fail if os.environ.get("SIMPLEMAIL_CI") else pytest.skip)("msmtp is not installed")
    port = server.ports["plain"]
    arguments = ["--file=/dev/null", "--host=127.0.0.1", f"--port={port}"]
    return Program("msmtp", {"program": shutil.which("msmtp"), "arguments": arguments}, {}, server)


@pytest.fixture
def msmtp(postfix):
    return of_msmtp(postfix)


@pytest.fixture(params=["postfix", "exim", "msmtp"])
def program(request):
    server = request.getfixturevalue("postfix" if request.param == "msmtp" else request.param)
    if request.param == "msmtp":
        return of_msmtp(server)
    return Program(request.param, *server.sendmail(), server)


@pytest.fixture
def box():
    """The beginning of addresses that no other test has."""
    return f"box-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def deliver(monkeypatch):
    """Hand a message to a program, and return its receipt."""

    def deliver(program, message, **options):
        for name, value in program.environment.items():
            monkeypatch.setenv(name, value)
        mailer = get_connection("sendmail", **program.options | options)
        [receipt] = mailer.deliver([message])
        return receipt

    return deliver


def a_mail(*to, body="Text\n", sender=SENDER, **changes):
    return EmailMessage("Subject", body, sender, to, **changes)


AWKWARD = ".\n..\nFrom me\n-- \nGrüße\n" + "long " * 400 + "\n\n.\nthe end\n"


def test_content_arrives_byte_for_byte(program, deliver, box):
    message = a_mail(f"{box}@example.com", body=AWKWARD)
    message.attach("data.bin", bytes(range(256)) * 40, "application/octet-stream")

    receipt = deliver(program, message)

    assert receipt.status is Status.SENT, receipt
    [mail] = program.server.wait_for(box)
    # The fields above are the server's own.
    assert mail.content.endswith(b"\n" + receipt.envelope.content.replace(b"\r\n", b"\n"))


def test_everybody_in_the_envelope_gets_it(program, deliver, box):
    others = {"cc": [f"{box}-2@example.com"], "bcc": [f"{box}-3@example.com"]}
    message = a_mail(f"{box}-1@example.com", **others)

    deliver(program, Envelope.of(message, sender="box-bounces@example.com"))

    mails = program.server.wait_for(box, 3)
    assert {mail.recipients for mail in mails} == {(f"{box}-{n}@example.com",) for n in (1, 2, 3)}
    assert {mail.sender for mail in mails} == {"box-bounces@example.com"}
    assert {mail.parsed["Bcc"] for mail in mails} == {None}


def test_the_null_sender(program, deliver, box):
    receipt = deliver(program, Envelope.of(a_mail(f"{box}@example.com"), sender=""))

    assert receipt.status is Status.SENT
    assert program.server.wait_for(box)[0].sender == ""


@pytest.mark.parametrize("local", ["$HOME", "`id`", "a|b", "a&b", "it's", "{x}", "a=b", "*?#~^"])
def test_no_character_of_an_address_means_anything(program, deliver, local, box):
    address = f"{box}+{local}@example.com"

    receipt = deliver(program, a_mail(address))

    assert receipt.status is Status.SENT
    [mail] = program.server.wait_for(box)
    assert mail.recipients == (address,)


def test_a_domain_that_is_not_ascii(program, deliver, box):
    receipt = deliver(program, a_mail(f"{box}@bücher.example"))

    assert receipt.status is Status.SENT
    [mail] = program.server.wait_for(box)
    assert mail.recipients[0].partition("@")[2] in ("bücher.example", "xn--bcher-kva.example")


def test_more_recipients_than_one_call_takes(program, deliver):
    box = f"many-{uuid.uuid4().hex}-{'x' * 20}"
    to = [f"{box}-{number}@example.com" for number in range(900)]
    assert sum(map(len, to)) > 64_000

    receipt = deliver(program, a_mail(bcc=to))

    assert {found.status for found in receipt.recipients.values()} == {Status.SENT}
    assert [*receipt.recipients] == to
    reached = lambda: {to for mail in program.server.mails(box) for to in mail.recipients}  # noqa: E731
    wait_until(lambda: reached() == {*to})


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_what_a_mail_server_cannot_deliver_comes_back_as_a_bounce(name, deliver, box, request):
    server = request.getfixturevalue(name)
    program = Program(name, *server.sendmail(), server)

    receipt = deliver(program, a_mail("a@elsewhere.example", sender=f"{box}@example.com"))

    assert receipt.status is Status.SENT  # the program has it
    [bounce] = server.wait_for(box)
    assert bounce.sender == ""
    assert b"a@elsewhere.example" in bounce.content


class TestMSMTP:
    """It asks the next server before it ends, so its status is that server's."""

    @pytest.mark.parametrize(
        ("to", "status", "exit_status", "said"),
        [
            ("nobody@example.com", Status.REFUSED, 65, "550 5.1.1"),
            ("a@elsewhere.example", Status.REFUSED, 65, "554 5.7.1"),
            ("grey@example.com", Status.DEFERRED, 69, "450 4.2.0"),
        ],
    )
    def test_the_servers_word_is_the_receipts(
        self, msmtp, deliver, box, to, status, exit_status, said
    ):
        receipt = deliver(msmtp, a_mail(f"{box}@example.com", to))

        assert receipt.status is status
        assert f"(status {exit_status}): msmtp: recipient address {to}" in receipt.reply.text
        assert f"server message: {said}" in receipt.reply.text
        # It takes all recipients or none.
        assert msmtp.server.mails(box) == []

    def test_a_server_that_is_down_defers(self, msmtp, deliver):
        [port] = free_ports(["nobody"]).values()
        arguments = ["--file=/dev/null", "--host=127.0.0.1", f"--port={port}"]

        receipt = deliver(msmtp, a_mail("ann@example.com"), arguments=arguments)

        assert receipt.status is Status.DEFERRED
        assert "(status 75)" in receipt.reply.text
        assert "Connection refused" in receipt.reply.text


class TestFailures:
    @pytest.fixture
    def status(self, program):
        # Exim ends with 1, whatever went wrong.
        return Status.UNKNOWN if program.name == "exim" else Status.DEFERRED

    def test_too_big(self, program, deliver, box, status):
        receipt = deliver(program, a_mail(f"{box}@example.com", body=("x" * 70 + "\n") * 15_000))

        assert receipt.status is status
        assert program.server.mails(box) == []

    def test_no_configuration(self, program, deliver, box, status, tmp_path):
        wrong = ["-C", str(tmp_path / "nothing.conf")]

        receipt = deliver(program, a_mail(f"{box}@example.com"), arguments=wrong)

        assert receipt.status is status
        assert "nothing.conf" in f"{receipt.reply}{receipt.error}"
