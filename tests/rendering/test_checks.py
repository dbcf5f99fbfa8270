import pytest

from simplemail.rendering.checks import check_octets, header_end


@pytest.mark.parametrize("content", [b"", b"a\r\n", b"a\r\n\r\nb", b"x" * 998 + b"\r\n", b"\xe9"])
def test_octets_of_mail_pass(content):
    check_octets(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\0b", "NUL octet, at 1"),
        (b"a\rb", "bare CR or LF"),
        (b"a\nb", "bare CR or LF"),
        (b"a\n\rb", "bare CR or LF"),
        (b"a\r\r\n", "bare CR or LF"),
        (b"x" * 999, "998 octets"),
        (b"a\r\n" + b"x" * 999 + b"\r\n", "998 octets"),
        (b"x" * 100 + b"\r\n" + b"x" * 999, "998 octets"),
    ],
)
def test_octets_that_no_mail_may_hold_are_refused(content, reason):
    with pytest.raises(ValueError, match=reason):
        check_octets(content)


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (b"", 0),
        (b"\r\nbody", 0),
        (b"A: b\r\n", 6),
        (b"A: b\r\n\r\nC: d\r\n", 6),
        (b"A: b\r\n c\r\n\td\r\nE:\r\n\r\nF", 18),
    ],
)
def test_header_ends_before_the_empty_line(content, end):
    assert header_end(content) == end


@pytest.mark.parametrize(
    "content",
    [b"body", b" A: b\r\n", b"A b\r\n", b"A: b\r\nno field\r\n\r\n", b"From a@b Mon\r\nA: b\r\n"],
)
def test_header_with_anything_but_fields_is_refused(content):
    with pytest.raises(ValueError, match="The header is malformed: b'"):
        header_end(content)


@pytest.mark.parametrize(
    ("start", "rest", "shown"),
    [
        (b"", b"no field\r\nand more: x", b"no field"),
        (b"A: b\r\n", b"no field\r\nand more: x", b"no field"),
        (b"A: b\r\n" * 20, b"x" * 59 + b"\r\n", b"x" * 59),
        (b"A: b\r\n" * 20, b"x" * 61 + b"\r\n", b"x" * 60),
        (b"A: b\r\n" * 999, b"x" * 5_000, b"x" * 60),
    ],
)
def test_the_line_that_is_no_field_is_shown(start, rest, shown):
    with pytest.raises(ValueError, match="is not a field") as caught:
        header_end(start + rest)

    assert f"The header is malformed: {shown!r} is not a field" in str(caught.value)
