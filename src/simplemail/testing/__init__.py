"""Helps you test code that sends mail."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .assertions import assert_nothing_sent, assert_sent
from .capturing import capture

if TYPE_CHECKING:
    from .contract import BackendContract
    from .inbox import Inbox, InboxMail
    from .server import SMTPServer

__all__ = [
    "BackendContract", "Inbox", "InboxMail", "SMTPServer", "assert_nothing_sent", "assert_sent",
    "capture",
]  # fmt: skip

_LATER = {
    "BackendContract": "contract",
    "Inbox": "inbox",
    "InboxMail": "inbox",
    "SMTPServer": "server",
}
"""Names that are loaded on first use, because they need pytest, or ssl, http and threads."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module = import_module(f"{__name__}.{_LATER[name]}")
        return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
