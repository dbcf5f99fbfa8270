"""The development inbox: mail in, the list, searches, arrival at the page, memory, start.

    python benchmarks/inbox.py [--quick]

Prints each figure beside its target and exits with 1 if one is missed.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
sys.path.insert(0, str(SOURCE))

from simplemail import EmailMultiAlternatives, get_connection  # noqa: E402

MESSAGES = 10_000
REQUESTS = 300
WORDS = ("invoice", "order", "welcome", "password", "report", "shipping", "refund", "summary")


def message(number: int) -> EmailMultiAlternatives:
    word = WORDS[number % len(WORDS)]
    made = EmailMultiAlternatives(
        f"Your {word} {number}", f"Dear customer,\nabout {word} {number}.\n" * 10,
        "Shop <shop@example.com>", [f"customer{number}@example.com"],
    )  # fmt: skip
    made.attach_alternative(f"<h1>{word}</h1><p>About number {number}.</p>" * 20, "text/html")
    return made


class Inbox:
    """`simplemail inbox` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> Inbox:
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "simplemail", "inbox", "--http", "0", "--smtp", "0"]
        command += self._arguments
        environment = os.environ | {"PYTHONPATH": str(SOURCE), "TMPDIR": self._folder.name}
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [*command, "--keep", "20000"], cwd=self._folder.name, env=environment,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        self.url = self._process.stdout.readline().split()[-1].rstrip("/")
        self.start = time.perf_counter() - began
        words = self._process.stdout.readline().split()
        self.smtp_url = next(word.removeprefix("EMAIL_URL=") for word in words if "smtp://" in word)
        self._connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        return self._connection.getresponse().read()

    def times(self, path: str, count: int) -> list[float]:
        """Seconds for each of so many requests, shortest first."""
        found = []
        for _ in range(count):
            began = time.perf_counter()
            self.get(path)
            found.append(time.perf_counter() - began)
        return sorted(found)

    def memory(self) -> float:
        """The most that it had in memory, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def arrivals(inbox: Inbox, count: int) -> list[float]:
    """Seconds from the call that sends a message to its event at a page, shortest first."""
    connection = http.client.HTTPConnection(inbox.url.removeprefix("http://"))
    connection.request("GET", "/events")
    events = connection.getresponse()
    mailer = get_connection(inbox.smtp_url)
    mailer.open()
    found = []
    for number in range(count):
        began = time.perf_counter()
        sending = threading.Thread(target=mailer.send_messages, args=[[message(number)]])
        sending.start()
        while not events.readline().startswith(b"data:"):
            pass
        found.append(time.perf_counter() - began)
        sending.join()
    mailer.close()
    connection.close()
    return sorted(found)


def files(folder: Path, count: int, tell: Callable[..., None]) -> None:
    """The same figures for an inbox that shows a folder of so many files."""
    for number in range(count):
        (folder / f"{number:05}.eml").write_bytes(message(number).as_bytes())
    with Inbox(str(folder)) as inbox:
        tell("start to listening, with a folder", inbox.start * 1000, "ms", 300)
        began = time.perf_counter()
        while b'"messages":[{' not in inbox.get(f"/api/messages?q=subject:{count - 1}&limit=1"):
            time.sleep(0.1)
        tell("files shown", count / (time.perf_counter() - began), "/s", 500, at_least=True)
        listed = inbox.times("/api/messages", REQUESTS)
        tell(f"list of {count} files, median", listed[len(listed) // 2] * 1000, "ms", 3)
        (folder / "new.eml").write_bytes(b"Subject: brandnew\r\n\r\n")
        began = time.perf_counter()
        inbox.get("/api/wait?q=subject:brandnew")
        tell("a new file shown", (time.perf_counter() - began) * 1000, "ms", 1000)
        if Path("/proc").exists():
            tell("memory at its peak, with a folder", inbox.memory(), "MB", 60)


def main() -> int:
    count = 1_000 if "--quick" in sys.argv else MESSAGES
    misses = 0

    def tell(name: str, value: float, unit: str, target: float, *, at_least: bool = False) -> None:
        nonlocal misses
        is_met = value >= target if at_least else value <= target
        misses += not is_met
        word = "at least" if at_least else "at most"
        print(f"{name:40} {value:9.1f} {unit:5} {word} {target:g}{'' if is_met else '  MISSED'}")

    with Inbox() as inbox:
        tell("start to listening", inbox.start * 1000, "ms", 300)
        messages = [message(number) for number in range(count)]
        mailer = get_connection(inbox.smtp_url)
        began = time.perf_counter()
        mailer.send_messages(messages)
        tell("messages in by SMTP", count / (time.perf_counter() - began), "/s", 500, at_least=True)
        inbox.get("/api/messages")  # after it, all are looked up
        listed = inbox.times("/api/messages", REQUESTS)
        tell(f"list of {count} messages, median", listed[len(listed) // 2] * 1000, "ms", 3)
        tell(f"list of {count} messages, p99", listed[-len(listed) // 100] * 1000, "ms", 15)
        for search in ("refund", "to:%3Ccustomer77@example.com%3E", "-invoice%20has:attachment"):
            found = inbox.times(f"/api/messages?q={search}", 30)
            tell(f"search for {search}, median", found[15] * 1000, "ms", 50)
        page = sum(
            len(inbox.get(f"/{name}"))
            for name in ("", "page.css", "page.js", "message.js", "tools.js")
        )
        tell("page, style and scripts", page / 1000, "kB", 40)
        came = arrivals(inbox, 100)
        tell("arrival at the page, p99", came[-2] * 1000, "ms", 100)
        if Path("/proc").exists():
            tell("memory at its peak", inbox.memory(), "MB", 60)
    with tempfile.TemporaryDirectory() as folder:
        files(Path(folder), count, tell)
    return min(misses, 1)


if __name__ == "__main__":
    sys.exit(main())
