"""A message says what it is: briefly in a debugger, whole when it is printed."""

from __future__ import annotations

from typing import Any

import pytest

from simplemail import EmailMessage, EmailMultiAlternatives


def message(**values: Any) -> EmailMessage:
    return EmailMessage(**{"subject": "Hi", "body": "b", "from_email": "f@x.example", **values})


def people(count: int, name: str = "a") -> list[str]:
    return [f"{name}{number}@x.example" for number in range(count)]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, "nobody"),
        ({"to": people(1)}, "a0@x.example"),
        ({"to": people(3)}, "a0@x.example, a1@x.example, a2@x.example"),
        ({"to": people(4)}, "a0@x.example, a1@x.example, a2@x.example, 1 others"),
        ({"to": people(1), "cc": people(1, "c")}, "a0@x.example, c0@x.example"),
        ({"cc": people(2, "c")}, "c0@x.example, c1@x.example"),
        ({"to": people(1), "bcc": people(2, "s")}, "a0@x.example, 2 others"),
        (
            {"to": people(4), "bcc": people(2, "s")},
            "a0@x.example, a1@x.example, a2@x.example, 3 others",
        ),
        ({"bcc": people(2, "s")}, "2 in bcc"),
        ({"to": ["", *people(1)], "bcc": [""]}, "a0@x.example"),
    ],
)  # fmt: skip
def test_those_in_sight_are_named_and_the_others_counted(
    values: dict[str, Any], shown: str
) -> None:
    assert repr(message(**values)) == f"<EmailMessage 'Hi' to {shown}>"


@pytest.mark.parametrize(("length", "seen"), [(0, 0), (59, 59), (60, 60), (61, 60), (9_999, 60)])
def test_of_a_long_subject_sixty_characters_are_shown(length: int, seen: int) -> None:
    made = EmailMultiAlternatives("x" * length)

    assert repr(made) == f"<EmailMultiAlternatives '{'x' * seen}' to nobody>"


def test_printed_it_is_what_would_be_sent() -> None:
    printed = str(message(to=people(1), body="Grüße\n"))

    assert "To: a0@x.example\n" in printed
    assert printed.endswith("\n\nGrüße\n")


def test_one_that_cannot_be_sent_says_why() -> None:
    printed = str(message(to=["no address <"]))

    assert printed.startswith("<EmailMessage 'Hi' to no address <>, which can't be sent: Invalid")
