"""Reads HTML as text: blocks as lines, links with their addresses, lists, tables row by row."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SILENT = {"head", "style", "script", "title", "template", "object", "select", "textarea"}
_PARAGRAPHS = {"p", "table", "blockquote", "pre", "dl", "form", "h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = {
    *("address", "article", "aside", "body", "caption", "center", "dd", "div", "dt", "fieldset"),
    *("figcaption", "figure", "footer", "header", "html", "li", "main", "nav", "section", "tr"),
}
_LISTS = {"ul", "ol"}
_VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"),
}
_DEEPEST = 10  # levels of quotes and lists that are told apart
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)


class HTMLReader(HTMLParser):
    """Collects the text of what it is fed."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._line: list[str] = []
        self._gap = False  # a blank line comes before the next one
        self._silent: list[str] = []  # what is open inside of what isn't shown
        self._lists: list[int | None] = []  # the number of the last item, of those that have some
        self._mark = ""
        self._quotes = 0
        self._pre = 0
        self._next_cell = False
        self._link: tuple[str, list[str]] | None = None

    def text(self) -> str:
        """Return the text so far; its lines end in newlines."""
        self._end_line()
        return "".join(f"{line}\n" for line in self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "body":
            self._silent.clear()  # whatever was left open in the head
        hides = tag in _SILENT or "hidden" in given or _HIDDEN.search(given.get("style", ""))
        if self._silent or hides:
            if tag not in _VOID:
                self._silent.append(tag)
            return
        self._begin(tag)
        if tag == "a":
            self._link = (given.get("href", "").strip(), [])
        elif tag == "img":
            self._say(given.get("alt", "").strip())
        elif tag == "br":
            self._end_line(always=True)
        elif tag == "hr":
            self._paragraph()
            self._say("-" * 20)
            self._paragraph()
        elif tag == "ol":
            start = given.get("start", "")
            self._lists[-1] = int(start) - 1 if start.isdecimal() and len(start) < 9 else 0

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag == "a":
            self._end_link()
        elif tag in _LISTS:
            self._end_line()
            del self._lists[-1:]
            self._gap = self._gap or not self._lists
        elif tag in _PARAGRAPHS:
            self._paragraph()
            self._quotes -= tag == "blockquote" and self._quotes > 0
            self._pre -= tag == "pre" and self._pre > 0
        elif tag in _BLOCKS:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if not self._pre:
            self._say(_SPACE.sub(" ", data))
            return
        first, *others = data.replace("\r\n", "\n").split("\n")
        self._say(first)
        for line in others:
            self._end_line(always=True)
            self._say(line)

    def _begin(self, tag: str) -> None:
        if tag in _LISTS:
            self._end_line()
            self._gap = self._gap or not self._lists
            self._lists.append(None)
        elif tag in _PARAGRAPHS:
            self._paragraph()
            self._quotes += tag == "blockquote"
            self._pre += tag == "pre"
        elif tag in _BLOCKS:
            self._end_line()
        if tag == "li":
            self._begin_item()
        self._next_cell = self._next_cell or (tag in ("td", "th") and bool(self._line))

    def _begin_item(self) -> None:
        self._mark = "- "
        if self._lists and self._lists[-1] is not None:
            self._lists[-1] += 1
            self._mark = f"{self._lists[-1]}. "

    def _say(self, text: str) -> None:
        if not self._pre and (not self._line or self._line[-1].endswith(" ")):
            text = text.removeprefix(" ")
        if not text:
            return
        if self._next_cell and text.strip():
            self._next_cell = False
            text = f"{'' if self._line[-1].endswith(' ') else ' '}| {text.removeprefix(' ')}"
        self._line.append(text)
        if self._link:
            self._link[1].append(text)

    def _end_link(self) -> None:
        href, texts = self._link or ("", [])
        self._link = None
        address = href[7:] if href.lower().startswith("mailto:") else href
        if _ADDRESS.match(href) and address.rstrip("/") not in "".join(texts):
            self._say(f" ({address})")

    def _paragraph(self) -> None:
        self._end_line()
        self._gap = True

    def _end_line(self, *, always: bool = False) -> None:
        text = "".join(self._line).rstrip()
        self._line.clear()
        self._next_cell = False
        if not (text or (always and self._lines)):
            return
        quotes = "> " * min(self._quotes, _DEEPEST)
        prefix = quotes + "  " * min(max(len(self._lists) - 1, 0), _DEEPEST)
        if self._gap and self._lines and self._lines[-1]:
            self._lines.append(quotes.rstrip())
        hang = "  " if self._lists else ""
        self._lines.append(f"{prefix}{self._mark or hang}{text}".rstrip())
        self._gap, self._mark = False, ""
