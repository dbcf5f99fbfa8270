"""A file shown inside the HTML is a whole MIME part, for whoever reads a message's attachments."""

from __future__ import annotations

from email.message import MIMEPart
from email.mime.base import MIMEBase
from typing import Any

import pytest

from simplemail.exceptions import BadHeaderError
from simplemail.rendering.inline import InlinePart
from simplemail.rendering.parts import EmailInline


def inline(**changes: Any) -> EmailInline:
    values = {"content_id": "a@b.example", "filename": "logo.png", "content": b"PNG"}
    return EmailInline(**{**values, "mimetype": "image/png", **changes})


@pytest.mark.parametrize("filename", [None, "logo.png", "grün 1.png"])
def test_it_says_what_the_file_is(filename: str | None) -> None:
    part = InlinePart(inline(filename=filename))

    assert isinstance(part, MIMEPart)
    assert isinstance(part, MIMEBase)
    assert part.get_content_type() == "image/png"
    assert part.get_content_disposition() == "inline"
    assert part.get_filename() == filename
    assert part["Content-ID"] == "<a@b.example>"
    assert part.get_payload(decode=True) == b"PNG"


@pytest.mark.parametrize(
    ("mimetype", "params"),
    [
        ("image/png", {}),
        ("text/css", {"charset": "utf-8"}),
        ("text/css; charset=latin-1", {"charset": "iso-8859-1"}),
        ("text/x; format=flowed; charset=utf-8", {"format": "flowed", "charset": "utf-8"}),
        ('application/x; name="a b"', {"name": "a b"}),
    ],
)
def test_parameters_of_its_type_are_kept(mimetype: str, params: dict[str, str]) -> None:
    part = InlinePart(inline(mimetype=mimetype, content="a { }\n"))

    assert dict(part["Content-Type"].params) == params


@pytest.mark.parametrize("changes", [{"content_id": "a\nb"}, {"filename": "a\r\nBcc: x"}])
def test_what_would_be_another_field_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        InlinePart(inline(**changes))


@pytest.mark.parametrize(
    "given",
    [
        inline(),
        inline(filename=None),
        inline(content=b""),
        inline(content=b"\x00\xff\r\n" * 99),
        inline(mimetype='application/x; name="a \\"b\\""'),
    ],
)
def test_one_of_a_finished_message_is_what_was_added(given: EmailInline) -> None:
    assert InlinePart.of(InlinePart(given)).inline == given


def test_one_that_says_little_is_a_text() -> None:
    part = MIMEPart()
    part["Content-ID"] = " <a@b.example>\t"

    assert InlinePart.of(part).inline == EmailInline("a@b.example", None, b"", "text/plain")
