"""What an open session may need is loaded before its first message, while it can be."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import simplemail
from simplemail.testing.server import Close, Silence, SMTPServer

CODE = """
import sys; sys.path.insert(0, {source!r})
import simplemail
from simplemail import EmailMessage, get_connection

class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise ImportError("out of reach: " + name)

mailers = [get_connection(host="127.0.0.1", port=port, **{options!r}) for port in {ports!r}]
for mailer in mailers:
    mailer.open()
simplemail.smtp.retrying.FIRST_PAUSE = 0.0
sys.meta_path[:] = [Nothing()]
for mailer in mailers:
    mail = EmailMessage("s", "Text", "me@example.com", ["ann@example.com"])
    [receipt] = mailer.deliver([mail])
    print(receipt.status.name, type(receipt.error).__name__)
    mailer.close()
"""

CASES = {
    "sent": ("END", "250 2.0.0 Ok", "SENT NoneType"),
    "refused": ("END", "554 5.7.1 Spam", "REFUSED SMTPDataError"),
    "sender refused": ("MAIL", "550 5.7.1 No", "REFUSED SMTPSenderRefused"),
    "recipient refused": ("RCPT", "550 5.1.1 No", "REFUSED SMTPRecipientsRefused"),
    "later": ("END", "451 4.3.0 Later", "DEFERRED SMTPDataError"),
    "wants a login": ("MAIL", "530 5.7.0 Authentication required", "REFUSED SMTPSenderRefused"),
    "the end": ("END", "421 4.3.2 Bye", "DEFERRED SMTPDataError"),
    "nonsense": ("END", "what?", "UNKNOWN SMTPException"),
    "lost": ("END", Close(), "UNKNOWN SMTPServerDisconnected"),
    "silent": ("DATA", Silence(), "DEFERRED TimeoutError"),
}

OPTIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "silent": {"fail_silently": True},
    "kept": {"keep_alive": 60},
    "retried": {"retries": 1},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_answer_needs_another_module(options: dict[str, object]) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(SMTPServer()) for _ in CASES]
        for server, (command, answer, _) in zip(servers, CASES.values(), strict=True):
            server.script(command, answer)
        code = CODE.format(
            source=str(Path(simplemail.__file__).parents[1]),
            options={"timeout": 0.5, **options},
            ports=[server.port for server in servers],
        )
        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)

    assert done.stdout.splitlines() == [expected for *_, expected in CASES.values()], done.stderr
