"""Logging in to servers as they are: prompts, refusals, lies, and nothing that tells a secret."""

from __future__ import annotations

import base64
import logging
import re
import smtplib
from pathlib import Path
from typing import Any

import pytest

from simplemail import (
    EmailMessage,
    InvalidMailer,
    Status,
    configure,
    get_connection,
    mailers,
    override_settings,
    send_mail,
)
from simplemail.smtp import auth, login
from simplemail.testing.server import MECHANISMS, Close, Garbage, Reset, Silence, SMTPServer
from support.leaks import leaks
from support.sessions import connect, log_in_to

USER, PASSWORD = "ann@example.com", "s3cret-pässwörd"
BASE64 = re.compile(r"\A(?!GREETING|QUIT)[A-Za-z0-9+/]*=*\Z")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def log_in(server: SMTPServer, password: Any = PASSWORD, **more: Any) -> None:
    log_in_to(server, USER, password, **more)


def said(server: SMTPServer) -> list[str]:
    """What we said from AUTH on, decoded where it is base64."""
    start = next(i for i, line in enumerate(server.commands) if line.startswith("AUTH"))
    lines = server.commands[start:]
    return [base64.b64decode(x).decode() if BASE64.match(x) else x for x in lines]


def server_offering(*mechanisms: str, **more: Any) -> SMTPServer:
    return SMTPServer(users={USER: PASSWORD}, auth=mechanisms, **more)


class TestLoginAnswersThePrompt:
    """By its words, whatever their order, and else by turn: the user name, then the password."""

    @pytest.mark.parametrize(
        ("prompts", "answers"),
        [
            (["Username:", "Password:"], [USER, PASSWORD]),
            (["Password:"], [PASSWORD]),
            (["PASSWORD"], [PASSWORD]),
            (["Password\0"], [PASSWORD]),
            (["password: "], [PASSWORD]),
            (["Passwort:"], [PASSWORD]),
            (["Kennwort:"], [PASSWORD]),
            ([""], [PASSWORD]),
            (["User Name\0", "Password\0"], [USER, PASSWORD]),
            (["username", "???"], [USER, PASSWORD]),
            (["Password:", "Username:"], [PASSWORD, USER]),
            (["Password for username ann:"], [PASSWORD]),
        ],
    )
    def test_in_any_wording(self, prompts: list[str], answers: list[str]) -> None:
        with server_offering("LOGIN") as server:
            server.script("AUTH", f"334 {b64(prompts[0])}")
            server.script(BASE64, [*(f"334 {b64(p)}" for p in prompts[1:]), "235 2.7.0 Hello"])
            log_in(server)

            assert said(server)[1:-1] == answers

    def test_that_is_no_base64(self) -> None:
        with server_offering("LOGIN") as server:
            server.script("AUTH", "334 Password:")
            server.script(BASE64, "235 2.7.0 Hello")
            log_in(server)

            assert said(server)[1:-1] == [PASSWORD]

    def test_without_the_initial_response_after_a_501(self) -> None:
        with server_offering("LOGIN") as server:
            server.script("AUTH LOGIN ", "501 5.5.4 No initial response, please")
            log_in(server)

            assert said(server) == [f"AUTH LOGIN {b64(USER)}", "AUTH LOGIN", "QUIT"]
            assert server.connections[0].user == USER

    def test_the_first_prompt_may_be_for_the_password(self) -> None:
        with server_offering("LOGIN") as server:
            server.script("AUTH LOGIN ", "501 5.5.4 No initial response, please")
            server.script(re.compile("AUTH LOGIN$"), f"334 {b64('Password:')}")
            server.script(BASE64, [f"334 {b64('Login name:')}", "235 2.7.0 Hello"])
            log_in(server)

            assert said(server)[2:-1] == [PASSWORD, USER]

    def test_prompts_without_end_end_the_session(self) -> None:
        with server_offering("LOGIN") as server:
            server.script("AUTH", f"334 {b64('Password:')}")
            server.script(BASE64, f"334 {b64('Password:')}")
            with pytest.raises(smtplib.SMTPException, match="doesn't do AUTH LOGIN correctly"):
                log_in(server)

            assert len(said(server)) <= 6


