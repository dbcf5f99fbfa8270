"""A server in trouble, for tests of what is told about it."""

from __future__ import annotations

import random
import re
import threading
import time

from simplemail.testing.server import Close, Delay, Fault, HalfClose, Reset, Silence, SMTPServer
from simplemail.testing.server.session import Session


class Chaos:
    """Trouble at every stage, of every kind that a server can make; and restarts."""

    def __init__(self, server: SMTPServer, seed: int) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.ends = 0
        self.over = False
        self.due = threading.Event()
        self.killer = threading.Thread(target=self.kill_and_restart)

    def __enter__(self) -> Chaos:
        self.server.script(re.compile(""), self.answer)
        self.killer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.due.set()
        self.killer.join()
        self.server.unscript()

    def answer(self, line: str, session: Session) -> Fault | str | None:
        """Answer a command, or the end of the content; None is the usual answer."""
        verb = line.partition(" ")[0]
        with self.lock:
            dice = self.random.random()
            if verb == "END":
                self.ends += 1
                if self.ends % 60 == 0:
                    self.due.set()
            if dice > 0.04:
                return None
            return self.random.choice(self.troubles(verb))

    def troubles(self, verb: str) -> list[Fault | str | None]:
        found: list[Fault | str | None] = [
            Close(),
            Reset(),
            HalfClose(),
            "421 4.3.2 Too tired",
            Close("451 4.3.0 And goodbye"),
            Delay(0.002),
        ]
        if self.random.random() < 0.1:
            found.append(Silence())
        if verb in ("MAIL", "RCPT", "DATA", "END"):
            found += ["451 4.3.0 Not now", "452 4.2.2 Full", "550 5.7.1 Never", "554 5.0.0 No"]
        if verb == "END":
            found += [kind(accept=True) for kind in (Close, Reset, HalfClose)] * 2
        return found

    def kill_and_restart(self) -> None:
        while True:
            self.due.wait()
            self.due.clear()
            if self.over:
                return
            self.server.kill()
            time.sleep(self.random.random() * 0.002)
            self.server.start()
