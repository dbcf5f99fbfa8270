"""The header fields by which readers leave a newsletter with one click."""

from __future__ import annotations

from ..light import pattern
from .addresses import addr_spec

# Allowed between < and > in the field: printable ASCII, except for the brackets themselves.
_URI = pattern("[!-;=?-~]+")


def unsubscribe_headers(url: str, mailto: str | None = None) -> dict[str, str]:
    """Return the header fields that let a reader unsubscribe with one click.

    - `url`: an https:// address, of its own for each reader and newsletter. Mail programs send it
      a POST request, with the form field `List-Unsubscribe=One-Click` and without cookies; the
      reader must be off the list then, without another page.
    - `mailto`: an address for programs that can't do that, or a mailto: URL.

    Give them as a message's `headers`. Raises ValueError for any other URL or
    address.
    The fields are those of RFC 8058 and RFC 2369; both must be covered by a DKIM signature.
    """
    if not url.lower().startswith("https://") or not _URI.fullmatch(url):
        text = "must be an https:// URL in ASCII, without spaces and angle brackets (RFC 8058)"
        raise ValueError(f"'url' {text}, not {url!r}")
    links = [url]
    if mailto is not None:
        links.append(mailto if mailto.startswith("mailto:") else f"mailto:{addr_spec(mailto)}")
    if not _URI.fullmatch(links[-1]):
        raise ValueError(f"'mailto' must be an address or a mailto: URL, not {mailto!r}")
    return {
        "List-Unsubscribe": ", ".join(f"<{link}>" for link in links),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
