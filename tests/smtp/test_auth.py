"""Logging in: every mechanism, the choice between them, and errors that help and tell no secret."""

from __future__ import annotations

import base64
import logging
import re
import smtplib
from collections.abc import Callable
from typing import Any

import pytest

from simplemail.exceptions import InvalidMailer, Secret
from simplemail.smtp import auth, login
from simplemail.smtp.auth import Challenge, Who
from simplemail.smtp.session import Session
from simplemail.testing.server import MECHANISMS, Close, SMTPServer
from support.sessions import connect, log_in_to

USER, PASSWORD = "änn@example.com", "pässwörd"


def log_in(server: SMTPServer, password: object = PASSWORD, **more: str) -> Session:
    return log_in_to(server, USER, password, **more)


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("method", MECHANISMS)
class TestEachMechanism:
    def test_logs_in(self, method: str) -> None:
        with SMTPServer(users={USER: PASSWORD}) as server:
            log_in(server, method=method.lower())

            assert server.connections[0].user == USER
            assert not server.violations

    def test_is_refused_without_telling_the_secret(
        self, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "simplemail")
        with SMTPServer(users={USER: "right"}, auth=[method]) as server:
            with pytest.raises(smtplib.SMTPAuthenticationError) as info:
                log_in(server, method=method)

            secrets = [PASSWORD, *(base64.b64encode(f.encode()).decode() for f in [PASSWORD])]
            seen = f"{info.value} {caplog.text}"
            assert info.value.smtp_code == 535
            assert f"127.0.0.1:{server.port} offers AUTH {method}" in str(info.value)
            assert f"> AUTH {method}" in caplog.text
            assert not any(secret in seen for secret in secrets)
            assert not server.violations


