"""Finds the tags of an HTML text, as browsers do, in one pass. It judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

# HTML, 13.2.5: a quote counts only after the = of an attribute, and what never ends is no tag.
_NAME = re.compile(r"</?([A-Za-z][^\s/>\x00]*+)")
_REST = re.compile(r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?)*+>""")
_ATTRIBUTE = re.compile(
    r"""([^\s"'>/=][^\s>/=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?"""
)
MOST_READ = 1_000_000
"""Characters of an HTML text in which links and mistakes are looked for."""

_RAW = ("script", "style", "textarea", "title", "xmp", "noembed", "noframes")


class Tag(NamedTuple):
    """A tag: its name in lower case ("/a" ends a link), what follows it, where it stands."""

    name: str
    rest: str
    start: int
    end: int

    @property
    def attributes(self) -> dict[str, str]:
        """Return the attributes by lower-case name; of two alike the first counts."""
        found: dict[str, str] = {}
        for name, double, single, bare in _ATTRIBUTE.findall(self.rest):
            found.setdefault(name.lower(), unescape(double or single or bare))
        return found


def tags(html: str) -> Iterator[Tag]:
    """Yield the tags of an HTML text, comments and the inside of scripts and styles left out."""
    at = 0
    while (at := html.find("<", at)) >= 0:
        if html.startswith("<!--", at):
            end = html.find("-->", at + 2)
            at = len(html) if end < 0 else end + 3
            continue
        name = _NAME.match(html, at)
        if name is None:
            at += 1
            continue
        rest = _REST.match(html, name.end())
        if rest is None:
            return
        lower = name[1].lower()
        is_end = html[at + 1] == "/"
        inside = "" if is_end else html[name.end() : rest.end() - 1]
        yield Tag(f"/{lower}" if is_end else lower, inside, at, rest.end())
        at = rest.end()
        if lower in _RAW and not is_end:
            close = re.compile(rf"</{lower}(?=[\s/>])", re.IGNORECASE).search(html, at)
            at = close.start() if close else len(html)


def plain(html: str) -> str:
    """Return the text of an HTML text, for searching and for a glance: tags become spaces."""
    pieces, end, hidden = [], 0, ""
    for tag in tags(html):
        if not hidden:
            pieces.append(html[end : tag.start])
        end = tag.end
        if tag.name in ("script", "style", "title", "head"):
            hidden = hidden or f"/{tag.name}"
        elif tag.name in (hidden, "body"):
            hidden = ""
    pieces.append("" if hidden else html[end:])
    return " ".join(unescape(" ".join(pieces)).split())
