"""Finds the mailer for an alias, a URL, a dotted path or a class, and builds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache

from ..conf import CLASSIC, WAYS, settings
from ..exceptions import (
    ImproperlyConfigured,
    InvalidMailer,
    MailerDoesNotExist,
    Secret,
    hiding_frames,
)
from ..light import TYPE_CHECKING, Any, TypeVar
from . import options as backend_options
from .urls import SHORT_NAMES, backend_class, is_url, parse

if TYPE_CHECKING:
    from .base import BaseEmailBackend
    from .typed import GetConnection

    # A backend written for Django need not be a child of ours, and a static
    # checker can't see through a dotted path.
    Mailer = BaseEmailBackend
DEFAULT_ALIAS = "default"

NOTHING_CONFIGURED = (
    "no mailer is configured, so simplemail tried Django's default, SMTP on localhost:25; call "
    "simplemail.configure(EMAIL_URL='smtp+tls://user:password@mail.example.com') or set the "
    "environment variable EMAIL_URL"
)

_ARGUMENT = "backend"
"""What get_connection() calls the mailer it is given."""

_building: ContextVar[tuple[str, ...]] = ContextVar("_building", default=())
"""The entries being built now, each to be held by the one before it."""

_Default = TypeVar("_Default")

instead: list[Callable[..., Mailer]] = []
"""For `testing.capture()`: the last one, if any, makes all mailers, of a backend and options."""


def stand_in(mailer: Any) -> Mailer | None:
    """Return what takes this mailer's messages inside `testing.capture()`; None outside.

    Asked at the moment of sending, so that it also catches mailers made before.
    """
    for make in instead[-1:]:  # read once: another thread may reset it
        alias = getattr(mailer, "alias", None)
        return make(type(mailer), {}, **({} if alias is None else {"alias": alias}))
    return None


class MailersHandler:
    """The configured mailers by alias: `mailers["news"]`. Every look-up builds a new one.

    It works like a dict. An unknown alias raises MailerDoesNotExist, a KeyError. `in` and iteration
    build nothing.
    """

    def __getitem__(self, alias: str) -> Mailer:
        with hiding_frames():
            if settings.MAILERS is None and alias == DEFAULT_ALIAS:
                mailer = _default_mailer()
            else:
                mailer = from_entry(alias, _entry(alias), {})
        if hasattr(mailer, "built_from"):  # not a backend of Django's
            mailer.built_from = alias
        return mailer

    def __contains__(self, alias: object) -> bool:
        return alias in aliases()

    def __iter__(self) -> Iterator[str]:
        return iter(aliases())

    def get(self, alias: str, default: _Default | None = None) -> Mailer | _Default | None:
        """Return the mailer named `alias`, or `default` if no mailer has this alias."""
        try:
            return self[alias]
        except MailerDoesNotExist:
            return default

    def __repr__(self) -> str:
        return f"<mailers: {', '.join(map(repr, aliases())) or 'none'}>"

    @property
    def default(self) -> Mailer:
        """The mailer that sends if none is named."""
        return self[DEFAULT_ALIAS]


mailers = MailersHandler()


def _typed(function: Any) -> GetConnection:
    return function  # type: ignore[no-any-return]  # which is what the protocol describes


@_typed
def get_connection(backend: Any = None, fail_silently: bool = False, **options: Any) -> Mailer:
    """Return a new mailer, without an entry in MAILERS.

    - `backend`: a short name ("smtp"), a URL ("smtp+tls://..."), a dotted path, or a class.
      Without it, you get the default mailer, with `options` on top of its own.
    - `fail_silently`: if true, messages that can't be delivered are logged as warnings on the
      logger `simplemail` instead of raising.
    - `options`: the backend's options by name, like host="mail.example.com":
      smtp: host, port, username, password, use_tls, use_ssl, timeout, ssl_certfile, ssl_keyfile,
      ssl_keyfile_password, ca_file, ssl_context, server_hostname, local_hostname, source_address,
      connect_timeout, connect, auth, allow_cleartext_auth, ehlo_after_auth, window, retries,
      keep_alive, pool_size, max_messages, max_lifetime, max_connections, max_recipients, notify,
      ret, extensions;
      console: stream; file: file_path, format; sendmail: program, arguments, timeout; inbox: port;
      queue: path, mailer, rate, worker, unsafe_filesystem; failover: mailers, cooldown;
      roundrobin: mailers, weights, cooldown; redirect: mailer, to, allow, subject_prefix;
      tee: mailer, copies, everything; signed: mailer, sign. memory and dummy have none.

    Raises InvalidMailer if there is no such backend or the URL is wrong, and TypeError for an
    option that the backend doesn't have; but a backend without a login ignores those of SMTP.
    Nothing is connected yet.
    """
    if fail_silently:
        options["fail_silently"] = True
    if not backend and not options:
        return mailers.default
    token = backend_options.ignorable.set(backend_options.LOGIN & options.keys())
    try:
        with hiding_frames():
            return _with_options(backend, options)
    finally:
        backend_options.ignorable.reset(token)


def _with_options(backend: Any, options: Mapping[str, Any]) -> Mailer:
    if backend:  # "" is nothing, too
        return _from_spec(backend, options, _ARGUMENT)
    if settings.MAILERS is not None:
        return from_entry(DEFAULT_ALIAS, _entry(DEFAULT_ALIAS), options)
    return _default_mailer(**options)


def as_configured(alias: str = DEFAULT_ALIAS) -> Mailer:
    """Build the mailer of an alias as it is configured, inside `testing.capture()` too."""
    with hiding_frames():
        if settings.MAILERS is None and alias == DEFAULT_ALIAS:
            spec, options, what = _default_spec()
            return _built(_planned(spec, options, what, None))
        entry = _entry(alias)
        spec, options = (entry, {}) if isinstance(entry, str) else _checked_entry(entry, alias)
        return _built(_planned(spec, options, "BACKEND", alias))


def choose_mailer(
    using: str | None, connection: Any, *, fail_silently: bool = False, **options: Any
) -> Any:
    """Return the connection given, the mailer of this alias, or the default one."""
    if connection is not None:
        if not hasattr(connection, "send_messages"):
            kind = type(connection).__name__  # its value isn't shown: a URL may contain a password
            raise TypeError(
                f"'connection' must be a mailer, like get_connection('memory:'), not {kind}; to "
                "name an alias of MAILERS, use 'using'"
            )
        asks_itself = hasattr(connection, "_stand_in")  # as every backend of ours does
        return connection if asks_itself else stand_in(connection) or connection
    if using is not None:
        return mailers[using]
    return get_connection(fail_silently=fail_silently, **options)


def is_configured() -> bool:
    """Is it configured where mail goes, in settings or in the environment?"""
    classic = any(settings.is_set(name) for name in CLASSIC)
    given = settings.MAILERS is not None or bool(settings.EMAIL_URL)
    return given or classic or bool(os.environ.get("EMAIL_URL"))


def aliases() -> Mapping[str, Any]:
    """Return `MAILERS`; where it isn't set, there is a default mailer and no other."""
    found = settings.MAILERS
    if found is None:
        return {DEFAULT_ALIAS: None}
    if not isinstance(found, (dict, Mapping)):
        kind = type(found).__name__
        raise ImproperlyConfigured(f"MAILERS must be a dict of mailers by alias, not {kind}")
    return found


