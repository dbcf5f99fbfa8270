"""How often a client waits for the server, counted by the server: no clock is involved."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import blind_copies
import sinks
import ways
from race import Way, main


class Count(NamedTuple):
    """How many round trips `way` takes for one more message, or for one in all: at `most`."""

    name: str
    way: Way
    extensions: list[str]
    most: float
    messages: int = 20
    in_all: bool = False
    rtt: float = 0.0  # for messages that overtake answers: these must not come at once

    def judge(self, *, quick: bool) -> int:
        if self.in_all:
            figure = float(self._turns(self.messages))
        else:
            figure = (self._turns(2 * self.messages) - self._turns(self.messages)) / self.messages
        offered = "CHUNKING" if "CHUNKING" in self.extensions else "PIPELINING"
        doubt = "" if figure <= self.most else "   does not hold"
        print(f"  {self.name:36}{offered:12}{figure:9.2f} round trips (at most {self.most}){doubt}")
        return figure > self.most

    def _turns(self, messages: int) -> int:
        from simplemail.testing import SMTPServer

        with SMTPServer(extensions=self.extensions, rtt=self.rtt) as server:
            self.way(server.port, messages)
            return server.turns


iter_deliver_16 = partial(ways.iter_deliver, window=16)

CASES = [
    Count("iter_deliver", ways.iter_deliver, sinks.CHUNKING, 1),
    Count("iter_deliver", ways.iter_deliver, sinks.PIPELINING, 1),
    Count("iter_deliver, window=16", iter_deliver_16, sinks.CHUNKING, 0.2, 64, rtt=0.05),
    Count("send_messages", ways.send_messages, sinks.CHUNKING, 1),
    Count("send_messages", ways.send_messages, sinks.PIPELINING, 1),
    Count("Django", ways.django_send_messages, sinks.CHUNKING, 4),
    Count("1,000 blind copies", blind_copies.simplemail, sinks.CHUNKING, 15, 1_000, True),
    Count("1,000 blind copies", blind_copies.simplemail, sinks.PIPELINING, 15, 1_000, True),
]

if __name__ == "__main__":
    main(*CASES)
