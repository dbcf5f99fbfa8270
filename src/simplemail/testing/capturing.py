"""Helps to test code that sends mail."""

from __future__ import annotations

import sys
from typing import Any

from .. import handler
from ..scopes import Layer, Layers, Scope


class capture(Scope[list[Any]]):  # noqa: N801 - reads as a verb
    """Swap every mailer, named ones too, for memory inside a `with` block or a decorated function.

        with capture() as outbox:
            sign_up("ann@example.com")
        assert outbox[0].subject == "Welcome"

    `simplemail.outbox` is the same list meanwhile; everything is as before afterwards, also when
    the block raises. Each message's `sent_using` is the alias it was sent with. Process-wide:
    threads started inside see it too. A backend object that was made before is not swapped.
    """

    def __init__(self) -> None:
        self._entered: list[Layer[list[Any]]] = []

    def fresh(self) -> capture:
        return capture()

    def __enter__(self) -> list[Any]:
        from ..backends.locmem import EmailBackend

        outbox: list[Any] = []
        self._entered.append(_layers.add(lambda before: outbox))
        handler.instead.append(EmailBackend)
        return outbox

    def __exit__(self, *exc_info: object) -> None:
        handler.instead.pop()
        _layers.remove(self._entered.pop())


def _package() -> Any:
    return sys.modules[__name__.partition(".")[0]]


def _swap(outbox: list[Any]) -> None:
    _package().outbox = outbox


_layers: Layers[list[Any]] = Layers(lambda: _package().outbox, _swap)
