"""What holds for the bytes of every message, tried on what hypothesis comes up with."""

from __future__ import annotations

import email.policy
import os

import pytest

from simplemail import BadHeaderError, EmailMultiAlternatives
from simplemail.rendering.envelope import as_bytes
from support.generate import Sample
from support.readback import expected, read
from support.wirecheck import faults

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

MANY = os.environ.get("SIMPLEMAIL_MANY") == "1"
SERVERS = [
    {"eight_bit": True, "utf8": False},
    {"eight_bit": False, "utf8": False},
    {"eight_bit": True, "utf8": True},
]
with_many = hypothesis.settings(
    max_examples=500 if MANY else 150,
    deadline=None,
    derandomize=not MANY,
    phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    suppress_health_check=list(hypothesis.HealthCheck),
)

# Control characters and line separators are refused: test_rendering_properties.py has those.
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
LINES = (
    st.text(CHARACTERS)
    | st.text(st.sampled_from(' \t=?_"\\()<>@,;:.aZü請'))
    | st.from_regex(r"( *(=\?utf-8\?[qb]\?[A-Za-z=]*\?=)?[a-z]{0,90})*", fullmatch=True)
)
# In a name, white space stands alone and between words, and "=?" is an encoded-word already.
NAMES = LINES.map(lambda line: " ".join(line.replace("=?", "").split()))
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(LINES).map("\n".join)
LOCALS = st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\.[a-z0-9]{1,30})?", fullmatch=True)
DOMAINS = st.from_regex(
    r"[a-zA-Z0-9]([a-z0-9-]{0,40}[a-z0-9])?(\.[a-z]{2,20}){0,3}", fullmatch=True
)
MAILBOXES = st.tuples(NAMES, st.builds("{}@{}".format, LOCALS, DOMAINS))
# Python's parser strips the file names that it reads.
FILE_NAMES = st.none() | LINES.map(str.strip).filter(bool)
ATTACHMENTS = st.tuples(
    FILE_NAMES, st.binary(max_size=300), st.just("application/pdf")
) | st.tuples(FILE_NAMES, TEXTS, st.sampled_from(["text/plain", "text/csv"]))
SAMPLES = st.builds(
    Sample,
    subject=LINES,
    body=TEXTS,
    sender=MAILBOXES,
    to=st.lists(MAILBOXES, min_size=1, max_size=5),
    cc=st.lists(MAILBOXES, max_size=2),
    reply_to=st.just([]),
    bcc=st.just([]),
    inlines=st.just([]),
    headers=st.dictionaries(st.sampled_from(["X-Note", "Comments"]), LINES),
    alternatives=st.lists(st.tuples(TEXTS, st.just("text/html")), max_size=2),
    attachments=st.lists(ATTACHMENTS, max_size=2),
)


@hypothesis.given(SAMPLES, st.sampled_from(SERVERS))
@with_many
def test_bytes_are_sound_and_read_back_as_put_in(given, server):
    try:
        content = as_bytes(given.build(EmailMultiAlternatives), **server)
    except BadHeaderError:
        # An encoded-word of the caller's that would hide a control character.
        hypothesis.assume("=?" not in f"{given.subject}{given.headers}{given.attachments}")
        raise

    assert faults(content, **server) == []
    utf8 = server["utf8"]
    assert read(content, given, utf8=utf8) == expected(given, utf8=utf8)


@hypothesis.given(
    st.from_regex(r"[a-z]{1,20}( [a-z,.!]{1,20})?", fullmatch=True),
    TEXTS.filter(lambda text: not {"\r", "\0"} & {*text}),
    st.from_regex(r"[a-z]{1,20}@[a-z]{1,20}\.example", fullmatch=True),
)
@with_many
def test_short_plain_headers_make_the_same_bytes_as_python_does(subject, body, address):
    headers = {"Date": "Mon, 23 Nov 2026 06:12:00 +0000", "Message-ID": "<1@mail.example.com>"}
    message = EmailMultiAlternatives(subject, body, address, [address], headers=headers)

    assert message.as_bytes() == message.message(policy=email.policy.SMTP).as_bytes()
