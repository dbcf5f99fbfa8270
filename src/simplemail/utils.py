"""This machine's name, under Django's import path: `from simplemail.utils import DNS_NAME`."""

from __future__ import annotations

from .rendering.msgid import DNS_NAME, CachedDnsName

__all__ = ["DNS_NAME", "CachedDnsName"]
