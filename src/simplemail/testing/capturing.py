"""Helps you test code that sends mail."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ..backends import handler
from ..scopes import Layers, Scope


class capture(Scope[list[Any]]):  # noqa: N801 - reads as a verb
    """Swap every mailer, named ones too, for memory inside a `with` block or a decorated function.

        with capture() as outbox:
            sign_up("ann@example.com")
        assert outbox[0].subject == "Welcome"

    `simplemail.outbox` is the same list meanwhile. Afterwards mail goes where it went before, also
    when the block raises; settings that were changed meanwhile stay. Each message's `sent_using` is
    the alias it was sent with. Process-wide: threads started inside see it too, and mailer objects
    that were made before ask at the moment of sending. Addresses, headers, aliases and the names
    of options must be right as they must be in life.
    """

    example = "@capture()"

    def __init__(self) -> None:
        self._entered: list[dict[str, Any]] = []

    def fresh(self) -> capture:
        return capture()

    def __enter__(self) -> list[Any]:
        outbox: list[Any] = []
        _layers.amend({"outbox": _package().outbox})  # which may be another one by now
        self._entered.append(_layers.add({"outbox": outbox}))
        handler.instead.append(_in_memory)
        return outbox

    def __exit__(self, *exc_info: object) -> None:
        handler.instead.pop()
        _layers.remove(self._entered.pop())


def _in_memory(backend: Any, options: Mapping[str, Any], alias: str | None = None) -> Any:
    """Make a mailer that keeps messages, after checking the options of the real one."""
    from ..backends.locmem import EmailBackend
    from ..backends.options import check_options

    # Other people's backends may read their options from anywhere.
    if getattr(backend, "__module__", "").startswith(f"{_package().__name__}.backends."):
        check_options(backend, options, alias)
    return EmailBackend() if alias is None else EmailBackend(alias=alias)


def _package() -> Any:
    return sys.modules[__name__.partition(".")[0]]


def _swap(values: dict[str, Any]) -> None:
    _package().outbox = values["outbox"]


_layers = Layers(_swap)
