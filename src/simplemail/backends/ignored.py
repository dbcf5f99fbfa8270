"""What Django has and simplemail never calls or reads: whoever overrides it is told so."""

from __future__ import annotations

from collections.abc import Mapping

from ..light import Any


def refuse_ignored(cls: type, ignored: Mapping[str, str]) -> None:
    """Raise TypeError if a class has a method of Django's that is never called here.

    `ignored` says what to do instead, by the method's name.
    """
    for name, instead in ignored.items():
        if hasattr(cls, name):
            raise TypeError(
                f"{cls.__qualname__} has {name}(), which simplemail never calls; {instead}"
            )


def check_subtypes(message: Any) -> None:
    """Raise ValueError for a way to nest parts that Django had before 6.0 and ours has not."""
    for name, only in _SUBTYPES.items():
        if (value := getattr(message, name, only)) != only:
            raise ValueError(
                f"{name} can't be {value!r}: show files inside the HTML by attach_inline(), "
                "or build the message in message()"
            )


_SUBTYPES = {"mixed_subtype": "mixed", "alternative_subtype": "alternative"}

NEVER_CALLED: Mapping[str, str] = dict.fromkeys(
    (
        # Django before 6.0
        *("_create_message", "_create_attachments", "_create_attachment"),
        *("_create_mime_attachment", "_create_alternatives"),
        # and since
        *("_add_bodies", "_add_attachments", "_add_attachment"),
        *("_idna_encode_address_header_domains", "_set_list_header_if_not_empty"),
    ),
    "override message(), or change what super().message() returns there",
)
"""Private methods of Django's messages that people override, and what to do instead."""
