"""Waits for mail from another process."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any, NamedTuple, Self

from ..inbox.client import Client, InboxError
from ..inbox.server import InboxServer, Options

_LONGEST = 300.0  # seconds, for one request


class InboxMail(NamedTuple):
    """A message in an inbox, with its `id` there and its `subject`.

    `sender` and `recipients` are the envelope's; `text` and `html` are what a reader sees, "" where
    there is none; `links` are the addresses that it links to, those of the HTML first; `content`
    is the message as it came.
    """

    id: int
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str
    links: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed by the standard library."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def __repr__(self) -> str:
        return f"<InboxMail {self.id} to {', '.join(self.recipients)}: {self.subject!r}>"


class Inbox:
    """An inbox for tests: `with Inbox() as inbox`, or `start()` and `stop()`.

    It runs on free ports of 127.0.0.1, and the program under test sends to `smtp_url`. With
    `url` it is one that runs already, `simplemail inbox` for one, and stays when this ends;
    `token` is the one it asks for.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        self._server: InboxServer | None = None
        self._client = Client(url, token) if url else None

    def start(self) -> Self:
        """Listen. OSError if no inbox answers at the `url` that was given."""
        if self._client is not None:
            self._client.call("GET", "/api/messages", limit=0)
        elif self._server is None:
            free = ("127.0.0.1", 0)
            self._server = InboxServer(Options(http=free, smtp=free)).start()
        return self

    def stop(self) -> None:
        """Stop what `start()` started; its mail is gone. Safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of its page and API, without a slash at the end."""
        return self._connected.url

    @property
    def smtp_url(self) -> str:
        """A mailer URL for it, to put into EMAIL_URL. "" if it takes no mail by SMTP."""
        return str(self._connected.call("GET", "/healthz")["smtp"])

    @property
    def messages(self) -> list[InboxMail]:
        """All messages, oldest first; of more than 500 the newest 500."""
        return self._read(self._connected.call("GET", "/api/messages", limit=500)["messages"][::-1])

    def wait_for(
        self,
        *,
        to: str | None = None,
        subject: str | None = None,
        sender: str | None = None,
        search: str = "",
        count: int = 1,
        timeout: float = 10,
    ) -> list[InboxMail]:
        """Wait until there are at least `count` messages of this kind; return them, oldest first.

        `to` is a whole address, of the header or the envelope, and `sender` one of the sender;
        `subject` is a part of the subject, in any letter case; `search` is as on the page. All
        must hold. After `timeout` seconds AssertionError says what came instead.
        """
        terms = [_address("to", to), _address("from", sender), _words("subject", subject), search]
        query = " ".join(filter(None, terms))
        longest = min(timeout, _LONGEST)
        try:
            answer = self._connected.call(
                "GET", "/api/wait", seconds=longest + 30, q=query, count=count,
                timeout=f"{longest:.3f}",
            )  # fmt: skip
        except InboxError as error:
            if error.status != 408:
                raise
            raise AssertionError(_missing(query, count, timeout, error.answer["came"])) from None
        return self._read(answer["messages"])

    def clear(self) -> None:
        """Delete all messages."""
        self._connected.call("DELETE", "/api/messages")

    @property
    def _connected(self) -> Client:
        if self._client is not None:
            return self._client
        if self._server is None:
            raise RuntimeError("The inbox doesn't run: use `with Inbox() as inbox`")
        return Client(self._server.url)

    def _read(self, rows: list[Any]) -> list[InboxMail]:
        return [self._mail(row["id"]) for row in rows]

    def _mail(self, number: int) -> InboxMail:
        found = self._connected.call("GET", f"/api/messages/{number}")
        links = self._connected.call("GET", f"/api/messages/{number}/links")["links"]
        return InboxMail(
            number,
            found["sender"],
            tuple(found["recipients"]),
            found["subject"],
            found["text"] or "",
            found["html"] or "",
            tuple(link["url"] for link in links),
            self._connected.content(f"/m/{number}/eml"),
        )


def _address(name: str, address: str | None) -> str:
    return f'{name}:"<{address}>"' if address else ""


def _words(name: str, text: str | None) -> str:
    # A quote can't stand within quotes: what is around it is looked for.
    return " ".join(f'{name}:"{piece}"' for piece in (text or "").split('"') if piece.strip())


def _missing(query: str, count: int, timeout: float, came: list[Any]) -> str:
    wanted = f"{count} message{'s' if count > 1 else ''}" + (f" for: {query}" if query else "")
    lines = [f"  to {', '.join(row['recipients'])}: {row['subject']!r}" for row in came[:20]]
    instead = "\n".join(["These came:", *lines]) if lines else "No message came at all"
    return f"After {timeout:g} s there are not {wanted}. {instead}"
