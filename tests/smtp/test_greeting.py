"""A server is greeted as it understands, and what it offers is read."""

from __future__ import annotations

import smtplib

import pytest

from simplemail.smtp import greeting
from simplemail.testing.server import SMTPServer
from support.sessions import connect


@pytest.mark.parametrize("code", [500, 501, 502, 504, 550, 599])
def test_a_server_that_refuses_ehlo_is_told_helo(code: int) -> None:
    with SMTPServer() as server:
        server.script("EHLO", f"{code} What?")
        session = connect(server)
        session.quit()

        assert [command.split()[0] for command in server.commands] == ["EHLO", "HELO", "QUIT"]
        assert session.features == {}


@pytest.mark.parametrize("code", [220, 251, 354, 421, 450, 495, 499])
def test_one_that_only_hesitates_is_not(code: int) -> None:
    with SMTPServer() as server:
        server.script("EHLO", f"{code} Not now")
        with pytest.raises(smtplib.SMTPHeloError) as info:
            connect(server)

        assert info.value.smtp_code == code
        assert not any(command.startswith("HELO") for command in server.commands)


@pytest.mark.parametrize("code", [220, 219, 221, 250, 421, 554])
def test_a_greeting_is_a_220(code: int) -> None:
    with SMTPServer() as server:
        server.script("GREETING", f"{code} mail.example")
        if code == 220:
            session = connect(server)
            assert session.greeting.code == 220
            session.quit()
        else:
            with pytest.raises(smtplib.SMTPConnectError) as info:
                connect(server)
            assert info.value.smtp_code == code


@pytest.mark.parametrize("code", [420, 421, 422, 450, 554])
def test_another_address_is_tried_after_a_421_alone(code: int) -> None:
    assert greeting.sends_elsewhere(smtplib.SMTPConnectError(code, b"no")) is (code == 421)


@pytest.mark.parametrize(
    ("lines", "features"),
    [
        ("SIZE 5\nSTARTTLS", {"size": "5", "starttls": ""}),
        ("AUTH PLAIN\nAUTH=LOGIN PLAIN\nAUTH XOAUTH2", {"auth": "PLAIN LOGIN XOAUTH2"}),
        ("auth=login", {"auth": "login"}),
        ("SIZE 5\nSIZE 7", {"size": "7"}),
        ("8BITMIME a\n8BITMIME b", {"8bitmime": "b"}),
        ("DSN \n\nPIPELINING", {"dsn": "", "": "", "pipelining": ""}),
    ],
)
def test_of_two_lines_the_last_counts_but_for_auth(lines: str, features: dict[str, str]) -> None:
    assert greeting._features(f"mail.example\n{lines}") == features
