"""The options of the SMTP backend: which values will do, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..exceptions import InvalidMailer
from ..light import TYPE_CHECKING, Any
from ..smtp.auth import MECHANISMS
from .options import check_host, check_word, flag, greeting_name, number

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKED = (
    *("host", "port", "timeout", "use_tls", "use_ssl", "allow_cleartext_auth", "ehlo_after_auth"),
    *(
        "local_hostname",
        "source_address",
        "window",
        "retries",
        "keep_alive",
        "pool_size",
        "auth",
        "notify",
        "ret",
    ),
)
"""What `right()` wants, and returns; the rest is taken as it is."""

_FLAGS = ("use_tls", "use_ssl", "allow_cleartext_auth", "ehlo_after_auth")

_NUMBERS: dict[str, tuple[Callable[[Any], float], float, float]] = {
    "port": (int, 1, 65535),
    "timeout": (float, 0.001, 1e6),
    "window": (int, 1, 1000),
    "retries": (int, 0, 100),
    "keep_alive": (float, 0, 1e6),
    "pool_size": (int, 1, 10_000),
}

_METHODS = tuple(mechanism.name.lower() for mechanism in MECHANISMS)
_REPORT = "(SUCCESS|FAILURE|DELAY)"
_WORDS = {
    "auth": ("|".join(_METHODS), f"one of {', '.join(_METHODS)}"),
    "notify": (f"NEVER|{_REPORT}(,{_REPORT})*", "'NEVER', or like 'FAILURE,DELAY'"),
    "ret": ("FULL|HDRS", "'FULL' or 'HDRS'"),
}


def right(alias: str | None, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options with their types, and with their defaults where there was none.

    Raises InvalidMailer for a value that won't do; ValueError, as Django does, where both kinds of
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
    for name, limits in _NUMBERS.items():
        options[name] = number(name, options[name], *limits, alias=alias)
    for name, (pattern, wanted) in _WORDS.items():
        check_word(name, options[name], pattern, wanted, alias=alias)
    options["local_hostname"] = greeting_name(options["local_hostname"], alias)
    options["source_address"] = _bind(options["source_address"], alias)
    return options


def _bind(address: Any, alias: str | None) -> tuple[str, int] | None:
    """Return from where to connect, as socket.create_connection() wants it."""
    if not address:
        return None
    if isinstance(address, str):
        return address, 0
    if isinstance(address, (tuple, list)) and list(map(type, address)) == [str, int]:
        host, port = address
        return host, port
    text = "'source_address' must be an address of this machine, or a pair of it and a port"
    raise InvalidMailer(f"{text}, not {address!r}", alias=alias)


# A mailer is built for every mail, and looking at its options again took a tenth of the time.
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
