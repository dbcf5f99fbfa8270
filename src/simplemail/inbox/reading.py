"""Reads a message as far as it can be read: its header, its parts, its texts.

Python's own parser has no limits: ten thousand parts take it minutes. Here the limits are counted
while reading, nothing recurses, and nothing raises: what can't be read is named in `defects`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from .charsets import decoded, raw_text, transfer_decoded, words

MOST_PARTS = 1_000
DEEPEST = 50
LONGEST_TEXT = 4_000_000
"""Octets of a text that are shown; the rest is in the download."""

_LONGEST_HEADER = 256_000
_MOST_FIELDS = 2_000
_MOST_BOUNDARIES = 20_000
_MOST_READING = 8  # times over, for parts in parts

_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_EMPTY_LINE = re.compile(rb"\r?\n")
_HEADER_END = re.compile(rb"\n\r?\n")
_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_TYPE = re.compile(r"\s*([\w!#$&^.+-]+)/([\w!#$&^.+-]+)")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;]*))')
_BOX = re.compile(r'((?:[^",<>]|"(?:[^"\\]|\\.)*+"?)*+)(?:<([^<>]*)>?)?[^,]*,?')


class Field(NamedTuple):
    """A header field: `raw` as it came but unfolded, `value` decoded."""

    name: str
    raw: str
    value: str


class Box(NamedTuple):
    """An address of a header field, with the name that stands before it."""

    name: str
    address: str


class Part(NamedTuple):
    """A part: its place in the message (`start` to `end` is its body), and what its header says."""

    number: int
    depth: int
    kind: str
    charset: str
    encoding: str
    file_name: str
    disposition: str
    content_id: str
    start: int
    end: int

    @property
    def is_container(self) -> bool:
        return self.kind.startswith("multipart/")

    @property
    def is_file(self) -> bool:
        return self.disposition == "attachment" or bool(self.file_name)

    @property
    def is_picture(self) -> bool:
        """Does it stand in the HTML, rather than beside it?"""
        is_image = self.kind.startswith("image/")
        return is_image and bool(self.content_id) and self.disposition != "attachment"


class Mail:
    """A message that is read when asked. Part 0 is the message itself."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.defects: list[str] = []
        self.undecodable: set[int] = set()
        self._scanned = 0
        self.fields, self._body = fields(content)
        if not self.fields and content.strip():
            self.defects.append("This has no header, so it isn't a message (RFC 5322)")

    def values(self, name: str) -> list[str]:
        """Return what the header's fields of this name hold, decoded."""
        return [field.value for field in self.fields if field.name.lower() == name]

    def value(self, name: str) -> str:
        return next(iter(self.values(name)), "")

    def boxes(self, name: str) -> list[Box]:
        """Return the addresses in the header's fields of this name."""
        raw = [field.raw for field in self.fields if field.name.lower() == name]
        return [box for each in raw for box in boxes(each)]

    @property
    def named(self) -> tuple[str, tuple[str, ...]]:
        """The sender and the recipients that the header names, for want of an envelope."""
        author = next(iter(self.boxes("from")), Box("", ""))
        to = [box.address for name in ("to", "cc", "bcc") for box in self.boxes(name)]
        return author.address, tuple(to)

    @cached_property
    def parts(self) -> list[Part]:
        """Every part, each container before what it holds."""
        found: list[Part] = []
        todo = [(0, self.fields, self._body, len(self.content))]
        while todo:
            depth, header, start, end = todo.pop()
            if len(found) == MOST_PARTS:
                self.defects.append(f"More than {MOST_PARTS} parts: the rest is in the source")
                break
            part = _part(len(found), depth, header, start, end)
            found.append(part)
            todo += reversed([(depth + 1, *each) for each in self._children(part, header)])
        return found

    @property
    def leaves(self) -> list[Part]:
        return [part for part in self.parts if not part.is_container]

    @property
    def attachments(self) -> list[Part]:
        """The parts that are files: all but the texts, and pictures that stand in the HTML."""
        shown = {part.number for part in (self.html_part, self.text_part) if part}
        return [part for part in self.leaves if part.number not in shown and not part.is_picture]

    @cached_property
    def html_part(self) -> Part | None:
        return self._first("text/html")

    @cached_property
    def text_part(self) -> Part | None:
        return self._first("text/plain")

    def text_of(self, part: Part | None) -> str:
        """Return a part as text, at most LONGEST_TEXT octets of it; "" of no part."""
        if part is None:
            return ""
        data = self.content[part.start : min(part.end, part.start + LONGEST_TEXT)]
        text, is_sound = decoded(transfer_decoded(data, part.encoding), part.charset)
        if not is_sound and part.end - part.start <= LONGEST_TEXT:
            self.undecodable.add(part.number)
        return text.replace("\r\n", "\n")

    def octets_of(self, part: Part) -> bytes:
        """Return what a part holds, its transfer encoding removed."""
        return transfer_decoded(self.content[part.start : part.end], part.encoding)

    def _first(self, kind: str) -> Part | None:
        texts = (p for p in self.leaves if p.kind == kind and not p.is_file)
        return next(texts, None)

    def _children(self, part: Part, header: list[Field]) -> list[tuple[list[Field], int, int]]:
        if not part.is_container:
            return []
        if part.depth >= DEEPEST:
            self._note(f"Parts nested more than {DEEPEST} deep: the rest is in the source")
            return []
        boundary = parameters(_raw(header, "content-type")).get("boundary", "")
        if not boundary:
            self._note("A multipart without a boundary")
            return []
        self._scanned += part.end - part.start
        if self._scanned > _MOST_READING * len(self.content) + 1_000_000:
            self._note("Nested parts too large to read them all: the rest is in the source")
            return []
        spans = self._spans(boundary.encode("utf-8", "surrogateescape"), part)
        return [(*fields(self.content, start, end), end) for start, end in spans]

    def _spans(self, boundary: bytes, part: Part) -> list[tuple[int, int]]:
        """Return from where to where each part between the boundaries goes."""
        content, mark = self.content, b"--" + boundary
        spans: list[tuple[int, int]] = []
        begin, at = -1, part.start - 1
        for _ in range(_MOST_BOUNDARIES):
            at = content.find(mark, at + 1, part.end)
            if at < 0:
                self._note("A multipart without its closing boundary")
                break
            end = _AFTER_BOUNDARY.match(content, at + len(mark), part.end)
            if end is None or (at > part.start and content[at - 1] != 10):
                continue
            if begin >= 0:
                spans.append((begin, max(begin, at - 1 - (content[at - 2 : at - 1] == b"\r"))))
            begin = -1 if end[1] else end.end()
            if end[1] or len(spans) > MOST_PARTS:
                break
        return [*spans, (begin, part.end)] if begin >= 0 else spans

    def _note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)


