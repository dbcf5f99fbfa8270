"""What a test told the server to answer, in place of its usual replies."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .faults import Fault, Told

if TYPE_CHECKING:
    from .session import Session

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
