"""Finds the mailer that another one holds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ..conf import nearest, settings
from ..exceptions import InvalidMailer
from .handler import aliases, from_entry, mailers
from .urls import SHORT_NAMES


def held_mailer(spec: Any, name: str) -> Any:
    """Build a mailer for another one to hold, from an alias, a URL, an entry or an object.

    `name` is its alias if it has none of its own. Raises InvalidMailer, with the circle shown, for
    a mailer that would hold itself.
    """
    if hasattr(spec, "send_messages") and not isinstance(spec, type):
        return spec  # a backend, whoever wrote it
    if isinstance(spec, str) and spec in (entries := _djangos_entries()):
        return from_entry(spec, entries[spec], {})
    if isinstance(spec, str) and spec in aliases():
        return mailers[spec]
    if isinstance(spec, str) and spec.isidentifier() and spec not in SHORT_NAMES:
        known = ", ".join(map(repr, aliases()))
        text = f"There is no mailer {spec!r}; MAILERS has {known}"
        raise InvalidMailer(text + nearest(spec, [*aliases(), *SHORT_NAMES]), alias=name)
    return from_entry(name, spec, {})


def _djangos_entries() -> Mapping[str, Any]:
    """Return the MAILERS of the Django project around us, unless simplemail has its own."""
    django: Any = sys.modules.get("django.conf")
    if django is None or not django.settings.configured or settings.MAILERS is not None:
        return {}
    return getattr(django.settings, "MAILERS", None) or {}  # which Django has since 6.1
