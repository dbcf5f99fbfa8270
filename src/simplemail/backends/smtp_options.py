"""Checks the options of the SMTP backend and fills in their defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ..conf import classic
from ..exceptions import InvalidMailer
from ..light import TYPE_CHECKING, Any, pattern
from ..rendering.domains import InvalidAddress, to_ascii
from ..smtp.auth import MECHANISMS
from ..smtp.greeting import is_public_name
from .options import boolean, but_not
from .telling import warn

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKED = (
    *("host", "port", "timeout", "use_tls", "use_ssl", "allow_cleartext_auth", "ehlo_after_auth"),
    *("local_hostname", "source_address", "server_hostname", "connect_timeout", "connect"),
    *("window", "retries", "keep_alive", "pool_size", "auth", "notify", "ret"),
    *("extensions", "max_messages", "max_lifetime", "max_connections", "max_recipients"),
)
"""The options that `right()` checks; others pass unchanged."""

SETTING_OF = {
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
    "ssl_keyfile": "EMAIL_SSL_KEYFILE",
    "ssl_certfile": "EMAIL_SSL_CERTFILE",
}
"""The setting that supplies an option if the mailer has no alias."""

# A name or IPv4 address; or an IPv6 address, which has two colons at least.
_HOST = pattern(r"[\w.-]++|(?:[0-9A-Fa-f.]*+:){2}[0-9A-Fa-f:.]*+(%\w+)?")

_LEFT_OUT = pattern("-[A-Z0-9][A-Z0-9-]*")
_DECIDED_BY = {"STARTTLS": "'use_tls' and 'use_ssl'", "AUTH": "'username' and 'password'"}

_FLAGS = ("use_tls", "use_ssl", "allow_cleartext_auth", "ehlo_after_auth")

_NUMBERS: dict[str, tuple[Callable[[Any], float], float, float]] = {
    "port": (int, 1, 65535),
    "timeout": (float, 0.001, 1e6),
    "connect_timeout": (float, 0.001, 1e6),
    "window": (int, 1, 1000),
    "retries": (int, 0, 100),
    "keep_alive": (float, 0, 1e6),
    "pool_size": (int, 1, 10_000),
    "max_messages": (int, 1, 1e6),
    "max_lifetime": (float, 0.001, 1e6),
    "max_connections": (int, 1, 10_000),
    "max_recipients": (int, 1, 1e6),
}
_MAY_BE_NONE = (
    *("connect_timeout", "max_messages", "max_lifetime", "max_connections", "max_recipients"),
)

_METHODS = tuple(mechanism.name.lower() for mechanism in MECHANISMS)
_REPORT = "(SUCCESS|FAILURE|DELAY)"
_WORDS = {
    "auth": ("|".join(_METHODS), f"one of {', '.join(_METHODS)}"),
    "notify": (f"NEVER|{_REPORT}(,{_REPORT})*", "'NEVER', or like 'FAILURE,DELAY'"),
    "ret": ("FULL|HDRS", "'FULL' or 'HDRS'"),
}


def fill_from_settings(mailer: Any) -> None:
    """Fill in missing options from the EMAIL_* settings."""
    mailer.host = mailer.host or classic("EMAIL_HOST")
    for name, setting in SETTING_OF.items():
        if getattr(mailer, name) is None:
            setattr(mailer, name, classic(setting))


def right(alias: str | None, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options with their types, and with their defaults where there was none.

    Raises InvalidMailer for a bad value; ValueError, as Django does, where both kinds of
    TLS are asked for by settings.
    """
    try:
        return _right_again(alias, **options)
    except TypeError:  # a value that can't be hashed: a list, say
        return _right(alias, **options)


def _right(alias: str | None, **options: Any) -> Mapping[str, Any]:
    for name in _FLAGS:
        options[name] = flag(name, options[name], alias)
    check_host(options["host"], alias)
    _check_one_tls(alias, options)
    port = 465 if options["use_ssl"] else 587 if options["use_tls"] else 25
    for name, default in (("port", port), ("timeout", 60.0)):  # s, for every wait
        if options[name] in (None, ""):  # 0 is a mistake
            options[name] = default
    if not (options["connect"] is None or callable(options["connect"])):
        text = "'connect' must be a function of host, port and seconds that returns a socket"
        raise InvalidMailer(f"{text}{but_not(options['connect'])}", alias=alias)
    for name, limits in _NUMBERS.items():
        if name in _MAY_BE_NONE and options[name] in (None, ""):
            options[name] = None  # `connect_timeout` is `timeout`, also if that is changed later
            continue
        options[name] = number(name, options[name], *limits, alias=alias)
    for name, (allowed, wanted) in _WORDS.items():
        check_word(name, options[name], allowed, wanted, alias=alias)
    options["local_hostname"] = greeting_name(options["local_hostname"], alias)
    if options["server_hostname"]:
        check_host(options["server_hostname"], alias, "server_hostname")
    options["source_address"] = _bind(options["source_address"], alias)
    options["extensions"] = left_out(options["extensions"], alias)
    return options