class TestWhatIsSentAgain:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"])
    def test_the_initial_response_where_the_server_asks_for_it(self, mechanism: str) -> None:
        """RFC 4954, 4: an empty challenge asks for what could have come with the command."""
        with server_offering(mechanism) as server:
            server.script(f"AUTH {mechanism}", "334 ", nth=1)
            server.script(BASE64, "535 5.7.8 No", nth=1)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                log_in(server, method=mechanism)

            command, response, *_ = server.commands[1:]
            assert command == f"AUTH {mechanism} {response}"

    @pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"])
    def test_the_whole_login_without_an_initial_response_after_a_501(self, mechanism: str) -> None:
        with server_offering(mechanism) as server:
            server.script(f"AUTH {mechanism} ", "501 5.5.4 Too many arguments")
            log_in(server, method=mechanism)

            assert server.connections[0].user == USER

    @pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2"])
    def test_what_nobody_needs_is_not_decoded(self, mechanism: str) -> None:
        with server_offering(mechanism) as server:
            server.script(f"AUTH {mechanism} ", "501 5.5.4 Too many arguments")
            server.script(re.compile(f"AUTH {mechanism}$"), "334 go ahead!")
            server.script(BASE64, "235 2.7.0 Hello")
            log_in(server, method=mechanism)

            assert PASSWORD in said(server)[2]


class TestExternal:
    @pytest.mark.parametrize(("user", "response"), [("", "="), (USER, b64(USER))])
    def test_names_whom_the_certificate_is_for_or_leaves_it_to_the_server(
        self, user: str, response: str, tls_dir: Path
    ) -> None:
        with SMTPServer(
            starttls=True, client_ca=tls_dir / "ca.pem", extensions=["AUTH EXTERNAL"]
        ) as server:
            server.script("AUTH EXTERNAL", "235 2.7.0 Hello")
            with get_connection(
                server.url, auth="external", username=user, ssl_certfile=tls_dir / "client.pem"
            ):
                pass

            assert f"AUTH EXTERNAL {response}" in server.commands
            assert server.connections[0].peer_certificate

    def test_is_never_chosen_for_a_password(self) -> None:
        with (
            SMTPServer(extensions=["AUTH EXTERNAL"]) as server,
            pytest.raises(smtplib.SMTPNotSupportedError, match="set auth='external'"),
        ):
            log_in(server)


class TestARefusal:
    @pytest.mark.parametrize("code", [526, 534, 550])
    @pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"])
    def test_of_the_account_is_final(self, code: int, mechanism: str) -> None:
        with server_offering(mechanism, "LOGIN") as server:
            server.script("AUTH", f"{code} 5.7.9 Please log in with your web browser")
            with pytest.raises(smtplib.SMTPAuthenticationError) as info:
                log_in(server)

            assert info.value.smtp_code == code
            assert len([c for c in server.commands if c.startswith("AUTH")]) == 1

    @pytest.mark.parametrize("fault", [Close(), Reset(), Garbage()])
    def test_is_what_counts_if_the_server_then_hangs_up(self, fault: Any) -> None:
        calls = []

        def token() -> str:
            calls.append(1)
            return "stale"

        with server_offering("XOAUTH2") as server:
            server.script("AUTH", ["535 5.7.8 Stale", fault] * 4)
            mailer = get_connection(
                f"smtp://127.0.0.1:{server.port}?retries=2", username=USER, password=token
            )
            with pytest.raises(smtplib.SMTPAuthenticationError, match="Stale") as info:
                mailer.open()

            assert info.value.smtp_code == 535
            assert len(calls) <= 2
            assert len(server.connections) == 1

    def test_the_first_one_about_us_is_shown(self) -> None:
        with server_offering("SCRAM-SHA-256", "PLAIN", "LOGIN", tls=True) as server:
            server.script("AUTH SCRAM", "504 5.5.4 Not today")
            server.script("AUTH PLAIN", "504 5.5.4 Neither")
            server.script("AUTH LOGIN", "535 5.7.8 Wrong password")
            with pytest.raises(smtplib.SMTPAuthenticationError, match="Wrong password"):
                log_in(server)

    def test_with_a_second_password_too_shows_the_first(self) -> None:
        passwords = iter(["one", "two"])
        with server_offering("PLAIN") as server:
            server.script("AUTH", ["535 5.7.8 First", "454 4.7.0 Second"])
            with pytest.raises(smtplib.SMTPAuthenticationError, match="First"):
                log_in(server, lambda: next(passwords))

    @pytest.mark.parametrize(
        ("password", "hint"),
        [("s3cret\n", "white space"), (" s3cret", "white space"), ("s3\xa0cret", "no-break")],
    )
    def test_of_a_password_from_a_carelessly_read_file(self, password: str, hint: str) -> None:
        with (
            server_offering("PLAIN") as server,
            pytest.raises(smtplib.SMTPAuthenticationError, match=hint),
        ):
            log_in(server, password)