def test_scram_escapes_the_user_name() -> None:
    """RFC 5802, 5.1."""
    with SMTPServer(users={"a,b=c": PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
        session = connect(server)
        login.log_in(session, "a,b=c", PASSWORD, port=server.port)
        session.quit()

        assert server.connections[0].user == "a,b=c"


@pytest.mark.parametrize("typed", ["pa\u0308sswo\u0308rd", "p\u00e4ssw\u00f6rd"])
def test_scram_takes_equal_characters_for_equal(typed: str) -> None:
    """RFC 4013, 2.2: a keyboard may put an accent after its letter."""
    with SMTPServer(users={"ann": "p\u00e4ssw\u00f6rd"}, auth=["SCRAM-SHA-256"]) as server:
        log_in_to(server, "ann", typed)

        assert server.connections[0].user == "ann"


class TestLogin:
    """Its prompts are words for people, in base64 or not, and each may come again."""

    @pytest.mark.parametrize("encode", [in_base64, str])
    @pytest.mark.parametrize("name", ["Username:", "User Name", "user:", "Name:", "login name"])
    def test_prompts_are_answered_by_what_they_ask(
        self, name: str, encode: Callable[[str], str]
    ) -> None:
        exchange = auth.login(Who("ann", Secret("pw"), "mail.example", 25))
        asked = ["Password:", name, name, "pass:"]

        assert next(exchange) == b"ann"
        given = [exchange.send(Challenge(encode(prompt))) for prompt in asked]
        assert given == [b"pw", b"ann", b"ann", b"pw"]

    @pytest.mark.parametrize("has_the_name", [True, False])
    def test_unknown_ones_are_answered_in_turn(self, has_the_name: bool) -> None:
        exchange = auth.login(Who("ann", Secret("pw"), "mail.example", 25))
        next(exchange)
        first = exchange.send(Challenge("?", is_first=not has_the_name))

        assert first == (b"pw" if has_the_name else b"ann")
        assert exchange.send(Challenge("?")) != first
        assert exchange.send(Challenge("?")) == first


class TestTheChoice:
    @pytest.mark.parametrize(
        ("offered", "tls", "chosen"),
        [
            (["LOGIN", "PLAIN"], False, "PLAIN"),
            (["LOGIN", "PLAIN", "CRAM-MD5"], False, "CRAM-MD5"),
            (["LOGIN", "PLAIN", "CRAM-MD5"], True, "PLAIN"),
            (["LOGIN", "CRAM-MD5"], True, "LOGIN"),
            (MECHANISMS, True, "SCRAM-SHA-256"),
            (["LOGIN"], True, "LOGIN"),
        ],
    )
    def test_is_the_best_that_both_know(self, offered: list[str], tls: bool, chosen: str) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=offered, tls=tls) as server:
            log_in(server)

            assert [c.split()[1] for c in server.commands if c.startswith("AUTH")] == [chosen]

    def test_uses_an_initial_response(self) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["PLAIN"]) as server:
            log_in(server)

            assert len([c for c in server.commands if c.startswith("AUTH PLAIN ")]) == 1
            assert server.connections[0].turns == 4  # greeting, EHLO, AUTH, QUIT

    def test_a_long_token_waits_for_the_server(self) -> None:
        """RFC 4954, 4: the command must not be longer than 512 octets."""
        token = "x" * 2000
        with SMTPServer(users={USER: token}, auth=["XOAUTH2"]) as server:
            log_in(server, lambda: token)

            assert "AUTH XOAUTH2" in server.commands
            assert server.connections[0].user == USER

    @pytest.mark.parametrize("octets", range(368, 376))
    def test_the_command_has_at_most_512_octets(self, octets: int) -> None:
        """With its CRLF: the limit of every command (RFC 5321, 4.5.3.1.4)."""
        user = "u" * (octets - len(f"\0\0{PASSWORD}".encode()))
        with SMTPServer(users={user: PASSWORD}, auth=["PLAIN"]) as server:
            log_in_to(server, user, PASSWORD)

            [command] = [c for c in server.commands if c.startswith("AUTH")]
            assert (command != "AUTH PLAIN") is (octets <= 372)
            assert len(f"{command}\r\n") <= 512
            assert server.connections[0].user == user

    def test_skips_cram_md5_where_md5_is_forbidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*args: object) -> None:
            raise ValueError("disabled for FIPS")

        monkeypatch.setattr("hmac.new", forbidden)
        with SMTPServer(users={USER: PASSWORD}, auth=["CRAM-MD5", "PLAIN"]) as server:
            log_in(server)

            assert any(c.startswith("AUTH PLAIN") for c in server.commands)

    def test_goes_on_after_a_method_that_does_not_work(self) -> None:
        with SMTPServer(users={USER: PASSWORD}) as server:
            server.script("AUTH SCRAM-SHA-256", "535 5.7.8 No verifier for you")
            log_in(server)

            assert server.connections[0].user == USER

    @pytest.mark.parametrize("method", ["SCRAM-SHA-256", "CRAM-MD5"])
    def test_hides_the_password_where_others_can_read(self, method: str) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["PLAIN", "LOGIN", method]) as server:
            log_in(server)

            assert [c.split()[1] for c in server.commands if c.startswith("AUTH")] == [method]

    @pytest.mark.parametrize("method", ["SCRAM-SHA-256", "CRAM-MD5"])
    def test_goes_on_to_one_that_shows_it_where_nobody_can(self, method: str) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=[method, "PLAIN"], tls=True) as server:
            server.script(f"AUTH {method}", "535 5.7.8 No verifier for you")
            log_in(server)

            assert server.connections[0].user == USER

    def test_a_wrong_password_is_not_tried_over_and_over(self) -> None:
        with SMTPServer(users={USER: "right"}, auth=["PLAIN", "LOGIN", "CRAM-MD5"], tls=True) as s:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                log_in(s)

            assert len([c for c in s.commands if c.startswith("AUTH")]) == 1

    def test_what_is_insisted_on_must_be_offered(self) -> None:
        with (
            SMTPServer(users={USER: PASSWORD}, auth=["PLAIN", "LOGIN"]) as server,
            pytest.raises(
                smtplib.SMTPNotSupportedError,
                match="doesn't offer AUTH CRAM-MD5: it offers AUTH PLAIN LOGIN",
            ),
        ):
            log_in(server, method="cram-md5")

    @pytest.mark.parametrize(
        ("answer", "remedy"),
        [
            (
                "454 4.7.0 Temporary authentication failure",
                "the login failed for now; try again later",
            ),
            (
                "530 5.7.0 Must issue a STARTTLS command first",
                "the server requires TLS; use smtp+tls://",
            ),
            ("538 5.7.11 Encryption required", "the server requires TLS; use smtp+tls://"),
        ],
    )
    def test_not_every_no_is_about_the_password(self, answer: str, remedy: str) -> None:
        with SMTPServer(users={USER: PASSWORD}) as server:
            server.script("AUTH", answer)

            with pytest.raises(smtplib.SMTPAuthenticationError) as info:
                log_in(server, method="plain")

        assert remedy in str(info.value)
        assert "password" not in str(info.value)

    def test_a_server_without_auth_is_named(self) -> None:
        with (
            SMTPServer() as server,
            pytest.raises(smtplib.SMTPNotSupportedError, match="it offers no AUTH at all"),
        ):
            log_in(server)


