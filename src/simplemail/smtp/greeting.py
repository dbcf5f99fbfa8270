"""Begins a session: greeting, EHLO, STARTTLS (RFC 5321, 3.1 and 3.2; RFC 3207)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..light import TYPE_CHECKING, pattern
from ..rendering.domains import LABEL
from ..rendering.msgid import DNS_NAME
from .hints import THE_CONNECTION
from .replies import in_bytes

if TYPE_CHECKING:
    import socket
    import ssl

    from .dialogue import Dialogue


_PUBLIC_NAME = pattern(rf"(?!.*\.(?:local|localdomain|arpa|internal)$){LABEL}(?:\.{LABEL})+")


def is_public_name(name: str) -> bool:
    """Could this be a machine's name in the public DNS? Some servers refuse any other in EHLO."""
    return bool(_PUBLIC_NAME.fullmatch(name.lower()))


def own_name(sock: socket.socket) -> str:
    """Return this machine's name, or its address (RFC 5321, 4.1.4) if the name isn't public.

    Examples of such names are a container's and "localhost".
    """
    name = DNS_NAME.get_fqdn()
    address = sock.getsockname()
    if is_public_name(name) or not isinstance(address, tuple):  # on a Unix socket
        return name
    host = str(address[0]).partition("%")[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


def greet(session: Dialogue) -> None:
    """Wait for the server's greeting. Raises smtplib.SMTPConnectError if the server refuses."""
    reply = session.answer(THE_CONNECTION)
    if reply.code != 220:
        from smtplib import SMTPConnectError

        raise SMTPConnectError(*in_bytes(reply))
    session.greeting = reply


def sends_elsewhere(error: BaseException) -> bool:
    """Should the host's other addresses be tried: was it a 421, or a hang-up, in the greeting?"""
    import smtplib

    if isinstance(error, smtplib.SMTPConnectError):
        return error.smtp_code == 421
    lost = isinstance(error, smtplib.SMTPServerDisconnected)
    return lost and getattr(error, "in_answer_to", "") == THE_CONNECTION


def hello(session: Dialogue, name: str) -> None:
    """Send EHLO, and read the server's extensions (RFC 5321, 4.1.1.1)."""
    reply = session.command(f"EHLO {name}")
    features = _features(reply.text) if reply.code == 250 else {}
    if reply.code // 100 == 5:  # RFC 5321, 3.2: an old server
        reply = session.command(f"HELO {name}")
    if reply.code != 250:
        from smtplib import SMTPHeloError

        raise SMTPHeloError(*in_bytes(reply))
    session.connection.learn(features, reply)


@lru_cache(maxsize=64)  # servers give the same answer every time, several times in a session
def _features(text: str) -> Mapping[str, str]:
    """Read the answer to EHLO: the old "AUTH=LOGIN" too, and several lines of AUTH as one."""
    features: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        if line[:5].upper() == "AUTH=":
            line = f"AUTH {line[5:]}"
        name, *parameters = line.split() or [""]
        name = name.lower()
        if name == "auth" and name in features:
            parameters = list(dict.fromkeys([*features[name].split(), *parameters]))
        features[name] = " ".join(parameters)
    return features


def start_tls(session: Dialogue, context: ssl.SSLContext) -> None:
    """Encrypt the connection (RFC 3207). Then call `hello()` again, to read the features anew."""
    import smtplib

    if "starttls" not in session.features:
        raise smtplib.SMTPNotSupportedError(
            f"{session.host} doesn't offer STARTTLS, so nothing was sent; if it expects TLS from "
            "the start (port 465), use smtps:// (use_ssl)"
        )
    reply = session.command("STARTTLS")
    if reply.code != 220:
        error = smtplib.SMTPResponseException(*in_bytes(reply))
        error.in_answer_to = "STARTTLS"  # type: ignore[attr-defined]
        raise error
    session.connection.encrypt(context)
