"""A delivery error says what happened where, and what would help."""

from __future__ import annotations

import errno
import pickle
import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from simplemail.backends.smtp import EmailBackend
from simplemail.smtp.hints import explain, explain_refusal


def failed_handshake(certificate: Path, ca: Path, name: str) -> OSError:
    """What TLS says of a certificate, without a network in between."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context(cafile=ca).wrap_bio(
        to_client, to_server, server_hostname=name
    )
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            return error
    raise AssertionError("the certificate is good")


@pytest.mark.parametrize(
    ("certificate", "name", "sentence", "remedy"),
    [
        ("wrong-host.pem", "localhost", "is for another name", "a name that is in the certif"),
        ("wrong-host.pem", "127.0.0.1", "is for another name", "a name that is in the certif"),
        ("expired.pem", "localhost", "has expired", "must renew it"),
    ],
)
def test_a_bad_certificate_is_explained(certificate, name, sentence, remedy, tls_dir):
    error = failed_handshake(tls_dir / certificate, tls_dir / "ca.pem", name)

    explain(error, "mail.example.com:587")

    assert f"The certificate of mail.example.com:587 {sentence}" in str(error)
    assert remedy in str(error)


def test_an_unknown_ca_is_explained(tls_dir):
    error = failed_handshake(tls_dir / "server.pem", tls_dir / "other-ca.pem", "localhost")

    explain(error, "mail.example.com:587")

    assert "The certificate of mail.example.com:587 is not trusted" in str(error)
    assert "ca_file" in str(error)


WHERE = "mail.example.com:587"


def explained(error, **details):
    explain(error, WHERE, **details)
    return error


def answering(asked, error):
    """Return the error as it is where the server should have answered what was asked."""
    error.in_answer_to = asked
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError("timed out"), f"No answer from {WHERE} within 5 seconds; .*raise timeout"),
        (
            answering("the connection", TimeoutError("No reply from the server for 5 s")),
            rf"{WHERE} within 5 seconds, although it accepted .*.*smtps:// \(use_ssl\)",
        ),
        (
            answering("the connection", smtplib.SMTPException("The server said b'x'")),
            f"is {WHERE} a mail server, and does it accept mail from this machine",
        ),
        (
            smtplib.SMTPException("He said b'x' before"),
            f"x' before; the server was {WHERE}",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            rf"Can't find {WHERE} \(Name or service not known\); check the host name",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
            f"Connection refused by {WHERE}; is the server running.*587 for smtp.tls:// or use_tls",
        ),
        (
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            rf"{WHERE} was lost \(Connection reset by peer\); .*465 for smtps:// or use_ssl",
        ),
        (
            smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
            rf"The connection to {WHERE} was lost \(Connection unexpectedly closed\)",
        ),
        (
            OSError(errno.ENETUNREACH, "Network is unreachable"),
            rf"Can't connect to {WHERE} \(Network is unreachable\); check host, port and network",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory"),
            r"Can't read ca_file, ssl_certfile or ssl_keyfile \(No such file or directory\)",
        ),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
            rf"The TLS handshake with {WHERE} failed \(\[SSL: WRONG_VERSION.*use_tls means",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else "",
)
def test_says_where_and_what_would_help(error, text):
    kind, number = type(error), error.errno

    explained(error, timeout=5)

    assert type(error) is kind
    assert error.errno == number
    with pytest.raises(kind, match=text):
        raise error


@pytest.mark.parametrize("reply", [b"5.7.8 Wrong", "5.7.8 Wrong", b"5.7.8 \xff Wrong"])
def test_a_reply_keeps_its_code_and_gets_the_hint(reply):
    error = explained(smtplib.SMTPAuthenticationError(535, reply), hint="check the password")

    assert error.smtp_code == 535
    assert error.smtp_error == reply
    assert error.args[0] == 535
    assert error.args[1].startswith("5.7.8")
    assert error.args[1].endswith("Wrong; check the password")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            smtplib.SMTPConnectError(554, b"5.7.1 No"),
            f"is {WHERE} a mail server, and does it accept",
        ),
        (
            smtplib.SMTPConnectError(450, b"4.3.2 No"),
            f"{WHERE} is temporarily unavailable; try again later",
        ),
        (
            smtplib.SMTPHeloError(550, b"5.7.1 No"),
            f"{WHERE} rejected this machine's name; set local_hostname",
        ),
        (
            answering("STARTTLS", smtplib.SMTPResponseException(554, b"5.7.1 No")),
            f"{WHERE} refused STARTTLS",
        ),
        (
            answering("STARTTLS", smtplib.SMTPResponseException(454, b"4.7.0 No")),
            f"{WHERE} is temporarily unavailable; try again",
        ),
        (
            smtplib.SMTPHeloError(450, b"4.7.1 Helo command rejected: Host not found"),
            f"{WHERE} rejected this machine's name; set local_hostname",
        ),
    ],
)
def test_a_server_that_refuses_a_session_is_named_with_a_remedy(error, remedy):
    reply = error.smtp_error.decode()

    explained(error)

    assert error.args[1].startswith(f"{reply}; {remedy}")


@pytest.mark.parametrize(
    ("reply", "use_tls", "remedy"),
    [
        (b"5.7.0 Must issue a STARTTLS command first", False, "use smtp+tls:// (use_tls"),
        (b"5.7.0 Must issue a STARTTLS command first", True, "set username and password"),
        (b"5.7.0 Authentication required", False, "set username and password"),
    ],
)
def test_a_server_that_wants_more_first_is_named_with_a_remedy(reply, use_tls, remedy):
    mailer = EmailBackend("mail.example.com", 587, use_tls=use_tls)
    sender = smtplib.SMTPSenderRefused(530, reply, "ann@example.com")
    recipient = smtplib.SMTPRecipientsRefused({"bob@example.com": (530, reply)})

    for error in (sender, recipient):
        explain_refusal(error, mailer)

    assert sender.args[1].startswith(f"{reply.decode()}; {WHERE} requires")
    assert remedy in sender.args[1]
    assert sender.args[2] == "ann@example.com"
    assert recipient.args == ({"bob@example.com": (530, reply)},)
    assert remedy in recipient.__notes__[0]
    assert pickle.loads(pickle.dumps(recipient)).__notes__ == recipient.__notes__


def test_a_server_that_does_not_relay_for_strangers_wants_a_login():
    error = smtplib.SMTPRecipientsRefused({"bob@example.com": (550, b"5.7.1 Relaying denied")})

    explain_refusal(error, EmailBackend("mail.example.com", 587))

    assert error.__notes__ == [f"{WHERE} requires a login; set username and password"]


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPSenderRefused(530, b"5.7.0 Authentication required", "ann@example.com"),
        smtplib.SMTPSenderRefused(550, b"5.1.0 No such sender", "ann@example.com"),
        smtplib.SMTPRecipientsRefused({"bob@example.com": (550, b"5.1.1 No such user")}),
        ValueError("relay"),
    ],
)
def test_other_refusals_stay_as_they_are(error):
    before = error.args

    explain_refusal(error, EmailBackend("mail.example.com", 587, "me", "secret", use_tls=True))

    assert error.args == before
    assert not hasattr(error, "__notes__")


def test_without_anything_to_add_an_error_stays_as_it_is():
    error = explained(smtplib.SMTPNotSupportedError("No AUTH"))

    assert error.args == ("No AUTH",)


def test_the_callers_hint_comes_last():
    error = explained(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), hint="do this")

    assert str(error).endswith("; do this")


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("timed out"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        socket.gaierror(socket.EAI_NONAME, "unknown"),
        smtplib.SMTPServerDisconnected("closed"),
        smtplib.SMTPAuthenticationError(535, b"no"),
        smtplib.SMTPConnectError(554, b"no"),
        smtplib.SMTPSenderRefused(550, b"no", "ann@example.com"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_explained_errors_survive_pickle(error):
    explained(error, hint="a hint")

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert "a hint" in str(again)
