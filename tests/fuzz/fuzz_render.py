"""Throws anything at rendering: it may refuse (ValueError, TypeError), or write sound bytes.

    pip install atheris; PYTHONPATH=src:tests python tests/fuzz/fuzz_render.py -max_total_time=60

Coverage guides what is tried; the options are libFuzzer's. Without atheris, test_by_chance.py draws
the same inputs from a random number generator.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from email.mime.base import MIMEBase
from typing import Any

from support.wirecheck import faults

SERVERS = [
    {"eight_bit": True, "utf8": False},
    {"eight_bit": False, "utf8": False},
    {"eight_bit": True, "utf8": True},
]
# What a ready-made part says and holds is its author's business, as long as it is sound as mail.
UNSOUND = re.compile(r"\A[^:]*\Z|header block|delimiter|8-bit header")


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["simplemail"]):
        import simplemail.rendering.envelope  # noqa: F401
    # What breaks it is printed too, so the file need not lie around in the checkout.
    argv = [*sys.argv, f"-artifact_prefix={tempfile.gettempdir()}/"]
    atheris.Setup(argv, lambda data: try_one(atheris.FuzzedDataProvider(data)))
    atheris.Fuzz()


class ByChance:
    """What atheris' FuzzedDataProvider gives, drawn from a random number generator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def ConsumeUnicode(self, count: int) -> str:  # noqa: N802  # atheris' name
        alphabets = ['ab <>@"\\,;:()[]=?_\r\n\t\0', "\xfc\x85\u2028\u8acb\ud800\U0001f389 ", "a "]
        alphabet = self.rng.choice([*alphabets, "".join(alphabets)])
        return "".join(self.rng.choices(alphabet, k=self.rng.randrange(count + 1)))

    def ConsumeBytes(self, count: int) -> bytes:  # noqa: N802
        return self.rng.randbytes(self.rng.randrange(count + 1))

    def ConsumeIntInRange(self, low: int, high: int) -> int:  # noqa: N802
        return self.rng.randint(low, high)


def try_one(data: Any) -> None:
    """Render one message made of data, and check what comes out."""
    from simplemail.rendering.envelope import as_bytes

    server = SERVERS[data.ConsumeIntInRange(0, 2)]
    try:
        message = make(data)  # raises in email.message from Python 3.14 on: a header's bad name
        content = as_bytes(message, **server)
    except (ValueError, TypeError):
        return
    found = faults(content, **server)
    if any(isinstance(each, MIMEBase) or "rfc822" in str(each[2]) for each in message.attachments):
        found = list(filter(UNSOUND.search, found))
    if found:
        raise AssertionError(f"{found[:3]} in {content[:2000]!r}")


def make(data: Any) -> Any:
    """Return a message with whatever in one or two of its fields; the others are sane."""
    from simplemail import EmailMultiAlternatives
    from simplemail.rendering.parts import EmailInline

    message = EmailMultiAlternatives("Hello", "Hello\n", "ann@example.com", ["bob@example.com"])
    for _ in range(data.ConsumeIntInRange(1, 2)):
        field = data.ConsumeIntInRange(0, 15)
        text = data.ConsumeUnicode(200)
        if field == 0:
            message.subject = text
        elif field == 1:
            message.body = text * data.ConsumeIntInRange(1, 20)
        elif field == 2:
            message.from_email = text
        elif field == 3:
            message.to = text.split(",")
        elif field == 4:
            message.cc = [f"{text} <carla@example.com>"]
        elif field == 5:
            message.reply_to = [f'"{text}" <carla@example.com>']
        elif field == 6:
            message.extra_headers = {text: "x"}
        elif field == 7:
            names = ["X-Note", "References", "List-Unsubscribe", "Message-ID", "Date", "From"]
            names += ["To", "Sender", "Content-Type", "MIME-Version", "Content-ID", "Resent-To"]
            name = names[data.ConsumeIntInRange(0, len(names) - 1)]
            message.extra_headers = {name: text}
        elif field == 8:
            message.attachments = [(text, data.ConsumeBytes(200), "application/pdf")]
        elif field == 9:
            message.attachments = [("a.bin", data.ConsumeBytes(200), text)]
        elif field == 10:
            message.attachments = [(None, data.ConsumeBytes(300), "message/rfc822")]
        elif field == 11:
            message.attachments = [(None, text, f"text/plain; {data.ConsumeUnicode(20)}")]
        elif field == 12:
            message.alternatives = [(text, "text/html")]
        elif field == 13:
            message.attachments = [old_part(data, text)]
        elif field == 14:
            message.content_subtype = text
        else:
            message.alternatives = [("x", "text/html")]
            message.inlines = [EmailInline(text, data.ConsumeUnicode(20), b"x", "image/png")]
    return message


def old_part(data: Any, text: str) -> MIMEBase:
    """Return a part of the kind that checks nothing by itself."""
    part = MIMEBase("application", "x-old")
    part.set_payload(data.ConsumeUnicode(100))
    part[["X-Note", "Content-ID", text][data.ConsumeIntInRange(0, 2)]] = text
    part["Content-Transfer-Encoding"] = ["7bit", "base64", text][data.ConsumeIntInRange(0, 2)]
    return part


if __name__ == "__main__":
    main()
