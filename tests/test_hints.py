"""A delivery error says what happened where, and what would help."""

from __future__ import annotations

import errno
import pickle
import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from simplemail.hints import explain


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
        ("wrong-host.pem", "localhost", "is for another name", "the name that is in the certif"),
        ("wrong-host.pem", "127.0.0.1", "is for another name", "the name that is in the certif"),
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


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError("timed out"), f"No answer from {WHERE} within 5 seconds; .*raise timeout"),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            rf"Can't find the host of {WHERE} \(Name or service not known\); check its name",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
            f"Connection refused by {WHERE}; is the server running.*587 with use_tls",
        ),
        (
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            rf"The connection to {WHERE} was lost \(Connection reset by peer\); .*465 with use_ssl",
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
            rf"TLS failed with {WHERE} \(\[SSL: WRONG_VERSION_NUMBER.*use_tls for STARTTLS",
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
