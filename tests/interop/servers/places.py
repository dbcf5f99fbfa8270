"""Where the programs are, and how to start them and see that they listen."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from simplemail.testing.server import TLS_DIR

WORK = Path(os.environ.get("SIMPLEMAIL_SERVERS", Path(__file__).parents[3] / ".ci-work"))
"""Where `.ci/install-servers` of this checkout puts things."""

TLS = TLS_DIR


class Unpacked:
    """Debian packages that were unpacked, not installed, into one directory."""

    def __init__(self, name: str) -> None:
        self.root = WORK / "servers" / name

    def missing(self) -> str:
        """Why nothing in it can be started, or nothing."""
        if not (self.root / "complete").exists():
            return f"{self.root} is not there: run .ci/install-servers"
        if os.geteuid() != 0:
            return f"{self.root.name} is started by root, and then gives its rights up"
        return ""

    def environment(self) -> dict[str, str]:
        """What the dynamic linker and the SASL library must know to find their parts."""
        found = {str(path.parent) for path in self.root.rglob("*.so*")}
        libraries = sorted(path for path in found if not path.endswith(("/sasl2", "/perl5")))
        plugins = [path for path in found if path.endswith("/sasl2")]
        return {
            "PATH": f"{self.root}/usr/sbin:{os.environ['PATH']}",
            "LD_LIBRARY_PATH": ":".join(libraries),
            "SASL_PATH": ":".join(plugins),
        }


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """A port of 127.0.0.1 for each name, on which nobody listened just now.

    None of them is one that the system gives to whoever connects (Linux: 32768 to 60999): they
    are still free when the server takes them, and when it is restarted.
    """
    candidates = iter(random.sample(range(10_000, 32_768), 1000))
    return {name: next(filter(_is_free, candidates)) for name in names}


class Program:
    """A program that listens on ports, the leader of a process group of its own.

    It ends with these tests, also when they are killed and can't stop it.
    """

    def __init__(
        self, command: list[object], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        # It reads the end of this pipe when we are gone.
        self._guard = subprocess.Popen(
            ["sh", "-c", f"read -r _; kill -KILL -{self._process.pid}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_listening(self, port: int) -> None:
        """Return when it accepts on the port; raise with the log if that takes 20 seconds."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        said = self._log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self._process.args!r} does not listen on port {port}: {said}")

    def stop(self, ports: Iterable[int]) -> None:
        """End it and every child it left in its group, until its ports are free."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self._guard.communicate()  # which kills what is left
        self._process.wait()
        # Children inherit the listening sockets, and end a little later.
        deadline = time.monotonic() + 10
        while not all(map(_is_free, ports)) and time.monotonic() < deadline:
            time.sleep(0.005)


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def open_directory(name: str) -> Iterator[Path]:
    """A temporary directory that servers can enter after giving root's rights up.

    pytest's own are root's alone.
    """
    path = Path(tempfile.mkdtemp(prefix=f"simplemail-{name}-", dir=_fast_place()))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _fast_place() -> str | None:
    """Where servers that sync every mail to disk needn't wait for one."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None
