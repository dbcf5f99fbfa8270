"""From an alias, a URL, a dotted path or a class to a mailer that is ready to send."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from . import options as backend_options
from . import urls
from .conf import settings
from .exceptions import InvalidMailer, MailerDoesNotExist

if TYPE_CHECKING:
    from .backends.base import BaseEmailBackend

    # A backend written for Django need not be a child of ours, and a static
    # checker can't see through a dotted path.
    Mailer = BaseEmailBackend

DEFAULT_ALIAS = "default"

SHORT_NAMES = {
    "smtp": "smtp",
    "console": "console",
    "file": "filebased",
    "filebased": "filebased",
    "memory": "locmem",
    "locmem": "locmem",
    "dummy": "dummy",
}

NOTHING_CONFIGURED = (
    "no mailer was configured, so Django's classic default, SMTP on localhost:25, was tried; call "
    "simplemail.configure(EMAIL_URL='smtp+tls://user:password@mail.example.com') or set the "
    "environment variable EMAIL_URL"
)

_CLASSIC = (
    "EMAIL_BACKEND",
    "EMAIL_HOST",
    "EMAIL_PORT",
    "EMAIL_HOST_USER",
    "EMAIL_HOST_PASSWORD",
    "EMAIL_USE_TLS",
    "EMAIL_USE_SSL",
    "EMAIL_SSL_CERTFILE",
    "EMAIL_SSL_KEYFILE",
    "EMAIL_TIMEOUT",
    "EMAIL_FILE_PATH",
)

_Default = TypeVar("_Default")

instead: list[Callable[..., Any]] = []
"""For `testing.capture()`: the last one, if any, is built in place of every backend."""


class MailersHandler:
    """The configured mailers by alias. Every look-up builds a new instance.

    Like a dict, but `in` and iteration build nothing, and neither does a wrong alias.
    """

    def __getitem__(self, alias: str) -> Mailer:
        if settings.MAILERS is None and alias == DEFAULT_ALIAS:
            return _default_mailer()
        return _from_entry(alias, _entry(alias), {})

    def __contains__(self, alias: object) -> bool:
        return alias in _aliases()

    def __iter__(self) -> Iterator[str]:
        return iter(_aliases())

    def get(self, alias: str, default: _Default | None = None) -> Mailer | _Default | None:
        """Return the mailer, or the default where no mailer has this alias."""
        try:
            return self[alias]
        except MailerDoesNotExist:
            return default

    @property
    def default(self) -> Mailer:
        """The mailer that is used where none is named."""
        return self[DEFAULT_ALIAS]


mailers = MailersHandler()


def get_connection(backend: Any = None, fail_silently: bool = False, **options: Any) -> Mailer:
    """Return a mailer: of this backend, or the default one, with these options on top.

    `backend` is a short name ("smtp"), a URL, a dotted path, or a class.
    """
    if fail_silently:
        options["fail_silently"] = True
    if backend is None and settings.MAILERS is not None:
        return _from_entry(DEFAULT_ALIAS, _entry(DEFAULT_ALIAS), options)
    if backend is None:
        return _default_mailer(**options)
    return _from_spec(backend, options, "backend")


def is_configured() -> bool:
    """Has anybody said where mail should go, in settings or in the environment?"""
    classic = any(settings.is_set(name) for name in _CLASSIC)
    given = settings.MAILERS is not None or bool(settings.EMAIL_URL)
    return given or classic or bool(os.environ.get("EMAIL_URL"))


def _aliases() -> Mapping[str, Any]:
    return {DEFAULT_ALIAS: None} if settings.MAILERS is None else settings.MAILERS


def _entry(alias: str) -> Any:
    try:
        return (settings.MAILERS or {})[alias]
    except (KeyError, TypeError):
        raise MailerDoesNotExist(alias=alias) from None


def _default_mailer(**extra: Any) -> Mailer:
    """Build the default mailer where `MAILERS` isn't set; the first that is set counts."""
    if settings.EMAIL_URL:
        return _from_spec(settings.EMAIL_URL, extra, "EMAIL_URL")
    if any(settings.is_set(name) for name in _CLASSIC):
        return _from_spec(settings.EMAIL_BACKEND, extra, "EMAIL_BACKEND")
    if url := os.environ.get("EMAIL_URL"):
        return _from_spec(url, extra, "environment variable EMAIL_URL")
    mailer = _from_spec(settings.EMAIL_BACKEND, extra, "EMAIL_BACKEND")
    if "host" not in extra:
        mailer.hint = NOTHING_CONFIGURED
    return mailer


def _from_entry(alias: str, entry: Any, extra: Mapping[str, Any]) -> Mailer:
    """Build the mailer for an entry of `MAILERS`: a URL, or {"BACKEND": ..., "OPTIONS": {...}}."""
    if isinstance(entry, str):
        entry = {"BACKEND": entry}
    if not isinstance(entry, Mapping):
        kind = type(entry).__name__
        text = f"An entry is a URL or {{'BACKEND': ..., 'OPTIONS': {{...}}}}, not a {kind}"
        raise InvalidMailer(text, alias=alias)
    if unknown := [key for key in entry if key not in ("BACKEND", "OPTIONS")]:
        names = ", ".join(map(repr, unknown))
        raise InvalidMailer(f"Unknown keys {names}; use 'BACKEND' and 'OPTIONS'", alias=alias)
    options = entry.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        kind = type(options).__name__
        raise InvalidMailer(f"OPTIONS must be a dict, not a {kind}", alias=alias)
    if "alias" in options:
        raise InvalidMailer("OPTIONS must not define 'alias'.", alias=alias)
    spec = entry.get("BACKEND", "smtp")
    return _from_spec(spec, {**options, **extra}, "BACKEND", alias=alias)


def _from_spec(
    spec: Any, options: Mapping[str, Any], what: str, *, alias: str | None = None
) -> Mailer:
    """Build a mailer from a class, a URL, a short name or a dotted path."""
    if isinstance(spec, str) and urls.is_url(spec):
        name, from_url = urls.parse(spec, alias=alias)
        backend = _backend_class(name, what, alias)
        options = backend_options.from_text(backend, from_url, alias) | dict(options)
    else:
        backend = _backend_class(spec, what, alias)
    if alias is not None:
        options = {"alias": alias, **options}
    if instead:
        backend, options = instead[-1], {k: v for k, v in options.items() if k == "alias"}
    mailer: Mailer = backend(**options)
    return mailer


def _backend_class(spec: Any, what: str, alias: str | None) -> Any:
    if callable(spec):
        return spec
    if not isinstance(spec, str):
        kind = type(spec).__name__
        text = f"{what} must be a short name, a dotted path or a class, not a {kind}"
        raise InvalidMailer(text, alias=alias)
    try:
        return _import(_path(spec))
    except ImportError as error:
        text = f"Could not find {what} {spec!r}: {error}"
        raise InvalidMailer(text, alias=alias) from error


def _path(spec: str) -> str:
    """Return the dotted path; Django's own backends mean ours, so settings can be copied over."""
    root = __name__.rpartition(".")[0]
    django = "django.core.mail.backends."
    if spec in SHORT_NAMES:
        return f"{root}.backends.{SHORT_NAMES[spec]}.EmailBackend"
    if spec.startswith(django):
        return f"{root}.backends.{spec.removeprefix(django)}"
    return spec


def _import(path: str) -> Any:
    module, _, name = path.rpartition(".")
    if not module:
        known = ", ".join(SHORT_NAMES)
        raise ImportError(f"neither a short name ({known}) nor a dotted path to a class")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ImportError(f"module {module!r} has no {name!r}") from None
