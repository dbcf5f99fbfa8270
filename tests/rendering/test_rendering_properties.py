"""What holds for the bytes of every message, tried on generated ones.

The seeds are fixed, so a failure comes again: `sample(random.Random(seed))`. SIMPLEMAIL_MANY=1
tries 10,000 messages instead of a few.
"""

from __future__ import annotations

import email.policy
import os
import random
import re
from typing import Any

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.rendering.envelope import as_bytes
from support.generate import hostile, plain, sample
from support.readback import Leaf, expected, read, tree
from support.wirecheck import faults

COUNT = 10_000 if os.environ.get("SIMPLEMAIL_MANY") == "1" else 40
# What the server takes, as render.as_bytes() is told.
SERVERS = [
    {"eight_bit": True, "utf8": False},
    {"eight_bit": False, "utf8": False},
    {"eight_bit": True, "utf8": True},
]


def seeds(count: int) -> list[range]:
    """Return ranges of seeds, a test each."""
    step = max(count // 20, 20)
    return [range(start, start + step) for start in range(0, count, step)]


@pytest.mark.parametrize("numbers", seeds(COUNT), ids=str)
def test_bytes_are_sound_and_read_back_as_put_in(numbers):
    for seed in numbers:
        given = sample(random.Random(seed))
        server = SERVERS[seed % 3]

        content = as_bytes(given.build(EmailMultiAlternatives), **server)

        assert faults(content, **server) == [], f"seed {seed}"
        utf8 = server["utf8"]
        assert read(content, given, utf8=utf8) == expected(given, utf8=utf8), f"seed {seed}"


@pytest.mark.parametrize("numbers", seeds(COUNT), ids=str)
def test_no_line_break_or_control_character_gets_into_a_header(numbers):
    for seed in numbers:
        given = hostile(random.Random(seed))
        server = SERVERS[seed % 3]
        try:
            content = as_bytes(given.build(EmailMultiAlternatives), **server)
        except ValueError:
            continue

        assert faults(content, **server) == [], f"seed {seed}"
        assert not re.search(rb"^X-Injected", content, re.MULTILINE), f"seed {seed}"


@pytest.mark.parametrize("numbers", seeds(COUNT // 5), ids=str)
def test_bytes_hold_the_tree_of_the_composed_message(numbers):
    for seed in numbers:
        given = sample(random.Random(seed))
        message = given.build(EmailMultiAlternatives)

        sent = read(message.as_bytes(), given)

        assert _one_newline(sent.tree) == _one_newline(tree(message.message())), f"seed {seed}"


@pytest.mark.parametrize("numbers", seeds(COUNT // 5), ids=str)
def test_messages_of_the_standard_library_are_made_sound(numbers):
    for seed in numbers:
        composed = sample(random.Random(seed)).build(EmailMultiAlternatives).message()
        server = SERVERS[seed % 3]
        try:
            content = as_bytes(composed, **server)
        except ValueError as error:
            if "NUL" not in str(error):  # which Python's generator leaves as it is
                raise
            continue

        assert faults(content, **server) == [], f"seed {seed}"


@pytest.mark.parametrize("numbers", seeds(COUNT // 5), ids=str)
def test_short_plain_headers_make_the_same_bytes_as_python_does(numbers):
    for seed in numbers:
        message = plain(random.Random(seed)).build(EmailMultiAlternatives)

        theirs = message.message(policy=email.policy.SMTP).as_bytes()

        assert _same_boundaries(message.as_bytes()) == _same_boundaries(theirs), f"seed {seed}"


def _same_boundaries(content: bytes) -> bytes:
    """Return content with its boundaries named A, B, ... as they come."""
    for number, boundary in enumerate(re.findall(rb'boundary="([^"]+)"', content)):
        content = content.replace(boundary, b"ABCDEFGH"[number : number + 1])
    return content


def _one_newline(part: Any) -> Any:
    """Return the tree with all its line ends alike.

    message() has LF for CRLF, so that a CR before one is read as a part of it in quoted-printable.
    """
    if not isinstance(part, Leaf):
        return (*part[:-1], [_one_newline(child) for child in part[-1]])
    if isinstance(part.content, bytes):
        return part
    return part._replace(content=re.sub(r"\r*\n|\r", "\n", part.content))
