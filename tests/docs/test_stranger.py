"""What a stranger does to see the queue survive, exactly as the tutorial has it."""

from __future__ import annotations

import os
import subprocess
import sys

from simplemail.queue import Queue
from simplemail.testing.server import SMTPServer
from support.docs_runner.blocks import ROOT, blocks_of

PAGE = ROOT / "docs" / "tutorial" / "first-mail.md"
URL = "smtps://me:secret@mail.example.com"


def test_in_five_commands_mail_survives_its_program_and_arrives_once(tmp_path):
    blocks = blocks_of(PAGE)
    [at] = [place for place, block in enumerate(blocks) if block.code.startswith("# crash.py")]
    program, commands = blocks[at].code, blocks[at + 1].code
    [install] = [block.code for block in blocks if "pip install" in block.code]
    (tmp_path / "crash.py").write_text(program)
    commands = commands.replace("python3", sys.executable)

    with SMTPServer() as server:
        done = subprocess.run(
            ["sh", "-c", commands.replace(URL, server.url)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        with Queue(tmp_path / "mail.db") as queue:
            counts, problems = queue.counts(), queue.check()

        assert [received.recipients for received in server.messages] == [["ann@example.com"]]
    assert len([*install.splitlines(), *commands.splitlines()]) <= 5
    assert done.stdout == "It was killed.\n1 sent\nNothing was sent\n"
    assert counts["sent"] == 1
    assert problems == []
