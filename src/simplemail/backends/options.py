"""Which options a backend takes and of which type, and whether a value will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from importlib import import_module

from ..conf import did_you_mean
from ..exceptions import InvalidMailer
from ..light import Any

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
LOGIN = frozenset(
    (
        *("host", "port", "username", "password", "use_tls", "use_ssl", "timeout"),
        *("ssl_keyfile", "ssl_certfile"),
    )
)
"""What Django's SMTP backend has, and Django lets be given to any other: in tests, mostly."""

ignorable: ContextVar[frozenset[str]] = ContextVar("ignorable", default=frozenset())
"""Options in the call that is building a mailer, which one that has no login may leave alone."""

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
        annotations = _annotations(init)
        count = code.co_argcount + code.co_kwonlyargcount
        for name in code.co_varnames[1:count]:
            kind = annotations.get(name, "")
            known[name] = known.get(name) or (
                kind.__name__ if isinstance(kind, type) else f"{kind}"
            )
        if not code.co_flags & _TAKES_ANY_OPTION:
            break
    known.pop("alias", None)  # which only the library passes
    return known


def _annotations(init: Any) -> Mapping[str, Any]:
    """Return the types of a constructor's parameters, evaluated or as they were written."""
    try:
        found: Mapping[str, Any] = init.__annotations__
    except NameError:
        # From Python 3.14 on, they are evaluated when asked for; names that are imported for type
        # checkers alone aren't there then.
        lib: Any = import_module("annotationlib")
        found = lib.get_annotations(init, format=lib.Format.STRING)
    return found


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
    if unknown := [name for name in without_djangos_own(options, backend) if name not in known]:
        raise unknown_options(backend, unknown, alias)


def without_djangos_own(options: Mapping[str, Any], backend: type) -> dict[str, Any]:
    """Return the options without those that Django hands to every backend, whatever it takes."""
    # Django 6.1 names the options that come from arguments, like auth_user, to be ignored.
    ignored = {*options.get("_ignore_unknown_kwargs", ())}
    if not getattr(backend, "_login_matters", False):
        ignored |= ignorable.get()
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
        what = "unknown option" if len(names) == 1 else "unknown options"
        return TypeError(f"{backend.__module__}: {what} {listed}. {help_}")
    return InvalidMailer(f"Unknown options {listed}. {help_}", alias=alias)  # Django's words


def check_exclusive(
    *,
    using: str | None,
    connection: Any,
    fail_silently: bool = False,
    auth_user: str | None = None,
    auth_password: str | None = None,
) -> None:
    """Raise TypeError for arguments that contradict each other, naming both."""
    if using is None and connection is None:
        return
    auth = auth_user is not None or auth_password is not None
    if using is not None and connection is not None:
        raise TypeError("'connection' is not compatible with 'using'.")
    if using is not None and fail_silently:
        raise TypeError("'fail_silently' is not compatible with 'using'.")
    if using is not None and auth:
        raise TypeError(
            "'auth_user' and 'auth_password' are not compatible with 'using'. Set 'username' and "
            "'password' in the mailer's OPTIONS instead."
        )
    if connection is not None and fail_silently:
        raise TypeError(
            "fail_silently cannot be used with a connection. Pass fail_silently to "
            "get_connection() instead."
        )
    if connection is not None and auth:
        raise TypeError(
            "auth_user and auth_password cannot be used with a connection. Pass username and "
            "password to get_connection() instead."
        )


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
                # The value isn't shown: it may be a password that was cut in two.
                raise InvalidMailer(f"Option {name!r} in a mailer URL must be {words}") from None
    raise InvalidMailer(f"Option {name!r} can't be written in a mailer URL; set it in MAILERS")


def boolean(text: str) -> bool:
    """Return what "yes", "off" and their like mean. ValueError for other text."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError


_CONVERTERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "bool": (boolean, "true or false"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
}


def but_not(value: object) -> str:
    """Return ", not 5" for the end of an error: the wrong value, unless it is text or holds some.

    Text may be a password that was meant for another option.
    """
    holds_text = isinstance(value, (str, bytes, list, tuple, set, dict))
    return "" if holds_text else f", not {value!r}"
