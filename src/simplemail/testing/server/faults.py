"""The faults of a server, one small class each, for `server.script()` and `strike()`.

A fault at a command stands for the command's reply, and the command has no effect, unless the
fault says otherwise. At "END" (of the content), `accept=True` means that the server keeps the
message first, and then fails to say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .channel import Hangup

if TYPE_CHECKING:
    from .session import Session

Told = str | bytes | None  # a reply in place of the usual one, if not None


class Fault:
    """Something that goes wrong. A fault of your own overrides `strike()`.

    `accept`: at "END", keep the message before failing to say so.
    """

    def __init__(self, *, accept: bool = False) -> None:
        self.accept = accept

    def strike(self, session: Session) -> Told:
        """Do the harm to `session`. Return the reply to give after all; None is the usual one."""
        raise NotImplementedError


class Close(Fault):
    """Closes the connection, after a last `reply` if there is one."""

    def __init__(self, reply: Told = None, *, accept: bool = False) -> None:
        super().__init__(accept=accept)
        self.reply = reply

    def strike(self, session: Session) -> None:
        if self.reply is not None:
            session.write(self.reply)
        session.channel.flush_all()
        self.end(session)

    def end(self, session: Session) -> None:
        raise Hangup


class Reset(Close):
    """Closes the connection with a TCP reset (ECONNRESET at the client), after `reply`."""

    def end(self, session: Session) -> None:
        session.channel.abort()
        raise Hangup


class HalfClose(Close):
    """Closes its own direction only, after `reply`; reads on until the client goes."""

    def end(self, session: Session) -> None:
        session.channel.half_close()
        raise Hangup(session.channel.drain)


class Silence(Close):
    """Never says another word after `reply`; reads on until the client goes."""

    def end(self, session: Session) -> None:
        raise Hangup(session.channel.drain)


class Delay(Fault):
    """Answers after `seconds`: `reply`, or as usual."""

    def __init__(self, seconds: float, reply: Told = None, *, accept: bool = False) -> None:
        super().__init__(accept=accept)
        self.seconds = seconds
        self.reply = reply

    def strike(self, session: Session) -> Told:
        session.channel.flush_all()
        session.channel.pause(self.seconds)
        return self.reply


class Drip(Fault):
    """From now on sends `size` bytes every `interval` seconds: `reply`, or as usual."""

    def __init__(self, reply: Told = None, *, size: int = 1, interval: float = 0.05) -> None:
        super().__init__()
        self.reply = reply
        self.pace = (size, interval)

    def strike(self, session: Session) -> Told:
        session.channel.flush_all()
        session.channel.pace = self.pace
        return self.reply


class Inject(Fault):
    """Sends `reply` that nobody asked for before (or `after`) the usual one."""

    def __init__(self, reply: str | bytes, *, after: bool = False) -> None:
        super().__init__()
        self.reply = reply
        self.after = after

    def strike(self, session: Session) -> None:
        if self.after:
            session.trailer = self.reply
        else:
            session.write(self.reply)


class Garbage(Fault):
    """Answers with `data`: bytes that are no reply."""

    def __init__(self, data: bytes = b"\x16\x03\xff\x00 garbage\r\n") -> None:
        super().__init__()
        self.data = data

    def strike(self, session: Session) -> bytes:
        return self.data


class EndlessLine(Fault):
    """Answers with a line that never ends, or only after `limit` bytes without an end."""

    data = b"250-" + b"x" * 65532

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit

    def strike(self, session: Session) -> None:
        channel = session.channel
        channel.flush_all()
        raise Hangup(lambda: channel.flood(self.data, self.limit))


class EndlessReply(EndlessLine):
    """Answers with line after line, none of which is the last, or only after `limit` bytes."""

    data = b"250-and another thing\r\n" * 2000
