"""Run with a clean environment's Python: is what was installed whole?"""

import importlib.metadata
import pathlib
import subprocess
import sys
import tomllib
import urllib.request

import simplemail
from simplemail.testing import Inbox, SMTPServer

assert "site-packages" in simplemail.__file__, simplemail.__file__
project = tomllib.loads(pathlib.Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
assert simplemail.__version__ == project["project"]["version"], simplemail.__version__
assert pathlib.Path(simplemail.__file__).with_name("py.typed").exists()

simplemail.configure(EMAIL_URL="memory:")
assert simplemail.send_mail("Subject", "Text", "me@example.com", ["ann@example.com"]) == 1
assert simplemail.outbox[0].subject == "Subject"

with SMTPServer(starttls=True) as server:  # with the certificates that are installed
    mailer = simplemail.get_connection(server.url)
    assert mailer.send_messages([simplemail.EmailMessage("Hi", to=["ann@example.com"])]) == 1
    assert server.messages[0].tls

with Inbox() as inbox:  # with the page that is installed
    for name in ("", "page.css", "page.js", "message.js", "tools.js"):
        with urllib.request.urlopen(f"{inbox.url}/{name}") as answer:
            assert len(answer.read()) > 500, name

for command in ([sys.argv[1]], [sys.executable, "-I", "-m", "simplemail"]):
    send = [
        *command,
        "send",
        "--mailer",
        "console:",
        "--to",
        "ann@example.com",
        "--text",
        "It works.",
    ]
    shown = subprocess.run(send, check=True, capture_output=True, text=True, input="").stdout
    assert "It works." in shown, shown

names = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
assert names <= {"pip", "setuptools", "simplemail-py"}, names  # no runtime dependency
print("smoke test passed with simplemail", simplemail.__version__)
