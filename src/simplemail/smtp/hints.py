"""Adds to errors where they happened and how to fix them.

The error's type, numbers and attributes decide, above all `in_answer_to`: the command, or "the
connection", that the server was answering. A server's words only choose a hint.
"""

from __future__ import annotations

import socket

from ..exceptions import Secret
from ..light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

THE_CONNECTION = "the connection"
"""What the greeting answers, because in SMTP the server speaks first."""

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
NAME_MISMATCH = (62, 64)

# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET, _EXPIRED = 9, 10

# OpenSSL's reasons, as `ssl.SSLError.reason` has them.
_WANTS_CERTIFICATE = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE")
_TOO_OLD = (
    *("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"),
    *("WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"),
)

_PROVIDERS = {
    ("gmail.com", "google.com", "googlemail.com"): (
        "Gmail doesn't accept the account's password here; create an app password at "
        "https://myaccount.google.com/apppasswords, or use OAuth (auth='xoauth2')"
    ),
    ("office365.com", "outlook.com", "hotmail.com", "live.com"): (
        "Microsoft expects OAuth (auth='xoauth2'), and SMTP AUTH must be enabled for the mailbox"
    ),
    ("yahoo.com", "aol.com", "icloud.com", "me.com", "fastmail.com", "zoho.com", "gmx.com"): (
        "this provider expects an app password; create one in its account settings"
    ),
    ("sendgrid.net",): "the user name must be 'apikey', and the password an API key",
    ("amazonaws.com",): (
        "Amazon SES needs SMTP credentials; create them in the SES console for this region "
        "(AWS access keys don't work)"
    ),
}

# Hints don't suggest one of these if the caller has already set it.
_OPTIONS = ("ca_file", "ssl_certfile", "ssl_context", "local_hostname", "use_tls", "use_ssl")


def given_by(mailer: Any) -> frozenset[str]:
    """Return the names of the mailer's options that no hint needs to advise."""
    return frozenset(name for name in _OPTIONS if vars(mailer).get(name))


def explain(
    error: OSError,
    where: str,
    *,
    timeout: float = 0,
    hint: str = "",
    given: Collection[str] = (),
) -> None:
    """Rewrite the error's text in place, keeping its type, its numbers and its attributes.

    `where` is the server, "host:port"; `hint` is what the caller knows about the reason; `given`
    are the options that were given.
    """
    sentence = _sentence(error, where, timeout, given)
    if sentence or hint:
        _rewrite(error, "; ".join(filter(None, [sentence or _said(error), hint])))


def explain_refusal(error: BaseException | None, mailer: Any) -> None:
    """Add a remedy to the error of a server that only takes mail from those it knows.

    In smtplib's error for refused recipients, which has no text but theirs, it is a note.
    """
    if not isinstance(error, OSError):
        return
    recipients = getattr(error, "recipients", {})
    sender_answer = (getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b""))
    remedy = _remedy([*recipients.values(), sender_answer], mailer)
    if remedy and recipients:
        error.add_note(remedy)
    elif remedy:
        _rewrite(error, f"{_said(error)}; {remedy}")


def offers(methods: Sequence[str]) -> str:
    """Describe which AUTH methods a server offers."""
    return f"offers AUTH {' '.join(methods)}" if methods else "offers no AUTH at all"


def about_auth(features: Mapping[str, str], offered: Sequence[str], *, encrypted: bool) -> str:
    """Return what would help where no AUTH method will do, with "; " before it, or ""."""
    if "starttls" in features and not encrypted and not offered:
        return "; it may offer it after STARTTLS: use smtp+tls:// (use_tls)"
    if {"XOAUTH2", "OAUTHBEARER"} & {*offered}:
        return (
            "; to use OAuth, set 'password' to a callable that returns a token, or name the method "
            "in 'auth'"
        )
    if "EXTERNAL" in offered:
        return "; to log in with a client certificate (ssl_certfile), set auth='external'"
    return ""


