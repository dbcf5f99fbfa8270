"""The backends: their short names, and their URLs such as `smtp+tls://user:password@host`.

User and password are percent-decoded. Options follow as a query: `?timeout=10&ca_file=/etc/ca.pem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..conf import nearest
from ..exceptions import InvalidMailer
from ..light import TYPE_CHECKING, Any, NamedTuple, pattern

if TYPE_CHECKING:
    from urllib.parse import SplitResult

HOST, PATH, NAME = "host", "path", "name"


class Scheme(NamedTuple):
    """A URL scheme: what follows it, and the options that it sets."""

    form: str
    """HOST: `//user:password@host:port`; PATH: a file or directory; NAME: nothing."""

    gives: Mapping[str, Any] = {}
    """Options that the scheme sets, so the query must not contain them."""

    defaults: Mapping[str, Any] = {}
    """Options that the rest of the URL may change."""

    path: str = ""
    """The option that a PATH is for. With NAME, a path may be left out."""


class Backend(NamedTuple):
    """A backend of ours: its module in this folder, its short names and its URL schemes."""

    module: str
    names: tuple[str, ...]
    schemes: Mapping[str, Scheme] = {}


_STARTTLS = {"use_tls": True, "use_ssl": False}
_TLS = {"use_tls": False, "use_ssl": True}

BACKENDS = (
    Backend(
        "smtp",
        ("smtp",),
        {
            "smtp": Scheme(HOST, defaults={"port": 25, "use_tls": False, "use_ssl": False}),
            "smtp+tls": Scheme(HOST, _STARTTLS, {"port": 587}),
            "smtps": Scheme(HOST, _TLS, {"port": 465}),
            "smtp+ssl": Scheme(HOST, _TLS, {"port": 465}),
        },
    ),
    Backend("filebased", ("file", "filebased"), {"file": Scheme(PATH, path="file_path")}),
    Backend("console", ("console",), {"console": Scheme(NAME)}),
    Backend("locmem", ("memory", "locmem"), {"memory": Scheme(NAME)}),
    Backend("dummy", ("dummy",), {"dummy": Scheme(NAME)}),
    Backend("sendmail", ("sendmail",), {"sendmail": Scheme(NAME, path="program")}),
    Backend("inbox", ("inbox",), {"inbox": Scheme(NAME)}),
    Backend("failover", ("failover",)),
    Backend("roundrobin", ("roundrobin",)),
    Backend("redirect", ("redirect",)),
    Backend("tee", ("tee",)),
    Backend("signed", ("signed",)),
    Backend("queue", ("queue",), {"queue": Scheme(PATH, path="path")}),
)
"""A row for each backend. Messages list names and schemes in this order."""

SHORT_NAMES = {name: backend.module for backend in BACKENDS for name in backend.names}
SCHEMES = {name: scheme for backend in BACKENDS for name, scheme in backend.schemes.items()}
_NAME_OF = {scheme: backend.names[0] for backend in BACKENDS for scheme in backend.schemes}

_IS_DOTTED = pattern(r"[\w.]*")
_IS_SCHEME = pattern(r"[a-z][a-z0-9+.-]{0,20}")
_BROKEN_PERCENT = pattern("%(?![0-9A-Fa-f]{2})")

_ENCODE = (
    "percent-encode special characters in the user name and the password (@ is %40, / is %2F, "
    ": is %3A, % is %25)"
)


def is_url(text: str) -> bool:
    """Does this name a mailer by URL, rather than a backend by its short name or dotted path?"""
    return ":" in text


def backend_class(spec: Any, what: str, alias: str | None) -> Any:
    """Return the class, or whatever is callable. InvalidMailer, about `what`, if there is none."""
    if callable(spec):
        return spec
    if not isinstance(spec, str):
        kind = type(spec).__name__
        text = f"{what} must be a URL, a short name, a dotted path or a class, not {kind}"
        raise InvalidMailer(text, alias=alias)
    if not _IS_DOTTED.fullmatch(spec):
        # It isn't shown, because it may be a password in the wrong place.
        text = f"{what} is neither a short name, nor a dotted path, nor a URL with its scheme"
        raise InvalidMailer(text, alias=alias)
    try:
        return _import(*_place(spec))
    except ImportError as error:
        text = f"Could not find {what} {spec!r}: {error}"
        raise InvalidMailer(text, alias=alias) from error


@lru_cache(maxsize=64)
def _place(spec: str) -> tuple[str, str]:
    """Return module and name; Django's own backends mean ours, so settings can be copied over."""
    django = "django.core.mail.backends."
    if spec in SHORT_NAMES:
        return f"{__package__}.{SHORT_NAMES[spec]}", "EmailBackend"
    path = spec
    if spec.startswith(django):
        path = f"{__package__}.{spec.removeprefix(django)}"
    if "" in (parts := path.split(".")) or len(parts) == 1:
        known = ", ".join(SHORT_NAMES)
        near = nearest(path, SHORT_NAMES)
        raise ImportError(f"neither a short name ({known}) nor a dotted path to a class{near}")
    module, _, name = path.rpartition(".")
    return module, name


def _import(module: str, name: str) -> Any:
    # importlib.import_module() takes longer than all else here. Every module has a __name__: with
    # it in fromlist, this returns the module itself and not the package around it.
    found = getattr(__import__(module, fromlist=["__name__"]), name, None)
    if found is None:
        raise ImportError(f"module {module!r} has no {name!r}")
    if not callable(found):
        raise ImportError(f"that is a {type(found).__name__}, not a class")
    return found


