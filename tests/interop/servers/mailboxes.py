"""Reads back what a server delivered."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Mail(NamedTuple):
    """One delivered mail: whom the server says it is for, from whom, and what was in it."""

    recipients: tuple[str, ...]
    sender: str
    content: bytes
    queue_id: str = ""
    """What the server called it, if it gave it a name."""

    @property
    def parsed(self) -> email.message.EmailMessage:
        """The content, read by the standard library."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, email.message.EmailMessage)
        return parsed

    @classmethod
    def read(cls, path: Path) -> Mail:
        """Read a file of a maildir, whose first lines are the server's own."""
        content = path.read_bytes()
        head = email.message_from_bytes(content, policy=email.policy.compat32)
        recipients = str(head["X-Original-To"] or head["Envelope-To"])
        named = re.search(r"\bid ([\w-]+)", str(head["Received"]))
        return cls(
            tuple("".join(recipients.split()).split(",")),
            str(head["Return-Path"]).strip("<>"),
            content,
            named[1] if named else "",
        )


def wait_for(found: Callable[[], list[Mail]], count: int, seconds: float = 20) -> list[Mail]:
    """Return what is found as soon as it is `count` mails; raise when it is not in time."""
    deadline = time.monotonic() + seconds
    while len(mails := found()) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    if len(mails) != count:
        raise AssertionError(f"{len(mails)} mails were delivered, not {count}")
    return mails


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    """Return as soon as it is true; raise when it isn't in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


class Mailboxes:
    """A directory in which every file is a delivered mail; each is read once.

    A server that is killed while it delivers may do that again: of mails that it took once,
    by its own name for them, one is shown.
    """

    def __init__(self, pattern: str, read: Callable[[Path], Mail] = Mail.read) -> None:
        self._pattern, self._read = pattern, read
        self._seen: dict[Path, Mail] = {}

    def mails(self, directory: Path, box: str) -> list[Mail]:
        """Every mail whose first recipient begins like this, in no order."""
        for file in directory.glob(self._pattern):
            if file not in self._seen:
                self._seen[file] = self._read(file)
        mails = {
            (mail.recipients, mail.queue_id or file): mail for file, mail in self._seen.items()
        }
        return [mail for mail in mails.values() if mail.recipients[0].startswith(box)]
