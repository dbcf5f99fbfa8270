"""Where the inbox of a working directory keeps its mail, and how other programs find it.

Both files are in a directory that only this user can read. Whoever listens at a port that the
file names must still prove that it is the inbox, because ports are anybody's.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """The files of one working directory's inbox."""

    store: Path
    run_file: Path


class Running(NamedTuple):
    """What a running inbox tells those who may know: its address, and the key to it."""

    url: str
    key: str
    process: int


def place_of(directory: Path) -> Place:
    """Return where the inbox of this directory has its files. Makes the folder for them."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    folder = _own_folder()
    return Place(folder / f"inbox-{name}.sqlite3", folder / f"inbox-{name}.json")


def announce(place: Place, running: Running) -> None:
    """Write the run file, in one step."""
    path = place.run_file.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(running._asdict(), file)
    path.replace(place.run_file)


def announced(place: Place) -> Running | None:
    """Return what the run file says; None if there is none. The inbox may have ended since."""
    try:
        return Running(**json.loads(place.run_file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def withdraw(place: Place, running: Running) -> None:
    """Delete the run file, if it is this inbox's."""
    if announced(place) == running:
        place.run_file.unlink(missing_ok=True)


def proof(key: str, challenge: str) -> str:
    """Return what only somebody who knows the key can answer to a challenge."""
    return hmac.new(key.encode(), challenge.encode(), "sha256").hexdigest()


def _own_folder() -> Path:
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir(), f"simplemail{user}")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()
    is_ours = not user or (found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077)
    if not (stat.S_ISDIR(found.st_mode) and is_ours):
        raise PermissionError(
            f"{folder} isn't a directory for you alone; delete it, or set TMPDIR to another place"
        )
    return folder
