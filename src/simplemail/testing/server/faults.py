"""What can go wrong at a server, one small object each; for `server.script()` and `strike()`.

A fault at a command stands for the command's reply, and the command has no effect, unless the
fault says otherwise. At "END" (of the content), `accept=True` means that the server keeps the
message first, and then fails to say so.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .channel import Hangup

if TYPE_CHECKING:
    from .session import Session

Told = str | bytes | None  # a reply in place of the usual one, if not None


class Fault:
    """Does its harm in `strike()`; returns the reply to give after all, None for the usual one."""

    def __init__(self, *, accept: bool = False) -> None:
        self.accept = accept

    def strike(self, session: Session) -> Told:
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
    """Closes the connection with a TCP reset (ECONNRESET at the client)."""

    def end(self, session: Session) -> None:
        session.channel.abort()
        raise Hangup


class HalfClose(Close):
    """Closes its own direction only; reads on until the client goes."""

    def end(self, session: Session) -> None:
        session.channel.half_close()
        raise Hangup(session.channel.drain)


class Silence(Close):
    """Never says another word; reads on until the client goes."""

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
    """Answers with bytes that are no reply."""

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
    """Answers with line after line, none of which is the last."""

    data = b"250-and another thing\r\n" * 2000


Reply = Told | Fault
Answer = Reply | Callable[[str, "Session"], Reply]


class Script:
    """Which answers tests have put in place of the usual ones; the newest that matches counts."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        command: str | re.Pattern[str],
        answer: Answer | Sequence[Answer],
        *,
        nth: int | None = None,
        after: int = 0,
    ) -> None:
        with self._lock:
            self._rules = [_Rule(command, answer, nth, after), *self._rules]

    def clear(self) -> None:
        self._rules = []

    def find(self, text: str, session: Session) -> tuple[Reply, int]:
        """The answer to `text` (None for the usual one), and after how many bytes of content."""
        for rule in self._rules:
            if rule.matches(text):
                with self._lock:
                    answer = rule.next_answer()
                if callable(answer):
                    answer = answer(text, session)
                if answer is not None:
                    return answer, rule.after
        return None, 0


class _Rule:
    def __init__(
        self,
        command: str | re.Pattern[str],
        answer: Answer | Sequence[Answer],
        nth: int | None,
        after: int,
    ) -> None:
        self.after = after
        self._command = command.upper() if isinstance(command, str) else command
        self._times = 0
        self._always: Answer = None
        self._answers: Sequence[Answer] = ()
        if isinstance(answer, Sequence) and not isinstance(answer, (str, bytes)):
            self._answers = answer
        elif nth is not None:
            self._answers = [None] * (nth - 1) + [answer]
        else:
            self._always = answer

    def matches(self, text: str) -> bool:
        if isinstance(self._command, str):
            return text.upper().startswith(self._command)
        return self._command.search(text) is not None

    def next_answer(self) -> Answer:
        self._times += 1
        if self._times <= len(self._answers):
            return self._answers[self._times - 1]
        return self._always


def code_of(reply: str | bytes) -> int:
    """The reply's code, 0 if it has none."""
    return int(reply[:3]) if reply[:3].isdigit() else 0
