"""Makes messages of every kind that people write, the same ones for the same seed on every Python.

>>> sample(random.Random(7)).subject == sample(random.Random(7)).subject
True
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from simplemail.rendering.parts import EmailInline

ASCII = [
    *("the", "invoice", "of", "May", "is", "due:", "reply", "to", "us", "at", "once,", "please"),
    *("(see", "below)", "100%", "3,50", "A/B", "#1"),
]
LATIN = ["Grüße", "Straße", "façade", "Øre", "naïve", "żółć", "Ærø", "señor", "crème", "Þór"]
CYRILLIC = ["Привет", "мир", "счёт", "оплата", "письмо"]
CJK = ["請求書", "お支払い", "발송", "안내", "合同会社", "議事録", "通知書類在中"]
EMOJI = [
    "\N{PARTY POPPER}",
    "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
]
COMBINING = ["e\u0301te\u0301", "n\u0303" * 4, "Z\u0351\u036b\u0343al", "\u1100\u1161\u11a8"]
RIGHT_TO_LEFT = ["שלום", "עולם", "مرحبا", "فاتورة", "\u200fאב\u200e", "\u2067ab\u2069"]
# What an encoder must not take for its own, nor a parser for syntax.
TRICKY = [
    "=?utf-8?q?=41?=",
    "=?utf-8?b?QUI=?=",
    "x=?utf-8?q?a?=y",
    "=?utf-8?q?a",
    "b?=",
    "=?",
    "=?a?b?c?=",
    "=3D",
    "a_b",
    "?",
    '"',
    '"quoted"',
    "\\",
    "<a@b.example>",
    "a@b.example",
    ";x=y",
    ",",
    "(comment",
    "%0D%0A",
    "'",
    "utf-8''x",
    "\u00a0",
    "\u3000",
    "\ufeff",
]
TRICKY_NAMES = ['a"b', "a\\b", "a;b=c", "100%.txt", "it's", "../up.txt", "a/b.txt", "%41"]
TRICKY_LINES = [
    *("", ".", "..", "From here", ">From", "--", "-- ", "--x--", "trailing  ", "\t", " \t ", "="),
    *("a\0b", "a\x07b", "a\fb", "a\rb", "x" * 998, "x" * 999, "\xfc" * 499, "\xfc" * 500),
]
SCRIPTS = (ASCII, LATIN, CYRILLIC, CJK, EMOJI, COMBINING, RIGHT_TO_LEFT, TRICKY)

Mailbox = tuple[str, str]  # display name, addr-spec
Attachment = tuple[Any, Any, Any]  # file name, content (a Sample for message/rfc822), MIME type


class Sample(NamedTuple):
    """A message in plain words: what goes in, and so what must come out."""

    subject: str = "Hello"
    body: str = "Hello\n"
    sender: Mailbox = ("", "ann@example.com")
    to: list[Mailbox] = [("", "bob@example.com")]
    cc: list[Mailbox] = []
    reply_to: list[Mailbox] = []
    bcc: list[str] = []
    headers: dict[str, str] = {}
    alternatives: list[tuple[Any, str]] = []
    attachments: list[Attachment] = []
    inlines: list[tuple[str, str, bytes, str]] = []

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of EmailMultiAlternatives, ours or Django's."""
        return {
            "subject": self.subject,
            "body": self.body,
            "from_email": formatted(self.sender),
            "to": [formatted(mailbox) for mailbox in self.to],
            "cc": [formatted(mailbox) for mailbox in self.cc],
            "reply_to": [formatted(mailbox) for mailbox in self.reply_to],
            "bcc": list(self.bcc),
            "headers": dict(self.headers),
            "alternatives": list(self.alternatives),
        }

    def build(self, kind: Callable[..., Any]) -> Any:
        """Return the message made with kind, a class such as EmailMultiAlternatives."""
        message = kind(**self.arguments())
        for name, content, mimetype in self.attachments:
            if isinstance(content, Sample):
                content = content.build(kind)
            message.attach(name, content, mimetype)
        if self.inlines:
            message.inlines = [EmailInline(*inline) for inline in self.inlines]
        return message


