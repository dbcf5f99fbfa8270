"""Decides which requests the inbox answers at all, before any route sees them.

A page on the web can make its visitor's browser ask any address on this machine, and a name of its
own can lead here (DNS rebinding). So each request has to show that it comes from the inbox's own
page, from the address bar, or from a program, whatever its method and its path.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

READING = ("GET", "HEAD")
WRITING = ("POST", "PATCH", "DELETE")

_WRITABLE_TYPES = ("application/json", "message/rfc822")
_ENCODED_TRAPS = re.compile(r"%(?:2f|5c|00)|%(?![0-9a-f]{2})", re.IGNORECASE)
_MOST_PARAMETERS = 20
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Refused(Exception):  # noqa: N818 - it is an answer
    """A request that gets no further. `status` is HTTP's, `reason` one sentence for its author."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Request(NamedTuple):
    """What came: `target` as it stood in the request line, headers by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, list[str]]

    def header(self, name: str) -> str | None:
        """Return a header's only value, None if there is none. Refused if it came twice."""
        values = self.headers.get(name, [])
        if len(values) > 1:
            raise Refused(400, f"The header {name} came {len(values)} times; send it once")
        return values[0].strip() if values else None


class Admitted(NamedTuple):
    """What a request asks for: its path, decoded once, and its parameters.

    `has_token` says that the token came in the URL, where it shouldn't stay.
    """

    path: str
    query: dict[str, str]
    has_token: bool = False


class Names:
    """The names that a server listens as, and others that it was told to answer to.

    `also` holds `name` (with any port) or `name:port`.
    """

    def __init__(self, address: str, also: Iterable[str] = ()) -> None:
        shown = f"[{address}]" if ":" in address else address
        # No name but ours leads here, so that any port will do: it may be forwarded.
        self._known = {shown, *_LOOPBACK_NAMES, *(each.lower() for each in also)}
        self._is_any = _is_any(address)

    def __contains__(self, host: object) -> bool:
        host = str(host).lower()
        name = host if host.endswith("]") else re.sub(r":\d+$", "", host)
        if host in self._known or name in self._known:
            return True
        # Nobody's DNS can make an address lead here that isn't ours.
        return self._is_any and _is_address(name.strip("[]"))


class Guard:
    """Admits requests or refuses them. `keys` are the tokens that count; `locked` demands one."""

    def __init__(self, names: Names, *, keys: Iterable[str], locked: bool, cookie: str) -> None:
        self.names = names
        self.cookie = cookie
        self._keys = [key.encode() for key in keys]
        self._locked = locked

    def admit(self, request: Request) -> Admitted:
        """Return what the request asks for. Raises Refused."""
        host = self._host(request)
        admitted = _target(request.target)
        _check_source(request, host, admitted.path)
        if request.method not in (*READING, *WRITING):
            raise Refused(405, f"The inbox doesn't know the method {request.method[:20]!r}")
        if request.method in WRITING:
            _check_intent(request)
        return self._unlocked(request, admitted)

    def _host(self, request: Request) -> str:
        host = request.header("host")
        if host is None or host not in self.names:
            hint = "start it with --allow-host and this name if it is yours"
            raise Refused(421, f"This inbox doesn't answer to the host {host!r}; {hint}")
        return host

    def _unlocked(self, request: Request, admitted: Admitted) -> Admitted:
        # Whoever looks for the inbox must know who answers before showing a token.
        if not self._locked or admitted.path == "/healthz":
            return admitted
        if admitted.path == "/" and self._is_key(admitted.query.get("token", "")):
            return admitted._replace(has_token=True)
        if not any(map(self._is_key, self._shown_tokens(request))):
            raise Refused(401, "This inbox needs its token: open the address that it printed")
        return admitted

    def _shown_tokens(self, request: Request) -> Iterable[str]:
        scheme, _, value = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            yield value.strip()
        for cookies in request.headers.get("cookie", []):
            for cookie in cookies.split(";"):
                name, _, value = cookie.strip().partition("=")
                if name == self.cookie:
                    yield value

    def _is_key(self, token: str) -> bool:
        shown = token.encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(shown, key) for key in self._keys)


def is_loopback(address: str) -> bool:
    """Can only this machine reach what listens at this address?"""
    return address == "localhost" or (_is_address(address) and ip_address(address).is_loopback)


def reached_at(address: str) -> str:
    """Return what this machine writes into a URL for what listens at this address."""
    if _is_any(address):
        return "[::1]" if ":" in address else "127.0.0.1"
    return f"[{address}]" if ":" in address else address


def _is_any(address: str) -> bool:
    return address == "" or (_is_address(address) and ip_address(address).is_unspecified)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_source(request: Request, host: str, path: str) -> None:
    """Refuse what another site's page has a browser ask."""
    origin = request.header("origin")
    own = {f"http://{host}".lower(), f"https://{host}".lower()}
    if origin is not None and origin.lower() not in own:
        raise Refused(403, f"The inbox accepts no requests from pages of {origin[:80]!r}")
    site = request.header("sec-fetch-site")
    if site in (None, "same-origin", "none") or _is_arrival(request, path):
        return
    raise Refused(403, "The inbox accepts no requests from other sites' pages")


def _is_arrival(request: Request, path: str) -> bool:
    """Does somebody follow a link to the page itself? That shows it, and does nothing else."""
    return (
        (request.method, path) == ("GET", "/")
        and request.header("sec-fetch-mode") == "navigate"
        and request.header("sec-fetch-dest") == "document"
    )


def _check_intent(request: Request) -> None:
    """Refuse to write for what a plain HTML form could send."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind not in _WRITABLE_TYPES and not request.header("x-simplemail"):
        types = " or ".join(_WRITABLE_TYPES)
        raise Refused(415, f"Send Content-Type: {types}, or a header X-Simplemail: 1")


def _target(target: str) -> Admitted:
    """Return path and parameters. What could mean two things to two readers is refused."""
    if not re.fullmatch(r"/[!-~]*", target) or "#" in target:
        raise Refused(400, "The path must begin with / and hold nothing that needs encoding")
    raw, _, query = target.partition("?")
    if _ENCODED_TRAPS.search(raw):
        raise Refused(400, "The path must not hold an encoded slash, backslash or NUL")
    path = _decoded(raw)
    segments = path.split("/")[1:]
    if "\\" in path or not path.isprintable() or {".", ".."} & {*segments} or "" in segments[:-1]:
        raise Refused(400, "The path must not hold '..', '.', '//', a backslash or a control")
    return Admitted(path, _parameters(query))


def _decoded(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise Refused(400, "The path must be percent-encoded UTF-8, and this one isn't") from None


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise Refused(400, "The parameters can't be read; write ?name=value&...") from None
    if len(dict(pairs)) < len(pairs):
        raise Refused(400, "A parameter came twice")
    return dict(pairs)
