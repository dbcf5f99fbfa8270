"""Makes the document in which a browser shows a message's HTML.

What keeps it from doing harm is how it is answered (`POLICY`), not what is taken out of it: the
browser runs no script of it, sends no form, and fetches nothing. Three things are changed:

- `cid:` becomes `data:`, because the parts have no address that the document may ask for.
- `<link>` becomes `<x-link>`, and frames likewise: browsers connect to a server for them in spite
  of any policy.
- `target` becomes `_blank`: links open outside, wherever the message wants them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote

from .markup import MOST_READ
from .reading import Mail

_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_CID = re.compile(r"""cid:([^\s"'<>()&]{1,500})""", re.IGNORECASE)
_CONNECTING = re.compile(
    r"<(/?)(?=(?:link|i?frame|frameset|fencedframe|portal|object|embed|applet)[\s/>])",
    re.IGNORECASE,
)
_TARGET = re.compile(r"""(\starget\s*=\s*["']?)_?(?:self|top|parent)\b""", re.IGNORECASE)
_SCHEME = re.compile(r"prefers-color-scheme\s*:\s*(light|dark)", re.IGNORECASE)
_SUPPORTS_DARK = re.compile(r"color-scheme[\"']?\s*(?::|content\s*=\s*[\"']?)[^;\"'>]*dark", re.I)
_IMAGE = re.compile(r"image/[a-z0-9.+-]{1,40}")
_REMOTE = re.compile(
    r"""(?:src|srcset|background|poster)\s*=\s*["']?\s*https?:|url\(\s*["']?\s*https?:""", re.I
)
_MOST_INLINED = 2  # times the size of the message: one picture may be shown a thousand times


def policy(*, images: bool) -> str:
    """Return the Content-Security-Policy for a message's HTML, with or without remote images."""
    sources = "data: http: https:" if images else "data:"
    return (
        f"sandbox {_SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src {sources}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def document(mail: Mail, scheme: str = "light") -> str:
    """Return the message's HTML as a document; its text where there is no HTML."""
    html = mail.text_of(mail.html_part)
    html = _TARGET.sub(r"\1_blank", _CONNECTING.sub(r"<\1x-", html))
    html = _SCHEME.sub(lambda found: _fixed(found[1].lower() == scheme), html)
    dark = scheme == "dark" and _SUPPORTS_DARK.search(html)
    shade = "dark" if dark else "light only"
    head = '<!doctype html><meta charset="utf-8"><base target="_blank">'
    style = f"<style>:root{{color-scheme:{shade}}}</style>"
    return f"{head}{style}{_with_pictures(html, mail)}"


def remote_images(html: str) -> int:
    """Return how many images an HTML text would fetch from elsewhere, as far as it is read."""
    return len(_REMOTE.findall(html, 0, MOST_READ))


def content_ids(html: str) -> list[str]:
    """Return the content ids that an HTML text refers to."""
    return [unquote(each) for each in _CID.findall(html)]


def _fixed(holds: bool) -> str:
    """Return a media feature that always holds, or never."""
    return "min-width:0" if holds else "max-width:0"


def _with_pictures(html: str, mail: Mail) -> str:
    parts = {part.content_id: part for part in mail.leaves if part.content_id}
    left = _MOST_INLINED * len(mail.content) + 100_000

    def picture(found: re.Match[str]) -> str:
        nonlocal left
        part = parts.get(unquote(found[1]))
        if part is None or not _IMAGE.fullmatch(part.kind) or part.end - part.start > left:
            return found[0]
        data = b64encode(mail.octets_of(part)).decode("ascii")
        left -= len(data)
        return f"data:{part.kind};base64,{data}"

    return _CID.sub(picture, html)
