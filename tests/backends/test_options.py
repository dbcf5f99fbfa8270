"""Which options a backend takes, read from constructors of every style."""

from __future__ import annotations

import functools
import sys
from typing import Any, Optional, Union

import pytest

from simplemail import InvalidMailer, get_connection
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.options import from_text, known_options
from simplemail.backends.smtp import EmailBackend as SMTPBackend


def backend_with(**annotations: Any) -> type:
    """A backend that takes these options, annotated with types or with text."""

    def __init__(self, flag=None, count=None, ratio=None, other=None, **options):  # noqa: N807
        BaseEmailBackend.__init__(self, **options)

    __init__.__annotations__ = annotations
    return type("Backend", (BaseEmailBackend,), {"__init__": __init__})


class TestKnownOptions:
    def test_includes_what_the_base_class_takes(self):
        known = known_options(SMTPBackend)

        assert {"host", "timeout", "fail_silently", "ca_file"} <= known.keys()
        assert not known.keys() & {"self", "alias", "options"}

    def test_stops_at_a_constructor_that_hands_nothing_up(self):
        class Closed(BaseEmailBackend):
            def __init__(self, key=None):
                super().__init__()

        assert list(known_options(Closed)) == ["key"]

    def test_a_constructor_without_types_gets_the_base_classes(self):
        class Untyped(BaseEmailBackend):
            def __init__(self, fail_silently=False, **options):
                super().__init__(fail_silently, **options)

        assert from_text(Untyped, {"fail_silently": "false"}) == {"fail_silently": False}

    def test_a_constructors_own_types_win(self):
        class Typed(SMTPBackend):
            def __init__(self, host: int = 0, **options):
                super().__init__(**options)

        assert from_text(Typed, {"host": "5", "port": "6"}) == {"host": 5, "port": 6}

    def test_a_constructor_that_is_no_function_is_passed_over(self):
        class Odd(BaseEmailBackend):
            __init__ = functools.partialmethod(BaseEmailBackend.__init__)

        assert list(known_options(Odd)) == ["fail_silently"]


WITH_TYPES_FOR_CHECKERS = """
from typing import TYPE_CHECKING
from simplemail.backends.base import BaseEmailBackend

if TYPE_CHECKING:
    from nowhere import Thing

class Backend(BaseEmailBackend):
    def __init__(self, size: int = 5, thing: {type} = None, **options: object) -> None:
        super().__init__(**options)
"""


@pytest.mark.parametrize(
    "written",
    [
        "'Thing | None'",
        pytest.param(
            "Thing | None",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 14), reason="before, such a class can't be defined"
            ),
        ),
    ],
)
def test_types_that_are_imported_for_checkers_alone_are_not_looked_up(written):
    names = {"__name__": "simplemail_test_backend"}
    source = WITH_TYPES_FOR_CHECKERS.format(type=written)
    # Without this file's own "from __future__ import annotations".
    exec(compile(source, "backend.py", "exec", dont_inherit=True), names)

    known = known_options(names["Backend"])
    made = from_text(names["Backend"], {"size": "3", "fail_silently": "yes"})

    assert known["thing"].strip("'") == "Thing | None"
    assert made == {"size": 3, "fail_silently": True}


class TestFromText:
    @pytest.mark.parametrize(
        "annotation",
        [int, int | None, Optional[int], Union[int, None], "int", "int | None", "Optional[int]"],  # noqa: UP007, UP045
    )
    def test_a_number_may_be_annotated_in_any_style(self, annotation):
        backend = backend_with(count=annotation)

        assert from_text(backend, {"count": "5"}) == {"count": 5}
        with pytest.raises(InvalidMailer, match=r"'count' .* must be a whole number$"):
            from_text(backend, {"count": "5.5"})

    @pytest.mark.parametrize(
        ("text", "value"),
        [("true", True), ("1", True), ("On", True), ("false", False), ("0", False), ("NO", False)],
    )
    def test_flags(self, text, value):
        assert from_text(backend_with(flag=bool), {"flag": text}) == {"flag": value}

    def test_fractions(self):
        assert from_text(backend_with(ratio="float | None"), {"ratio": "2.5"}) == {"ratio": 2.5}

    @pytest.mark.parametrize("annotation", [str, "str | tuple[str, int] | None", Any, "Any", ""])
    def test_text_stays_text(self, annotation):
        assert from_text(backend_with(other=annotation), {"other": "5"}) == {"other": "5"}

    def test_what_is_no_text_is_left_alone(self):
        assert from_text(backend_with(count=int), {"count": None}) == {"count": None}

    def test_what_has_no_text_form_is_refused(self):
        with pytest.raises(InvalidMailer, match="'other' can't be written in a mailer URL"):
            from_text(backend_with(other="list[bytes]"), {"other": "x"})

    def test_an_unknown_option_is_refused_with_the_nearest(self):
        with pytest.raises(InvalidMailer, match="'conut' in a mailer URL; did you mean 'count'"):
            from_text(backend_with(), {"conut": "5"})


class TestSuggestions:
    def test_a_misspelt_option_is_met_with_the_nearest(self):
        with pytest.raises(TypeError, match=r"unknown option 'tiemout'\. Did you mean 'timeout'"):
            get_connection("smtp", host="h", tiemout=5)

    def test_several_misspelt_options_are_named(self):
        with pytest.raises(TypeError, match="unknown options 'tiemout', 'prot'"):
            get_connection("smtp", tiemout=5, prot=25)

    def test_of_backends_annotated_with_types(self):
        """Not only with text, as simplemail's own are."""
        with pytest.raises(TypeError, match=r"unknown option 'conut'\. Did you mean 'count'"):
            get_connection(backend_with(count=int | None), conut=5)
