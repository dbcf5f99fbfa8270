"""The states of a message in the queue, and the words for what happens to it."""

from __future__ import annotations

READY = "ready"
WAITING = "waiting"
HELD = "held"
CLAIMED = "claimed"
SENDING = "sending"

SENT = "sent"
CANCELLED = "cancelled"

REFUSED = "refused"
EXPIRED = "expired"
UNKNOWN = "unknown"
BROKEN = "broken"

OPEN = (READY, WAITING, HELD, CLAIMED, SENDING)
"""There is something to be done, and the queue does it."""

CLOSED = (SENT, CANCELLED)
"""There is nothing to be done."""

FOR_A_PERSON = (REFUSED, EXPIRED, UNKNOWN, BROKEN)
"""There is something to be decided, and the queue won't."""

ALL = (*OPEN, *CLOSED, *FOR_A_PERSON)
