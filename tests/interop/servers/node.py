"""Nodemailer's smtp-server, and its mailparser as an independent reader of what was sent."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

from .places import WORK
from .program import HERE, ProgramServer

MODULES = WORK / "node" / "node_modules"


def missing() -> str:
    """Why Node and its packages can't be used here, or nothing."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (MODULES / "mailparser").exists():
        return f"{MODULES}/mailparser is not there: run .ci/install-servers"
    return ""


def parse(contents: Iterable[bytes]) -> list[dict[str, Any]]:
    """What mailparser reads in each of these mails."""
    lines = b"".join(base64.b64encode(content) + b"\n" for content in contents)
    done = subprocess.run(
        ["node", str(HERE / "parse.cjs")],
        input=lines,
        stdout=subprocess.PIPE,
        env=_environment(),
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


class NodeServer(ProgramServer):
    """smtp-server: `with NodeServer() as server: server.ports["plain"]`."""

    missing = staticmethod(missing)

    def command(self) -> list[object]:
        return ["node", HERE / "smtp_server.cjs"]

    def environment(self) -> dict[str, str]:
        return _environment()


def _environment() -> dict[str, str]:
    return {**os.environ, "NODE_PATH": str(MODULES)}
