"""Makes TLS contexts: whom to trust, and our own certificate."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, partial

from ..exceptions import InvalidMailer, Secret
from ..light import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ssl

Path = str | os.PathLike[str] | None


def context(
    ca_file: Path = None,
    certfile: Path = None,
    keyfile: Path = None,
    password: Secret | None = None,
    *,
    alias: str | None = None,
) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, with TLS 1.2 at least.

    Trusted are the CAs in `ca_file`, or else the system's, also when there is a client
    certificate; `password` is that of the key. "" means no file. Raises InvalidMailer for a file
    that can't be used, and for a key without a certificate.

    Reading the system's CAs takes 25 to 40 ms, so the same context is returned for the same files,
    until one of them, or the context, has changed. It is never handed to users, who may want to
    change theirs: that one is from `own_context()`.
    """
    files = _files(ca_file, certfile, keyfile, password, alias)
    made: ssl.SSLContext
    made, rules = _naming(alias, _shared, files)
    if trust(made) != rules:  # somebody has changed it, for example through an open socket
        _shared.cache_clear()
        made, _ = _naming(alias, _shared, files)
    return made


def own_context(
    ca_file: Path = None,
    certfile: Path = None,
    keyfile: Path = None,
    password: Secret | None = None,
    *,
    alias: str | None = None,
) -> ssl.SSLContext:
    """Return a new context as `context()` makes them, for its caller to change."""
    files = _files(ca_file, certfile, keyfile, password, alias)
    made: ssl.SSLContext = _naming(alias, _make, files)
    return made


def trust(context: ssl.SSLContext | None) -> tuple[object, ...]:
    """Return what decides whom a context trusts, as a hashable value."""
    if context is None:
        return ()
    return (
        int(context.verify_mode),
        context.check_hostname,
        int(context.verify_flags),
        int(context.minimum_version),
        int(context.maximum_version),
        int(context.options),
    )


class _BadFile(Exception):  # noqa: N818 - it never leaves this module
    pass


# A file, and what differs when it has changed.
_Stamp = tuple[str | None, object]
_NO_FILE: _Stamp = (None, None)


class _Files(NamedTuple):
    ca: _Stamp
    cert: _Stamp
    key: _Stamp
    password: Secret | None


def _files(
    ca_file: Path, certfile: Path, keyfile: Path, password: Secret | None, alias: str | None
) -> _Files:
    if keyfile and not certfile:
        text = "'ssl_keyfile' also needs 'ssl_certfile', the certificate that belongs to the key"
        raise InvalidMailer(text, alias=alias)
    return _Files(
        _stamped("ca_file", ca_file, alias) if ca_file else (None, _place_of_systems_cas()),
        _stamped("ssl_certfile", certfile, alias) if certfile else _NO_FILE,
        _stamped("ssl_keyfile", keyfile, alias) if keyfile else _NO_FILE,
        password,
    )


def _naming(alias: str | None, make: Callable[[_Files], Any], files: _Files) -> Any:
    try:
        return make(files)
    except _BadFile as bad:
        raise InvalidMailer(f"{bad}", alias=alias) from bad.__cause__


@lru_cache(maxsize=32)
def _shared(files: _Files) -> tuple[ssl.SSLContext, tuple[object, ...]]:
    """Return a context, and its rules as they are when it is new."""
    made = _make(files)
    return made, trust(made)


def _make(files: _Files) -> ssl.SSLContext:
    import ssl

    ca, cert = files.ca[0], files.cert[0]
    made: ssl.SSLContext = _load("ca_file", ca, lambda: ssl.create_default_context(cafile=ca))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        # The same verdict on all Pythons; 3.13 began to set both. Whoever names the authorities
        # means those, be they intermediate, or older than what the strict rules ask for.
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if cert is not None:
        _load("ssl_certfile", cert, lambda: _load_chain(made, cert, files))
    return made


def _load_chain(context: ssl.SSLContext, cert: str, files: _Files) -> None:
    import ssl

    # Without a password, OpenSSL would ask for one on the terminal.
    password = partial(_key_password, cert, files.password)
    try:
        context.load_cert_chain(cert, files.key[0], password)
    except ssl.SSLError as error:
        error.strerror = f"{error.strerror}; {_about_key(files)}"
        raise


def _key_password(cert: str, secret: Secret | None) -> str:
    if secret is None:
        text = f"The key for ssl_certfile {cert!r} is encrypted; set ssl_keyfile_password"
        raise _BadFile(text)
    if callable(secret.reveal()):
        secret = Secret(secret.reveal()())
    if not _can_be_typed(secret):
        text = "'ssl_keyfile_password' must be text without control characters"
        raise _BadFile(f"{text}; strip() what you read from a file")
    return str(secret.reveal())


def _can_be_typed(secret: Secret) -> bool:
    text = secret.reveal()
    return isinstance(text, str) and not any(
        each < " " or each == "\x7f" or "\ud800" <= each <= "\udfff" for each in text
    )


def _about_key(files: _Files) -> str:
    if files.password is not None:
        return "does ssl_keyfile_password open its key?"
    if files.key is _NO_FILE:
        return "if its key is in another file, set ssl_keyfile"
    return "does the key in ssl_keyfile belong to it?"


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
