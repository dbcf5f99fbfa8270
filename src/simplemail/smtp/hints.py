"""Adds to errors where they happened and how to fix them.

The error's type, numbers and attributes decide, above all `in_answer_to`: the command, or "the
connection", that the server was answering. A server's words only choose a hint.
"""

from __future__ import annotations

import socket

from ..light import TYPE_CHECKING, Any
from . import tls_hints

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

THE_CONNECTION = "the connection"
"""What the greeting answers, because in SMTP the server speaks first."""

THE_HANDSHAKE = "the TLS handshake"

_OPTIONS = {
    **dict.fromkeys(("ca_file", "ssl_certfile", "local_hostname", "server_hostname")),
    **dict.fromkeys(("use_tls", "use_ssl", "username", "password", "ehlo_after_auth")),
    "ssl_context": "_ssl_context",
}
"""Options that hints speak of, and where a mailer has them if not under that name."""

_MAY_SEND_AS = "from_email must be an address that {user} may send from"
_BY_WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (
            *("not owned by", "to send as", "sendas", "sender mismatch", "disallowed as"),
            "not one of your",
        ),
        _MAY_SEND_AS,
    ),
    (
        ("address is not verified",),
        (
            "the provider must verify the sender first and, as long as it limits the account, the "
            "recipients, too"
        ),
    ),
)
"""What servers say about a message that they refuse, and the remedy."""


def given_by(mailer: Any) -> frozenset[str]:
    """Return the names of the mailer's options that no hint needs to advise."""
    return frozenset(name for name, place in _OPTIONS.items() if getattr(mailer, place or name))


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


def _remedy(answers: Sequence[tuple[int, bytes]], mailer: Any) -> str:
    where, given = f"{mailer.host}:{mailer.port}", given_by(mailer)
    said = [(code, text.decode("utf-8", "replace").lower()) for code, text in answers]
    wanted = [t for code, t in said if code == 530 or "relay" in t or "not logged in" in t]
    if any("tls" in text for text in wanted) and not {"use_tls", "use_ssl"} & given:
        return f"{where} requires TLS; use smtp+tls:// (use_tls, port 587)"
    if wanted and not {"username", "password"} <= given:
        return f"{where} requires a login; set username and password"
    words = " ".join(text for _, text in said)
    for known, remedy in _BY_WORDS:
        if any(each in words for each in known):
            return remedy.format(user=mailer.username or "the account")
    return _about_our_name(where, given) if _speaks_of_our_name(words) else ""


def _sentence(error: OSError, where: str, timeout: float, given: Collection[str]) -> str:
    if getattr(error, "option", "") == "source_address":
        return (
            f"Can't connect to {where}: {_said(error)}; it must be an address of this machine, "
            "IPv4 or IPv6 as the host's is, and its port free (0 means any)"
        )
    if where.startswith("/") and error.errno:
        return (
            f"Can't connect to the Unix socket {where.rpartition(':')[0]} ({_said(error)}); is the "
            "server running, and may this user open the socket?"
        )
    if isinstance(error, TimeoutError):
        return _timeout_sentence(error, where, timeout, given)
    if isinstance(error, socket.gaierror):
        return f"Can't find {where} ({_said(error)}); check the host name and your network"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"Connection refused by {where}; is the server running, and is the port right "
            "(587 for smtp+tls:// or use_tls, 465 for smtps:// or use_ssl)?"
        )
    if isinstance(error, (FileNotFoundError, PermissionError)):
        return f"Can't read ca_file, ssl_certfile or ssl_keyfile ({_said(error)})"
    about_tls = tls_hints.sentence(error, _said(error), where, given)
    return about_tls or _lost_sentence(error, where, given)


def _timeout_sentence(error: OSError, where: str, timeout: float, given: Collection[str]) -> str:
    limit = f"within {getattr(error, 'seconds', timeout):g} seconds"
    asked = getattr(error, "in_answer_to", "")
    if not asked:
        return f"No answer from {where} {limit}; check host, port and firewall, or raise timeout"
    if asked == THE_CONNECTION and "use_ssl" not in given:
        return (
            f"No answer from {where} {limit}, although it accepted the connection; if it expects "
            "TLS from the start (port 465), use smtps:// (use_ssl)"
        )
    if asked == THE_HANDSHAKE and "use_tls" not in given:
        return (
            f"No answer from {where} to {asked} {limit}; if it expects STARTTLS (port 587), use "
            "smtp+tls:// (use_tls)"
        )
    return (
        f"No answer from {where} to {asked} {limit}, although it answered before; it may be "
        "overloaded, or slow on purpose: try again later, or raise timeout"
    )


def _lost_sentence(error: OSError, where: str, given: Collection[str]) -> str:
    import errno
    import smtplib

    if isinstance(error, (ConnectionError, smtplib.SMTPServerDisconnected)):
        lost = f"The connection to {where} was lost ({_said(error)})"
        if getattr(error, "in_answer_to", THE_CONNECTION) == THE_CONNECTION:
            remedy = (
                "is the port right (587 for smtp+tls:// or use_tls, 465 for smtps:// or use_ssl)?"
            )
            return f"{lost}; {remedy}"
        return f"{lost}; it had answered before, so the server's log should have the reason"
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
    elif isinstance(error, smtplib.SMTPHeloError) and code == 503 and "ehlo_after_auth" in given:
        remedy = f"{where} wants no second greeting after the login; leave out ehlo_after_auth"
    elif isinstance(error, smtplib.SMTPHeloError):
        remedy = _about_our_name(where, given)
    elif asked == "STARTTLS" and code:
        remedy = f"{where} refused STARTTLS"
    elif type(error) is smtplib.SMTPException:
        remedy = whose if asked == THE_CONNECTION else f"the server was {where}"
    if remedy and 400 <= code < 500:
        later = f"{where} is temporarily unavailable; try again later"
        remedy = _about_our_name(where, given) if _speaks_of_our_name(said.lower()) else later
    return f"{said}; {remedy}" if remedy else ""


def _speaks_of_our_name(words: str) -> bool:
    return "helo" in words or "ehlo" in words


def _about_our_name(where: str, given: Collection[str]) -> str:
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
