"""What all servers have: a directory while they run, and the mails that they put there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from .mailboxes import Mail, Mailboxes, wait_for
from .places import Program, open_directory


class HousedServer:
    """Subclasses say how to configure and to start it, and where its mails are (`_boxes`)."""

    house: ClassVar[str]
    """How its directory's name begins."""

    ports: dict[str, int]
    directory: Path
    _boxes: Mailboxes
    _program: Program

    def __enter__(self) -> Self:
        self._directory = open_directory(self.house)
        self.directory = self._directory.__enter__()
        try:
            self._configure()
            self.start()
        except BaseException:
            self._directory.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._directory.__exit__(None, None, None)

    def start(self) -> None:
        """Listen, on the same ports as before if this is a restart."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop at once, cutting every session; what was taken is safe."""
        self._program.stop(self.ports.values())

    def mails(self, box: str) -> list[Mail]:
        """What came for addresses that begin like this so far."""
        return self._boxes.mails(self.directory, box)

    def wait_for(self, box: str, count: int = 1) -> list[Mail]:
        """What came for addresses that begin like this, once it is `count` mails."""
        return wait_for(lambda: self.mails(box), count)

    def _configure(self) -> None:
        """Put into the directory what it reads, once."""
