"""The settings: Django's names, in one frozen object that is replaced whole.

Django's own page describes most of them:
https://docs.djangoproject.com/en/stable/ref/settings/#email
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from .exceptions import hiding_frames
from .light import TYPE_CHECKING, Any, tell
from .scopes import Layers, Scope

if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    class SettingsByName(TypedDict, total=False):
        """Settings as keyword arguments, so that checkers know their names and types."""

        MAILERS: Mapping[str, Any] | None
        DEFAULT_FROM_EMAIL: str | None
        SERVER_EMAIL: str | None
        ADMINS: Sequence[Any] | None
        MANAGERS: Sequence[Any] | None
        EMAIL_SUBJECT_PREFIX: str | None
        DEFAULT_CHARSET: str | None
        EMAIL_USE_LOCALTIME: bool | None
        EMAIL_URL: str | None
        EMAIL_BACKEND: str | type | None
        EMAIL_HOST: str | None
        EMAIL_PORT: int | None
        EMAIL_HOST_USER: str | None
        EMAIL_HOST_PASSWORD: str | Callable[[], str] | None
        EMAIL_USE_TLS: bool | None
        EMAIL_USE_SSL: bool | None
        EMAIL_SSL_CERTFILE: str | os.PathLike[str] | None
        EMAIL_SSL_KEYFILE: str | os.PathLike[str] | None
        EMAIL_TIMEOUT: float | None
        EMAIL_FILE_PATH: str | os.PathLike[str] | None
        extra: Mapping[str, Any] | None


class Settings:
    """Every setting, with its default. Frozen; `replace()` makes a changed copy.

    None for a setting means that it isn't set, so its default holds. The values are looked at
    when they are used, not when they are set.
    """

    MAILERS: Mapping[str, Any] | None = None
    DEFAULT_FROM_EMAIL: str = "webmaster@localhost"
    SERVER_EMAIL: str = "root@localhost"
    ADMINS: Sequence[Any] = ()
    MANAGERS: Sequence[Any] = ()
    EMAIL_SUBJECT_PREFIX: str = ""
    DEFAULT_CHARSET: str = "utf-8"
    EMAIL_USE_LOCALTIME: bool = False
    EMAIL_URL: str | None = None
    EMAIL_BACKEND: Any = "smtp"
    EMAIL_HOST: str = "localhost"
    EMAIL_PORT: int = 25
    EMAIL_HOST_USER: str = ""
    EMAIL_HOST_PASSWORD: Any = ""
    EMAIL_USE_TLS: bool = False
    EMAIL_USE_SSL: bool = False
    EMAIL_SSL_CERTFILE: Any = None
    EMAIL_SSL_KEYFILE: Any = None
    EMAIL_TIMEOUT: float = 60.0
    EMAIL_FILE_PATH: Any = None

    extra: Mapping[str, Any] = {}
    """Settings of other packages by name, for backends that were written for Django."""

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in NAMES and name != "extra":
                raise TypeError(f"Unknown setting {name!r}{did_you_mean(name, NAMES)}")
        _check_extra(values.get("extra"))
        # Set without __setattr__, which raises. Other settings read as the class's defaults.
        self.__dict__.update({k: v for k, v in values.items() if v is not None})

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with these settings changed. Unknown names: TypeError."""
        return Settings(**{**self.__dict__, **changes})

    def is_set(self, name: str) -> bool:
        """Was this setting set, even if only to its default?"""
        return name in self.__dict__

    def __getattr__(self, name: str) -> Any:
        try:
            return self.extra[name]
        except KeyError:
            raise AttributeError(f"No setting {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings are frozen; call configure({name}=...) instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Settings are frozen; call configure({name}=None) instead")

    def __repr__(self) -> str:
        # Names alone: the values hold passwords and URLs with credentials.
        return f"<Settings: {', '.join(self.__dict__) or 'all defaults'}>"


NAMES = tuple(name for name in Settings.__annotations__ if name != "extra")
"""The names of all settings but those of other packages."""

_NEWER = ("EMAIL_URL", "EMAIL_SUBJECT_PREFIX", "EMAIL_USE_LOCALTIME")  # not about how mail is sent


