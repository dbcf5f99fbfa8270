"""How much a server takes from clients that it can't trust."""

from typing import NamedTuple


class Limits(NamedTuple):
    """How much a server takes from its clients. None is without limit.

    - `content`: octets of a message. More are read, forgotten and refused (552).
    - `line`: octets of a command.
    - `idle`: seconds without a word from the client.
    - `connections`: how many clients at a time.

    A client over one of the last three hears why, and the connection is closed.
    """

    content: int | None = None
    line: int | None = None
    idle: float | None = None
    connections: int | None = None


class TooMuch(Exception):  # noqa: N818 - the client's mistake
    """More came than the limit allows. What was over has been read and forgotten."""
