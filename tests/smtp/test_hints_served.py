"""What an error advises, where a real server gave the reason."""

from __future__ import annotations

import re
import ssl
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simplemail import EmailMessage, get_connection
from simplemail.backends.smtp import EmailBackend
from simplemail.exceptions import Secret
from simplemail.smtp.login_hints import after_login
from simplemail.testing.server import TLS_DIR, Close, Silence, SMTPServer

DATA = Path(__file__).parent.parent / "data" / "tls"
CA, OTHER_CA = TLS_DIR / "ca.pem", TLS_DIR / "other-ca.pem"


def what_it_says(mailer: EmailBackend) -> str:
    """Send a message, and return the error's text with its notes."""
    message = EmailMessage("Hi", "Text", "me@example.com", ["ann@example.com"])
    with pytest.raises(OSError) as info:  # noqa: PT011 - each case has its own
        mailer.send_messages([message])
    return "\n".join([str(info.value), *getattr(info.value, "__notes__", [])])


@dataclass
class Case:
    """A server, what it is told to answer, a mailer, what the error says, and what it doesn't."""

    server: dict[str, Any]
    says: str
    never: str = "(never)"
    options: dict[str, Any] = field(default_factory=dict)
    script: tuple[tuple[str, Any], ...] = ()
    url: str = ""


LOGIN = {"users": {"u": "p"}, "auth": ["LOGIN"]}
SECOND = {"timeout": 0.3}

