"""Describes a TLS certificate from `getpeercert()`: its names, its issuer, its expiry."""

from __future__ import annotations

import ssl
import time
from typing import Any


def described(certificate: dict[str, Any]) -> str:
    """Return its names, its issuer and its last day."""
    day = time.strftime("%Y-%m-%d", time.gmtime(_end(certificate)))
    left = days_left(certificate)
    return f"for {names(certificate)}; issued by {issuer(certificate)}; until {day} ({left} days)"


def names(certificate: dict[str, Any]) -> str:
    """Return the host names and addresses that it is for (RFC 9525, 6.1), or else its subject."""
    found = [value for _, value in certificate.get("subjectAltName", ())]
    return ", ".join(found or _fields(certificate, "subject").values())


def issuer(certificate: dict[str, Any]) -> str:
    """Return the name of the CA that signed it, with its organisation."""
    fields = _fields(certificate, "issuer")
    wanted = [fields[name] for name in ("organizationName", "commonName") if name in fields]
    return " ".join(wanted) or "nobody named"


def days_left(certificate: dict[str, Any]) -> int:
    """Return how many whole days it is still valid."""
    return int((_end(certificate) - time.time()) // 86_400)


def _end(certificate: dict[str, Any]) -> int:
    return ssl.cert_time_to_seconds(str(certificate["notAfter"]))


def _fields(certificate: dict[str, Any], side: str) -> dict[str, str]:
    return {name: value for pairs in certificate.get(side, ()) for name, value in pairs}
