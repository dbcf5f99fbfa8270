"""docs/explanation/design.md shows the house as it is: its files exist, and one place is enough.

The last tests make the changes that the page's table promises in one place: in a copy of the
package, of which they touch the files that the table names, and no others.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs_runner import ROOT, blocks_of
from test_house import FLOORS, LEFT_TO_RIGHT

PAGE = ROOT / "docs" / "explanation" / "design.md"
TEXT = PAGE.read_text(encoding="utf-8")
SOURCE = ROOT / "src" / "simplemail"
# A row of the table that says where to change what.
ROWS = dict(re.findall(r"^\| (.+?) \| (.+) \|$", TEXT.partition("## Where do I change")[2], re.M))
del ROWS["to change or add"]


def files(text: str) -> list[str]:
    """The files and folders that a text names in code, but those with NAME for a new one's."""
    return re.findall(r"`([\w/-]+(?:\.py|\.md|/))`", text)


def exists(name: str) -> bool:
    name = name.replace("NAME", "tee" if "backends" in name else "send")
    return (SOURCE / name).exists() or (ROOT / name).exists()


def test_every_file_that_the_page_names_exists():
    named = files(TEXT)

    assert len(named) > 40
    assert [name for name in named if not exists(name)] == []


def test_files_in_pictures_exist():
    pictures = [block.code for block in blocks_of(PAGE) if block.language == "picture"]
    named = re.findall(r"[\w/]+\.py", "".join(pictures))

    assert named
    assert [name for name in named if not exists(name)] == []


def test_the_rule_is_the_one_that_is_tested():
    [*_, rule] = [block.code for block in blocks_of(PAGE) if block.language == "picture"]
    floors = [line.split() for line in rule.splitlines()]

    assert [set(names) for names in floors] == FLOORS
    for names in floors:
        ordered = [name for name in names if name in LEFT_TO_RIGHT]
        assert ordered == sorted(ordered, key=LEFT_TO_RIGHT.index)


def test_every_room_is_described():
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    described = re.findall(r"^\| `(\w+)/` \|", TEXT, re.M)

    assert set(described) == rooms


@pytest.mark.parametrize("change", ROWS)
def test_at_most_three_files_for_a_change(change):
    assert 1 <= len(set(files(ROWS[change]))) <= 3


class House:
    """A copy of the package in which a test changes one file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(SOURCE, directory / "simplemail", ignore=shutil.ignore_patterns("__pyc*"))

    def change(self, row: str, name: str, before: str, after: str) -> None:
        assert name in files(ROWS[row])
        path = self.directory / "simplemail" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, before
        path.write_text(text.replace(before, after), encoding="utf-8")

    def add(self, row: str, pattern: str, name: str, text: str) -> None:
        assert pattern in files(ROWS[row])
        path = self.directory / "simplemail" / pattern.replace("NAME", name)
        path.write_text(text, encoding="utf-8")

    def run(self, code: str) -> str:
        return self._run("-c", code)

    def command(self, *arguments: str) -> str:
        return self._run("-m", "simplemail", *arguments)

    def _run(self, *arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(self.directory), "EMAIL_URL": "dummy:"}
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=self.directory,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path)


def test_a_mechanism_is_added_in_one_place(house):
    house.change(
        "an AUTH mechanism",
        "smtp/auth.py",
        "MECHANISMS = (\n",
        '''def pin(who: Who) -> Exchange:
    """The password, and nothing else."""
    yield who.password.reveal().encode()


MECHANISMS = (
    Mechanism("PIN", pin, "password"),
''',
    )

    printed = house.run("""
from simplemail import get_connection, EmailMessage, InvalidMailer
from simplemail.testing import SMTPServer
with SMTPServer(users={"me": "1234"}, auth=["PIN"]) as server:
    server.script("AUTH PIN", "235 2.7.0 Welcome")
    for options in {}, {"auth": "pin"}:
        mailer = get_connection(server.url, **options)
        print(mailer.send_messages([EmailMessage("Hello", to=["ann@example.com"])]))
