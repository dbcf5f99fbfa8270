"""How much a server takes from clients that it can't trust."""

from typing import NamedTuple


class Limits(NamedTuple):
    """None is without limit. A message over `content` octets is read, forgotten and refused (552).

    A client that says nothing for `idle` seconds, sends a command of more than `line` octets, or
    is one more than `connections`, hears why, and the connection is closed.
    """

    content: int | None = None
    line: int | None = None
    idle: float | None = None
    connections: int | None = None


class TooMuch(Exception):  # noqa: N818 - the client's mistake
    """More came than the limit allows. What was over has been read and forgotten."""
