"""A mailer in one line: `smtp+tls://user:password@host`, `console:`, `file:///var/mail/out`.

    smtp://host          port 25, no TLS
    smtp+tls://host      port 587, STARTTLS required
    smtps://host         port 465, TLS from the first byte (also smtp+ssl://)
    console:             standard output
    file:///var/mail/out one file a run in this directory (file:out is relative)
    memory:              simplemail.outbox
    dummy:               nowhere

User and password are percent-decoded. Options follow as a query: `?timeout=10&ca_file=/etc/ca.pem`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..conf import nearest
from ..exceptions import InvalidMailer
from ..light import Any

_SMTP: dict[str, dict[str, Any]] = {
    "smtp": {"port": 25, "use_tls": False, "use_ssl": False},
    "smtp+tls": {"port": 587, "use_tls": True, "use_ssl": False},
    "smtps": {"port": 465, "use_tls": False, "use_ssl": True},
    "smtp+ssl": {"port": 465, "use_tls": False, "use_ssl": True},
}
_PLAIN = ("console", "memory", "dummy")
SCHEMES = (*_SMTP, "file", *_PLAIN)

_ENCODE = (
    "percent-encode special characters in the user name and the password (@ is %40, / is %2F, "
    ": is %3A, % is %25)"
)


def parse(url: str) -> tuple[str, dict[str, Any]]:
    """Return the backend's short name and its options; query options are still strings.

    Raises InvalidMailer, whose text never repeats the URL: it may hold a password.
    """
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        shown = _shown(scheme, rest)
        near = nearest(scheme, SCHEMES) if shown else ""
        raise InvalidMailer(f"Unknown scheme {shown}in a mailer URL; use one of {_listed()}{near}")
    parts = _split(url, scheme)
    query = _query(parts, scheme)
    if scheme in _SMTP:
        if scheme != "smtp" and query.keys() & {"use_tls", "use_ssl"}:
            raise InvalidMailer(f"{scheme}:// says all about TLS; leave use_tls and use_ssl out")
        return "smtp", _smtp(parts, scheme) | query
    if scheme == "file":
        return "file", {"file_path": _file_path(parts)} | query
    if parts.netloc or parts.path:
        raise InvalidMailer(f"A {scheme}: mailer URL takes no host or path; write {scheme}:")
    return scheme, query


def _listed() -> str:
    return ", ".join(f"{scheme}:" if scheme in _PLAIN else f"{scheme}://" for scheme in SCHEMES)


def _shown(scheme: str, rest: str) -> str:
    # Of "user:password@host", whose scheme was forgotten, nothing may be shown.
    is_scheme = re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme) and rest[:2] in ("", "//")
    return f"{scheme!r} " if is_scheme else ""


def _split(url: str, scheme: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise InvalidMailer("A mailer URL must not hold spaces or control characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidMailer(
            f"The host in a {scheme}:// mailer URL is not valid; {_ENCODE}"
        ) from None
    # A raw "/", "?" or "#" in a password cuts the URL short, and the rest of
    # the password would turn up as a path or as the name of an option.
    user = parts.netloc.rpartition("@")[0]
    if user.count(":") > 1:
        raise InvalidMailer(f"A mailer URL has more than one ':' before its host; {_ENCODE}")
    if re.search("%(?![0-9A-Fa-f]{2})", user + parts.path + parts.query):
        raise InvalidMailer(f"A mailer URL has a '%' without two hex digits after it; {_ENCODE}")
    if parts.fragment or (parts.netloc + parts.path + parts.query).count("@") > 1:
        raise InvalidMailer(f"A mailer URL has a '#' or more than one '@'; {_ENCODE}")
    if scheme in _SMTP and not parts.netloc:
        raise InvalidMailer(f"A {scheme}: mailer URL needs a host: {scheme}://mail.example.com")
    if scheme in _SMTP and ("@" in parts.query or parts.path not in ("", "/")):
        raise InvalidMailer(f"A {scheme}:// mailer URL has something after its host; {_ENCODE}")
    return parts


def _query(parts: SplitResult, scheme: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            parts.query,
            keep_blank_values=True,
            strict_parsing=bool(parts.query),
            errors="strict",
        )
    except ValueError:
        raise InvalidMailer(
            f"Options in a {scheme}: mailer URL are written ?name=value&..."
        ) from None
    options = dict(pairs)
    if len(options) < len(pairs):
        raise InvalidMailer(f"A {scheme}: mailer URL gives an option twice")
    if any(not name.isidentifier() for name in options):
        raise InvalidMailer(
            f"Options in a {scheme}: mailer URL are written ?name=value&...; {_ENCODE}"
        )
    return options


def _smtp(parts: SplitResult, scheme: str) -> dict[str, Any]:
    if not parts.hostname:
        raise InvalidMailer(f"A {scheme}: mailer URL needs a host: {scheme}://mail.example.com")
    return {
        **_SMTP[scheme],
        **_port(parts, scheme),
        "host": _decoded(parts.hostname),
        # Given even when empty: a URL is a whole configuration, and the
        # EMAIL_HOST_PASSWORD of another server must not leak to this one.
        "username": _decoded(parts.username or ""),
        "password": _decoded(parts.password or ""),
    }


def _port(parts: SplitResult, scheme: str) -> dict[str, int]:
    try:
        if parts.port != 0:
            return {} if parts.port is None else {"port": parts.port}
    except ValueError:
        pass  # its text shows what may be the password
    raise InvalidMailer(
        f"The port in a {scheme}:// mailer URL must be a number from 1 to 65535; {_ENCODE}"
    )


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidMailer(
            "A mailer URL is percent-encoded as UTF-8, but this one isn't"
        ) from None


def _file_path(parts: SplitResult) -> str:
    if parts.netloc not in ("", "localhost"):
        raise InvalidMailer("Write file:///absolute/path or file:relative/path, with no host")
    if not parts.path:
        raise InvalidMailer("A file: mailer URL needs a directory: file:///var/mail/out")
    return _decoded(parts.path)
