"""One command, one answer; and what ends the conversation is known afterwards."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterator

import pytest

from simplemail.receipts import Status
from simplemail.smtp.session import Session
from simplemail.testing.server import Close, SMTPServer
from support.sessions import begin, connect, letter


@pytest.fixture
def session(smtp_server: SMTPServer) -> Iterator[Session]:
    session = connect(smtp_server)
    yield session
    session.close()


class TestACommand:
    def test_is_noted_as_it_was_sent(
        self, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "simplemail.wire")
        session = connect(smtp_server)
        session.command("NOOP with words")
        session.close()

        assert "> NOOP with words" in caplog.messages
        assert smtp_server.commands[-1] == "NOOP with words"

    def test_that_is_secret_is_noted_as_it_may_be_shown(
        self, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "simplemail.wire")
        session = connect(smtp_server)
        session.command("NOOP s3cret", "NOOP (not shown)")
        session.close()

        assert "> NOOP (not shown)" in caplog.messages
        assert "s3cret" not in caplog.text
        assert smtp_server.commands[-1] == "NOOP s3cret"

    def test_answered_in_several_lines_is_noted_in_one(
        self, smtp_server: SMTPServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "simplemail.wire")
        smtp_server.script("NOOP", "550-5.7.1 No\n550 5.7.1 CRITICAL:root:forged\x85again\x1b[2J")
        session = connect(smtp_server)
        session.command("NOOP")
        session.close()

        assert all(message.isprintable() for message in caplog.messages)
        assert any(
            message.startswith("< 550 5.7.1 No CRITICAL:root:forged") for message in caplog.messages
        )

    @pytest.mark.parametrize("shown", ["", "NOOP (not shown)"])
    def test_without_an_answer_is_named_by_its_verb(
        self, shown: str, session: Session, smtp_server: SMTPServer
    ) -> None:
        smtp_server.script("NOOP", Close())
        with pytest.raises(smtplib.SMTPServerDisconnected, match=r"\(in answer to NOOP\)") as info:
            session.command("NOOP s3cret", shown)

        assert info.value.in_answer_to == "NOOP"
        assert session.broken

    def test_that_is_answered_by_421_is_the_last(
        self, session: Session, smtp_server: SMTPServer
    ) -> None:
        """RFC 5321, 3.8: whether the server hangs up at once or not."""
        smtp_server.script("NOOP", "421 4.3.2 Shutting down")

        assert session.command("NOOP").code == 421
        assert session.broken
        assert not session.usable
        assert "Shutting down" in str(session.ending)

    @pytest.mark.parametrize("code", [220, 251, 420, 422, 450, 550])
    def test_that_is_answered_by_anything_else_is_not(
        self, code: int, session: Session, smtp_server: SMTPServer
    ) -> None:
        smtp_server.script("NOOP", f"{code} Words")

        assert session.command("NOOP").code == code
        assert session.usable
        assert not session.broken
        assert session.ending is None


def test_one_that_is_retired_quits_with_its_last_message(
    session: Session, smtp_server: SMTPServer
) -> None:
    transactions = [begin(session, letter(0)), begin(session, letter(1))]
    session.retire()

    assert session.finish(transactions[0]) == (Status.SENT, None)
    assert not session.closed
    assert session.finish(transactions[1]) == (Status.SENT, None)
    assert session.closed
    assert smtp_server.commands[-1] == "QUIT"


@pytest.mark.parametrize("code", [250, 249, 251, 451, 502])
def test_after_use_by_others_only_a_reset_makes_it_ours_again(
    code: int, session: Session, smtp_server: SMTPServer
) -> None:
    session.connection.noop()
    smtp_server.script("RSET", f"{code} Words")

    assert session.alive() is (code == 250)
    assert smtp_server.commands[-1] == ("RSET" if code == 250 else "QUIT")


@pytest.mark.parametrize("question", [True, False])
def test_after_use_by_others_nothing_goes_on_out_of_step(
    question: bool, session: Session, smtp_server: SMTPServer
) -> None:
    if question:
        session.connection.putcmd("NOOP")  # and nobody reads the answer
    else:
        session.connection.noop()
        session.connection.needs_tls = True  # and somebody has connected without it

    assert not session.alive()
    assert session.closed
    assert "RSET" not in smtp_server.commands


class TestTheEnd:
    def test_after_it_nothing_can_be_said(self, session: Session, smtp_server: SMTPServer) -> None:
        session.close()
        session.quit()
        with pytest.raises(smtplib.SMTPServerDisconnected, match=r"^The session is closed"):
            session.command("NOOP")

        assert str(session.ending) == "The session is closed"
        assert not {"QUIT", "NOOP"} & {*smtp_server.commands}

    def test_is_near_once_it_is_retired(self, session: Session) -> None:
        session.retire()

        assert not session.usable

    @pytest.mark.parametrize("state", ["changing", "busy"])
    def test_no_goodbye_is_said_into_a_message_or_a_half_done_step(
        self, state: str, session: Session, smtp_server: SMTPServer
    ) -> None:
        if state == "changing":
            session.changing = True
        else:
            begin(session, letter())
        session.say_goodbye()
        session.close()

        smtp_server.wait_for(lambda: smtp_server.open_connections == 0)
        assert "QUIT" not in smtp_server.commands