def sample(rng: random.Random, *, nested: int = 1) -> Sample:
    """Return any message that people might want to send."""
    alternatives = _some(rng, [0, 0, 1, 1, 2], _alternative)
    inlines = []
    if any(kind == "text/html" for _, kind in alternatives) and rng.random() < 0.3:
        inlines = [("logo@example.com", file_name(rng), rng.randbytes(99), "image/png")]
    return Sample(
        subject=line(rng),
        body=text(rng),
        sender=mailbox(rng),
        to=[mailbox(rng) for _ in range(rng.choice([1, 1, 1, 2, 5, 30]))],
        cc=[mailbox(rng) for _ in range(rng.choice([0, 0, 0, 1, 3]))],
        reply_to=[mailbox(rng) for _ in range(rng.choice([0, 0, 0, 1, 2]))],
        bcc=["hidden@example.com"] if rng.random() < 0.2 else [],
        headers=headers(rng),
        alternatives=alternatives,
        inlines=inlines,
        attachments=_some(rng, [0, 0, 0, 1, 1, 3], lambda r: _attachment(r, nested)),
    )


def plain(rng: random.Random) -> Sample:
    """Return a message whose headers are short plain ASCII; its texts may be anything."""
    return Sample(
        subject=" ".join(rng.choices(ASCII, k=rng.randrange(1, 8)))[:60],
        body=_plain_text(rng) or "x",
        to=[("", f"bob{rng.randrange(99)}@example.com")],
        cc=rng.choice([[], [("", "carla@example.com")]]),
        headers={
            "Date": "Mon, 23 Nov 2026 06:12:00 +0000",
            "Message-ID": f"<{rng.randrange(10**12)}@mail.example.com>",
            **rng.choice([{}, {"X-Tag": "news"}, {"Precedence": "bulk"}]),
        },
        alternatives=rng.choice([[], [(f"<p>{_plain_text(rng)}</p>", "text/html")]]),
        attachments=rng.choice([[], [("report.pdf", rng.randbytes(300), "application/pdf")]]),
    )


def ordinary(rng: random.Random) -> Sample:
    """Return a message in any language that holds nothing a mail program may fairly get wrong."""
    return Sample(
        subject=_phrase(rng, rng.choice([1, 5, 30])),
        body="".join(
            f"{_phrase(rng, rng.choice([1, 8, 99]))}\n" for _ in range(rng.randrange(1, 9))
        ),
        sender=(_phrase(rng, 2), "ann@example.com"),
        to=[(_phrase(rng, 3), f"to{n}@example.com") for n in range(rng.choice([1, 1, 9]))],
        cc=[(_phrase(rng, 20), "cc@bücher.example")] if rng.random() < 0.3 else [],
        alternatives=rng.choice([[], [(f"<p>{_phrase(rng, 40)}</p>\n", "text/html")]]),
        attachments=[
            (f"{_phrase(rng, rng.choice([1, 4, 30]))}.pdf", rng.randbytes(999), "application/pdf")
            for _ in range(rng.choice([0, 1, 2]))
        ],
    )


