"""What the inbox answers: a status, a body, and headers that keep browsers from doing harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

_FEATURES = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "fullscreen",
    "geolocation", "gyroscope", "microphone", "midi", "payment", "usb",
)  # fmt: skip
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _FEATURES),
    "X-DNS-Prefetch-Control": "off",
}
"""On every answer."""

NO_DOCUMENT = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""For data: should a browser show it after all, it is a page that can do nothing."""

THE_PAGE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}

_SHOWN_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_UNSAFE_IN_NAMES = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_LONGEST_NAME = 200


class Answer(NamedTuple):
    """An answer whose body is ready, or comes bit by bit until the connection is closed."""

    status: int
    kind: str
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = NO_DOCUMENT


def data(value: Any, status: int = 200) -> Answer:
    """Answer with JSON."""
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return Answer(status, "application/json", body + b"\n")


def problem(status: int, reason: str, **more: Any) -> Answer:
    """Answer that something is wrong, in one sentence."""
    return data({"error": reason, **more}, status)


def text(body: str) -> Answer:
    return Answer(200, "text/plain; charset=utf-8", body.encode("utf-8", "replace"))


def download(body: bytes, kind: str, name: str) -> Answer:
    """Answer with a file to be saved under this name, of a type that no browser runs."""
    kind = kind if kind in (*_SHOWN_IMAGES, "message/rfc822") else "application/octet-stream"
    disposition = {"Content-Disposition": attachment(name)}
    return Answer(200, kind, body, {**NO_DOCUMENT, **disposition})


def attachment(name: str) -> str:
    """Return a Content-Disposition for a file name, whatever is in it (RFC 6266, RFC 8187)."""
    name = safe_name(name)
    ascii_name = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def safe_name(name: str) -> str:
    """Return a file name that names no other place, and looks like what it is."""
    name = _UNSAFE_IN_NAMES.sub("", name.replace("\\", "/")).rpartition("/")[2].strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if len(name) > _LONGEST_NAME:
        name = f"{stem[: _LONGEST_NAME - 20]}{dot}{suffix[:19]}"
    return name or "attachment"
