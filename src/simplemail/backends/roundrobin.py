"""Spreads messages over several mailers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..exceptions import InvalidMailer
from ..light import lock
from .failover import EmailBackend as Failover
from .failover import down_last

# Kept outside of the mailer, because each call makes a new one.
_lock = lock()  # over _turns
_turns: dict[str, int] = {}  # how many, by the mailer's name


class EmailBackend(Failover):
    """Sends each message through the next of `mailers`, and fails over to the ones after it.

    - `mailers`: a list of mailers: aliases of MAILERS, URLs, entries like those in MAILERS, or
      backend objects.
    - `weights`: a whole number for each mailer: with [3, 1], the first gets three messages of four.
    - `cooldown`: how many seconds the whole process leaves a mailer alone that can't be reached.

    Turns are taken by the whole process, under this mailer's alias. `fail_silently`, `alias` and
    other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailers: Iterable[Any] = (),
        weights: Iterable[int] | None = None,
        cooldown: float = 60.0,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, mailers=mailers, cooldown=cooldown, **options)
        self.weights = [1] * len(self.held) if weights is None else list(weights)
        whole = all(isinstance(weight, int) and weight > 0 for weight in self.weights)
        if not whole or len(self.weights) != len(self.held):
            raise InvalidMailer(
                f"'weights' must be {len(self.held)} whole numbers over 0, one for each mailer, "
                f"not {self.weights!r}.",
                alias=self.alias,
            )
        self._rota = _spread(self.weights)

    def _in_order(self) -> list[Any]:
        """Return the mailers, beginning with the one whose turn it is; those that are down last."""
        key = f"{self.alias} {self._rota}"
        with _lock:
            turn = _turns.get(key, 0)
            _turns[key] = (turn + 1) % len(self._rota)
        first = self._rota[turn]
        return down_last(self.held[first:] + self.held[:first])


def _spread(weights: list[int]) -> list[int]:
    """Return the order of turns for a whole round, spread as evenly as possible."""
    turns = [(place / weight, who) for who, weight in enumerate(weights) for place in range(weight)]
    return [who for _, who in sorted(turns)]
