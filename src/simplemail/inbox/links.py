"""Lists where a message's links lead, and which of them say something else."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from .markup import MOST_READ, plain, tags

_MOST = 1_000
_URL = re.compile(r"""\bhttps?://[^\s<>"'\x00-\x1f]{1,2000}""", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'\u201d\u00bb"
_LOOKS_LIKE_HOST = re.compile(
    r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24})(?:[:/?#]\S*)?", re.IGNORECASE
)


class Link(NamedTuple):
    """A link: where it leads, and what the reader sees of it. `part` is "html" or "text"."""

    url: str
    text: str
    part: str

    @property
    def scheme(self) -> str:
        # As browsers read it: controls and white space before or in it don't count.
        return re.sub(r"[\x00-\x20]", "", self.url).partition(":")[0].lower()

    @property
    def is_script(self) -> bool:
        return self.scheme in ("javascript", "vbscript", "data")

    @property
    def is_misleading(self) -> bool:
        """Does its text name one host, while it leads to another?"""
        shown = _LOOKS_LIKE_HOST.fullmatch(self.text.strip())
        if shown is None or self.scheme not in ("http", "https"):
            return False
        return not _same_site(shown[1].lower(), host_of(self.url))


def links_in_html(html: str) -> list[Link]:
    """Return the links of an HTML text, in its order."""
    found: list[Link] = []
    opened: tuple[str, int] | None = None
    html = html[:MOST_READ]
    for tag in tags(html):
        if opened and tag.name in ("a", "/a"):
            found.append(Link(opened[0], plain(html[opened[1] : tag.start])[:300], "html"))
            opened = None
        if tag.name == "a" and "href" in tag.attributes:
            opened = (tag.attributes["href"].strip(), tag.end)
        elif tag.name == "area" and "href" in tag.attributes:
            found.append(
                Link(tag.attributes["href"].strip(), tag.attributes.get("alt", ""), "html")
            )
        if len(found) >= _MOST:
            return found
    if opened:
        found.append(Link(opened[0], plain(html[opened[1] :])[:300], "html"))
    return found


def links_in_text(text: str) -> list[Link]:
    """Return the web addresses that stand in a plain text."""
    urls = [url.rstrip(_TRAILING) for url in _URL.findall(text)[:_MOST]]
    return [Link(url, url, "text") for url in urls]


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _same_site(shown: str, host: str) -> bool:
    shown, host = shown.removeprefix("www."), host.removeprefix("www.")
    return shown == host or host.endswith("." + shown)
