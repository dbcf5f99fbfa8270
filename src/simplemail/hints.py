"""Says in an error what happened where, and what would help."""

from __future__ import annotations

import socket

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
NAME_MISMATCH = (62, 64)


def explain(error: OSError, where: str, *, timeout: float = 0, hint: str = "") -> None:
    """Rewrite the error's text in place, keeping its type, its numbers and its attributes.

    `where` is the server, "host:port"; `hint` is what the caller knows about the reason.
    """
    sentence = _sentence(error, where, timeout)
    if sentence or hint:
        _set_text(error, "; ".join(filter(None, [sentence or _said(error), hint])))


def _sentence(error: OSError, where: str, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return (
            f"No answer from {where} within {timeout:g} seconds; check host, port and firewall, "
            "or raise timeout"
        )
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
        return ""
    return f"Can't connect to {where} ({_said(error)}); check host, port and network"


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
