"""Limits how deep messages and parts may be nested in each other."""

from __future__ import annotations

from collections.abc import Iterable

from ..light import Any

DEEPEST = 100
"""Levels of parts. Postfix and others read no more."""


def too_deep() -> ValueError:
    """Return the error for what is nested deeper."""
    return ValueError(
        f"Messages and parts are nested too deeply, more than {DEEPEST} levels, or in themselves; "
        "attach the inner ones as files, their as_bytes() with the type application/octet-stream"
    )


def check_nesting(thing: Any) -> None:
    """Raise ValueError if a message or part, of anybody's, holds others too deep, or itself.

    It asks level by level, because what is nested without end can't be followed to its end.
    """
    level = {id(thing): thing}
    for _ in range(DEEPEST + 1):
        level = {id(each): each for outer in level.values() for each in _inside(outer)}
        if not level:
            return
    raise too_deep()


def _inside(thing: Any) -> Iterable[Any]:
    """Return what is nested in a message, in an entry of `attachments`, or in a MIME part."""
    if isinstance(thing, tuple):
        return [each for each in thing if hasattr(each, "message") or _is_part(each)]
    if _is_part(thing):
        children = thing.get_payload()
        return children if isinstance(children, list) else ()
    return [each for each in thing.attachments or () if isinstance(each, tuple) or _is_part(each)]


def _is_part(thing: Any) -> bool:
    return hasattr(thing, "get_content_maintype")


class limited:  # noqa: N801 - it is used as a function; contextlib takes too long to load
    """Raise `too_deep()` where Python's own code goes as deep as it can."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, RecursionError):
            raise too_deep() from None