def formatted(mailbox: Mailbox) -> str:
    """Return `Name <address>`, the name quoted where it must be."""
    name, address = mailbox
    if not name:
        return address
    if re.search(r'[][()<>@,:;."\\]|=\?', name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{name} <{address}>"


def mailbox(rng: random.Random) -> Mailbox:
    """Return a display name, often empty, and an addr-spec."""
    return name(rng) if rng.random() < 0.7 else "", addr_spec(rng)


def name(rng: random.Random) -> str:
    """Return a display name without white space at its ends or runs of it."""
    kind = rng.random()
    if kind < 0.15:
        return "Doe, John " + '"Johnny" ' * rng.randrange(3) + "Q. (Sales)"
    if kind < 0.2:
        return ", ".join(rng.choices([*ASCII, '"x"', "O'Neil", "B\\C"], k=40))
    # "=?" in a name is taken for an encoded-word already where the name is read.
    words = [word for word in _words(rng, rng.randrange(1, 6)) if "=?" not in word]
    return " ".join(" ".join(words).split()) or "x"


def addr_spec(rng: random.Random) -> str:
    local = rng.choice(
        [
            "ann",
            "bob.builder",
            "o'neil+tag",
            "x" * 64,
            '"with space"',
            '"a@b"',
            "_-!#$%&'*",
            f"user{rng.randrange(10**6)}",
        ]
    )
    domain = rng.choice(
        [
            "example.com",
            "mail.example.org",
            "EXAMPLE.net",
            "xn--mnchen-3ya.example",
            "bücher.example",
            "例え.example",
            "[127.0.0.1]",
            "d" * 63 + ".example",
        ]
    )
    return f"{local}@{domain}"


def line(rng: random.Random) -> str:
    """Return one line of text: any script, any spacing, sometimes very long or empty."""
    kind = rng.random()
    if kind < 0.04:
        return ""
    if kind < 0.10:
        return "".join(rng.choices(string.ascii_letters, k=rng.choice([77, 78, 79, 300, 900])))
    if kind < 0.16:
        return rng.choice(CJK) * rng.choice([10, 40, 200])
    words = _words(rng, rng.choice([1, 3, 8, 20, 60]))
    spaces = [rng.choice([" ", " ", " ", " ", "  ", "\t", "   "]) for _ in words]
    result = "".join(word + space for word, space in zip(words, spaces, strict=True))
    if rng.random() < 0.9:
        result = result.strip(" \t")
    return rng.choice(["", "", "", "", " "]) + result if rng.random() < 0.2 else result


def text(rng: random.Random) -> str:
    """Return a body: any script, any line length, any line ends."""
    kind = rng.random()
    if kind < 0.06:
        return ""
    end = rng.choice(["\n", "\n", "\n", "\n", "\r\n", "\r"])
    lines = [_body_line(rng) for _ in range(rng.choice([1, 2, 5, 30]))]
    return end.join(lines) + rng.choice(["", end, end, end * 3])


def headers(rng: random.Random) -> dict[str, str]:
    """Return extra headers: unstructured text, ids, URLs, addresses."""
    ids = [f"<{rng.randrange(16**20):x}@mail.example.com>" for _ in range(60)]
    url = "https://example.com/u?" + "".join(rng.choices(string.ascii_letters + "-_=&%.", k=400))
    choices: list[tuple[str, str]] = [
        ("X-Note", line(rng)),
        ("Comments", line(rng)),
        ("x-lower", "yes"),
        ("X-" + "Long" * 15, "short"),
        ("References", " ".join(ids[: rng.randrange(1, 61)])),
        ("In-Reply-To", ids[0]),
        ("Message-ID", ids[1]),
        ("List-Unsubscribe", f"<{url}>, <mailto:leave@example.com?subject=leave>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", "News of the month <news.example.com>"),
        ("Auto-Submitted", "auto-generated"),
        ("Date", "Mon, 23 Nov 2026 06:12:00 +0000"),
        (
            "Received",
            "from a.example by b.example with ESMTP; Mon, 23 Nov 2026 06:12:00 +0000",
        ),
        ("Sender", "Office <office@example.com>"),
    ]
    return dict(rng.sample(choices, rng.choice([0, 0, 1, 2, 5])))


def file_name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(CJK)[:1] * 200 + ".pdf"
    if kind < 0.2:
        return "report " * rng.choice([1, 10, 30]) + ".pdf"
    if kind < 0.4:
        return rng.choice(TRICKY_NAMES)
    return "_".join(word for word in _words(rng, rng.randrange(1, 9)) if word.strip()) + ".bin"


INJECTIONS = [
    f"{end}{rest}"
    for end in ("\r\n", "\n", "\r", "\r\n\r\n", "\0", "\v", "\x1f", "\x7f", "\u2028", "\x85")
    for rest in ("X-Injected: yes", " X-Injected: yes", "--x", "")
] + ["=?utf-8?q?=0D=0AX-Injected:_yes?=", " =?utf-8?b?DQpYLUluamVjdGVkOiB5ZXM=?= "]


def hostile(rng: random.Random) -> Sample:
    """Return a message with a line break or a control character where none may be."""
    base = sample(rng)
    bad = rng.choice(INJECTIONS)
    name, spec = base.sender
    changes: list[dict[str, Any]] = [
        {"subject": base.subject[:20] + bad + base.subject[20:]},
        {"headers": {"X-Note": f"a{bad}b"}},
        {"headers": {f"X-Note{bad}": "b"}},
        {"headers": {"References": f"<a@b>{bad}"}},
        {"headers": {"List-Unsubscribe": f"<https://example.com/{bad}>"}},
        {"headers": {"Message-ID": f"<a{bad}@b>"}},
        {"headers": {"Reply-To": f"a@b.example{bad}"}},
        {"headers": {"Content-ID": f"<a{bad}@b>"}},
        {"headers": {"Sender": f"Ann{bad} <a@b.example>"}},
        {"sender": (name + bad, spec)},
        {"sender": (name, spec + bad)},
        {"to": [(name, f"a{bad}@example.com")]},
        {"cc": [(bad, "a@example.com")]},
        {"attachments": [(f"a{bad}.txt", b"x", "application/pdf")]},
        {"attachments": [("a.txt", b"x", f"application/pdf{bad}")]},
        {"attachments": [("a.txt", "x", f"text/plain{bad}")]},
        {"alternatives": [("x", f"text/html{bad}")]},
        {"alternatives": [(b"x", f"text/x; charset=utf-8{bad}")]},
    ]
    return base._replace(**rng.choice(changes))


def _phrase(rng: random.Random, count: int) -> str:
    scripts = rng.choice([(ASCII,), (LATIN,), (ASCII, LATIN), (CYRILLIC,), (CJK,), SCRIPTS[:-1]])
    return " ".join(rng.choice(rng.choice(scripts)) for _ in range(count))


def _words(rng: random.Random, count: int) -> list[str]:
    scripts = rng.choice([(ASCII,), (ASCII,), (LATIN,), (ASCII, LATIN), (CJK,), SCRIPTS, SCRIPTS])
    return [rng.choice(rng.choice(scripts)) for _ in range(count)]


def _body_line(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(TRICKY_LINES)
    return line(rng)


def _plain_text(rng: random.Random) -> str:
    if rng.random() < 0.3:
        # Python's own generator makes line feeds of carriage returns, and lets NUL pass.
        return text(rng).replace("\r", "").replace("\0", "")
    lines = [" ".join(rng.choices(ASCII, k=rng.randrange(12))) for _ in range(rng.randrange(1, 20))]
    return "\n".join(lines) + "\n"


def _some(rng: random.Random, counts: list[int], make: Callable[[random.Random], Any]) -> list[Any]:
    return [make(rng) for _ in range(rng.choice(counts))]


def _alternative(rng: random.Random) -> tuple[Any, str]:
    return rng.choice(
        [
            (f"<p>{text(rng)}</p>", "text/html"),
            (f"<p>{line(rng)}</p>" * 200, "text/html"),
            ("", "text/html"),
            (line(rng).encode(), "text/x-amp-html"),
            (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
            (rng.randbytes(99), "application/x-thing"),
        ]
    )


def _attachment(rng: random.Random, nested: int) -> Attachment:
    choices: list[Attachment] = [
        (file_name(rng), rng.randbytes(rng.choice([0, 1, 56, 57, 58, 3000])), "application/pdf"),
        (file_name(rng), rng.randbytes(500), "image/png"),
        (file_name(rng), text(rng), "text/plain"),
        (file_name(rng), text(rng).encode(), "text/csv"),
        (file_name(rng), b"\xff\xfe not text", "text/plain"),
        (None, b"unnamed", "application/octet-stream"),
        (None, "unnamed", "text/plain"),
    ]
    if nested:
        choices.append((rng.choice([None, "mail.eml"]), sample(rng, nested=0), "message/rfc822"))
    return rng.choice(choices)
