"""Sends a message from the inbox on to real people: the only way out, and only where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends.held import held_mailer
from ..receipts import Status
from ..rendering.addresses import addr_spec
from ..rendering.envelope import Envelope
from .guard import Refused

MOST_RECIPIENTS = 50


class Release:
    """Hands messages to `mailer` (a URL), for addresses that `allow` has, or whose domain it has.

    With nothing in `allow`, any address will do.
    """

    def __init__(self, mailer: str, allow: Sequence[str] = ()) -> None:
        self.allow = tuple(each.lower() for each in allow)
        self._mailer = mailer
        self._new_mailer()  # what is wrong with the URL is said now

    def send(self, content: bytes, sender: str, to: Sequence[str]) -> dict[str, Any]:
        """Send to these addresses alone. Raises Refused for one that isn't allowed."""
        recipients = tuple(dict.fromkeys(map(self._checked, to)))
        if not 0 < len(recipients) <= MOST_RECIPIENTS:
            raise Refused(400, f"Give 1 to {MOST_RECIPIENTS} addresses, not {len(recipients)}")
        # The envelope is as typed: those whom the header names don't get it again.
        envelope = Envelope.of(content, sender=sender, recipients=recipients)
        with self._new_mailer() as mailer:
            [receipt] = mailer.deliver([envelope])
        if receipt.status is not Status.SENT:
            replies = ", ".join(map(str, receipt.refused.values()))
            reason = replies or receipt.reply or receipt.error or receipt.status.value
            raise Refused(502, f"It wasn't released: {reason}")
        refused = {address: str(reply) for address, reply in receipt.refused.items()}
        return {"released": [each for each in recipients if each not in refused], **refused}

    def _checked(self, address: str) -> str:
        try:
            spec = addr_spec(address)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        domain = spec.lower().rpartition("@")[2]
        if self.allow and not {spec.lower(), domain} & {*self.allow}:
            allowed = ", ".join(self.allow)
            raise Refused(403, f"{spec} isn't allowed; --release-allow has {allowed}")
        return spec

    def _new_mailer(self) -> Any:
        return held_mailer(self._mailer, "release")
