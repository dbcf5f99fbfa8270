"""A real SMTP server in a thread, for tests. You decide what it answers."""

from .faults import (
    Close,
    Delay,
    Drip,
    EndlessLine,
    EndlessReply,
    Fault,
    Garbage,
    HalfClose,
    Inject,
    Reset,
    Silence,
)
from .limits import Limits
from .sasl import MECHANISMS
from .server import EXTENSIONS, TLS_DIR, SMTPServer
from .session import Session
from .transactions import Received

__all__ = [
    "EXTENSIONS",
    "MECHANISMS",
    "TLS_DIR",
    "Close",
    "Delay",
    "Drip",
    "EndlessLine",
    "EndlessReply",
    "Fault",
    "Garbage",
    "HalfClose",
    "Inject",
    "Limits",
    "Received",
    "Reset",
    "SMTPServer",
    "Session",
    "Silence",
]