class TestAServerIsNotGreetedAgainAfterTheLogin:
    """RFC 4954, 4, asks for it only where SASL adds a security layer."""

    message = EmailMessage("Hi", "Text", "a@example.com", ["b@example.com"])

    @pytest.mark.parametrize("encrypted", [False, True])
    @pytest.mark.parametrize("kind", ["refuses it", "forgets the login"])
    def test_so_one_that_minds_takes_mail(self, kind: str, encrypted: bool) -> None:
        def answer(line: str, session: Any) -> str | None:
            if session.user and kind == "refuses it":
                return "503 5.5.1 Already greeted"
            session.user = None
            return None

        with SMTPServer(starttls=encrypted, users={USER: PASSWORD}, auth_required=True) as server:
            server.script("EHLO", answer)
            server.script("HELO", answer)
            plain, asked = (get_connection(server.url, ehlo_after_auth=it) for it in (False, True))

            assert plain.deliver([self.message])[0].status is Status.SENT
            assert asked.deliver([self.message])[0].status is not Status.SENT

    def test_unless_that_is_asked_for(self) -> None:
        with SMTPServer(users={USER: PASSWORD}) as server:
            with get_connection(server.url, ehlo_after_auth=True):
                pass

            assert [line.split()[0] for line in server.commands if "EHLO" in line] == ["EHLO"] * 2


@pytest.mark.parametrize("offered", [["XOAUTH2"], ["OAUTHBEARER"], ["XOAUTH2", "OAUTHBEARER"]])
def test_a_password_is_never_sent_as_a_token(offered: list[str]) -> None:
    with server_offering(*offered) as server:
        with pytest.raises(smtplib.SMTPNotSupportedError, match="a callable that returns a token"):
            log_in(server)

        assert not [c for c in server.commands if c.startswith("AUTH")]


def test_no_auth_before_starttls_says_how_to_get_there() -> None:
    with SMTPServer(starttls=True, users={USER: PASSWORD}) as server:
        mailer = get_connection(f"smtp://127.0.0.1:{server.port}", username=USER, password=PASSWORD)
        with pytest.raises(smtplib.SMTPNotSupportedError, match=r"use smtp\+tls:// \(use_tls\)"):
            mailer.open()


@pytest.mark.parametrize("lines", [["AUTH PLAIN", "AUTH LOGIN"], ["AUTH\tPLAIN\tLOGIN"]])
def test_several_lines_and_tabs_are_one_offer(lines: list[str]) -> None:
    with SMTPServer(extensions=lines) as server:
        session = connect(server)

        assert session.features["auth"] == "PLAIN LOGIN"
        session.quit()


class TestSCRAM:
    def served(self, server: SMTPServer, rounds: str) -> None:
        def answer(line: str, session: Any) -> str:
            nonce = base64.b64decode(line.split()[2]).decode().partition("r=")[2]
            return f"334 {b64(f'r={nonce}x,s=c2FsdA==,i={rounds}')}"

        server.script("AUTH", answer)

    @pytest.mark.parametrize("rounds", ["1000001", "10000000", "9" * 5000])
    def test_too_many_rounds_are_refused(self, rounds: str) -> None:
        with server_offering("SCRAM-SHA-256") as server:
            self.served(server, rounds)
            with pytest.raises(smtplib.SMTPException, match="correctly"):
                log_in(server)

            assert len(said(server)) == 1

    @pytest.mark.parametrize("rounds", ["+4096", "4_096", "-1", "٤٠٩٦", ""])
    def test_what_is_no_number_of_rounds_is_refused(self, rounds: str) -> None:
        with server_offering("SCRAM-SHA-256") as server:
            self.served(server, rounds)
            with pytest.raises(smtplib.SMTPException, match="correctly"):
                log_in(server)

    def test_rounds_that_would_outlast_the_timeout_are_refused(self) -> None:
        who = auth.Who(USER, auth.Secret(PASSWORD), "h", 1, seconds=1e-9)
        exchange = auth.scram_sha_256(who)
        nonce = (next(exchange) or b"").decode().partition("r=")[2]
        with pytest.raises(auth.BrokenExchange, match="longer than the timeout"):
            exchange.send(auth.Challenge(b64(f"r={nonce}x,s=c2FsdA==,i=4096")))