class TestTokens:
    def test_a_callable_gives_a_token(self) -> None:
        with SMTPServer(users={USER: "fresh"}) as server:
            log_in(server, lambda: "fresh")

            assert any(c.startswith("AUTH OAUTHBEARER") for c in server.commands)

    def test_is_asked_again_once_after_a_535(self) -> None:
        tokens = iter(["stale", "fresh", "unused"])
        with SMTPServer(users={USER: "fresh"}, auth=["XOAUTH2"]) as server:
            log_in(server, lambda: next(tokens))

            assert server.connections[0].user == USER
            assert next(tokens) == "unused"

    def test_is_not_asked_a_third_time(self) -> None:
        calls: list[int] = []

        def token() -> str:
            calls.append(1)
            return "stale"

        with (
            SMTPServer(users={USER: "fresh"}, auth=["XOAUTH2"]) as server,
            pytest.raises(smtplib.SMTPAuthenticationError),
        ):
            log_in(server, token)

        assert len(calls) == 2

    def test_a_callable_may_give_a_password(self) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["PLAIN"]) as server:
            log_in(server, lambda: PASSWORD)

            assert server.connections[0].user == USER


class TestWhatIsNoText:
    @pytest.mark.parametrize("method", MECHANISMS)
    @pytest.mark.parametrize("option", ["username", "password"])
    def test_surrogates_are_not_shown(self, method: str, option: str) -> None:
        values = {"username": USER, "password": PASSWORD, option: "s3cret\udcff"}
        with SMTPServer(users={USER: PASSWORD}, auth=[method]) as server:
            session = connect(server)
            with pytest.raises(InvalidMailer, match=f"^'{option}' isn't UTF-8 text$") as info:
                login.log_in(session, **values, port=server.port, method=method)
            session.quit()

        assert info.value.__context__ is None

    @pytest.mark.parametrize("password", [5, b"s3cret", lambda: None])
    def test_other_types_are_named_and_not_shown(self, password: Any) -> None:
        kind = type(password() if callable(password) else password).__name__
        text = f"^'password' must be text, or a callable that returns it, not {kind}$"
        with (
            SMTPServer(users={USER: PASSWORD}) as server,
            pytest.raises(InvalidMailer, match=text),
        ):
            log_in(server, password)