def after_login(host: str, code: int, encrypted: bool, secret: Secret) -> list[str]:
    """Return what would help after the server has refused a login with this code."""
    if code < 500:
        return ["the login failed for now; try again later"]
    # RFC 4954, 6: encryption is required, for this method or for any command.
    if code in (530, 538) and not encrypted:
        return ["the server requires TLS; use smtp+tls:// (use_tls, port 587)"]
    padding = _padding(secret)
    host = host.lower().rstrip(".")
    known = [
        hint
        for domains, hint in _PROVIDERS.items()
        if any(host == domain or host.endswith(f".{domain}") for domain in domains)
    ]
    general = (
        "the server refused the user name or the password; many providers require an app password"
    )
    return [*padding, *(known or [general])]


def _padding(secret: Secret) -> list[str]:
    """Return a hint if the secret has white space that probably came from its file."""
    text = secret.reveal()
    if isinstance(text, str) and text != text.strip():
        return [
            "the password begins or ends with white space; if you read it from a file, strip() it"
        ]
    if isinstance(text, str) and "\N{NO-BREAK SPACE}" in text:
        return ["the password contains a no-break space; type it instead of copying it"]
    return []


def _remedy(answers: Sequence[tuple[int, bytes]], mailer: Any) -> str:
    where = f"{mailer.host}:{mailer.port}"
    words = [text.lower() for _, text in answers]
    wanted = [text.lower() for code, text in answers if code == 530 or b"relay" in text.lower()]
    if any(b"tls" in text for text in wanted) and not (mailer.use_tls or mailer.use_ssl):
        return f"{where} requires TLS; use smtp+tls:// (use_tls, port 587)"
    if wanted and not (mailer.username and mailer.password):
        return f"{where} requires a login; set username and password"
    if any(b"not owned by" in text or b"send as" in text or b"sendas" in text for text in words):
        return (
            f"from_email must be an address that {mailer.username or 'the account'} may send from"
        )
    if any(b"helo" in text or b"ehlo" in text for text in words):
        return _about_our_name(where)
    return ""


def _sentence(error: OSError, where: str, timeout: float, given: Collection[str]) -> str:
    if isinstance(error, TimeoutError):
        return _timeout_sentence(error, where, timeout)
    if isinstance(error, socket.gaierror):
        return f"Can't find {where} ({_said(error)}); check the host name and your network"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"Connection refused by {where}; is the server running, and is the port right "
            "(587 with use_tls, 465 with use_ssl)?"
        )
    if isinstance(error, (FileNotFoundError, PermissionError)):
        return f"Can't read ca_file, ssl_certfile or ssl_keyfile ({_said(error)})"
    return _tls_sentence(error, where, given) or _lost_sentence(error, where, given)


def _timeout_sentence(error: OSError, where: str, timeout: float) -> str:
    seconds = getattr(error, "seconds", timeout)
    what = f"No answer from {where} within {seconds:g} seconds"
    asked = getattr(error, "in_answer_to", "")
    if asked == THE_CONNECTION:
        return (
            f"{what}, although it accepted the connection; if it expects TLS from the start (port "
            "465), use smtps:// (use_ssl)"
        )
    if asked:
        what = f"No answer from {where} to {asked} within {seconds:g} seconds"
    return f"{what}; check host, port and firewall, or raise timeout"


def _tls_sentence(error: OSError, where: str, given: Collection[str]) -> str:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_sentence(error, where, given)
    inner = error if isinstance(error, ssl.SSLError) else error.__cause__
    if not isinstance(inner, ssl.SSLError):
        return ""
    what = f"The TLS handshake with {where} failed ({_said(error)})"
    reason = getattr(inner, "reason", "")
    if reason in _WANTS_CERTIFICATE and not {"ssl_certfile", "ssl_context"} & {*given}:
        return f"{what}; it may require a client certificate; set ssl_certfile='/path/to/cert.pem'"
    if reason in _WANTS_CERTIFICATE:
        return f"{what}; it may have rejected the client certificate"
    if reason in _TOO_OLD:
        return (
            f"{what}; it lacks TLS 1.2, or its keys are too weak, and its operator must upgrade it"
        )
    return f"{what}; use_ssl means TLS from the start (port 465), use_tls means STARTTLS (port 587)"


