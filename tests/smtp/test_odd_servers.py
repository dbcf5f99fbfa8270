"""Servers that don't keep to the RFCs in ways that many don't: mail gets through all the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from simplemail import EmailMessage, InvalidMailer, get_connection, mailers, override_settings
from simplemail.backends.smtp import EmailBackend
from simplemail.receipts import Receipt, Status
from simplemail.smtp import pipeline
from simplemail.testing.server import Close, SMTPServer
from simplemail.testing.server.session import Session
from support.arrived import subjects
from support.ways import Way, adeliver, deliver, iter_deliver, send_messages, send_one_by_one

P, PC = ["PIPELINING"], ["PIPELINING", "CHUNKING"]


def mailer_for(server: SMTPServer, **options: Any) -> EmailBackend:
    options = {"timeout": 5, "local_hostname": "client.example", **options}
    return EmailBackend(host=server.host, port=server.port, **options)


def message(number: int = 0, *to: str) -> EmailMessage:
    return EmailMessage(f"{number}", "Hello\n", "a@x.example", to or ["b@x.example"])


WAYS: list[Way] = [
    deliver, iter_deliver, send_messages, send_one_by_one, adeliver,
]  # fmt: skip
ALL_WAYS = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def send_by(way: Any, server: SMTPServer, count: int, query: str = "") -> list[Receipt]:
    """Send in one of the ways, and check that each message arrived once."""
    with override_settings(EMAIL_URL=f"{server.url}?timeout=5{query}"):
        receipts: list[Receipt] = way(mailers["default"], [message(n) for n in range(count)])
    assert [receipt.status for receipt in receipts] in ([], [Status.SENT] * count)
    arrived = Counter(subjects(server.messages))
    assert arrived == Counter(map(str, range(count)))
    return receipts


# Commands that come together


def one_for_all(line: str, session: Session) -> str | None:
    """Take what came with MAIL for one long command."""
    if line.startswith("MAIL") and session.channel.buffered:
        session.channel.forget(session.channel.buffered)
        return "500 5.5.1 Line too long"
    return None


def answers_each(line: str, session: Session) -> str | None:
    """Refuse each command of a group."""
    return "503 5.5.1 Bad sequence" if session.channel.buffered or together(line, session) else None


def takes_mail_alone(line: str, session: Session) -> str | None:
    """Lose what came with MAIL, and want it again."""
    if line.startswith("RCPT") and session.channel.buffered:
        return "503 5.5.1 Need MAIL before RCPT"
    return None


def loses_the_recipients(line: str, session: Session) -> str | None:
    return "503 5.5.1 Need RCPT before DATA" if together(line, session) else None


def together(line: str, session: Session) -> bool:
    """Is this a DATA that came in one piece with its MAIL?"""
    if line.startswith("MAIL"):
        session.grouped = bool(session.channel.buffered)  # type: ignore[attr-defined]
    return line.startswith("DATA") and getattr(session, "grouped", True)


CONFUSED = pytest.mark.parametrize(
    "confused", [one_for_all, answers_each, takes_mail_alone, loses_the_recipients]
)


def confuse(server: SMTPServer, confused: Any) -> None:
    server.script(re.compile("^(MAIL|RCPT|DATA)"), confused)


@ALL_WAYS
@CONFUSED
def test_a_server_that_only_announces_pipelining(way: Any, confused: Any) -> None:
    with SMTPServer(extensions=P) as server:
        confuse(server, confused)
        send_by(way, server, 3)

        assert not [each for each in server.violations if "before the greeting" not in each]


@CONFUSED
def test_one_more_session_is_enough(confused: Any) -> None:
    with SMTPServer(extensions=P) as server:
        confuse(server, confused)
        send_by(deliver, server, 5)

        assert len(server.connections) == 2


@pytest.mark.parametrize("query", ["&window=16", "&window=16&retries=2", "&keep_alive=60"])
@CONFUSED
def test_a_server_that_only_announces_it_with_other_options(confused: Any, query: str) -> None:
    with SMTPServer(extensions=P) as server:
        confuse(server, confused)
        send_by(deliver, server, 3, query)


@CONFUSED
def test_the_log_names_the_option_once(confused: Any, caplog: pytest.LogCaptureFixture) -> None:
    pipeline._warn_of_groups.cache_clear()
    with SMTPServer(extensions=P) as server:
        confuse(server, confused)
        send_by(send_one_by_one, server, 2)

    [record] = [each for each in caplog.records if "PIPELINING" in each.message]
    assert "extensions='-PIPELINING'" in record.message


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize(
    ("verb", "reply"), [("MAIL", "503 5.5.1 AUTH first"), ("RCPT", "500 No"), ("DATA", "503 Ugh")]
)
def test_a_server_that_means_its_no_is_asked_twice(verb: str, reply: str, retries: int) -> None:
    with SMTPServer(extensions=P) as server:
        server.script(verb, reply)
        [receipt] = mailer_for(server, retries=retries).deliver([message()])

        assert receipt.status is Status.REFUSED
        assert reply in str(receipt.reply or receipt.refused["b@x.example"])
        assert len(server.connections) == 2


@pytest.mark.parametrize("reply", ["550 5.1.1 No", "502 5.5.1 What?", "451 4.3.0 Later"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_another_no_is_about_the_message(verb: str, reply: str) -> None:
    with SMTPServer(extensions=P) as server:
        server.script(verb, reply)
        mailer_for(server).deliver([message()])

        assert len(server.connections) == 1


def test_a_later_no_is_not_about_the_group() -> None:
    with SMTPServer(extensions=P) as server:
        server.script("MAIL", [None, "503 5.5.1 Not you again"])
        receipts = mailer_for(server).deliver([message(0), message(1), message(2)])

        assert [each.status.value for each in receipts] == ["sent", "refused", "sent"]
        assert len(server.connections) == 1


# Extensions that are left out


@pytest.mark.parametrize(
    "extensions", ["-PIPELINING", "-pipelining,-CHUNKING", ["-PIPELINING"], ("-Pipelining", "-DSN")]
)
@CONFUSED
def test_an_extension_may_be_left_out(confused: Any, extensions: Any) -> None:
    with SMTPServer(extensions=PC) as server:
        confuse(server, confused)
        mailer = mailer_for(server, extensions=extensions)

        assert [each.status for each in deliver(mailer, [message(n) for n in range(3)])] == [
            Status.SENT
        ] * 3
        assert len(server.connections) == 1


LEFT_OUT: dict[str, Callable[[Any], bool]] = {
    "CHUNKING": lambda received: received.chunks == 0,
    "8BITMIME": lambda received: received.content.isascii(),
    "SIZE": lambda received: "SIZE" not in received.parameters,
    "DSN": lambda received: "RET" not in received.parameters,
    "NOTHING-SUCH": lambda received: received.chunks == 1,
}


@pytest.mark.parametrize("place", ["url", "settings", "object"])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_each_extension_may_be_left_out(name: str, place: str) -> None:
    with SMTPServer() as server:
        options = {"window": 2, "ret": "HDRS", "extensions": f"-{name}"}
        if place == "url":
            query = "&".join(f"{key}={value}" for key, value in options.items())
            mailer: Any = get_connection(f"{server.url}?{query}")
        elif place == "object":
            mailer = mailer_for(server, **options)
        else:
            options |= {"host": server.host, "port": server.port, "extensions": [f"-{name}"]}
            with override_settings(MAILERS={"default": {"BACKEND": "smtp", "OPTIONS": options}}):
                mailer = mailers["default"]
        [receipt] = mailer.deliver(
            [EmailMessage("Hi", "grüße\n" * 50, "a@x.example", ["b@x.example"])]
        )

        assert receipt.status is Status.SENT
        [received] = server.messages
        assert LEFT_OUT[name](received)
        assert not server.violations


def test_without_smtputf8_what_needs_it_is_refused() -> None:
    with SMTPServer() as server:
        [receipt] = mailer_for(server, extensions="-SMTPUTF8").deliver(
            [message(0, "jörg@x.example")]
        )

        assert receipt.status is Status.REFUSED
        assert not server.messages


@pytest.mark.parametrize("through", ["open", "connection"])
def test_what_was_left_out_stays_out_after_another_ehlo(through: str) -> None:
    with SMTPServer(extensions=PC) as server:
        mailer = mailer_for(server, extensions="-PIPELINING")
        with mailer:
            if through == "connection":
                mailer.connection.ehlo("client.example")

            assert not mailer.connection.has_extn("pipelining")
            assert mailer.connection.has_extn("chunking")


@pytest.mark.parametrize(
    "wrong", ["PIPELINING", "-", ["-PIPELINING", "DSN"], 5, [5], "+DSN", "-a b"]
)
def test_extensions_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidMailer, match="'extensions' must be a list of those to leave out"):
        EmailBackend(host="h.example", extensions=wrong)


@pytest.mark.parametrize("name", ["STARTTLS", "AUTH", "auth"])
def test_what_other_options_decide_is_refused(name: str) -> None:
    with pytest.raises(InvalidMailer, match=f"can't leave {name.upper()} out, because '"):
        EmailBackend(host="h.example", extensions=f"-{name}")


# 221, unasked


# With BDAT, the next message has left when the goodbye comes.
BIDDEN = [
    (kind, query)
    for kind in (P, PC, [])
    for query in ("", "&window=4", "&keep_alive=60")
    if kind is not PC or "window" not in query
]


@ALL_WAYS
@pytest.mark.parametrize(("extensions", "query"), BIDDEN)
def test_a_goodbye_after_each_message_is_no_doubt(
    way: Any, extensions: list[str], query: str
) -> None:
    with SMTPServer(extensions=extensions) as server:
        server.script("END", Close(b"250 2.0.0 Ok\r\n221 2.0.0 Goodbye\r\n", accept=True))
        send_by(way, server, 3, query)


@pytest.mark.parametrize("extensions", [P, PC, []], ids=str)
@pytest.mark.parametrize(
    ("verb", "status"),
    [("MAIL", "deferred"), ("RCPT", "deferred"), ("DATA", "deferred"), ("END", "unknown")],
)
def test_a_goodbye_is_no_yes(extensions: list[str], verb: str, status: str) -> None:
    with SMTPServer(extensions=extensions) as server:
        server.script(verb, Close(b"221 2.0.0 Goodbye\r\n"))
        [receipt] = mailer_for(server).deliver([message()])

        assert receipt.status.value == status
        assert "221" in str(receipt.error)
        assert not server.messages


# Line ends, and codes that differ


@ALL_WAYS
def test_a_server_that_ends_its_lines_in_lf(way: Any) -> None:
    def in_lf(line: str, session: Session) -> None:
        write = session.channel.write
        if not hasattr(session, "in_lf"):
            session.in_lf = True  # type: ignore[attr-defined]
            session.channel.write = lambda data: write(data.replace(b"\r\n", b"\n"))  # type: ignore[method-assign]

    with SMTPServer() as server:
        server.script(re.compile(""), in_lf)
        send_by(way, server, 3)


@pytest.mark.parametrize("extensions", [P, PC, []], ids=str)
@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"250-2.0.0 Ok\r\n251 2.0.0 queued\r\n", "sent"),
        (b"550-5.7.1 Rejected\r\n250 2.0.0 Ok\r\n", "refused"),
        (b"250-2.0.0 Ok\r\n451 4.3.0 But not now\r\n", "deferred"),
        (b"451-4.3.0 Not now\r\n550 5.7.1 Never\r\n", "refused"),
    ],
)
def test_a_no_in_any_line_is_a_no(
    extensions: list[str], window: int, reply: bytes, status: str
) -> None:
    with SMTPServer(extensions=extensions) as server:
        server.script("END", reply)
        [receipt] = mailer_for(server, window=window).deliver([message()])

        assert receipt.status.value == status