def _entry(alias: str) -> Any:
    known = aliases()
    if alias in known:
        return known[alias]
    error = MailerDoesNotExist(alias=alias)
    where = "MAILERS isn't set; there is" if settings.MAILERS is None else "MAILERS has"
    error.add_note(f"{where} {', '.join(map(repr, known)) or 'no mailer at all'}")
    raise error


def _default_mailer(**extra: Any) -> Mailer:
    """Build the default mailer where `MAILERS` isn't set."""
    spec, options, what = _default_spec()
    mailer = _from_spec(spec, {**options, **extra}, what)
    if "host" not in extra and not is_configured():
        mailer.hint = NOTHING_CONFIGURED
    return mailer


def _default_spec() -> tuple[Any, Mapping[str, Any], str]:
    """Return what the default mailer is made of, and the setting that says so."""
    if settings.EMAIL_URL:
        return _checked_url(settings.EMAIL_URL, "EMAIL_URL"), {}, "EMAIL_URL"
    url = os.environ.get("EMAIL_URL")
    if url and not any(map(settings.is_set, WAYS)):
        what = "environment variable EMAIL_URL"
        return _checked_url(url, what), _login_for(url), what
    return settings.EMAIL_BACKEND, {}, "EMAIL_BACKEND"


def _login_for(url: str) -> Mapping[str, Any]:
    """Return the login in the settings, if the environment's URL has none: they name no server."""
    if not settings.is_set("EMAIL_HOST_USER") or "@" in url or not is_url(url):
        return {}
    if "username" not in backend_options.known_options(
        backend_class(parse(url)[0], _ARGUMENT, None)
    ):
        return {}
    return {"username": settings.EMAIL_HOST_USER, "password": settings.EMAIL_HOST_PASSWORD}


