"""Reads a message back by each way it can go out: what tests claim must hold for all of them."""

from __future__ import annotations

import email
import email.policy

import pytest


def composed(mail):
    return mail.message()


def sent(mail):
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


every_way = pytest.mark.parametrize("read", [composed, sent])
"""For tests that take `read`: a function from our message to Python's."""


def shape(part):
    """Return the content types as a nested tuple: ("multipart/mixed", "text/plain")."""
    if part.get_content_maintype() != "multipart":
        return part.get_content_type()
    return (part.get_content_type(), *map(shape, part.iter_parts()))


def leaves(part):
    """Return the parts that hold something, in order."""
    if part.get_content_maintype() != "multipart":
        return [part]
    return [leaf for child in part.iter_parts() for leaf in leaves(child)]


def content(part):
    """Return a leaf's content: text, its lines ended by newlines, or bytes."""
    if part.get_content_maintype() == "text":
        text = part.get_payload(decode=True).decode(part.get_content_charset("us-ascii"))
        return text.replace("\r\n", "\n")
    return part.get_payload(decode=True)
