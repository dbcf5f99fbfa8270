"""The rules for TLS: who is trusted, and who we are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..exceptions import InvalidMailer

if TYPE_CHECKING:
    import ssl

Path = str | os.PathLike[str] | None


def context(
    ca_file: Path = None, certfile: Path = None, keyfile: Path = None, *, alias: str | None = None
) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, with TLS 1.2 at least.

    Trusted are the CAs in `ca_file`, or else the system's, also when there is a client
    certificate. Reading the system's CAs takes 25 to 40 ms, so the context is made once for the
    same files, and again when one of them has changed. "" is no file. Raises InvalidMailer for a
    file that can't be used, and for a key without a certificate.
    """
    if keyfile and not certfile:
        text = "'ssl_keyfile' needs 'ssl_certfile', the certificate that the key is for"
        raise InvalidMailer(text, alias=alias)
    try:
        return _context(
            _stamped("ca_file", ca_file, alias) if ca_file else (None, _place_of_systems_cas()),
            _stamped("ssl_certfile", certfile, alias) if certfile else _NO_FILE,
            _stamped("ssl_keyfile", keyfile, alias) if keyfile else _NO_FILE,
        )
    except _BadFile as bad:
        raise InvalidMailer(f"{bad}", alias=alias) from bad.__cause__


class _BadFile(Exception):  # noqa: N818 - it never leaves this module
    pass


# A file, and what differs when it has changed.
_Stamp = tuple[str | None, object]
_NO_FILE: _Stamp = (None, None)


@lru_cache(maxsize=32)
def _context(ca: _Stamp, cert: _Stamp, key: _Stamp) -> ssl.SSLContext:
    import ssl

    made: ssl.SSLContext = _load("ca_file", ca[0], lambda: ssl.create_default_context(cafile=ca[0]))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if (path := cert[0]) is not None:
        _load("ssl_certfile", path, lambda: made.load_cert_chain(path, key[0]))
    return made


def _load(option: str, path: str | None, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except OSError as error:  # ssl.SSLError is one, and neither says which file
        raise _BadFile(f"Can't use {option} {path!r}: {error.strerror or error}") from error


def _place_of_systems_cas() -> object:
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")


def _stamped(option: str, path: str | os.PathLike[str], alias: str | None) -> _Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib takes time to load
    except OSError as error:
        text = f"Can't read {option} {os.fspath(path)!r}: {error.strerror}"
        raise InvalidMailer(text, alias=alias) from error
    return os.fspath(path), (found.st_mtime_ns, found.st_size, found.st_ino)