def _check_extra(extra: Any) -> None:
    """Raise TypeError unless these are settings of other packages, by name."""
    if extra is None:
        return
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        kind = type(extra).__name__
        raise TypeError(f"'extra' must be a dict of other packages' settings by name, not {kind}")
    if ours := [name for name in extra if name in NAMES or not name.isupper()]:
        raise TypeError(
            f"'extra' is for settings of other packages, in capitals like ANYMAIL, not {ours[0]!r}"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name nearest to this one, or a list of all."""
    names = list(known)
    return nearest(name, names) or f"; use one of {', '.join(names)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name nearest to this one, "" if none is near."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    near = near or difflib.get_close_matches(name.upper(), names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


TEXT_FROM_ENVIRONMENT = ("DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "EMAIL_SUBJECT_PREFIX")
LISTS_FROM_ENVIRONMENT = ("ADMINS", "MANAGERS")
_FROM_ENVIRONMENT = frozenset((*TEXT_FROM_ENVIRONMENT, *LISTS_FROM_ENVIRONMENT))


def from_environment(name: str) -> Any:
    """Return a setting's value from the environment, for one that isn't set; None without one."""
    if name in TEXT_FROM_ENVIRONMENT:
        return os.environ.get(name) or None
    if name in LISTS_FROM_ENVIRONMENT and (text := os.environ.get(name)):
        import re

        # Split at commas outside of quotes: "Doe, Ann" <ann@example.com>
        found = re.findall(r'(?:"(?:\\.|[^"\\])*+"|[^,"]|")+', text)
        return [entry.strip() for entry in found if entry.strip()]
    return None


_STAND_INS = {
    Settings.DEFAULT_FROM_EMAIL: "DEFAULT_FROM_EMAIL",
    Settings.SERVER_EMAIL: "SERVER_EMAIL",
}


def is_said(sender: Any) -> bool:
    """Has somebody said that this is the sender? Django's defaults only stand for a setting."""
    name = _STAND_INS.get(sender) if isinstance(sender, str) else None
    return name is None or _current.is_set(name) or from_environment(name) is not None


_LOGIN = ("EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD")
_IN_A_URL = (
    *("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_USE_SSL"),
    *("EMAIL_FILE_PATH", *_LOGIN),
)
"""Settings that count for nothing beside a URL, whether it says the same or leaves it out."""


# Replaced whole, never changed, so that other threads see either the old or the new state.
_current = Settings()


class _CurrentSettings:
    """The current settings, for reading: `settings.DEFAULT_FROM_EMAIL`.

    Call `configure()` to change them. Every read sees the newest values, so it is safe to import
    `settings` by name.
    """

    def __getattr__(self, name: str) -> Any:
        if name in _FROM_ENVIRONMENT and not _current.is_set(name):
            given = from_environment(name)
            if given is not None:
                return given
        try:
            return getattr(_current, name)
        except AttributeError:
            raise AttributeError(f"No setting {name!r}{did_you_mean(name, NAMES)}") from None

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_current, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_current, name)

    def __dir__(self) -> list[str]:
        return list(NAMES)

    def __repr__(self) -> str:
        return repr(_current)


settings = _CurrentSettings()


WAYS = ("EMAIL_BACKEND", "EMAIL_HOST")
"""The EMAIL_* settings that say where mail goes. The others say how it is sent."""

CLASSIC = tuple(name for name in NAMES if name.startswith("EMAIL_") and name not in _NEWER)
"""The settings from which Django makes its mailer where `MAILERS` isn't set."""


def classic(name: str) -> Any:
    """Return a classic EMAIL_* setting for a backend that was made without an alias.

    Inside a Django project it is Django's, unless simplemail was told any classic setting itself:
    the two are never mixed, or one server would be given the password for another.
    """
    django: Any = sys.modules.get("django.conf")
    if django and django.settings.configured and not any(map(settings.is_set, CLASSIC)):
        return _djangos(django.settings, name)
    return getattr(settings, name)


def _djangos(project: Any, name: str) -> Any:
    value = None
    # From Django 6.1 on, these settings count for nothing beside MAILERS.
    if project.is_overridden(name) and not project.is_overridden("MAILERS"):
        # Beneath what warns the project of its old setting: it needn't hear that from us, too, and
        # silencing warnings for a moment isn't safe with threads.
        value = getattr(project._wrapped, name, None)
    return getattr(settings, name) if value is None else value


