"""Mail programs read what we meant: parsers that nobody here wrote and that aren't Python's.

`.ci/install-readers` installs them.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simplemail import EmailMultiAlternatives
from support.generate import Sample, ordinary
from support.readback import Leaf, expected

SCRIPTS = Path(__file__).parent / "readers"
NODE_MODULES = Path(__file__).parents[2] / ".ci-work" / "readers" / "node_modules"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
NAME_200 = ", ".join(['Ann "Annie" Lee', "Head of Sales", "Marketing"] * 6)[:199] + "x"
SAMPLES = {
    "plain": Sample(),
    "long headers": Sample(
        subject="the monthly statement of all your orders, returns and refunds " * 9 + "is there",
        sender=(NAME_200, "ann@example.com"),
        to=[(NAME_200, "bob@example.com"), ("", "carla@example.com"), ("Zoë", "zoe@example.com")],
        headers={
            "References": " ".join(f"<{n:016x}@mail.example.com>" for n in range(60)),
            "List-Unsubscribe": "<https://example.com/u?" + "t=1234567-" * 37 + "abcdef>",
        },
    ),
    "long file name": Sample(attachments=[("請" * 200, PNG, "application/pdf")]),
    "comma in a Latin name": Sample(sender=("Müller, Jürgen", "j@example.com")),
    "spaces": Sample(subject="one  two   three Grüße  Grüße", body="trailing  \n\n.\nFrom me\n"),
    "file names": Sample(
        attachments=[
            ("annual report.pdf", PNG, "application/pdf"),
            ("Übersicht der Kosten.pdf", b"", "application/pdf"),
            ("a;b=c 100%'.pdf", PNG * 9, "application/pdf"),
            ("annual-report-" * 14 + ".pdf", PNG, "application/pdf"),
            ("note.txt", "Grüße\n", "text/plain"),
        ]
    ),
    **{f"seed {seed}": ordinary(random.Random(seed)) for seed in range(40)},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mail")
    paths = []
    for number, given in enumerate(SAMPLES.values()):
        paths.append(folder / f"{number:03}.eml")
        paths[-1].write_bytes(given.build(EmailMultiAlternatives).as_bytes())
    return paths


def has_perl(module: str) -> bool:
    command = ["perl", f"-M{module}", "-e", "1"]
    return (
        bool(shutil.which("perl")) and not subprocess.run(command, capture_output=True).returncode
    )


needs_email_mime = pytest.mark.skipif(not has_perl("Email::MIME"), reason="needs Perl Email::MIME")
needs_mime_parser = pytest.mark.skipif(not has_perl("MIME::Parser"), reason="needs Perl MIME-tools")
needs_mailparser = pytest.mark.skipif(
    not (shutil.which("node") and (NODE_MODULES / "mailparser").exists()),
    reason="needs Node's mailparser",
)
needs_mblaze = pytest.mark.skipif(not shutil.which("mshow"), reason="needs mblaze")


@needs_email_mime
def test_email_mime_of_perl_reads_what_was_meant(files):
    for given, seen in readings(["perl", SCRIPTS / "email_mime.pl"], files):
        assert addresses(seen) == expected(given).addresses
        assert_read(given, seen)


@needs_mime_parser
def test_mime_parser_of_perl_reads_what_was_meant(files):
    for given, seen in readings(["perl", SCRIPTS / "mime_parser.pl"], files):
        assert_read(given, seen)


@needs_mailparser
def test_mailparser_of_node_reads_what_was_meant(files):
    for given, seen in readings(["node", SCRIPTS / "mailparser.cjs"], files):
        assert addresses(seen) == expected(given).addresses
        assert_read(given, seen)


@needs_mblaze
def test_mblaze_reads_what_was_meant(files):
    for (name, given), path in zip(SAMPLES.items(), files, strict=True):
        if name == "long file name":
            continue  # mblaze shows the first 511 octets of a file name, by its own limit
        seen = {
            "subject": mblaze("mhdr", "-d", "-h", "subject", path).decode().rstrip("\n"),
            **{name.lower(): mblaze("mhdr", "-h", name, path).decode() for name in given.headers},
            "parts": list(mblaze_parts(path)),
        }
        assert_read(given, seen)


def readings(command: list[Any], files: list[Path]) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Yield each sample beside what the program saw of it."""
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(
        [*command, *files], env=environment, capture_output=True, check=True, timeout=120
    )
    return zip(SAMPLES.values(), map(json.loads, done.stdout.splitlines()), strict=True)


def assert_read(given: Sample, seen: dict[str, Any]) -> None:
    assert seen["subject"] == given.subject
    for name in ("References", "List-Unsubscribe"):
        assert (seen.get(name.lower()) or "").split() == given.headers.get(name, "").split()
    meant = list(leaves(expected(given).tree))
    assert [*map(leaf, seen["parts"], meant)] == meant


def addresses(seen: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    names = [name for name in ("From", "To", "Cc", "Reply-To") if seen.get(name.lower())]
    return {name: [(box[0], box[1]) for box in seen[name.lower()]] for name in names}


def leaves(tree: Any) -> Iterator[Leaf]:
    if isinstance(tree, Leaf):
        yield tree
    else:
        for child in tree[-1]:
            yield from leaves(child)


def leaf(part: dict[str, Any], meant: Leaf) -> Leaf:
    """Return a part as it was read: a file octet for octet, a text without caring for CRs."""
    content = base64.b64decode(part["base64"])
    is_text = isinstance(meant.content, str)
    text = content.decode().replace("\r\n", "\n") if is_text else content
    return Leaf(part["type"], part["filename"], text)


def mblaze(*command: str | Path) -> bytes:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, env=environment, capture_output=True, check=True, timeout=60
    ).stdout


def mblaze_parts(path: Path) -> Iterator[dict[str, Any]]:
    listing = mblaze("mshow", "-t", path).decode()
    for number, kind, name in re.findall(
        r'^ +(\d+): (\S+) size=\d+(?: name="(.*)")?$', listing, re.MULTILINE
    ):
        if not kind.startswith("multipart/"):
            content = mblaze("mshow", "-O", path, number)
            encoded = base64.b64encode(content).decode()
            yield {"type": kind, "filename": name or None, "base64": encoded}