class TestAServerThatLies:
    def test_scram_wants_proof(self) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("RESPONSE", "235 2.7.0 Welcome, whoever you are")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH SCRAM-SHA-256"):
                log_in(server)

    @pytest.mark.parametrize("reply", ["334", "235"])
    def test_scram_takes_no_error_for_a_proof(self, reply: str) -> None:
        """RFC 5802, 7: with `e=` the exchange has failed, whatever the server says next."""
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("RESPONSE", f"{reply} {in_base64('e=other-error')}")
            server.script(re.compile(r"\A\Z"), "235 2.7.0 Welcome, whoever you are")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH SCRAM-SHA-256"):
                log_in(server)

    def test_scram_may_not_end_early(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("secrets.token_urlsafe", lambda _: "abc")
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("AUTH", f"235 {in_base64('r=abcd,s=c2FsdA==,i=4096')}")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH SCRAM-SHA-256"):
                log_in(server)

    def test_scram_wants_as_many_rounds_as_its_rfc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """RFC 7677, 4: 4096 at least."""
        monkeypatch.setattr("secrets.token_urlsafe", lambda _: "abc")
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("AUTH", f"334 {in_base64('r=abcd,s=c2FsdA==,i=4095')}")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH SCRAM-SHA-256"):
                log_in(server)

            assert not any(base64.b64encode(b"c=biws")[:7].decode() in c for c in server.commands)

    def test_scram_refuses_what_must_be_understood(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """RFC 5802, 5.1: with `m=`, whoever doesn't know the extension must end the exchange."""
        monkeypatch.setattr("secrets.token_urlsafe", lambda _: "abc")
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("AUTH", f"334 {in_base64('m=new,r=abcd,s=c2FsdA==,i=4096')}")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH SCRAM-SHA-256"):
                log_in(server)

            assert not any(base64.b64encode(b"c=biws")[:7].decode() in c for c in server.commands)

    @pytest.mark.parametrize(
        "challenge",
        [
            in_base64("r=abcd,s=c2FsdA==,i=4096").replace("c", "*c", 1),
            in_base64("r=abcd,s=c2FsdA==,i=4096") + "\u2026",
            in_base64("r=abcd,s=c2F*sdA==,i=4096"),
            in_base64("r=abcd,s=c2F sdA==,i=4096"),
        ],
    )
    def test_scram_takes_nothing_but_strict_base64(
        self, challenge: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RFC 5802, 5.1: what each side skips differently, it signs differently."""
        monkeypatch.setattr("secrets.token_urlsafe", lambda _: "abc")
        exchange = auth.scram_sha_256(Who("ann", Secret("pw"), "mail.example", 25))
        next(exchange)
        with pytest.raises(ValueError, match=r"base64|ASCII|character"):
            exchange.send(Challenge(challenge))

    @pytest.mark.parametrize("challenge", ["334 not*base64", "334 cj1vdGhlcixzPXgsaT0x", "334 "])
    def test_nonsense_ends_the_session(self, challenge: str) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["SCRAM-SHA-256"]) as server:
            server.script("AUTH", challenge)
            with pytest.raises(smtplib.SMTPException):
                log_in(server)

            server.wait_for(lambda: server.open_connections == 0)

    def test_a_connection_lost_at_a_response_says_so(self) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["LOGIN"]) as server:
            server.script("RESPONSE", Close())
            with pytest.raises(smtplib.SMTPException, match=r"\(in answer to AUTH\)"):
                log_in(server)

    def test_challenges_without_end(self) -> None:
        with SMTPServer(users={USER: PASSWORD}, auth=["PLAIN"]) as server:
            server.script("AUTH", "334 ")
            server.script("", "334 ")
            with pytest.raises(smtplib.SMTPException):
                log_in(server)

    def test_a_temporary_no_is_not_answered_with_another_method(self) -> None:
        with SMTPServer(users={USER: PASSWORD}) as server:
            server.script("AUTH", "454 4.7.0 Try later")
            with pytest.raises(smtplib.SMTPAuthenticationError) as info:
                log_in(server)

            assert info.value.smtp_code == 454
            assert len([c for c in server.commands if c.startswith("AUTH")]) == 1


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("smtp.gmail.com", "app password"),
        ("smtp.office365.com", "auth='xoauth2'"),
        ("SMTP.Mail.Yahoo.com", "app password"),
        ("mail.example.com", "many providers"),
        ("notgmail.com", "many providers"),
    ],
)
def test_known_hosts_get_a_hint(host: str, hint: str) -> None:
    with SMTPServer(users={USER: "right"}, auth=["PLAIN"]) as server:
        session = connect(server)
        session.host = host
        with pytest.raises(smtplib.SMTPAuthenticationError) as info:
            login.log_in(session, USER, PASSWORD, port=server.port)
        session.quit()

    assert hint in str(info.value)