def fields(content: bytes, start: int = 0, end: int | None = None) -> tuple[list[Field], int]:
    """Return the header fields that stand at `start`, and where the body after them begins."""
    end = len(content) if end is None else end
    limit = min(end, start + _LONGEST_HEADER)
    found: list[Field] = []
    while match := _FIELD.match(content, start, limit):
        if len(found) < _MOST_FIELDS:
            raw = (
                " ".join(raw_text(match[2]).split("\n"))
                if b"\n" in match[2]
                else raw_text(match[2])
            )
            raw = re.sub(r"\s+", " ", raw).strip()
            found.append(Field(match[1].decode("ascii"), raw, words(raw)))
        start = match.end()
    if start >= limit < end:
        rest = _HEADER_END.search(content, limit, end)
        return found, rest.end() if rest else end
    empty = _EMPTY_LINE.match(content, start, end)
    return found, empty.end() if empty else start


def parameters(value: str) -> dict[str, str]:
    """Return the parameters of a field such as Content-Type, RFC 2231 and RFC 2047 decoded."""
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, quoted, bare in _PARAMETER.findall(value)[:200]:
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip()
        split = re.fullmatch(r"([^*]+)(?:\*(\d{1,4}))?(\*)?", name.lower())
        if split is None:
            continue
        if split[2] is None and split[3] is None:
            plain.setdefault(split[1], words(text))
        else:
            pieces.setdefault(split[1], []).append((int(split[2] or 0), bool(split[3]), text))
    return plain | {name: _joined(each) for name, each in pieces.items()}


def boxes(raw: str) -> list[Box]:
    """Return the addresses in a field's raw text, however broken, as far as they can be told."""
    found = []
    for name, address in _BOX.findall(raw[:100_000]):
        name = words(re.sub(r'\\(.)|"', r"\1", name).strip())
        if address or name:
            found.append(Box(name, address.strip()) if address else Box("", name))
    return found


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    """Return a parameter that came in pieces (RFC 2231), of which some are percent-encoded."""
    charset, octets = "utf-8", b""
    for number, is_encoded, text in sorted(pieces):
        if is_encoded and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "surrogateescape")
    return decoded(octets, charset or "utf-8")[0]


def _raw(header: list[Field], name: str) -> str:
    return next((field.raw for field in header if field.name.lower() == name), "")


def _part(number: int, depth: int, header: list[Field], start: int, end: int) -> Part:
    declared = _raw(header, "content-type")
    match = _TYPE.match(declared)
    kind = f"{match[1]}/{match[2]}".lower() if match else "text/plain"
    given = parameters(declared) if declared else {}
    disposition = _raw(header, "content-disposition")
    file_name = disposition and parameters(disposition).get("filename")
    return Part(
        number=number,
        depth=depth,
        kind=kind,
        charset=given.get("charset", "us-ascii"),
        encoding=_raw(header, "content-transfer-encoding").strip().lower(),
        file_name=file_name or given.get("name", ""),
        disposition=disposition.partition(";")[0].strip().lower(),
        content_id=_raw(header, "content-id").strip("<> "),
        start=start,
        end=max(start, end),
    )
