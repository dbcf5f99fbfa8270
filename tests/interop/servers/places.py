"""Where the programs are, and how to start them and see that they listen."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

WORK = Path(os.environ.get("SIMPLEMAIL_SERVERS", Path(__file__).parents[3] / ".ci-work"))
"""Where `.ci/install-servers` of this checkout puts things."""

TLS = Path(__file__).parents[2] / "data" / "tls"


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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when something accepts on the port; raise with the log if that takes 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    said = log.read_text(errors="replace")[-2000:] if log.exists() else "nothing"
    raise RuntimeError(f"{process.args!r} does not listen on port {port}; it said: {said}")


def stop(process: subprocess.Popen[bytes], ports: Iterable[int]) -> None:
    """End the process and every child it left in its group, until its ports are free."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
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


def start(
    command: list[object], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of a group of its own, what it says going to the log."""
    with log.open("ab") as out:
        return subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )


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