@lru_cache(maxsize=32)  # a mailer is built for every mail, from the same few URLs
def parse(url: str) -> tuple[str, Mapping[str, Any]]:
    """Return the backend's short name and its options; query options are still strings.

    Raises InvalidMailer, whose text never repeats the URL: it may hold a password.
    """
    name, _, rest = url.partition(":")
    name = name.lower()
    if name not in SCHEMES:
        shown = f"{name!r} " if _is_shown(name, rest) else ""
        near = nearest(name, SCHEMES) if shown else ""
        raise InvalidMailer(f"Unknown scheme {shown}in a mailer URL; use one of {_listed()}{near}")
    scheme = SCHEMES[name]
    parts = _split(url, name)
    written, query = _place_in(parts, name), _query(parts, name)
    for option in query:
        if written.get(option):
            raise InvalidMailer(f"A {name}: mailer URL gives {option!r} before its '?' and after")
        if option in scheme.gives:
            raise InvalidMailer(f"{name}:// already sets {option!r}; leave the option out")
    return _NAME_OF[name], {**scheme.gives, **scheme.defaults, **written, **query}


def _place_in(parts: SplitResult, name: str) -> dict[str, Any]:
    """Return the options that stand before the query."""
    scheme = SCHEMES[name]
    if scheme.form == HOST:
        return _server(parts, name)
    if scheme.path and (scheme.form == PATH or parts.path):
        return {scheme.path: _file_path(parts, name)}
    if parts.netloc or parts.path:
        raise InvalidMailer(f"A {name}: mailer URL takes no host or path; write {name}:")
    return {}


def _listed() -> str:
    return ", ".join(f"{n}:" if s.form == NAME else f"{n}://" for n, s in SCHEMES.items())


def _is_shown(name: str, rest: str) -> bool:
    # Nothing of "user:password@host" may be shown, if the scheme was forgotten.
    return bool(_IS_SCHEME.fullmatch(name)) and rest[:2] in ("", "//")


def _split(url: str, name: str) -> SplitResult:
    from urllib.parse import urlsplit  # loading it takes longer than sending a mail

    if not url.isprintable() or " " in url:
        raise InvalidMailer("A mailer URL must not hold spaces or control characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidMailer(f"The host in a {name}:// mailer URL is not valid; {_ENCODE}") from None
    _check_encoding(parts)
    if SCHEMES[name].form == HOST:
        _check_host(parts, name)
    return parts


def _check_encoding(parts: SplitResult) -> None:
    # A raw "/", "?" or "#" in a password cuts the URL short, and the rest of
    # the password would turn up as a path or as the name of an option.
    user = parts.netloc.rpartition("@")[0]
    if user.count(":") > 1:
        raise InvalidMailer(f"A mailer URL has more than one ':' before its host; {_ENCODE}")
    if _BROKEN_PERCENT.search(user + parts.path + parts.query):
        raise InvalidMailer(f"A mailer URL has a '%' without two hex digits after it; {_ENCODE}")
    if parts.fragment or (parts.netloc + parts.path + parts.query).count("@") > 1:
        raise InvalidMailer(f"A mailer URL has a '#' or more than one '@'; {_ENCODE}")


def _check_host(parts: SplitResult, name: str) -> None:
    if not parts.netloc:
        raise InvalidMailer(f"A {name}: mailer URL needs a host: {name}://mail.example.com")
    if "@" in parts.query or parts.path not in ("", "/"):
        raise InvalidMailer(f"A {name}:// mailer URL has unexpected text after its host; {_ENCODE}")


def _query(parts: SplitResult, name: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    try:
        pairs = parse_qsl(
            parts.query.replace("+", "%2B"),  # which is a space in web forms, and nowhere else
            keep_blank_values=True,
            strict_parsing=bool(parts.query),
            errors="strict",
        )
    except ValueError:
        raise InvalidMailer(
            f"Options in a {name}: mailer URL are written ?name=value&..."
        ) from None
    options = dict(pairs)
    if len(options) < len(pairs):
        raise InvalidMailer(f"A {name}: mailer URL sets an option twice")
    if any(not option.isidentifier() for option in options):
        raise InvalidMailer(
            f"Options in a {name}: mailer URL are written ?name=value&...; {_ENCODE}"
        )
    return options


def _server(parts: SplitResult, name: str) -> dict[str, Any]:
    if not parts.hostname:
        raise InvalidMailer(f"A {name}: mailer URL needs a host: {name}://mail.example.com")
    return {
        **_port(parts, name),
        "host": _decoded(parts.hostname),
        # Given even when empty: a URL is a whole configuration, and the
        # EMAIL_HOST_PASSWORD of another server must not leak to this one.
        "username": _decoded(parts.username or ""),
        "password": _decoded(parts.password or ""),
    }


def _port(parts: SplitResult, name: str) -> dict[str, int]:
    try:
        if parts.port != 0:
            return {} if parts.port is None else {"port": parts.port}
    except ValueError:
        pass  # its text may show the password
    raise InvalidMailer(
        f"The port in a {name}:// mailer URL must be a number from 1 to 65535; {_ENCODE}"
    )


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidMailer(
            "A mailer URL must be percent-encoded UTF-8, and this one isn't"
        ) from None


def _file_path(parts: SplitResult, name: str) -> str:
    if parts.netloc not in ("", "localhost"):
        raise InvalidMailer(f"Write {name}:///absolute/path or {name}:relative/path, with no host")
    if not parts.path:
        raise InvalidMailer(f"A {name}: mailer URL needs a path: {name}:///var/mail/out")
    return _decoded(parts.path)