class TestTheTable:
    def test_a_new_mechanism_is_one_row_and_one_generator(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def shout(who: auth.Who) -> auth.Exchange:
            yield who.password.reveal().upper().encode()

        row = auth.Mechanism("SHOUT", shout, "password")
        monkeypatch.setattr(login, "MECHANISMS", (row, *auth.MECHANISMS))
        with SMTPServer(extensions=["AUTH PLAIN SHOUT"]) as server:
            server.script("AUTH SHOUT", "235 2.7.0 Pardon?")
            log_in(server)

            assert f"AUTH SHOUT {b64(PASSWORD.upper())}" in server.commands

    def test_the_option_takes_what_is_in_it_and_says_so(self) -> None:
        for mechanism in auth.MECHANISMS:
            get_connection("smtp", host="h", auth=mechanism.name.lower())
        with pytest.raises(InvalidMailer) as info:
            get_connection("smtp", host="h", auth="digest-md5")
        names = ", ".join(mechanism.name.lower() for mechanism in auth.MECHANISMS)
        assert f"'auth' must be one of {names}" in str(info.value)


@pytest.mark.parametrize("character", ["\0", "\r", "\n", "\x01", "\x7f"])
def test_control_characters_end_no_field(character: str) -> None:
    with server_offering("PLAIN", "XOAUTH2") as server:
        session = connect(server)
        with pytest.raises(InvalidMailer, match="'username' has a control character"):
            login.log_in(session, f"ann{character}eve", PASSWORD, port=server.port)
        with pytest.raises(InvalidMailer, match="'password' has a control character"):
            login.log_in(session, USER, lambda: f"token{character}auth=", port=server.port)
        session.quit()

        assert not [c for c in server.commands if c.startswith("AUTH")]


class TestNoSecretShows:
    """Not in an error, in what it carries along, in a receipt, in a log."""

    def attack(self, caplog: pytest.LogCaptureFixture, server: SMTPServer, **more: Any) -> None:
        caplog.set_level(logging.DEBUG, "simplemail")
        more = {"username": USER, "password": PASSWORD, "timeout": 0.5} | more
        mailer = get_connection(f"smtp://127.0.0.1:{server.port}", **more)
        message = EmailMessage("Hi", "Text", "a@example.com", ["b@example.com"])
        with pytest.raises(OSError) as info:  # noqa: PT011 - each fault has its own
            mailer.send_messages([message])
        [receipt] = mailer.deliver([message])

        assert leaks(info.value, PASSWORD) == []
        assert leaks(receipt.error or OSError(), PASSWORD) == []
        assert all(form not in caplog.text for form in (PASSWORD, b64(PASSWORD)))
        assert all(form not in repr(receipt) for form in (PASSWORD, b64(PASSWORD)))

    @pytest.mark.parametrize("method", MECHANISMS)
    @pytest.mark.parametrize(
        "fault",
        [
            "535 5.7.8 No",
            "454 4.7.0 Later",
            "334 not*base64",
            Close(),
            Reset(),
            Silence(),
            Garbage(),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("where", ["AUTH", "RESPONSE"])
    def test_when_it_fails(
        self, method: str, fault: Any, where: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        if where == "RESPONSE" and method == "PLAIN":
            pytest.skip("PLAIN has no response after the first")
        with SMTPServer(users={USER: "another"}, auth=[method]) as server:
            server.script(where, fault)
            # Who is sure to time out shouldn't take long.
            patience = 0.1 if isinstance(fault, Silence) else 0.5
            self.attack(caplog, server, auth=method, timeout=patience)

    @pytest.mark.parametrize("password", [PASSWORD, lambda: PASSWORD])
    @pytest.mark.parametrize("method", ["PLAIN", "LOGIN", "XOAUTH2"])
    @pytest.mark.parametrize(
        "echo",
        [
            lambda line: f"535 5.7.8 Wrong: {line}",
            lambda line: f"535-5.7.8 Wrong:\n535 5.7.8 {line}",
            lambda line: f"501 5.5.4 Can't decode {line[12:40]}",
            lambda line: f"454 4.7.0 {PASSWORD} is no password",
            lambda line: f"421 4.7.0 {line.split()[-1]}",
            lambda line: f"{line}\r\n".encode(),
            lambda line: f"250-{line}\r\n999 {line}\r\n".encode(),
            lambda line: PASSWORD.encode() + b"\r\n",
        ],
    )
    def test_when_the_server_repeats_it(
        self, echo: Any, method: str, password: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with SMTPServer(users={USER: "another"}, auth=[method]) as server:
            server.script("AUTH", lambda line, session: echo(line))
            server.script("RESPONSE", lambda line, session: echo(line))
            self.attack(caplog, server, auth=method, password=password)

    def test_when_the_write_fails(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from simplemail.smtp.channel import Channel

        write = Channel.write

        def failing(self: Channel, data: bytes) -> None:
            if data.startswith(b"AUTH"):
                raise ConnectionResetError(104, "Connection reset by peer")
            write(self, data)

        monkeypatch.setattr(Channel, "write", failing)
        with server_offering("PLAIN") as server:
            self.attack(caplog, server)

    def test_when_it_is_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from simplemail.smtp.channel import Channel

        write = Channel.write

        def interrupted(self: Channel, data: bytes) -> None:
            if data.startswith(b"AUTH"):
                raise KeyboardInterrupt
            write(self, data)

        monkeypatch.setattr(Channel, "write", interrupted)
        with server_offering("PLAIN") as server:
            with pytest.raises(KeyboardInterrupt) as info:
                send_mail(
                    "Hi", "Text", "a@example.com", ["b@example.com"],
                    connection=get_connection(
                        f"smtp://127.0.0.1:{server.port}", username=USER, password=PASSWORD
                    ),
                )  # fmt: skip

            assert leaks(info.value, PASSWORD) == []

    @pytest.mark.parametrize("password", [PASSWORD.encode(), lambda: [PASSWORD], PASSWORD + "\0"])
    def test_when_it_is_no_text_that_can_be_sent(self, password: Any) -> None:
        with server_offering("PLAIN") as server, pytest.raises(InvalidMailer) as info:
            get_connection(
                f"smtp://127.0.0.1:{server.port}", username=USER, password=password
            ).open()

        assert leaks(info.value, PASSWORD) == []

    def test_when_the_callable_fails_its_own_frames_stay(self) -> None:
        def broken() -> str:
            raise LookupError("no token today")

        with server_offering("PLAIN") as server, pytest.raises(LookupError) as info:
            get_connection(f"smtp://127.0.0.1:{server.port}", username=USER, password=broken).open()

        assert info.traceback[-1].name == "broken"

    def test_in_send_mail(self) -> None:
        with server_offering("PLAIN") as server:
            server.script("AUTH", "535 5.7.8 No")
            with (
                override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=server.port),
                pytest.raises(smtplib.SMTPAuthenticationError) as info,
            ):
                send_mail(
                    "Hi", "Text", "a@example.com", ["b@example.com"],
                    auth_user=USER, auth_password=PASSWORD,
                )  # fmt: skip

        assert leaks(info.value, PASSWORD) == []

    def test_in_a_call_with_contradicting_arguments(self) -> None:
        with pytest.raises(TypeError) as info:
            send_mail(
                "Hi", "Text", None, ["b@example.com"], using="default", auth_password=PASSWORD
            )

        assert leaks(info.value, PASSWORD) == []

    @pytest.mark.parametrize(
        "make",
        [
            lambda: get_connection("smtp", host="h", password=PASSWORD, bogus=1),
            lambda: get_connection("smtp", host="h", pasword=PASSWORD),
            lambda: get_connection("smtp", host="h", password=PASSWORD, timeout="x"),
            lambda: get_connection("memory", host="h", pass_word=PASSWORD),
            lambda: get_connection(f"smtp://ann:{PASSWORD}@h?timeout=x"),
            lambda: get_connection(f"smtp://ann:{PASSWORD}%zz@h"),
            lambda: get_connection(f"smtp://ann:{PASSWORD}@[h"),
            lambda: get_connection(f"smtp://ann@h?password={PASSWORD}&bogus=1"),
            lambda: configure(EMAIL_PASSWORD=PASSWORD),
            lambda: configure(EMAIL_HOST_PASSWORD=PASSWORD, BOGUS=1),
            lambda: override_settings(EMAIL_HOST_PASSWORD=PASSWORD, BOGUS=1),
        ],
    )
    def test_in_what_configures(self, make: Any) -> None:
        with pytest.raises((TypeError, InvalidMailer)) as info:
            make()

        assert leaks(info.value, PASSWORD) == []

    @pytest.mark.parametrize(
        "entry",
        [
            {"BACKEND": "smtp", "OPTIONS": {"host": "h", "password": PASSWORD, "bogus": 1}},
            {"BACKEND": "smtp", "OPTIONS": {"password": PASSWORD}},
            {"BACKEND": "smtp", "OPTIONS": {"host": "h", "password": PASSWORD}, "X": 1},
            f"smtp://ann:{PASSWORD}@h?timeout=x",
        ],
    )
    def test_in_an_entry_of_mailers(self, entry: Any) -> None:
        with (
            override_settings(MAILERS={"default": entry}),
            pytest.raises(InvalidMailer) as info,
        ):
            mailers["default"]

        assert leaks(info.value, PASSWORD) == []

    def test_in_the_mailer_itself(self) -> None:
        mailer = get_connection("smtp", host="h", username=USER, password=PASSWORD)

        assert PASSWORD not in f"{mailer} {mailer!r} {vars(mailer)}"
        assert mailer.password == PASSWORD