def _certificate_sentence(error: Any, where: str, given: Collection[str]) -> str:
    whose = f"The certificate of {where}"
    if error.verify_code in NAME_MISMATCH:
        return (
            f"{whose} is for another name ({error.verify_message}); set host to a name that is in "
            "the certificate"
        )
    if error.verify_code == _EXPIRED:
        return (
            f"{whose} has expired; the server's operator must renew it, unless this machine's "
            "clock is wrong"
        )
    if error.verify_code == _NOT_YET:
        return f"{whose} isn't valid yet; check this machine's clock"
    untrusted = f"{whose} is not trusted ({error.verify_message})"
    if "ssl_context" in given:
        return f"{untrusted}; the ssl_context you passed doesn't trust its authority"
    if "ca_file" in given:
        return f"{untrusted}; it isn't signed by an authority in ca_file"
    if _no_authorities_here():
        return (
            f"{untrusted}, and this machine has no certificate authorities; install them "
            "(the package ca-certificates), or pass ca_file='/path/to/ca.pem'"
        )
    return f"{untrusted}; if your own CA signed it, pass ca_file='/path/to/ca.pem'"


def _no_authorities_here() -> bool:
    import os
    import ssl
    import sys

    if sys.platform in ("win32", "darwin"):  # they keep them elsewhere
        return False
    paths = ssl.get_default_verify_paths()
    file = bool(paths.cafile and os.path.getsize(paths.cafile))  # noqa: PTH202 - light
    return not file and not (paths.capath and os.listdir(paths.capath))  # noqa: PTH208


def _lost_sentence(error: OSError, where: str, given: Collection[str]) -> str:
    import errno
    import smtplib

    if isinstance(error, (ConnectionError, smtplib.SMTPServerDisconnected)):
        return (
            f"The connection to {where} was lost ({_said(error)}); is the port right (587 with "
            "use_tls, 465 with use_ssl)?"
        )
    if isinstance(error, smtplib.SMTPException):
        return _answer_sentence(error, where, given)
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Can't connect to {where} ({_said(error)}); source_address must be an address of "
            "this machine"
        )
    return f"Can't connect to {where} ({_said(error)}); check host, port and network"


def _answer_sentence(error: OSError, where: str, given: Collection[str]) -> str:
    """Explain an unexpected answer."""
    import smtplib

    said, code = _said(error), getattr(error, "smtp_code", 0)
    asked = getattr(error, "in_answer_to", "")
    whose = f"is {where} a mail server, and does it accept mail from this machine?"
    remedy = ""
    if isinstance(error, smtplib.SMTPConnectError):
        remedy = whose
    elif isinstance(error, smtplib.SMTPHeloError):
        remedy = _about_our_name(where, given)
    elif asked == "STARTTLS" and code:
        remedy = f"{where} refused STARTTLS"
    elif type(error) is smtplib.SMTPException:
        remedy = whose if asked == THE_CONNECTION else f"the server was {where}"
    if remedy and 400 <= code < 500:
        later = f"{where} is temporarily unavailable; try again later"
        speaks_of_it = "helo" in said.lower() or "ehlo" in said.lower()
        remedy = _about_our_name(where, given) if speaks_of_it else later
    return f"{said}; {remedy}" if remedy else ""


def _about_our_name(where: str, given: Collection[str] = ()) -> str:
    if "local_hostname" in given:
        return f"{where} rejected the name in local_hostname"
    return f"{where} rejected this machine's name; set local_hostname to a better one"


def _said(error: OSError) -> str:
    words = getattr(error, "smtp_error", None) or error.strerror or str(error)
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _rewrite(error: OSError, text: str) -> None:
    """Give an error a text, in the place where its type has it (and pickle wants it)."""
    if (code := getattr(error, "smtp_code", None)) is not None:
        error.args = (code, text, *error.args[2:])
    elif error.errno is None or error.strerror is None:
        error.args = (text,)
    else:
        error.args = (error.errno, text)
        error.strerror = text
