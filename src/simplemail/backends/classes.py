"""Finds the class that is meant by a backend's short name or dotted path."""

from __future__ import annotations

from functools import lru_cache

from ..conf import nearest
from ..exceptions import InvalidMailer
from ..light import Any, pattern

SHORT_NAMES = {
    "smtp": "smtp",
    "console": "console",
    "file": "filebased",
    "filebased": "filebased",
    "memory": "locmem",
    "locmem": "locmem",
    "dummy": "dummy",
    "failover": "failover",
    "roundrobin": "roundrobin",
    "redirect": "redirect",
    "tee": "tee",
}

_IS_PATH = pattern(r"[\w.]*")


def backend_class(spec: Any, what: str, alias: str | None) -> Any:
    """Return the class, or whatever is callable. InvalidMailer, about `what`, if there is none."""
    if callable(spec):
        return spec
    if not isinstance(spec, str):
        kind = type(spec).__name__
        text = f"{what} must be a URL, a short name, a dotted path or a class, not {kind}"
        raise InvalidMailer(text, alias=alias)
    if not _IS_PATH.fullmatch(spec):
        # It may be a password that was meant for elsewhere, so it isn't shown.
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