CASES = {
    "login on a server that has it within TLS only": Case(
        {"starttls": True, **LOGIN}, r"use smtp\+tls://", url="smtp://u:p@127.0.0.1:{port}"
    ),
    "login on a server that has none": Case(
        {}, "offers no AUTH at all; leave out user name", url="smtp://u:p@127.0.0.1:{port}"
    ),
    "no greeting": Case(
        {}, "within 0.3 seconds, .* use smtps://", options=SECOND, script=(("GREETING", Silence()),)
    ),
    "no greeting after TLS": Case(
        {"tls": True},
        "to the connection within 0.3 seconds, .* it may be overloaded",
        "use_ssl|port 465",
        SECOND,
        (("GREETING", Silence()),),
    ),
    "no handshake from the start": Case(
        {"tls": True},
        "to the TLS handshake within 0.3 seconds; .* STARTTLS",
        "firewall",
        SECOND,
        (("HANDSHAKE", Silence()),),
    ),
    "no handshake after STARTTLS": Case(
        {"starttls": True},
        "to the TLS handshake within 0.3 seconds, .* overloaded",
        "firewall|use_tls",
        SECOND,
        (("HANDSHAKE", Silence()),),
    ),
    **{
        f"silence after {command}": Case(
            {"starttls": command == "STARTTLS", "auth_in_clear": True, **LOGIN},
            f"to {shown} within 0.3 seconds, although it answered before; it may be overloaded",
            "firewall|check host",
            SECOND,
            ((command, Silence()),),
        )
        for command, shown in [
            ("EHLO", "EHLO"),
            ("STARTTLS", "STARTTLS"),
            ("AUTH", "AUTH"),
            ("RESPONSE", "AUTH"),
        ]
    },
    **{
        f"hang-up after {command}": Case(
            LOGIN,
            "was lost .*; it had answered before, so the server's log",
            "the port right",
            script=((command, Close()),),
        )
        for command in ("EHLO", "AUTH")
    },
    "TLS from the start on a server without": Case(
        {},
        r"handshake .* failed .*; if it expects STARTTLS \(port 587\), use smtp\+tls://",
        url="smtps://127.0.0.1:{port}",
    ),
    **{
        f"source_address {source!r}": Case(
            {},
            f"Can't use source_address {re.escape(repr(source))} .*; it must be an address of this",
            "check host",
            {"source_address": source},
        )
        for source in [("192.0.2.1", 0), ("2001:db8::1", 0), ("::1", 0), ("no.such.invalid", 0)]
    },
    **{
        f"{command}: {words}": Case(
            LOGIN, f"from_email must be an address that {who} may send from", script=script, url=url
        )
        for words in [
            "553 5.7.1 <me@example.com>: Sender address rejected: not owned by user u",
            "550 5.7.60 Client does not have permissions to send as this sender",
            "554 5.2.252 SendAsDenied; me@example.com not allowed",
            "553 Relaying disallowed as me@example.com",
            "550 5.7.1 Sender mismatch",
        ]
        for command in ("MAIL", "RCPT", "END")
        for script in [((command, words),)]
        for who, url in [("u", ""), *([] if "elay" in words else [("the account", "{bare}")])]
    },
    "a sender that SES doesn't know": Case(
        LOGIN,
        "the provider must verify the sender first",
        script=(("END", "554 Message rejected: Email address is not verified."),),
    ),
    "a sender that must log in": Case(
        LOGIN,
        "requires a login",
        script=(("RCPT", "553 5.7.1 Sender address rejected: not logged in"),),
        url="{bare}",
    ),
    "a name that is refused": Case(
        {},
        "rejected this machine's name; set local_hostname",
        script=(("RCPT", "504 5.5.2 Helo command rejected: need fully-qualified hostname"),),
    ),
    "a name of ours that is refused": Case(
        {},
        "rejected the name in local_hostname",
        "set local_hostname",
        {"local_hostname": "us.example.com"},
        (("RCPT", "504 5.5.2 Helo command rejected: Host not found"),),
    ),
    "a second greeting that is refused": Case(
        LOGIN,
        "wants no second greeting after the login; leave out ehlo_after_auth",
        "local_hostname",
        {"ehlo_after_auth": True},
        (
            ("EHLO", [None, "503 5.5.1 Already greeted"]),
            ("HELO", "503 5.5.1 Already greeted"),
        ),
    ),
    "a name of ours that is refused in EHLO": Case(
        {},
        "rejected the name in local_hostname",
        "set local_hostname",
        {"local_hostname": "us.example.com"},
        (("EHLO", "450 4.7.1 Helo command rejected"), ("HELO", "450 4.7.1 Helo refused")),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_advice_fits(case: Case) -> None:
    with SMTPServer(**case.server) as server:
        for command, answer in case.script:
            server.script(command, answer)
        bare = f"smtp://127.0.0.1:{server.port}"
        url = case.url.format(port=server.port, bare=bare) or server.url

        text = what_it_says(get_connection(url, **case.options))

    assert re.search(case.says, text), text
    assert not re.search(case.never, text), text


@pytest.mark.parametrize(
    ("username", "password", "hint"),
    [
        ("u", "s3cret\n", "the password begins or ends with white space"),
        ("u", "\ts3cret", "the password begins or ends with white space"),
        ("u ", "s3cret", "the user name begins or ends with white space"),
        ("u\xa0", "s3cret", "the user name begins or ends with white space"),
        ("u", "s3\xa0cret", "the password contains a no-break space or an invisible character"),
        ("u", "\ufeffs3cret", "the password contains a no-break space or an invisible character"),
        ("u\u200b", "s3cret", "the user name contains a no-break space or an invisible character"),
        ("u", "'s3cret'", "the password is in quotes"),
        ('"u"', "s3cret", "the user name is in quotes"),
    ],
)
@pytest.mark.parametrize("as_token", [False, True], ids=["password", "token"])
def test_a_login_that_was_read_carelessly(
    username: str, password: str, hint: str, as_token: bool
) -> None:
    if as_token and not password.isprintable() and password.isascii():
        pytest.skip("a token with a control character is never sent")
    with SMTPServer(users={"u": "p"}, auth=["XOAUTH2" if as_token else "PLAIN"]) as server:
        text = what_it_says(
            get_connection(
                f"smtp://127.0.0.1:{server.port}",
                username=username,
                password=(lambda: password) if as_token else password,
            )
        )

    assert (hint.replace("password", "token") if as_token else hint) in text
    assert "cret" not in text


@pytest.mark.parametrize(
    ("host", "words", "with_token"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", "AWS access keys don't work", "the token may have"),
        ("smtp.gmail.com", "create an app password", "scope https://mail.google.com/"),
        ("smtp.office365.com", r"use OAuth|expects OAuth", "the permission SMTP.Send"),
        ("smtp.mail.yahoo.com", "this provider expects an app password", "the token may have"),
        ("smtp.sendgrid.net", "expects 'apikey' as the user name", "the token may have"),
        ("mail.example.com", "many providers require an app password", "the token may have"),
    ],
)
def test_what_a_provider_expects_depends_on_what_was_sent(
    host: str, words: str, with_token: str
) -> None:
    def advice(token: bool) -> str:
        return "; ".join(
            after_login(
                host, 535, encrypted=True, token=token, username="u", secret=Secret("secret")
            )
        )

    assert re.search(words, advice(token=False))
    assert re.search(with_token, advice(token=True))
    assert "app password" not in advice(token=True)
    assert "OAuth (auth=" not in advice(token=True)


def trusting(ca: Path, **limits: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    for name, value in limits.items():
        setattr(context, name, value)
    return context


def old(server: SMTPServer) -> None:
    """Let the server have TLS 1.1, and no newer."""
    context = server.tls_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def without_ciphers(server: SMTPServer) -> None:
    context = server.tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("NULL:@SECLEVEL=0")


def no_authorities(server: SMTPServer) -> None:
    """Nothing: the fixture has taken them from this machine."""


TLS_1_3 = ssl.TLSVersion.TLSv1_3
TLS_1_2 = ssl.TLSVersion.TLSv1_2
WANTED = {"client_ca": CA}
TLS_CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Any, str, str]] = {
    # What the server has, what the mailer has, what is done to the server; what is said, or isn't
    "unknown authority": ({}, {"ca_file": None}, None, "pass ca_file", "ca-certificates"),
    "other ca_file": (
        {},
        {"ca_file": OTHER_CA},
        None,
        "isn't signed by an authority in ca",
        "pass",
    ),
    "own context": (
        {},
        {"ssl_context": trusting(OTHER_CA)},
        None,
        "the ssl_context you passed doesn't trust its authority",
        "ca_file",
    ),
    "no authorities here": (
        {},
        {"ca_file": None},
        no_authorities,
        "this machine has no certificate authorities; install them",
        "if your own CA",
    ),
    "not yet valid": (
        {"certificate": DATA / "not-yet-valid.pem"},
        {"ca_file": DATA / "not-yet-valid.pem"},
        None,
        "isn't valid yet; check this machine's clock",
        "ca_file",
    ),
    "expired": (
        {"certificate": TLS_DIR / "expired.pem"},
        {},
        None,
        "has expired; .*renew it",
        "ca_file",
    ),
    "another name": (
        {"certificate": TLS_DIR / "wrong-host.pem"},
        {},
        None,
        "set host to a name that is in",
        "server_hostname",
    ),
    "another name than ours": (
        {},
        {"server_hostname": "other.example"},
        None,
        "set server_hostname to a name that is in",
        "set host",
    ),
    "client certificate wanted": (
        WANTED,
        {},
        None,
        "client certificate; set ssl_certfile=",
        "port",
    ),
    "client certificate wanted, own context": (
        WANTED,
        {"ssl_context": trusting(CA)},
        None,
        "requires a client certificate, and the ssl_context you passed has none",
        "ssl_certfile|the port right",
    ),
    "client certificate of a stranger": (
        WANTED,
        {"ssl_certfile": DATA / "stranger.pem"},
        None,
        "it may have rejected the client certificate",
        "set ssl_certfile|the port right",
    ),
    "client certificate wanted in TLS 1.2": (
        {
            **WANTED,
            "before": lambda server: setattr(server.tls_context(), "maximum_version", TLS_1_2),
        },
        {},
        None,
        "may require a client certificate: set ssl_certfile=",
        "the port right",
    ),
    "TLS too old": ({}, {}, old, "it lacks TLS 1.2, or its keys are too weak", "certificate"),
    "ciphers too old": ({}, {}, without_ciphers, "; otherwise it lacks TLS 1.2", "the port right"),
    "TLS too old for ours": (
        {},
        {"ssl_context": trusting(CA, minimum_version=TLS_1_3)},
        without_ciphers,
        "none of the TLS versions and ciphers of the ssl_context you passed",
        "its operator",
    ),
}


@pytest.fixture
def nothing_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.pem").touch()
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


@pytest.mark.parametrize("way", ["tls", "starttls"])
@pytest.mark.parametrize("name", TLS_CASES)
def test_the_advice_about_tls_fits(name: str, way: str, request: pytest.FixtureRequest) -> None:
    theirs, ours, change, says, never = TLS_CASES[name]
    theirs = dict(theirs)
    change = theirs.pop("before", change)
    if change is no_authorities:
        request.getfixturevalue("nothing_trusted")
    with SMTPServer(**{way: True}, **theirs) as server:
        if change is not None:
            change(server)
        scheme = "smtps" if way == "tls" else "smtp+tls"
        options = {"ca_file": CA} | ours
        text = what_it_says(get_connection(f"{scheme}://127.0.0.1:{server.port}", **options))

    assert re.search(says, text), text
    assert not re.search(never, text), text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (23, "was revoked"),
        (66, "has a key that is too weak"),
        (67, "whose key is too weak"),
        (68, "with an algorithm that is too weak"),
    ],
)
def test_no_ca_file_helps_against_a_bad_certificate(code: int, words: str) -> None:
    from simplemail.smtp.hints import explain

    error = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed")
    error.verify_code, error.verify_message = code, "for OpenSSL's own reason"
    for given in ((), ("ca_file",)):
        explain(error, "mail.example.com:587", given=given)

        assert words in str(error)
        assert "ca_file" not in str(error)
