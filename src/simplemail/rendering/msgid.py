"""Makes Message-IDs, and caches this machine's name for them."""

from __future__ import annotations

import os
import re
import struct
import time


class CachedDnsName:
    """This machine's name, asked for once, when first needed: DNS may take seconds.

    Deleting `_fqdn` makes it ask again.
    """

    _fqdn: str

    def __str__(self) -> str:
        return self.get_fqdn()

    def get_fqdn(self) -> str:
        """Return the name in ASCII (IDNA 2003), or "localhost" if it can't be in a header."""
        try:
            return self._fqdn
        except AttributeError:
            self._fqdn = _ask_for_name()
            return self._fqdn


DNS_NAME = CachedDnsName()


def _ask_for_name() -> str:
    import socket

    name = socket.getfqdn()
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return "localhost"
    return name if re.fullmatch(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", name) else "localhost"


def make_msgid(idstring: str | None = None, domain: object = None) -> str:
    """Return a new Message-ID in angle brackets, of the form of `email.utils.make_msgid()`.

    - `idstring`: text of yours to put into it.
    - `domain`: what comes after the @; by default this machine's name, `DNS_NAME`.

    Raises ValueError for what a Message-ID can't hold (RFC 5322, 3.6.4), such as spaces. Its 64
    random bits come from the operating system, so `random.seed()` and `fork()` don't make two of
    them alike.
    """
    if idstring is not None:
        _check("idstring", idstring)
    if domain is not None and domain is not DNS_NAME:
        _check("domain", f"{domain}")
    extra = "" if idstring is None else f".{idstring}"
    domain = DNS_NAME if domain is None else domain
    return f"<{int(time.time() * 100)}.{os.getpid()}.{random_bits()}{extra}@{domain}>"


def _check(name: str, text: str) -> None:
    if not re.fullmatch(r"[!-;=?A-~]+", text):
        raise ValueError(f"{name!r} must be ASCII without spaces, '<', '>' and '@', not {text!r}")


def random_bits() -> int:
    """Return 64 random bits that nobody can guess and no other process gets."""
    try:
        return _random_bits.pop()
    except IndexError:
        # Asking the operating system takes longer than the rest of an id, so ask for many at once.
        fresh: tuple[int, ...] = struct.unpack("=256Q", os.urandom(2048))
        _random_bits.extend(fresh[1:])
        return fresh[0]


# Kept in stock; a child process drops them, or its ids would repeat the parent's.
_random_bits: list[int] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random_bits.clear)
