"""Runs one page's blocks in order, each on its own."""

import contextlib
import io
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO
from unittest import mock

import simplemail

from .blocks import ROOT, Block, blocks_of
from .network import Network
from .surroundings import ENVIRONMENT, FILES

HOOKS = Path(__file__).parent / "hooks"


class Page:
    """A page, run in a directory of its own, against the servers of `network`."""

    def __init__(self, path: Path, directory: Path, network: Network) -> None:
        self.path = path
        self.directory = directory
        self.network = network
        self.exported: dict[str, str] = {}
        self.output: str | None = None
        self._make_directory()

    def run(self, skipped: Iterable[str] = ()) -> None:
        """Run all blocks but those that begin with one of `skipped`."""
        for block in blocks_of(self.path):
            if not block.code.startswith(tuple(skipped)):
                with self._surroundings():
                    getattr(self, f"_run_{block.language}")(block)
        if [*self.directory.glob("test_*.py")]:
            with self._surroundings():
                self._run_pytest()

    def _make_directory(self) -> None:
        """Put the reader's files there, and a `python3` that is this one and finds the servers."""
        for name, content in FILES.items():
            (self.directory / name).write_bytes(content)
        (self.directory / "src").symlink_to(ROOT / "src")
        commands = self.directory / ".bin"
        commands.mkdir()
        for name, arguments in {"python3": "", "simplemail": "-m simplemail"}.items():
            # As it is without the link to it: Python finds there what it has compiled before.
            path = f'{HOOKS}${{PYTHONPATH:+:$(cd "$PYTHONPATH" && pwd -P)}}'
            line = f'PYTHONPATH="{path}" exec {sys.executable} {arguments} "$@"'
            (commands / name).write_text(f"#!/bin/sh\n{line}\n")
            (commands / name).chmod(0o755)

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Nothing that a block does to this process is left afterwards."""
        environment = {
            **ENVIRONMENT,
            "PATH": f"{self.directory / '.bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(self.directory),
            **self.exported,
        }
        modules = set(sys.modules)
        with (
            contextlib.chdir(self.directory),
            mock.patch.dict(os.environ, environment),
            mock.patch("sys.path", [str(self.directory), *sys.path]),
            mock.patch("simplemail.outbox", []),
            simplemail.override_settings(),
            _logging_restored(),
            self.network.here(),
        ):
            yield
            _close_queues()
        for name in set(sys.modules) - modules:
            if str(self.directory) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]

    def _run_python(self, block: Block) -> None:
        if block.file_name:
            path = self.directory / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
            if path.name == "conftest.py" or path.name.startswith("test_"):
                return
            if any(f"python3 {block.file_name}" in each.code for each in blocks_of(self.path)):
                return
        self._execute(block.code, block)

    def _run_diff(self, block: Block) -> None:
        lines = block.code.splitlines(keepends=True)
        self._execute("".join(line[1:] for line in lines if not line.startswith("-")), block)

    def _execute(self, code: str, block: Block) -> None:
        # Blank lines in front, so that a traceback has the page's line numbers.
        compiled = compile("\n" * (block.line - 1) + code, str(block.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compiled, {"__name__": "__main__"})
        self.output = printed.getvalue()

    def _run_sh(self, block: Block) -> None:
        """Run it as one script. What it exports stays for later blocks, as in a reader's shell."""
        exports = self.directory / ".exported"
        self._shell(f"{block.code}\nenv -0 >{exports}", block, dict(os.environ))
        variables = [each.split("=", 1) for each in exports.read_text().split("\0") if each]
        named = re.findall(r"^export (\w+)=", block.code, re.MULTILINE)
        self.exported |= {name: value for name, value in variables if name in named}

    def _run_crontab(self, block: Block) -> None:
        """Run each command at once, in the environment that the lines before it make."""
        environment = dict(os.environ)
        for line in filter(None, block.code.splitlines()):
            if setting := re.fullmatch(r"(\w+)=(.*)", line):
                name, value = setting.groups()
                path = os.environ["PATH"] + os.pathsep if name == "PATH" else ""
                environment[name] = path + value
            elif not line.startswith("#"):
                *_, command = line.split(maxsplit=5)
                self._shell(command, block, environment)

    def _shell(self, code: str, block: Block, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            ["sh", "-e", "-c", code],
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{block.where}: status {done.returncode}\n{done.stdout}"
        self.output = done.stdout

    def _run_text(self, block: Block) -> None:
        """Compare what was printed; `...` stands for anything."""
        assert self.output is not None, f"{block.where}: nothing before this block prints"
        pattern = ".*".join(map(re.escape, block.code.rstrip().split("...")))
        matches = re.fullmatch(pattern, self.output.rstrip(), re.DOTALL)
        assert matches, f"{block.where}: this was printed instead:\n{self.output}"
        self.output = None

    def _run_pyi(self, block: Block) -> None:
        """Not run: compared with the code by tests/docs/test_reference.py."""

    def _run_yaml(self, block: Block) -> None:
        """Not run: it is for other programs than Python."""

    _run_js = _run_yaml

    def _run_picture(self, block: Block) -> None:
        """Not run: tests/docs/test_design.py looks at it."""

    def _run_smtp(self, block: Block) -> None:
        """Say the client's lines to a server, and see that it answers with the server's codes."""
        port = self.network.servers[25].port
        with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rwb") as io:
            for line in block.code.splitlines():
                who, text = line.split(": ", 1)
                if who == "C":
                    io.write(f"{text}\r\n".encode())
                elif text[3:4] != "-":
                    io.flush()
                    reply = _last_line(io)
                    assert reply[:3] == text[:3], f"{block.where}: {text!r}, but got {reply!r}"

    def _run_pytest(self) -> None:
        (self.directory / "pytest.ini").write_text("[pytest]\n")
        plugins = ["-p", "no:cacheprovider", "-p", "simplemail.pytest_plugin"]
        command = [sys.executable, "-m", "pytest", "-q", *plugins]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


def _last_line(stream: IO[bytes]) -> str:
    """Return the last line of one SMTP reply."""
    while True:
        line = stream.readline().decode()
        if line[3:4] != "-":
            return line


def _close_queues() -> None:
    """End workers in threads and close the files of queues, as the end of a program does."""
    if background := sys.modules.get("simplemail.queue.background"):
        background.end_workers()
    if files := sys.modules.get("simplemail.queue.files"):
        files.close_files()


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    """Leave every logger with the level and the handlers that it had."""
    before = _loggers()
    try:
        yield
    finally:
        for logger in _loggers():
            level, handlers = before.get(logger, (logging.NOTSET, []))
            logger.setLevel(level)
            logger.handlers[:] = handlers


def _loggers() -> dict[logging.Logger, tuple[int, list[logging.Handler]]]:
    known = [each for each in logging.root.manager.loggerDict.values() if hasattr(each, "level")]
    return {logger: (logger.level, [*logger.handlers]) for logger in [logging.root, *known]}
