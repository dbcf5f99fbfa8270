"""Maps Python's names for charsets to those that mail uses (RFC 2978)."""

from __future__ import annotations

import codecs
from functools import lru_cache

from ..light import pattern

_TOKEN = pattern(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")

# Names that the rules below don't convert.
_LABELS = {
    "ascii": "us-ascii",
    "utf-8-sig": "utf-8",
    "mac-roman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
    "cp932": "windows-31j",
    "cp949": "ks_c_5601-1987",
    "cp950": "big5",
    "cp874": "windows-874",
    "shift_jis": "shift_jis",
    "big5hkscs": "big5-hkscs",
    "hz": "hz-gb-2312",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
}


@lru_cache(maxsize=64)
@lru_cache(maxsize=64)
def check_charset(name: str) -> str:
    """Return the charset's name. Raises ValueError if Python can't encode text in it."""
    try:
        "".encode(name if _TOKEN.fullmatch(name) else "")
    except (LookupError, ValueError):
        raise ValueError(f"Unknown charset {name!r}: use one that Python knows, 'utf-8'") from None
    return name


@lru_cache(maxsize=64)
def charset_label(name: str) -> str:
    """Return a charset's name in mail; Python knows several, such as l1 for iso-8859-1."""
    known = codecs.lookup(name).name
    if known in _LABELS:
        return _LABELS[known]
    if known.startswith("cp125"):
        return f"windows-{known[2:]}"
    if known.startswith("cp"):
        return f"ibm{known[2:]}"
    return known.replace("iso8859", "iso-8859").replace("iso2022", "iso-2022").replace("_", "-")