def left_out(extensions: Any, alias: str | None) -> tuple[str, ...]:
    """Return the extensions not to be used, each with its minus, in capitals."""
    if isinstance(extensions, str):
        extensions = extensions.split(",") if extensions.strip() else ()
    try:
        names = tuple(name.strip().upper() for name in extensions or ())
    except (TypeError, AttributeError):
        names = ("",)
    if not all(_LEFT_OUT.fullmatch(name) for name in names):
        text = "'extensions' must be a list of those to leave out, each with a minus, like"
        raise InvalidMailer(f"{text} '-PIPELINING'{but_not(extensions)}", alias=alias)
    for name, instead in _DECIDED_BY.items():
        if f"-{name}" in names:
            text = f"'extensions' can't leave {name} out, because {instead} decide about it"
            raise InvalidMailer(text, alias=alias)
    return names


def _bind(address: Any, alias: str | None) -> tuple[str, int] | None:
    """Return the address to connect from, in the form that socket.create_connection() takes."""
    if not address:
        return None
    pair = (address, 0) if isinstance(address, str) else address
    if isinstance(pair, (tuple, list)) and list(map(type, pair)) == [str, int]:
        host, port = pair
        if _HOST.fullmatch(host) and 0 <= port <= 65535:
            return host, port
    text = "'source_address' must be an address of this machine, or a pair of it and a port"
    raise InvalidMailer(f"{text}{but_not(address)}", alias=alias)


# A mailer is built for every mail, and checking its options again took a tenth of the time.
_right_again = lru_cache(maxsize=32, typed=True)(_right)


def _check_one_tls(alias: str | None, options: Mapping[str, Any]) -> None:
    if not (options["use_tls"] and options["use_ssl"]):
        return
    if alias is None:
        raise ValueError(
            "EMAIL_USE_TLS/EMAIL_USE_SSL are mutually exclusive, so only set one of those "
            "settings to True."
        )
    raise InvalidMailer(
        "The 'use_ssl' and 'use_tls' OPTIONS are incompatible. Set at most one of them to True.",
        alias=alias,
    )


def flag(name: str, value: Any, alias: str | None) -> bool:
    """Return a flag's value, which may be text, because settings also come from the environment.

    For Python, any text is true, even "false".
    """
    try:
        return boolean(value) if isinstance(value, str) and value else bool(value)
    except ValueError:
        raise InvalidMailer(
            f"{name!r} must be True or False{but_not(value)}", alias=alias
        ) from None


def check_host(host: Any, alias: str | None, name: str = "host") -> None:
    """Raise InvalidMailer unless it is a host's name or address; a whole URL isn't.

    A path is a Unix socket, to which a `connection_class` such as smtplib.LMTP connects.
    """
    if not host:
        raise InvalidMailer("OPTIONS must define 'host'.", alias=alias)
    if isinstance(host, str) and host.startswith("/") and name == "host":
        return
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        # Not shown: a URL has a password in it.
        text = f"{name!r} must be just a name or an address, like 'mail.example.com'"
        raise InvalidMailer(f"{text}; put the port into 'port'", alias=alias)
    try:
        # socket.getaddrinfo() raises a UnicodeError that names no host, and takes ß for ss.
        ascii_host = host if host.isascii() else to_ascii(host)
    except InvalidAddress as error:
        text = f"{name!r} is not a host name: {host!r}; {error.reason}"
        raise InvalidMailer(text, alias=alias) from None
    if not all(0 < len(label) < 64 for label in ascii_host.removesuffix(".").split(".")):
        raise InvalidMailer(f"{name!r} is not a host name: {host!r}", alias=alias)


def greeting_name(name: Any, alias: str | None) -> str | None:
    """Return the name for EHLO, in ASCII. Raises InvalidMailer if it isn't a name."""
    if not name:
        return None
    try:
        final: str = name if name.isascii() else name.encode("idna").decode("ascii")
    except (AttributeError, UnicodeError):
        final = ""
    if not re.fullmatch("[!-~]+", final):
        text = "'local_hostname' must be a name like 'client.example.com' or an address like"
        raise InvalidMailer(f"{text} '[192.0.2.1]'{but_not(name)}", alias=alias)
    if not (final.startswith("[") or is_public_name(final)):
        _warn_of_name(final)
    return final


@lru_cache(maxsize=256)  # once for each
def _warn_of_name(name: str) -> None:
    warn("Some servers refuse local_hostname %r: it isn't a name in the public DNS", name)


def number(
    name: str,
    value: Any,
    kind: Callable[[Any], float],
    least: float,
    most: float,
    *,
    alias: str | None = None,
) -> float:
    """Return an option's value as such a number. Raises InvalidMailer if it isn't in the range."""
    try:
        if least <= (converted := kind(value)) <= most:
            return converted
    except (TypeError, ValueError):
        pass
    text = f"{name!r} must be a number from {least:g} to {most:g}{but_not(value)}."
    raise InvalidMailer(text, alias=alias)


def check_word(
    name: str, value: str | None, allowed: str, right: str, *, alias: str | None = None
) -> None:
    """Raise InvalidMailer, saying what is `right`, for a value that doesn't match ("" does)."""
    if value and not (isinstance(value, str) and re.fullmatch(allowed, value, re.IGNORECASE)):
        raise InvalidMailer(f"{name!r} must be {right}{but_not(value)}.", alias=alias)
