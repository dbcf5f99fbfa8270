"""What can be wrong with the queue itself, rather than with a message."""

from __future__ import annotations


class QueueError(OSError):
    """The queue's file can't be used now. A message that was to be put is not in the queue.

    An OSError, so that `except` clauses written for mail servers hold for the queue as well.
    """
