"""Which options a backend takes and of which type, and whether a value will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ..conf import did_you_mean
from ..exceptions import InvalidMailer
from ..light import Any, pattern

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
_HOST = pattern(r"[\w.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?")
_TAKES_ANY_OPTION = 0x08  # inspect.CO_VARKEYWORDS


def known_options(backend: type) -> dict[str, str]:
    """Return the backend's options with their types as written ("" where none is).

    A base class's options count too: they arrive there through `**kwargs`.
    """
    known: dict[str, str] = {}
    for cls in backend.__mro__:
        init = vars(cls).get("__init__")
        code = getattr(init, "__code__", None)
        if init is None or code is None:
            continue
        count = code.co_argcount + code.co_kwonlyargcount
        for name in code.co_varnames[1:count]:
            kind = init.__annotations__.get(name, "")
            known[name] = known.get(name) or (
                kind.__name__ if isinstance(kind, type) else f"{kind}"
            )
        if not code.co_flags & _TAKES_ANY_OPTION:
            break
    known.pop("alias", None)  # which only the library passes
    return known


def suggestion(backend: type, unknown: Iterable[str]) -> str:
    """Return the sentence that helps with options this backend doesn't know."""
    known = known_options(backend)
    hints = [did_you_mean(name, known)[2:] for name in unknown]
    return hints[0][0].upper() + hints[0][1:] if hints else ""


def check_options(backend: type, options: Mapping[str, Any], alias: str | None = None) -> None:
    """Raise what building this backend raises for options that it doesn't have.

    Right for backends whose constructors name all their options, as ours do.
    """
    known = known_options(backend)
    if unknown := [name for name in without_djangos_own(options) if name not in known]:
        raise unknown_options(backend, unknown, alias)


def without_djangos_own(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without those that Django hands to every backend, whatever it takes."""
    # Django 6.1 names the options that come from arguments, like auth_user, to be ignored.
    ignored = options.get("_ignore_unknown_kwargs", ())
    # Before 6.1, its send_mail() passes the two on as None.
    return {
        name: value
        for name, value in options.items()
        if not (name in ignored or name == "_ignore_unknown_kwargs")
        and not (name in ("username", "password") and value is None)
    }


def unknown_options(backend: type, names: list[str], alias: str | None) -> Exception:
    """Return the error for options that this backend doesn't have."""
    listed = ", ".join(map(repr, names))
    help_ = suggestion(backend, names)
    if alias is None:
        plural = "s" * (len(names) > 1)
        return TypeError(f"{backend.__module__}: unknown option{plural} {listed}. {help_}")
    return InvalidMailer(f"Unknown options {listed}. {help_}", alias=alias)  # Django's words


def from_text(backend: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert options that came as text in a URL to the types that the backend asks for.

    Raises InvalidMailer for an option that the backend doesn't have, or a value that won't do.
    """
    known = known_options(backend)
    for name in options:
        if name not in known:
            raise InvalidMailer(
                f"Unknown option {name!r} in a mailer URL{did_you_mean(name, known)}"
            )
    return {name: _convert(name, known[name], value) for name, value in options.items()}


def _convert(name: str, kind: str, value: Any) -> Any:
    kinds = set(re.findall(r"\w+", kind)) - {"None", "Optional", "Union", "typing"}
    if not isinstance(value, str) or not kinds or kinds & {"str", "Any"}:
        return value
    for wanted, (convert, words) in _CONVERTERS.items():
        if wanted in kinds:
            try:
                return convert(value)
            except ValueError:
                text = f"Option {name!r} in a mailer URL must be {words}, not {value!r}"
                raise InvalidMailer(text) from None
    raise InvalidMailer(f"Option {name!r} has no text form, so a mailer URL can't hold it")


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError


_CONVERTERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "bool": (_boolean, "true or false"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
}


def flag(name: str, value: Any, alias: str | None) -> bool:
    """Return what a flag says, also as text: settings come from the environment, too.

    Any text is true for Python, "false" included.
    """
    try:
        return _boolean(value) if isinstance(value, str) and value else bool(value)
    except ValueError:
        raise InvalidMailer(f"{name!r} must be True or False, not {value!r}", alias=alias) from None


def check_host(host: Any, alias: str | None) -> None:
    """Raise InvalidMailer for what is no host's name or address, such as a whole URL."""
    if not host:
        raise InvalidMailer("OPTIONS must define 'host'.", alias=alias)
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        # Not shown: a URL has a password in it.
        text = "'host' must be a name or an address alone, like 'mail.example.com'"
        raise InvalidMailer(f"{text}; a port goes into 'port'", alias=alias)
    if not _is_resolvable(host):
        raise InvalidMailer(f"'host' is no host name: {host!r}", alias=alias)


def greeting_name(name: Any, alias: str | None) -> str | None:
    """Return the name to introduce ourselves by, in ASCII. InvalidMailer for what is none."""
    if not name:
        return None
    try:
        final: str = name if name.isascii() else name.encode("idna").decode("ascii")
    except (AttributeError, UnicodeError):
        final = ""
    if not re.fullmatch("[!-~]+", final):
        text = "'local_hostname' must be a name like 'client.example.com' or an address like"
        raise InvalidMailer(f"{text} '[192.0.2.1]', not {name!r}", alias=alias)
    return final


def _is_resolvable(host: str) -> bool:
    # socket.getaddrinfo() raises a UnicodeError that names no host.
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return all(0 < len(label) < 64 for label in ascii_host.removesuffix(".").split("."))


def number(
    name: str,
    value: Any,
    kind: Callable[[Any], float],
    least: float,
    most: float,
    *,
    alias: str | None = None,
) -> float:
    """Return an option's value as a number of this kind. InvalidMailer if it isn't in the range."""
    try:
        if least <= (converted := kind(value)) <= most:
            return converted
    except (TypeError, ValueError):
        pass
    text = f"{name!r} must be a number from {least:g} to {most:g}, not {value!r}."
    raise InvalidMailer(text, alias=alias)


def check_word(
    name: str, value: str | None, pattern: str, right: str, *, alias: str | None = None
) -> None:
    """Raise InvalidMailer, saying what is `right`, for a value that doesn't match ("" does)."""
    if value and not (isinstance(value, str) and re.fullmatch(pattern, value, re.IGNORECASE)):
        raise InvalidMailer(f"{name!r} must be {right}, not {value!r}.", alias=alias)
