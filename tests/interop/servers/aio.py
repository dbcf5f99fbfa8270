"""aiosmtpd, in a process of its own so that it can be killed in mid session."""

from __future__ import annotations

import importlib.util
import sys
from typing import ClassVar

from .program import HERE, ProgramServer


class Aiosmtpd(ProgramServer):
    """aiosmtpd: `with Aiosmtpd() as server: server.ports["plain"]`."""

    names: ClassVar = ["plain", "basic", *ProgramServer.names[1:]]

    @staticmethod
    def missing() -> str:
        """Why it can't be started here, or nothing."""
        return "" if importlib.util.find_spec("aiosmtpd") else "aiosmtpd is not installed"

    def command(self) -> list[object]:
        return [sys.executable, "-W", "ignore", HERE / "aiosmtpd_server.py"]
