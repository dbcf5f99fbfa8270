"""Finds a secret in whatever an error carries along, as error reporters do."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

from support.docs_runner import ROOT

_OURS = str(ROOT / "src")
_TESTS = str(ROOT / "tests")


def leaks(error: BaseException, secret: str) -> list[str]:
    """Return where the secret or its base64 is seen: in the texts of the error and of those that
    led to it, and in the variables of all frames but the tests' own.
    """
    forms = [secret, repr(secret.encode())[2:-1], base64.b64encode(secret.encode()).decode()]
    # In base64, what comes before shifts it by one or two octets.
    for shift in (1, 2):
        inner = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        forms.append(inner[4:-4])
    return [
        place
        for place, value in _carried(error)
        for text in _texts(value)
        if any(form in text for form in forms)
    ]


def _carried(error: BaseException) -> Iterator[tuple[str, Any]]:
    for each in _chain(error):
        name = type(each).__name__
        yield f"{name}: text", [str(each), repr(each), each.args, getattr(each, "__notes__", [])]
        yield f"{name}: attributes", vars(each)
        yield f"{name}: object", getattr(each, "object", None)
        step = each.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            if not code.co_filename.startswith(_TESTS):
                yield f"{name}: {code.co_qualname}", dict(step.tb_frame.f_locals)
            step = step.tb_next


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        if (each := waiting.pop()) is not None and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__]
            yield each


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Texts within a value: its own, those of what it contains, and what `repr()` shows."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield bytes(value).decode("utf-8", "replace")
    elif depth < 5 and isinstance(value, dict):
        for inside in itertools.chain(value.keys(), value.values()):
            yield from _texts(inside, depth + 1)
    elif depth < 5 and isinstance(value, (list, tuple, set, frozenset)):
        for inside in value:
            yield from _texts(inside, depth + 1)
    if not isinstance(value, (str, bytes, bytearray)):
        yield repr(value)
