"""A server that is a small program of ours around somebody's library."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from .housed import HousedServer
from .mailboxes import Mail, Mailboxes
from .places import TLS, Program, free_ports

HERE = Path(__file__).parent


class ProgramServer(HousedServer):
    """Subclasses say how to start the program, which gets its options as JSON.

    Users that begin with `box-` or `many` exist, those with `grey` are told to come again (450),
    all others are refused. A mail over 1 MB is too big. The program writes one JSON file a mail.
    """

    house = "program"

    names: ClassVar = ["plain", "auth", "starttls", "tls", "wrong_host", "wrong_host_tls"]

    def __init__(self) -> None:
        self.ports = free_ports(self.names)
        self.size_limit = 1_000_000
        self._boxes = Mailboxes("boxes*/*.json", _read)

    def command(self) -> list[object]:
        """What starts the program, but for the options."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What it must find in its environment."""
        return {}

    def start(self) -> None:
        """Listen, on the same ports as before if this is a restart."""
        # A restarted server counts from 0 again.
        boxes = self.directory / f"boxes{len(list(self.directory.iterdir()))}"
        boxes.mkdir()
        options = {
            "ports": self.ports,
            "directory": str(boxes),
            "certificates": {name: str(TLS / f"{name}.pem") for name in ("server", "wrong-host")},
            "size": self.size_limit,
            "username": "ann@example.com",
            "password": "pa ss word",
        }
        command = [*self.command(), json.dumps(options)]
        self._program = Program(command, self.directory / "log", self.environment())
        for port in self.ports.values():
            self._program.wait_until_listening(port)

    def sessions(self, port: str) -> int:
        """How many sessions clients opened on a port so far."""
        return (self.directory / "log").read_text().splitlines().count(f"connect {port}")


def _read(file: Path) -> Mail:
    fields = json.loads(file.read_text())
    content = base64.b64decode(fields["content"])
    return Mail(tuple(fields["recipients"]), fields["sender"], content)
