"""A whole script: start Python, send one message to a server on this machine, exit."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from functools import partial

import sinks
from race import Claim, Race, main

RAW = """
import socket
sock = socket.create_connection(("127.0.0.1", {port}))
replies = sock.makefile("rb")
def ask(line):
    sock.sendall(line)
    while replies.readline()[3:4] == b"-":
        pass
ask(b"")
ask(b"EHLO localhost\\r\\n")
ask(b"MAIL FROM:<a@example.com>\\r\\n")
ask(b"RCPT TO:<b@example.com>\\r\\n")
ask(b"DATA\\r\\n")
ask(b"From: a@example.com\\r\\nTo: b@example.com\\r\\nSubject: Hi\\r\\n\\r\\nHello\\r\\n.\\r\\n")
ask(b"QUIT\\r\\n")
"""
SIMPLEMAIL = """
from simplemail import configure, send_mail
options = {{"host": "127.0.0.1", "port": {port}}}
configure(MAILERS={{"default": {{"BACKEND": "smtp", "OPTIONS": options}}}})
send_mail("Hi", "Hello", "a@example.com", ["b@example.com"])
"""
DJANGO = """
from django.conf import settings
smtp = "django.core.mail.backends.smtp.EmailBackend"
options = {{"host": "127.0.0.1", "port": {port}}}
settings.configure(MAILERS={{"default": {{"BACKEND": smtp, "OPTIONS": options}}}})
from django.core.mail import send_mail
send_mail("Hi", "Hello", "a@example.com", ["b@example.com"])
"""
SCRIPTS = {"simplemail": SIMPLEMAIL, "Django": DJANGO, "raw": RAW}
IMPORTS = {
    "simplemail": "from simplemail import send_mail",
    "its names": "import simplemail",  # which load what is behind them when they are used
    "smtplib and email": "import smtplib, email.message",
    "nothing": "",
}


def run(script: str, port: int, times: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(sinks.ROOT / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed library is compiled
    command = [sys.executable, "-c", script.format(port=port)]
    for _ in range(times):
        subprocess.run(command, env=environment, check=True)


CASES = [
    Race(
        "A script that sends one message",
        sinks.smtp_sink,
        {name: partial(run, script) for name, script in SCRIPTS.items()},
        [
            Claim("simplemail", than="Django", at_most=0.8),
            Claim("simplemail", than="raw", at_most=3.0),  # its connection is an smtplib.SMTP
        ],
        messages=1,
        quick=1,
        rounds=41,
        unit="script",
    ),
    Race(
        "A script that imports and exits",
        partial(contextlib.nullcontext, 0),
        {name: partial(run, script) for name, script in IMPORTS.items()},
        [Claim("simplemail", than="smtplib and email", at_most=0.7, beyond="nothing")],
        messages=1,
        quick=1,
        rounds=41,
        unit="script",
    ),
]

if __name__ == "__main__":
    main(*CASES)
