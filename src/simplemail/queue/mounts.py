"""Finds out whether a path is on a file system where SQLite's write-ahead log can't be trusted."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = Path("/proc/self/mounts")

# Of these, some don't share memory between their clients, and some lie about locks.
SHARED = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fakeowner", "glusterfs", "gpfs"),
    *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "osxfs", "prl_fs", "smb3", "smbfs"),
    *("vboxsf", "virtiofs", "vmhgfs"),
}


class Mount(NamedTuple):
    """Where a file system is mounted, and of which type it is."""

    point: str
    kind: str

    @property
    def is_shared(self) -> bool:
        """May other machines write there, too? FUSE may be anything, so it counts as shared."""
        return self.kind in SHARED or self.kind.startswith("fuse.")


def mount_of(path: str) -> Mount | None:
    """Return the mount that a file or a directory is on; None where there is no mount table."""
    real = os.path.realpath(path)
    if real.startswith(("\\\\", "//")):
        return Mount(real, "smbfs")  # a UNC path of Windows
    try:
        table = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    found = [mount for mount in map(_mount, table.splitlines()) if mount and _holds(mount, real)]
    # Of two at the same place, the later one hides the other.
    return max(reversed(found), key=lambda mount: len(mount.point), default=None)


def _mount(line: str) -> Mount | None:
    fields = line.split(" ")
    return Mount(_unescaped(fields[1]), fields[2]) if len(fields) > 2 else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _holds(mount: Mount, path: str) -> bool:
    return path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
