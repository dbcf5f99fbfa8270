"""Who sends a message if nobody has said so, and a sender that means nothing elsewhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import simplemail
from simplemail import (
    EmailMessage,
    get_connection,
    mail_admins,
    override_settings,
    send_mail,
)
from simplemail.backends.smtp import EmailBackend
from simplemail.smtp import local_sender
from simplemail.testing.server import SMTPServer

ME = "me@example.com"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "EMAIL_URL"):
        monkeypatch.delenv(name, raising=False)
    with override_settings(DEFAULT_FROM_EMAIL=None, SERVER_EMAIL=None):
        yield


@pytest.fixture
def server() -> Any:
    with SMTPServer(users={ME: "secret"}) as server:
        yield server


def senders(server: SMTPServer) -> list[tuple[str, str]]:
    """Of each message, the one in the envelope and the one in the header."""
    return [(mail.sender, str(mail.message["From"])) for mail in server.messages]


class TestTheUserNameOfTheMailer:
    def test_is_the_sender_if_it_is_an_address(self, server: SMTPServer) -> None:
        with override_settings(EMAIL_URL=server.url, ADMINS=["root@example.com"]):
            send_mail("Hi", "Text", None, ["ann@example.com"])
            EmailMessage("Hi", "Text", to=["ann@example.com"]).send()
            mail_admins("Hi", "Text")
            simplemail.deliver([EmailMessage("Hi", "Text", to=["ann@example.com"])])

        assert senders(server) == [(ME, ME)] * 4

    @pytest.mark.parametrize("way", ["failover", "roundrobin", "tee"])
    def test_counts_through_mailers_that_hold_others(self, way: str, server: SMTPServer) -> None:
        held: dict[str, Any] = {"mailers": [server.url]}
        if way == "tee":
            held = {"mailer": server.url, "copies": ["dummy:"]}
        mailer = get_connection(way, **held)
        EmailMessage("Hi", "Text", to=["ann@example.com"], connection=mailer).send()

        assert senders(server) == [(ME, ME)]

    def test_counts_for_a_message_that_makes_itself(self, server: SMTPServer) -> None:
        class Own(EmailMessage):
            def message(self, **options: Any) -> Any:
                made = super().message(**options)
                made["X-Own"] = "yes"
                return made

        message = Own("Hi", "Text", to=["ann@example.com"])
        get_connection(server.url).send_messages([message])

        assert senders(server) == [(ME, ME)]
        assert message.from_email == "webmaster@localhost"

    @pytest.mark.parametrize(
        "name", ["apikey", "", "@", "Ann <ann@example.com>", "a b@example.com"]
    )
    def test_that_is_no_address_changes_nothing(self, name: str, server: SMTPServer) -> None:
        server.users = {name: "secret"}
        mailer = EmailBackend(server.host, server.port, name, "secret")
        mailer.send_messages([EmailMessage("Hi", "Text", to=["ann@example.com"])])

        assert senders(server) == [("webmaster@localhost",) * 2]

    @pytest.mark.parametrize("where", ["settings", "environment", "message", "as Django's default"])
    def test_gives_way_to_all_that_is_said(
        self, where: str, server: SMTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given, settings = None, {}
        said = "webmaster@localhost" if where == "as Django's default" else "shop@example.com"
        if where == "environment":
            monkeypatch.setenv("DEFAULT_FROM_EMAIL", said)
        elif where == "message":
            given = said
        else:
            settings = {"DEFAULT_FROM_EMAIL": said}
        with override_settings(EMAIL_URL=server.url, **settings):
            send_mail("Hi", "Text", given, ["ann@example.com"])

        assert senders(server) == [(said, said)]

    def test_is_what_the_check_asks_for(self, server: SMTPServer) -> None:
        get_connection(server.url).check()

        assert f"mail from:<{ME}>" in [line.lower() for line in server.commands]


class TestASenderOfThisMachineAlone:
    @pytest.fixture(autouse=True)
    def forgetful(self) -> None:
        local_sender._warn.cache_clear()

    @pytest.fixture
    def elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the server be on another machine, as far as our socket knows."""
        monkeypatch.setattr("simplemail.smtp.login.is_loopback", lambda sock: False)

    def send(self, server: SMTPServer, *senders: str) -> None:
        mailer = get_connection(f"smtp://127.0.0.1:{server.port}")
        mailer.send_messages([EmailMessage("Hi", "T", s, ["ann@example.com"]) for s in senders])

    @pytest.mark.usefixtures("elsewhere")
    def test_is_warned_about_once(
        self, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(3):
            self.send(smtp_server, "root@localhost", "root@localhost", "cron@LOCALHOST")

        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert [text.split()[2] for text in warnings] == ["root@localhost", "cron@LOCALHOST"]
        assert all("set DEFAULT_FROM_EMAIL" in text for text in warnings)

    @pytest.mark.usefixtures("elsewhere")
    @pytest.mark.parametrize("sender", ["me@example.com", "me@localhost.example.com"])
    def test_no_other_is(
        self, sender: str, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.send(smtp_server, sender)

        assert not caplog.records

    def test_not_where_mail_stays_on_this_machine(
        self, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.send(smtp_server, "root@localhost")

        assert not caplog.records
