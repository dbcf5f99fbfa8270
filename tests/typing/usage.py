"""The public API as users write it; mypy and pyright read this, nothing runs it."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage as StdlibMessage
from pathlib import Path
from typing import Any

import simplemail
from simplemail import (
    BadHeaderError,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
    Envelope,
    InvalidMailer,
    Receipt,
    Reply,
    Status,
    adeliver,
    aiter_deliver,
    asend_mail,
    close_pools,
    configure,
    deliver,
    get_connection,
    iter_deliver,
    mail_admins,
    mailers,
    override_settings,
    send_mail,
    send_mass_mail,
    settings,
)
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.smtp import EmailBackend as SMTPBackend
from simplemail.testing import (
    BackendContract,
    SMTPServer,
    assert_nothing_sent,
    assert_sent,
    capture,
)
from simplemail.testing.server import Close

configure(EMAIL_URL="console:", DEFAULT_FROM_EMAIL="me@example.com")
sender: str = settings.DEFAULT_FROM_EMAIL

count: int = send_mail("Subject", "Text", None, ["ann@example.com"], fail_silently=False)
count = send_mail("Subject", "Text", "me@example.com", ("ann@example.com",), html_message="<p>")
count = send_mail("Subject", "Text", None, [Address("Ann", "ann", "example.com")], using="news")
count = send_mass_mail([("Subject", "Text", None, ["ann@example.com"])])
mail_admins("Subject", "Text", html_message="<p>")

message = EmailMultiAlternatives(
    "Subject",
    "Text",
    to=["ann@example.com"],
    reply_to=["me@example.com"],
    headers={"X-Campaign": "spring"},
    attachments=[EmailAttachment("a.txt", "text", "text/plain"), ("b.bin", b"bytes")],
)
message.attach_alternative("<p>Text</p>", "text/html")
message.attach_file(Path("report.pdf"))
content_id: str = message.attach_inline(b"...", "logo.png")
composed: StdlibMessage = message.message()
octets: bytes = message.as_bytes()
sent: int = message.send(using="news")

with get_connection("smtp", host="mail.example.com", use_tls=True, timeout=10) as connection:
    connection.send_messages([message, EmailMessage("Subject", "Text", to=["a@example.com"])])

if "news" in mailers:
    mailers["news"].send_messages([message])
mailers.default.close()
SMTPBackend(host="mail.example.com", ca_file=Path("ca.pem"), source_address=("127.0.0.1", 0))


class CountingBackend(BaseEmailBackend):
    def send_messages(self, email_messages: object) -> int:
        return 0


envelope: Envelope = Envelope.from_json(message.envelope().to_json())
recipients: tuple[str, ...] = envelope.recipients
receipts: list[Receipt] = deliver([message, envelope, composed])
for receipt in iter_deliver(iter([message]), using="news"):
    if receipt.status is Status.DEFERRED and receipt.retry_is_safe:
        refused: Reply | None = receipt.refused.get("ann@example.com")
        enhanced: str | None = refused.enhanced if refused else None
told: Receipt = message.deliver()
close_pools()


async def in_a_task() -> int:
    everything: list[Receipt] = await adeliver([message])
    async for each in aiter_deliver([message]):
        print(each.message_id, len(everything))
    await message.asend(using="news")
    return await asend_mail("Subject", "Text", None, ["ann@example.com"])


class Printing(BaseEmailBackend):
    def send_envelope(self, envelope: Envelope) -> Reply:
        print(envelope)
        return Reply(250, "printed")


try:
    message.send()
except (BadHeaderError, InvalidMailer) as error:
    print(error)


@override_settings(EMAIL_URL="memory:")
def test_something() -> None:
    with capture() as outbox:
        assert outbox == simplemail.outbox


def test_kit(mail_outbox: list[Any]) -> None:
    messages: list[Any] = assert_sent(
        mail_outbox, to=["ann@example.com"], subject=re.compile("Order"), count=1
    )
    assert_nothing_sent(messages)
    with SMTPServer(starttls=True, users={"me": "secret"}) as server:
        server.script("RCPT", ["550 5.1.1 No", Close()])
        url: str = server.url
        recipients: list[str] = server.messages[0].recipients
        print(url, recipients)


class TestCounting(BackendContract):
    def make(self, **options: Any) -> CountingBackend:
        return CountingBackend(**options)


def any_list_of_addresses(message: EmailMessage) -> None:
    several = ["ann@example.com", Address("Ann", "ann", "example.com"), ("Doe, Ann", "a@x.example")]
    for to in (several, tuple(several), {"ann@example.com"}, iter(several), {1: "a"}.values()):
        send_mail("Hi", "Text", None, to)
        EmailMessage(to=to, cc=to, bcc=to, reply_to=to)
    send_mail("Hi", "Text", None, (each for each in several))
    EmailMessage(to={"ann@example.com": 1}.keys(), cc=None)
    print(simplemail.outbox[0].subject, simplemail.outbox[0].sent_using)


def mailers_by_what_they_are() -> None:
    get_connection(fail_silently=True).send_messages([])
    get_connection(None, username="me", password=lambda: "token", file_path=Path("mail"))
    get_connection("smtp+tls://mail.example.com", timeout=5, ca_file=Path("ca.pem"))
    get_connection("django.core.mail.backends.filebased.EmailBackend", file_path="mail")
    get_connection("memory", host="mail.example.com", use_tls=True)
    get_connection("file", file_path=Path("mail"), format="eml")
    get_connection("roundrobin", mailers=["smtp://a.example", SMTPBackend()], weights=[2, 1])
    get_connection("signed", mailer="default", sign=lambda content: content)
    get_connection(CountingBackend, of_its_own=5)
    either: str = input()
    get_connection(either, host="mail.example.com")


def settings_by_name() -> None:
    configure(EMAIL_URL="memory:", ADMINS=[("Ann", "a@x.example")], EMAIL_FILE_PATH=Path("mail"))
    configure(EMAIL_HOST_PASSWORD=lambda: "token", EMAIL_TIMEOUT=10, EMAIL_PORT=None)
    override_settings(MAILERS={"default": "memory:"}, EMAIL_BACKEND=SMTPBackend)
