"""`leaks()` sees a secret wherever an error carries it."""

from __future__ import annotations

import base64

import pytest

from support.leaks import leaks

ELSEWHERE = """
def fail(value):
    raise ValueError("no")
"""


@pytest.mark.parametrize(
    "value",
    [
        "s3cret",
        b"x s3cret",
        ["a", ("s3cret",)],
        {"password": "s3cret"},
        base64.b64encode(b"s3cret"),
        base64.b64encode(b"\0me\0s3cret").decode(),
        memoryview(b"s3cret"),
    ],
)
def test_in_the_variables_of_frames(value: object) -> None:
    names: dict[str, object] = {}
    exec(compile(ELSEWHERE, "elsewhere.py", "exec"), names)
    with pytest.raises(ValueError, match="no") as info:
        names["fail"](value)  # type: ignore[operator]

    assert "ValueError: fail" in leaks(info.value, "s3cret")


def test_in_texts_and_in_what_led_to_the_error() -> None:
    error = OSError("lost")
    error.__context__ = ValueError("s3cret")

    assert set(leaks(error, "s3cret")) == {"ValueError: text"}
    assert leaks(error, "another") == []
