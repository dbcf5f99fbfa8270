"""Words of text are encoded so that they fit, and decoded however they were written."""

from __future__ import annotations

import base64
from email.header import decode_header, make_header

import pytest

from simplemail.rendering.folding import decode_word, encoded_words, extended_parameter, fold


@pytest.mark.parametrize("text", ["請求書" * 60, "ü" * 200, "Grüße und so weiter " * 20, "é"])
@pytest.mark.parametrize("room", [75, 60, 40, 30])
def test_encoded_words_are_as_long_as_they_can_be(text: str, room: int) -> None:
    """RFC 2047, 2: 75 characters. A word ends with a character, which may take 12 more."""
    first, *others = encoded_words(text, room)

    assert len(first) <= room
    assert all(75 - 12 < len(word) <= 75 for word in others[:-1])
    assert str(make_header(decode_header("\r\n ".join([first, *others])))) == text


@pytest.mark.parametrize("text", ["a", "ab", "abc", "Grüße", "x" * 40])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("letter", ["b", "B"])
def test_base64_is_read_with_and_without_its_padding(text: str, padded: bool, letter: str) -> None:
    inside = base64.b64encode(text.encode()).decode()
    inside = inside if padded else inside.rstrip("=")

    assert decode_word(f"=?utf-8?{letter}?{inside}?=") == text


@pytest.mark.parametrize(
    ("tokens", "limit", "lines"),
    [
        ([" a", " b"], 8, ["Name: a", " b"]),
        ([" a", " b"], 9, ["Name: a b"]),
        ([" a", " bcd", " e"], 9, ["Name: a", " bcd e"]),
        ([" abcdefgh", " b"], 9, ["Name: abcdefgh", " b"]),
    ],
)
def test_a_line_is_used_to_its_end(tokens: list[str], limit: int, lines: list[str]) -> None:
    """A first word that is too long for it stays with the name all the same."""
    assert fold("Name:", tokens, limit).split("\r\n") == lines


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("letter", ["ü", "€", "請", "😀", "üx", "plain letters ü", f"{30 * 'x'}😀"])
def test_no_character_is_split_between_two_words(start: int, letter: str) -> None:
    """RFC 2047, 5."""
    text = "x" * start + letter * 60

    for room in (75, 74, 73, 50, 49, 48, 47):
        assert "".join(map(decode_word, encoded_words(text, room))) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("=?utf-8?q?a_b=20c?=", "a b c"),
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?iso-8859-1?q?=80?=", "€"),
        ("=?us-ascii*en?q?=C3=BC?=", "ü"),
        ("=?no-such?q?a?=", "=?no-such?q?a?="),
        ("=?utf-8?q?=FF?=", "=?utf-8?q?=FF?="),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("a word", "a word"),
    ],
)
def test_a_word_that_nobody_can_read_stays(word: str, text: str) -> None:
    assert decode_word(word) == text


@pytest.mark.parametrize("line", [60, 78])
@pytest.mark.parametrize("length", range(30, 66))
def test_a_parameter_is_in_pieces_only_if_a_line_has_no_room(line: int, length: int) -> None:
    """RFC 2231, 3."""
    value = "ü" + "x" * (length - 6)
    parts = extended_parameter("filename", value, line)

    assert all(len(f" {part}") <= line for part in parts)
    assert (len(parts) == 1) is (len(f" filename*=utf-8''%C3%BC{value[1:]};") <= line)
