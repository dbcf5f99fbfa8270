"""One attachment of 10 MB: time, and memory at the peak."""

from __future__ import annotations

import binascii
import random
import struct
from collections.abc import Iterator

from harness import Case, django_bytes, head, main, simplemail_bytes

SIZE = 10_000_000
DATA = random.Random(1).randbytes(SIZE)
OCTETS = 57  # make a line of 76
LINES = 2048
ROWS = struct.Struct("76s" * LINES)


def arguments(number: int) -> tuple[str, str, str, list[str], str, bytes]:
    to = [f"boss{number}@example.com"]
    return f"Report {number}", f"See below.\n{number}\n", "shop@example.com", to, "", DATA


def simplemail(number: int) -> bytes:
    return simplemail_bytes(*arguments(number))


def django(number: int) -> bytes:
    return django_bytes(*arguments(number))


def by_hand(number: int) -> bytearray:
    subject, _, _, [to], _, data = arguments(number)
    boundary = f"=={number}=="
    start = (
        f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n{head(number, subject, to)}'
        f'\r\n--{boundary}\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\nSee below.'
        f"\r\n{number}\r\n"
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n"
        'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="data.bin"'
        "\r\nMIME-Version: 1.0\r\n\r\n"
    ).encode()
    result = bytearray(start)
    for block in _base64(data):  # joined at once, the blocks would be there twice
        result += block
    result += b"--%b--\r\n" % boundary.encode()
    return result


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield data in base64, some thousand lines at a time so that they stay in the CPU's cache."""
    size = LINES * OCTETS
    for start in range(0, len(data) - size, size):
        encoded = binascii.b2a_base64(data[start : start + size], newline=False)
        yield b"\r\n".join(ROWS.unpack(encoded)) + b"\r\n"
    rest = len(data) % size or size
    for start in range(len(data) - rest, len(data), OCTETS):
        yield binascii.b2a_base64(data[start : start + OCTETS], newline=False) + b"\r\n"


CASES = [
    Case(
        "10 MB attachment",
        simplemail,
        django,
        by_hand,
        times_django=9,
        peak=1.7,
        content_size=SIZE,
    )
]

if __name__ == "__main__":
    main(*CASES)
