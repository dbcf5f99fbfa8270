"""Says in an error what happened where, and what would help."""

from __future__ import annotations

import socket

from ..light import Any

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
NAME_MISMATCH = (62, 64)

_AT_ONCE = "(in answer to the connection)"  # the server is the one who speaks first


def explain(error: OSError, where: str, *, timeout: float = 0, hint: str = "") -> None:
    """Rewrite the error's text in place, keeping its type, its numbers and its attributes.

    `where` is the server, "host:port"; `hint` is what the caller knows about the reason.
    """
    sentence = _sentence(error, where, timeout)
    if sentence or hint:
        _set_text(error, "; ".join(filter(None, [sentence or _said(error), hint])))


def explain_refusal(error: BaseException | None, mailer: Any) -> None:
    """Add what would help to the error of a server that takes mail only from those it knows.

    In smtplib's error for refused recipients, which has no text but theirs, it is a note.
    """
    if not isinstance(error, OSError):
        return
    recipients = getattr(error, "recipients", {})
    code = getattr(error, "smtp_code", 0)
    answers = [*recipients.values(), (code, getattr(error, "smtp_error", b""))]
    wanted = [text.lower() for code, text in answers if code == 530 or b"relay" in text.lower()]
    where = f"{mailer.host}:{mailer.port}"
    if any(b"tls" in text for text in wanted) and not (mailer.use_tls or mailer.use_ssl):
        remedy = f"{where} wants TLS first; use smtp+tls:// (use_tls, port 587)"
    elif wanted and not (mailer.username and mailer.password):
        remedy = f"{where} wants a login first; give username and password"
    else:
        return
    if recipients:
        error.add_note(remedy)
    else:
        _set_text(error, f"{_said(error)}; {remedy}")


def _sentence(error: OSError, where: str, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        what = f"No answer from {where} within {timeout:g} seconds"
        if _AT_ONCE in str(error):
            return (
                f"{what}, though it took the connection; a server that begins with TLS (port 465) "
                "wants smtps:// (use_ssl)"
            )
        return f"{what}; check host, port and firewall, or raise timeout"
    if isinstance(error, socket.gaierror):
        return f"Can't find the host of {where} ({_said(error)}); check its name and the network"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"Connection refused by {where}; is the server running, and is the port right "
            "(587 with use_tls, 465 with use_ssl)?"
        )
    if isinstance(error, (FileNotFoundError, PermissionError)):
        return f"Can't read ca_file, ssl_certfile or ssl_keyfile ({_said(error)})"
    return _tls_sentence(error, where) or _lost_sentence(error, where)


def _tls_sentence(error: OSError, where: str) -> str:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in NAME_MISMATCH:
            return (
                f"The certificate of {where} is for another name ({error.verify_message}); use "
                "the name that is in the certificate as host"
            )
        if error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            return (
                f"The certificate of {where} has expired; the server's operator must renew it, "
                "unless this machine's clock is wrong"
            )
        return (
            f"The certificate of {where} is not trusted ({error.verify_message}); if it is your "
            "own CA's, pass ca_file='/path/to/ca.pem'"
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"TLS failed with {where} ({_said(error)}); use_ssl is for servers that begin with "
            "TLS (port 465), use_tls for STARTTLS (port 587)"
        )
    return ""


def _lost_sentence(error: OSError, where: str) -> str:
    import smtplib

    if isinstance(error, (ConnectionError, smtplib.SMTPServerDisconnected)):
        return (
            f"The connection to {where} was lost ({_said(error)}); is the port right (587 with "
            "use_tls, 465 with use_ssl)?"
        )
    if isinstance(error, smtplib.SMTPException):
        return _answer_sentence(error, where)
    return f"Can't connect to {where} ({_said(error)}); check host, port and network"


def _answer_sentence(error: OSError, where: str) -> str:
    """Explain a server that answers, but not as it should."""
    import smtplib

    said, code = _said(error), getattr(error, "smtp_code", 0)
    whose = f"is {where} a mail server, and one that serves this machine?"
    remedies: dict[type, str] = {
        smtplib.SMTPConnectError: whose,
        smtplib.SMTPHeloError: f"{where} refused our name; set local_hostname to a better one",
        smtplib.SMTPResponseException: f"{where} refused STARTTLS",
        smtplib.SMTPException: whose if _AT_ONCE in said else f"the server was {where}",
    }
    remedy = remedies.get(type(error), "")
    if remedy and 400 <= code < 500:
        remedy = f"{where} can't just now; try again later"
    return f"{said}; {remedy}" if remedy else ""


def _said(error: OSError) -> str:
    words = getattr(error, "smtp_error", None) or error.strerror or str(error)
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _set_text(error: OSError, text: str) -> None:
    if (code := getattr(error, "smtp_code", None)) is not None:
        error.args = (
            code,
            text,
            *error.args[2:],
        )  # smtplib's constructors want both, so pickle does too
    elif error.errno is None or error.strerror is None:
        error.args = (text,)
    else:
        error.args = (error.errno, text)
        error.strerror = text