def configure(**changes: Unpack[SettingsByName]) -> None:
    """Change the settings that `changes` names, for the whole process, and leave the rest.

    `changes`: settings by name, like DEFAULT_FROM_EMAIL="me@example.com". None unsets a setting,
    so that its default holds again.
    They are MAILERS, DEFAULT_FROM_EMAIL, SERVER_EMAIL, ADMINS, MANAGERS, EMAIL_SUBJECT_PREFIX,
    DEFAULT_CHARSET, EMAIL_USE_LOCALTIME and EMAIL_URL, and Django's classic EMAIL_BACKEND,
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS, EMAIL_USE_SSL,
    EMAIL_SSL_CERTFILE, EMAIL_SSL_KEYFILE, EMAIL_TIMEOUT and EMAIL_FILE_PATH. `extra` holds those
    of other packages, for backends that were written for Django: extra={"ANYMAIL": {...}}.

    An unknown name is a TypeError that suggests the nearest one; nothing is changed then. Values
    are checked when they are used, not here. A setting that has no effect, because another
    one outranks it, is logged as a warning.
    """
    with hiding_frames():
        Settings(**changes)  # raises for unknown names, before anything is changed
    _layers.amend({**changes})
    _warn_of_ignored(changes)


class override_settings(Scope[None]):  # noqa: N801 - Django's name
    """Change settings for a `with` block or a decorated function or class, and restore them.

    `changes`: settings by name, as for `configure()`. An unknown name is a TypeError.

    For tests. The change holds for the whole process, so that threads which the code under test
    starts see it too. What `configure()` changes meanwhile is undone as well. A class is
    decorated test by test: a `unittest.TestCase` from `setUp()` to its last cleanup, any other
    class for each method whose name begins with `test`.
    """

    example = "@override_settings(EMAIL_URL='memory:')"

    def __init__(self, **changes: Unpack[SettingsByName]) -> None:
        with hiding_frames():
            Settings(**changes)  # a misspelt name is reported here, not in the test
        self._changes = changes
        self._entered: list[dict[str, Any]] = []

    def fresh(self) -> override_settings:
        return override_settings(**self._changes)

    def __enter__(self) -> None:
        self._entered.append(_layers.add({**self._changes}))
        _warn_of_ignored(self._changes)

    def __exit__(self, *exc_info: object) -> None:
        _layers.remove(self._entered.pop())


def _ignored(given: Sequence[str]) -> tuple[list[str], str, str]:
    """Return which of these settings have no effect, why, and what to do about it."""
    if _current.MAILERS is not None:
        return [*given], "MAILERS is set", "put it into MAILERS, or set MAILERS=None"
    others = [name for name in given if name in _IN_A_URL]
    if _current.EMAIL_URL:
        return others, "EMAIL_URL is set", "put it into the URL, or set EMAIL_URL=None"
    if any(map(_current.is_set, WAYS)):
        path_alone = "EMAIL_FILE_PATH" in given and not _current.is_set("EMAIL_BACKEND")
        ignored = ["EMAIL_FILE_PATH"] if path_alone else []
        return ignored, "EMAIL_BACKEND isn't set", "set EMAIL_BACKEND='file'"
    if url := os.environ.get("EMAIL_URL"):
        login = () if "@" in url else _LOGIN
        ignored = [name for name in others if name not in login]
        return ignored, "the environment variable EMAIL_URL is set", "put it into the URL"
    return [], "", ""


def _warn_of_ignored(changes: Mapping[str, Any]) -> None:
    """Log which of these settings have no effect, because somebody thinks they do."""
    given = [name for name in ("EMAIL_URL", *CLASSIC) if changes.get(name)]
    ignored, reason, remedy = _ignored(given)
    if ignored:
        text = "%s is ignored, because %s; %s"
        tell("warning", text, ", ".join(ignored), reason, remedy)


def _swap(values: dict[str, Any]) -> None:
    global _current
    _current = Settings(**values)


_layers = Layers(_swap)