def _checked_url(url: Any, what: str) -> Any:
    if isinstance(url, str) and not is_url(url) and url not in SHORT_NAMES:
        raise InvalidMailer(f"{what} is not a URL; write a server as smtp+tls://mail.example.com")
    return url


def from_entry(alias: str, entry: Any, extra: Mapping[str, Any]) -> Mailer:
    """Build the mailer for an entry of `MAILERS`: a URL, or {"BACKEND": ..., "OPTIONS": {...}}."""
    spec, options = (entry, {}) if isinstance(entry, str) else _checked_entry(entry, alias)
    path = _building.get()
    if alias in path:
        circle = " -> ".join([*path, alias])
        raise InvalidMailer(f"This mailer would send through itself: {circle}", alias=alias)
    token = _building.set((*path, alias))
    try:
        return _from_spec(spec, {**options, **extra}, "BACKEND", alias=alias)
    finally:
        _building.reset(token)


def _checked_entry(entry: Any, alias: str) -> tuple[Any, Mapping[str, Any]]:
    """Return backend and options of an entry that is a dict."""
    if not isinstance(entry, Mapping):
        kind = type(entry).__name__
        text = f"An entry must be a URL or {{'BACKEND': ..., 'OPTIONS': {{...}}}}, not {kind}"
        raise InvalidMailer(text, alias=alias)
    if unknown := [key for key in entry if key not in ("BACKEND", "OPTIONS")]:
        names = ", ".join(map(repr, unknown))
        raise InvalidMailer(f"Unknown keys {names}; use 'BACKEND' and 'OPTIONS'", alias=alias)
    options = entry.get("OPTIONS", {})
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        kind = type(options).__name__
        text = f"OPTIONS must be a dict of options by name, not {kind}"
        raise InvalidMailer(text, alias=alias)
    if "alias" in options:
        raise InvalidMailer("OPTIONS must not define 'alias'.", alias=alias)
    return entry.get("BACKEND", "smtp"), options


def _from_spec(
    spec: Any, options: Mapping[str, Any], what: str, *, alias: str | None = None
) -> Mailer:
    """Build a mailer from a class, a URL, a short name or a dotted path."""
    plan = _planned(spec, options, what, alias)
    for make in instead[-1:]:  # read once: another thread may reset it
        named = {} if alias is None else {"alias": alias}
        return make(plan.backend, Secret.revealed(plan.options), **named)
    return _built(plan)


class _Plan:
    """A mailer that is about to be built."""

    def __init__(
        self, backend: Any, options: Mapping[str, Any], what: str, alias: str | None
    ) -> None:
        self.backend, self.options, self.what, self.alias = backend, options, what, alias


def _planned(spec: Any, options: Mapping[str, Any], what: str, alias: str | None) -> _Plan:
    if isinstance(spec, str) and is_url(spec):
        backend, from_url = _from_url(spec, what, alias)
        return _Plan(backend, {**from_url, **options}, what, alias)
    return _Plan(backend_class(spec, what, alias), options, what, alias)


def _built(plan: _Plan) -> Mailer:
    named = {} if plan.alias is None else {"alias": plan.alias}
    mailer: Mailer = plan.backend(**named, **Secret.revealed(plan.options))
    if not hasattr(mailer, "send_messages"):
        text = f"{plan.what} made a {type(mailer).__name__}, which has no send_messages()"
        raise InvalidMailer(text, alias=plan.alias)
    return mailer


def _from_url(url: str, what: str, alias: str | None) -> tuple[Any, Mapping[str, Any]]:
    try:
        backend = backend_class(parse(url)[0], what, alias)
        return backend, _options_of(url, backend)
    except InvalidMailer as error:
        # The caller of get_connection() knows where the URL is; a setting must be named.
        where = f"{what}: " if alias is None and what != _ARGUMENT else ""
        raise InvalidMailer(f"{where}{error}", alias=alias) from None


# A mailer is built for every mail, from the same few URLs.
@lru_cache(maxsize=32)
def _options_of(url: str, backend: type) -> Mapping[str, Any]:
    return backend_options.from_text(backend, parse(url)[1])
