"""Reads mailboxes and lists of them as RFC 5322, 3.4 defines them, in linear time.

It is strict with what users write, so that a slip is an error, and lenient with the headers of
existing mail, where only the addr-spec matters and the rest may be broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..light import NamedTuple, pattern
from .domains import ATEXT, NEVER, InvalidAddress
from .folding import decode_word

_ATOM = pattern(rf"{ATEXT}++")
_PRINTABLE = pattern(rf"[^\x00-\x08\x0a-\x1f{NEVER}]*")
_TOKEN = pattern(
    r"(?P<word>=\?[^\s?]++\?[bBqQ]\?[^\s?]*+\?=)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*+")'
    r"|(?P<literal>\[[^\[\]\\]*+\])"
    r"|(?P<space>[ \t]++)"
    r'|(?P<sign>[<>@,:;.()"\[\]\\])'
    r'|(?P<text>[^ \t<>@,:;.()"\[\]\\=]++|=)'
)
_PARENTHESIS = pattern(r"\\.|[()]")
_ESCAPED = pattern(r"\\(.)")

COMMA = (
    "quote names with commas, like '\"Doe, John\" <john@example.com>', or pass a pair, "
    'like ("Doe, John", "john@example.com")'
)


class Token(NamedTuple):
    """A piece of an address: `kind` is a group of `_TOKEN`, or "comment"."""

    kind: str
    text: str


class Parsed(NamedTuple):
    """A mailbox as it was parsed. The local part is unquoted; without a domain, `domain` is ""."""

    name: str
    local: str
    domain: str
    comments: tuple[str, ...]


class Entries(NamedTuple):
    """An entry of a list, and the name of its group if it is in one."""

    group: str | None
    entries: list[list[Token]]


def parse_mailbox(text: str) -> Parsed:
    """Return the one mailbox that the text is. Raises InvalidAddress for anything else."""
    tokens = _tokens(text)
    if ("sign", ",") in tokens:
        raise InvalidAddress(text, _why_a_comma(tokens))
    return _strict(text, tokens)


def parse_list(text: str, *, lenient: bool = False) -> list[tuple[str | None, list[Parsed]]]:
    """Return a list's groups: name and members; a mailbox outside of one has its own, unnamed.

    Raises InvalidAddress if any entry isn't one mailbox.
    """
    read = _lenient if lenient else _strict
    found = list(_split(text, _tokens(text, lenient=lenient)))
    _check_commas(text, [entry for group in found for entry in group.entries])
    return [(group.group, [read(text, entry) for entry in group.entries]) for group in found]


def _tokens(text: str, *, lenient: bool = False) -> list[Token]:
    if not (lenient or _PRINTABLE.fullmatch(text)):
        raise InvalidAddress(text, "it contains a control character")
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        # Only a line break matches nothing; in a header that was unfolded there is none.
        kind, end = (match.lastgroup or "", match.end()) if match else ("text", position + 1)
        if text[position] == "(":
            kind, end = "comment", _comment_end(text, position)
        elif text[position] == '"' and kind == "sign":
            raise InvalidAddress(text, 'a quote (") is not closed')
        found.append(Token(kind, text[position:end]))
        position = end
    return found


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for sign in _PARENTHESIS.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if not depth:
            return sign.end()
    raise InvalidAddress(text, "a parenthesis is not closed")


def _split(text: str, tokens: list[Token]) -> Iterator[Entries]:
    """Yield the entries of a list, those of a group together."""
    group: str | None = None
    entries: list[list[Token]] = []
    entry: list[Token] = []
    in_angle = False
    for token in tokens:
        sign = token.text if token.kind == "sign" else ""
        in_angle = (in_angle or sign == "<") and sign != ">"
        if sign == "," and not in_angle:
            if group is not None:
                entries.append(entry)
            elif not _is_empty(entry):
                yield Entries(None, [entry])
            entry = []
        elif sign == ":" and not in_angle:
            if group is not None or _is_empty(entry):
                raise InvalidAddress(text, "there is a colon where none is allowed")
            group, entries, entry = _name(entry), [], []
        elif sign == ";" and not in_angle:
            if group is None:
                raise InvalidAddress(text, "addresses are separated by commas, not semicolons")
            entries = [each for each in [*entries, entry] if not _is_empty(each)]
            yield Entries(group, entries)
            group, entries, entry = None, [], []
        else:
            entry.append(token)
    if group is not None:
        raise InvalidAddress(text, "a group ends in a semicolon")
    if not _is_empty(entry):
        yield Entries(None, [entry])


def _is_empty(entry: list[Token]) -> bool:
    return all(token.kind in ("space", "comment") for token in entry)


def _has(entry: list[Token], sign: str) -> bool:
    return ("sign", sign) in entry


def _check_commas(text: str, entries: list[list[Token]]) -> None:
    """Refuse `Doe, John <john@example.com>`: two entries by the grammar, but meant as one."""
    for entry, following in pairwise(entries):
        is_bare = not (_has(entry, "@") or _has(entry, "<"))
        if is_bare and _has(following, "<") and _has_bare_name(following):
            raise InvalidAddress(text, COMMA)


def _has_bare_name(entry: list[Token]) -> bool:
    """Does this entry begin with a name without quotes?"""
    first = next((token for token in _before_angle(entry) if token.kind != "space"), None)
    return first is not None and first.kind != "quoted"


def _why_a_comma(tokens: list[Token]) -> str:
    specs = tokens.count(Token("sign", "@"))
    if specs > 1:
        return "these are several addresses; a list holds one in each item"
    if _has(tokens, "<"):
        return COMMA
    return (
        'there is a comma in it; put a pair into a list, like [("Doe, John", "john@example.com")]'
    )


def _before_angle(entry: list[Token]) -> list[Token]:
    return entry[: entry.index(Token("sign", "<"))]


# One mailbox


def _strict(text: str, entry: list[Token]) -> Parsed:
    comments = tuple(token.text for token in entry if token.kind == "comment")
    if not _has(entry, "<"):
        local, domain = _addr_spec(text, entry)
        return Parsed("", local, domain, comments)
    phrase = _before_angle(entry)
    inside, after = _angle(text, entry[len(phrase) :])
    if not _is_empty(after):
        raise InvalidAddress(text, f"{_joined(after)!r} is left over after the '>'")
    if _has(phrase, "@"):
        raise InvalidAddress(text, "quote a name with an @ in it")
    if any(token.kind == "sign" and token.text != "." for token in phrase):
        raise InvalidAddress(text, "quote a name with brackets, colons or the like in it")
    local, domain = _addr_spec(text, inside)
    name = _name(phrase)
    if not _PRINTABLE.fullmatch(name):
        raise InvalidAddress(text, "it contains a control character")
    return Parsed(name, local, domain, comments)


def _lenient(text: str, entry: list[Token]) -> Parsed:
    if not _has(entry, "<"):
        local, domain = _addr_spec(text, entry)
        return Parsed("", local, domain, ())
    rest, candidates = entry, []
    while _has(rest, "<"):
        inside, rest = _angle(text, rest[len(_before_angle(rest)) :])
        if _has(inside, "@") or not _has(rest, "<"):
            candidates.append(_addr_spec(text, inside))
    if len({*candidates}) > 1 or _has(rest, "@"):
        raise InvalidAddress(text, "it isn't clear which address is meant")
    local, domain = candidates[-1]
    name = _name(_before_angle(entry))
    return Parsed(name if _PRINTABLE.fullmatch(name) else "", local, domain, ())


def _angle(text: str, tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """Return what is between the `<` that comes first and its `>`, and what comes after."""
    if not _has(tokens, ">"):
        raise InvalidAddress(text, "a '<' is not closed")
    end = tokens.index(Token("sign", ">"))
    return tokens[1:end], tokens[end + 1 :]


def _addr_spec(text: str, tokens: list[Token]) -> tuple[str, str]:
    pieces = [token for token in tokens if token.kind != "comment"]
    while pieces and pieces[0].kind == "space":
        del pieces[0]
    while pieces and pieces[-1].kind == "space":
        del pieces[-1]
    if not pieces:
        raise InvalidAddress(text, "it is empty" if not text.strip(" \t<>") else "no address in it")
    signs = pieces.count(Token("sign", "@"))
    at = pieces.index(Token("sign", "@")) if signs else len(pieces)
    local, domain = pieces[:at], pieces[at + 1 :]
    if fault := _fault(local, domain, signs):
        raise InvalidAddress(text, fault)
    return _unquoted(local), _joined(domain)


def _fault(local: list[Token], domain: list[Token], signs: int) -> str:
    """Return what is wrong with the two halves of an addr-spec, or ""."""
    if signs > 1:
        if any(";" in token.text for token in local + domain):
            return "these are several addresses; a list holds one in each item"
        return "it has more than one @"
    if signs and not domain:
        return "nothing after the @"
    if any(token.kind == "word" for token in local + domain):
        return "an address can't be written in encoded-words (RFC 2047, 5)"
    if any(token.kind == "space" for token in domain):
        return "there is a space after the @"
    if any(token.kind == "space" for token in local):
        return "there is a space before the @" if signs else "it has a space, and no @"
    return _fault_before_the_at(local)


def _fault_before_the_at(local: list[Token]) -> str:
    text = _joined(local)
    if not text or text == '""':
        return "nothing before the @"
    if ".." in text:
        return "there are two dots in a row before the @"
    if text.startswith(".") or text.endswith("."):
        return "there is a dot at the start or at the end before the @"
    for word in _words(local):
        if not (len(word) == 1 and word[0].kind == "quoted") and not _ATOM.fullmatch(_joined(word)):
            return f"{_joined(word)!r} before the @ must be in quotes"
    return ""


def _words(local: list[Token]) -> Iterator[list[Token]]:
    """Yield what is between the dots of a local part."""
    word: list[Token] = []
    for token in local:
        if token == ("sign", "."):
            yield word
            word = []
        else:
            word.append(token)
    yield word


def _unquoted(tokens: list[Token]) -> str:
    return "".join(_value(token) for token in tokens)


def _joined(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


def _value(token: Token) -> str:
    if token.kind == "quoted":
        return _ESCAPED.sub(r"\1", token.text[1:-1])
    return token.text


def _name(phrase: list[Token]) -> str:
    """Return a display name: decoded, unquoted, with single spaces between its words."""
    found = ""
    before = Token("space", "")
    gap = False
    for place, token in enumerate(phrase):
        if token.kind in ("space", "comment"):
            gap = True
            continue
        alone = token.kind == "word" and _stands_alone(phrase, place)
        value = decode_word(token.text) if alone else _value(token)
        # The space between two encoded-words is no part of the text (RFC 2047, 6.2).
        found += " " if gap and found and not (alone and before.kind == "word") else ""
        found += value
        before = token if alone else Token("text", "")
        gap = False
    return found


def _stands_alone(phrase: list[Token], place: int) -> bool:
    """Is the encoded-word at this place separated from other text, as RFC 2047, 5 wants it?"""
    around = phrase[max(place - 1, 0) : place] + phrase[place + 1 : place + 2]
    return all(token.kind in ("space", "comment") for token in around)
