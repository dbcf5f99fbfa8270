"""Mailers for others to hold: each does what the test says."""

from __future__ import annotations

from simplemail.backends.base import BaseEmailBackend
from simplemail.receipts import Reply


class Fake(BaseEmailBackend):
    """Takes envelopes, or raises `error` for as long as it is set."""

    def __init__(self, name="fake", error=None, **options):
        super().__init__(**options)
        self.name = name
        self.error = error
        self.taken = []
        self.tries = 0
        self.closed = 0

    def __str__(self):
        return self.name

    def send_envelope(self, envelope):
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.taken.append(envelope)
        return Reply(250, f"taken by {self.name}")

    def close(self):
        self.closed += 1