print([command for command in server.commands if command.startswith("AUTH")])
try:
    get_connection("smtp://localhost?auth=pim")
except InvalidMailer as error:
    print(error)
""")

    sent, again, commands, error = printed.splitlines()
    assert [sent, again, commands] == ["1", "1", "['AUTH PIN MTIzNA==', 'AUTH PIN MTIzNA==']"]
    assert "must be one of pin, " in error


def test_a_url_scheme_is_added_in_one_place(house):
    house.change(
        "a URL scheme",
        "backends/urls.py",
        '{"dummy": Scheme(NAME)}',
        '{"dummy": Scheme(NAME), "nowhere": Scheme(NAME)}',
    )

    printed = house.run("""
from simplemail import InvalidMailer, configure, get_connection, send_mail
configure(EMAIL_URL="nowhere:")
print(send_mail("Hello", "It works.", "me@example.com", ["ann@example.com"]))
try:
    get_connection("nowhree:")
except InvalidMailer as error:
    print(error)
""")

    assert printed.startswith("1\n")
    assert "nowhere:" in printed.partition("use one of")[2]
    assert "did you mean 'nowhere'?" in printed


def test_a_header_on_every_mail_is_added_in_one_place(house):
    house.change(
        "a header on every mail",
        "rendering/header.py",
        '    "Date": _date,\n',
        '    "Date": _date,\n    "X-Mailer": lambda: "simplemail",\n',
    )

    printed = house.run("""
from simplemail import EmailMessage
message = EmailMessage("Hello", to=["ann@example.com"])
print(b"\\r\\nX-Mailer: simplemail\\r\\n" in message.as_bytes(), message.message()["X-Mailer"])
message.extra_headers = {"x-mailer": "mine"}
print(message.message().get_all("X-Mailer"))
""")

    assert printed == "True simplemail\n['mine']\n"


def test_a_backend_is_a_file_and_a_row(house):
    house.add(
        "a backend",
        "backends/NAME.py",
        "paper",
        '''"""Prints who gets what."""

from ..receipts import Reply
from .base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Prints who gets what."""

    def send_envelope(self, envelope):
        print(envelope.recipients)
        return Reply(250, "printed")
''',
    )
    house.change(
        "a backend",
        "backends/urls.py",
        "BACKENDS = (\n",
        'BACKENDS = (\n    Backend("paper", ("paper",), {"paper": Scheme(NAME)}),\n',
    )

    printed = house.run("""
from simplemail import get_connection, send_mail
for name in "paper", "paper:":
    mailer = get_connection(name)
    send_mail("Hello", "It works.", "me@example.com", ["ann@example.com"], connection=mailer)
""")

    assert printed == "('ann@example.com',)\n" * 2


def test_a_command_is_a_file_and_a_row(house):
    house.add(
        "a command",
        "cli/NAME.py",
        "hello",
        '''"""`simplemail hello`: greets."""


def add_arguments(parser):
    parser.add_argument("name")


def run(args, listener):
    print(f"Hello, {args.name}!")
    return 0
''',
    )
    house.change(
        "a command",
        "cli/commands.py",
        "COMMANDS = {\n",
        "from . import hello\n\nCOMMANDS = {\n"
        '    "hello": Command("greet somebody", hello.add_arguments, hello.run),\n',
    )

    assert house.command("hello", "Ann") == "Hello, Ann!\n"
    assert "greet somebody" in house.command("--help")


def test_a_setting_is_one_attribute(house):
    house.change(
        "a setting",
        "conf.py",
        '    SERVER_EMAIL: str = "',
        '    GREETING: str = "Hello"\n    SERVER_EMAIL: str = "',
    )

    printed = house.run("""
from simplemail import configure, settings
print(settings.GREETING)
configure(GREETING="Bonjour")
print(settings.GREETING)
""")

    assert printed == "Hello\nBonjour\n"
