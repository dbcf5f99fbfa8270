"""help() explains everything public by itself: every argument, option and field is named there.

What is public is said by docs/reference/public.md; which methods are, by the signatures in
docs/reference/.
"""

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from importlib import import_module

import pytest

from docs.test_public_border import PUBLIC
from docs.test_reference import FUNCTIONS, STUBS, definitions

MADE_BY_US = {"Received", "Session", "Event", "Health", "MailerState", "Queued", "WorkerState"}
"""What users never make, but read: its attributes are described, and not how it is made."""


def public_callables() -> Iterator[tuple[str, object]]:
    """Public functions and classes, by their names; and the methods that the reference shows."""
    for module, names in PUBLIC.items():
        for name in names - {"__all__", "__version__"}:
            thing = getattr(import_module(module), name)
            if callable(thing) and name not in MADE_BY_US:
                yield f"{module}.{name}", thing
    for stub in STUBS:
        for module, node in definitions(stub):
            for child in getattr(node, "body", []):
                if isinstance(child, FUNCTIONS) and not child.name.startswith("_"):
                    thing = getattr(getattr(import_module(module), node.name), child.name)
                    if not isinstance(thing, property):
                        yield f"{module}.{node.name}.{child.name}", thing


CALLABLES = dict(public_callables())


def parameters(thing: object) -> list[str]:
    """The parameters of a function, or of a class's constructor, if it has one of its own."""
    own = not inspect.isclass(thing) or issubclass(thing, tuple) or has_constructor(thing)
    names = inspect.signature(thing).parameters if own else []
    return [name for name in names if name != "self"]


def has_constructor(thing: type) -> bool:
    """Enumerations and plain exceptions have none of ours."""
    return inspect.isfunction(thing.__init__) and not issubclass(thing, Enum)


def explanation(thing: object) -> str:
    """The docstring; of a class also those of its bases, which explain what they take."""
    classes = inspect.getmro(thing) if inspect.isclass(thing) else [thing]
    ours = [each for each in classes if each.__module__.startswith("simplemail")]
    return "\n".join(inspect.getdoc(each) or "" for each in ours)


def not_explained(thing: object) -> list[str]:
    text = explanation(thing)
    return [name for name in parameters(thing) if not re.search(rf"`{name}\b", text)]


@pytest.mark.parametrize("name", CALLABLES)
def test_help_names_every_argument(name):
    assert explanation(CALLABLES[name]), "there is no docstring"
    assert not_explained(CALLABLES[name]) == []


def test_an_argument_that_is_not_explained_is_found():
    def send(message, using=None):
        """Send `message`, using what is there."""

    send.__module__ = "simplemail.shortcuts"

    assert not_explained(send) == ["using"]


@pytest.mark.parametrize("name", ["send_mail", "send_mass_mail", "deliver", "check_address"])
def test_help_says_what_is_returned_and_what_is_raised(name):
    text = explanation(CALLABLES[f"simplemail.{name}"])

    assert re.search(r"\b[Rr]eturns?\b", text)
    assert re.search(r"\b[Rr]aises\b", text)


def test_no_docstring_sends_its_reader_to_another_site_for_the_meaning_of_an_argument():
    address = re.compile(r"https://\w")
    pointing = [name for name, thing in CALLABLES.items() if address.search(explanation(thing))]

    assert pointing == []
