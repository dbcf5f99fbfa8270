"""What docs/how-to/coming-from.md says: other libraries' lines and ours send the same mail.

A case for each row of its tables: it runs the line of the real library, then ours, and compares
what the server got. Both run as the page has them, with its host names and its logins.
"""

import asyncio
import contextlib
import email.charset
import io
import json
import logging
import re
import smtplib
from collections.abc import Callable, Iterable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage as PythonMessage
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

import simplemail
from docs.test_reference import section
from simplemail import (
    EmailMessage,
    EmailMultiAlternatives,
    Envelope,
    adeliver,
    asend_mail,
    configure,
    deliver,
    send_mail,
    send_mass_mail,
)
from simplemail.logs import MailHandler
from simplemail.testing import capture
from simplemail.testing.server import Received
from support.docs_runner import ROOT, Network

PAGE = (ROOT / "docs/how-to/coming-from.md").read_text(encoding="utf-8")
PACKAGES = {
    "smtplib and email": "smtplib",
    "Flask-Mail": "flask_mail",
    "fastapi-mail": "fastapi_mail",
    "redmail": "redmail",
    "yagmail": "yagmail",
}
"""The library that a section of the page is about -> its module."""

PNG = b"\x89PNG\r\n\x1a\n logo"
SERVER = "smtp+tls://me:secret@mail.example.com"
GMAIL = "smtp+tls://you%40gmail.com:abcdefghijklmnop@smtp.gmail.com"
CASES: list["Case"] = []


class Case(NamedTuple):
    """A row of the page: what its first cell has, their line, ours, and what may differ."""

    library: str
    cell: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    but: frozenset[str]

    def __str__(self) -> str:
        return f"{self.library}: {self.cell}"


def row(library: str, cell: str, *, but: Iterable[str] = ()):
    """Make a case of a class with the functions `theirs` and `ours`. What they return must be
    equal, and so must the mail that they send, but for the named details of it."""

    def add(both: type) -> type:
        CASES.append(Case(library, cell, both.theirs, both.ours, frozenset(but)))
        return both

    return add


def hello(**more: Any) -> EmailMessage:
    return EmailMessage("Hello", "Hi", "me@example.com", ["ann@example.com"], **more)


# --- smtplib and email


def python_message() -> PythonMessage:
    message = PythonMessage()
    message["Subject"] = "Hello"
    message["From"] = "me@example.com"
    message["To"] = "ann@example.com"
    message.set_content("Hi")
    return message


def by_smtplib(message: PythonMessage) -> None:
    with smtplib.SMTP("mail.example.com", 587) as server:
        server.starttls()
        server.login("me", "secret")
        server.send_message(message)


@row("smtplib and email", '`smtplib.SMTP("mail.example.com", 587)`, `starttls()`')
class TheServer:
    def theirs():
        by_smtplib(python_message())

    def ours():
        configure(EMAIL_URL=SERVER)
        hello().send()


@row("smtplib and email", '`smtplib.SMTP_SSL("mail.example.com")`')
class TheServerWithTLS:
    def theirs():
        with smtplib.SMTP_SSL("mail.example.com") as server:
            server.login("me", "secret")
            server.send_message(python_message())

    def ours():
        configure(EMAIL_URL="smtps://me:secret@mail.example.com")
        hello().send()


@row("smtplib and email", "`message = EmailMessage()`")
class AMessage:
    def theirs():
        by_smtplib(python_message())

    def ours():
        configure(EMAIL_URL=SERVER)
        EmailMessage("Hello", "Hi", "me@example.com", ["ann@example.com"]).send()


def alternatives() -> EmailMultiAlternatives:
    configure(EMAIL_URL=SERVER)
    return EmailMultiAlternatives("Hello", "Hi", "me@example.com", ["ann@example.com"])


@row("smtplib and email", "`message.add_alternative(html")
class HTML:
    def theirs():
        message = python_message()
        message.add_alternative("<p>Hi</p>", subtype="html")
        by_smtplib(message)

    def ours():
        message = alternatives()
        message.attach_alternative("<p>Hi</p>", "text/html")
        message.send()


@row("smtplib and email", "`message.add_attachment(data")
class AnAttachment:
    def theirs():
        message = python_message()
        message.add_attachment(b"42\n", maintype="text", subtype="csv", filename="a.csv")
        by_smtplib(message)

    def ours():
        configure(EMAIL_URL=SERVER)
        message = hello()
        message.attach("a.csv", b"42\n", "text/csv")
        message.send()


@row("smtplib and email", "`message.add_related(", but=["html"])  # the Content-ID is in it
class AnImage:
    def theirs():
        message = python_message()
        message.add_alternative('<img src="cid:logo@example.com">', subtype="html")
        html = message.get_payload()[1]
        html.add_related(PNG, "image", "png", cid="<logo@example.com>", filename="logo.png")
        by_smtplib(message)

    def ours():
        message = alternatives()
        logo = message.attach_inline(PNG, "logo.png")
        message.attach_alternative(f'<img src="cid:{logo}">', "text/html")
        message.send()


@row("smtplib and email", "`server.send_message(message)`")
class AMessageOfPython:
    def theirs():
        by_smtplib(python_message())

    def ours():
        configure(EMAIL_URL=SERVER)
        deliver([python_message()])


@row("smtplib and email", "`server.sendmail(sender, recipients, text)`")
class Bytes:
    def theirs():
        with smtplib.SMTP("mail.example.com", 587) as server:
            server.starttls()
            server.login("me", "secret")
            data = python_message().as_bytes()
            server.sendmail("bounces@example.com", ["bob@example.com"], data)

    def ours():
        configure(EMAIL_URL=SERVER)
        sender, recipients, data = (
            "bounces@example.com",
            ["bob@example.com"],
            python_message().as_bytes(),
        )
        deliver([Envelope.of(data, sender=sender, recipients=recipients)])


@row("smtplib and email", "`except smtplib.SMTPRecipientsRefused`")
class RefusedRecipients:
    def theirs():
        message = python_message()
        message.replace_header("To", "nobody@example.com")
        with smtplib.SMTP("mail.example.com", 25) as server:
            try:
                server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                return error.recipients

    def ours():
        configure(EMAIL_URL="smtp://mail.example.com")
        message = EmailMessage("Hello", "Hi", "me@example.com", ["nobody@example.com"])
        [receipt] = deliver([message])
        assert set(receipt.refused) == {"nobody@example.com"}
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients


@row("smtplib and email", "`server.set_debuglevel(1)`")
class Debugging:
    def theirs():
        with (
            contextlib.redirect_stderr(io.StringIO()) as said,
            smtplib.SMTP("mail.example.com", 587) as server,
        ):
            server.set_debuglevel(1)
            server.starttls()
            server.login("me", "secret")
            server.send_message(python_message())
        return "rcpt to:<ann@example.com>" in said.getvalue().lower()

    def ours():
        configure(EMAIL_URL=SERVER)
        said = io.StringIO()
        logger, handler = logging.getLogger("simplemail.wire"), logging.StreamHandler(said)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            hello().send()
        finally:
            logger.setLevel(logging.NOTSET)
            logger.removeHandler(handler)
        return "rcpt to:<ann@example.com>" in said.getvalue().lower()


# --- Flask-Mail

FLASK = {
    "MAIL_SERVER": "mail.example.com",
    "MAIL_PORT": 587,
    "MAIL_USE_TLS": True,
    "MAIL_USERNAME": "me",
    "MAIL_PASSWORD": "secret",
}


@contextlib.contextmanager
def flask_mail(**config: object) -> Iterator[Any]:
    import flask
    from flask_mail import Mail

    app = flask.Flask("shop")
    app.config.update(FLASK, **config)
    mail = Mail(app)
    with app.app_context():
        yield mail


def flask_message(**more: Any) -> Any:
    from flask_mail import Message

    sender = {"sender": "me@example.com"} | more
    return Message("Hello", recipients=["ann@example.com"], body="Hi", **sender)


@row("Flask-Mail", "`MAIL_SERVER`, `MAIL_PORT`")
class FlaskServer:
    def theirs():
        with flask_mail() as mail:
            mail.send(flask_message())

    def ours():
        configure(EMAIL_URL=SERVER)
        hello().send()


@row("Flask-Mail", "`MAIL_DEFAULT_SENDER`")
class FlaskSender:
    def theirs():
        with flask_mail(MAIL_DEFAULT_SENDER="me@example.com") as mail:
            mail.send(flask_message(sender=None))

    def ours():
        configure(EMAIL_URL=SERVER, DEFAULT_FROM_EMAIL="me@example.com")
        send_mail("Hello", "Hi", None, ["ann@example.com"])


@row("Flask-Mail", "`MAIL_SUPPRESS_SEND`")
class FlaskSuppressed:
    def theirs():
        with flask_mail(MAIL_SUPPRESS_SEND=True) as mail:
            mail.send(flask_message())
        return "nothing"

    def ours():
        configure(EMAIL_URL="dummy:")
        hello().send()
        return "nothing"


@row("Flask-Mail", "`mail = Mail(app)`")
class FlaskExtension:
    theirs, ours = FlaskServer.theirs, FlaskServer.ours


@row("Flask-Mail", '`Message("Hello", sender=')
class FlaskMessage:
    theirs, ours = FlaskServer.theirs, FlaskServer.ours


@row("Flask-Mail", "`Message(..., html=html)`")
class FlaskHTML:
    def theirs():
        with flask_mail() as mail:
            mail.send(flask_message(html="<p>Hi</p>"))

    def ours():
        configure(EMAIL_URL=SERVER)
        people = ["ann@example.com"]
        send_mail("Hello", "Hi", "me@example.com", people, html_message="<p>Hi</p>")


@row("Flask-Mail", '`message.attach("a.png"')
class FlaskAttachment:
    def theirs():
        message = flask_message()
        message.attach("a.png", "image/png", PNG)
        with flask_mail() as mail:
            mail.send(message)

    def ours():
        configure(EMAIL_URL=SERVER)
        message = hello()
        message.attach("a.png", PNG, "image/png")
        message.send()


@row("Flask-Mail", '`message.add_recipient("bob@example.com")`')
class FlaskRecipient:
    def theirs():
        message = flask_message()
        message.add_recipient("bob@example.com")
        with flask_mail() as mail:
            mail.send(message)

    def ours():
        configure(EMAIL_URL=SERVER)
        message = hello()
        message.to.append("bob@example.com")
        message.send()


@row("Flask-Mail", "`mail.send(message)`")
class FlaskSend:
    theirs, ours = FlaskServer.theirs, FlaskServer.ours


@row("Flask-Mail", "`with mail.connect() as connection")
class FlaskMany:
    def theirs():
        with flask_mail() as mail, mail.connect() as connection:
            for _ in range(3):
                connection.send(flask_message())

    def ours():
        configure(EMAIL_URL=SERVER)
        deliver([hello(), hello()])
        send_mass_mail([("Hello", "Hi", "me@example.com", ["ann@example.com"])])


@row("Flask-Mail", "`with mail.record_messages() as outbox:`")
class FlaskTests:
    def theirs():
        with flask_mail(TESTING=True) as mail, mail.record_messages() as outbox:
            mail.send(flask_message())
        return [(message.subject, message.recipients) for message in outbox]

    def ours():
        with capture() as outbox:
            hello().send()
        return [(message.subject, message.to) for message in outbox]


# --- fastapi-mail

FASTAPI = {
    "MAIL_USERNAME": "me",
    "MAIL_PASSWORD": "secret",
    "MAIL_SERVER": "mail.example.com",
    "MAIL_PORT": 587,
    "MAIL_STARTTLS": True,
    "MAIL_SSL_TLS": False,
    "MAIL_FROM": "me@example.com",
}


def fast_mail(**config: object) -> Any:
    from fastapi_mail import ConnectionConfig, FastMail

    return FastMail(ConnectionConfig(**{**FASTAPI, **config}))


def fast_message(**more: Any) -> Any:
    from fastapi_mail import MessageSchema, MessageType

    what = {"body": "Hi", "subtype": MessageType.plain} | more
    return MessageSchema(subject="Hello", recipients=["ann@example.com"], **what)


def fast_send(config: dict[str, object] | None = None, **more: Any) -> None:
    asyncio.run(fast_mail(**config or {}).send_message(fast_message(**more)))


def defaults(**settings: Any) -> None:
    configure(**{"EMAIL_URL": SERVER, "DEFAULT_FROM_EMAIL": "me@example.com"} | settings)


# It writes the address a second time, as a display name: To: "ann@example.com" <ann@example.com>
NAMED = ("To", "Cc", "Reply-To")


@row("fastapi-mail", "`ConnectionConfig(MAIL_USERNAME=", but=NAMED)
class FastServer:
    def theirs():
        fast_send()

    def ours():
        defaults()
        asyncio.run(asend_mail("Hello", "Hi", None, ["ann@example.com"]))


@row("fastapi-mail", "`MAIL_SSL_TLS=True`", but=NAMED)
class FastTLS:
    def theirs():
        fast_send({"MAIL_SSL_TLS": True, "MAIL_STARTTLS": False, "MAIL_PORT": 465})

    def ours():
        defaults(EMAIL_URL="smtps://me:secret@mail.example.com")
        asyncio.run(asend_mail("Hello", "Hi", None, ["ann@example.com"]))


@row("fastapi-mail", "`MAIL_FROM`, `MAIL_FROM_NAME`", but=NAMED)
class FastSender:
    def theirs():
        fast_send({"MAIL_FROM": "shop@example.com", "MAIL_FROM_NAME": "Shop"})

    def ours():
        defaults(DEFAULT_FROM_EMAIL="Shop <shop@example.com>")
        asyncio.run(asend_mail("Hello", "Hi", None, ["ann@example.com"]))


@row("fastapi-mail", "`SUPPRESS_SEND=1`")
class FastSuppressed:
    def theirs():
        fast_send({"SUPPRESS_SEND": 1})
        return "nothing"

    def ours():
        defaults(EMAIL_URL="memory:")
        asyncio.run(asend_mail("Hello", "Hi", None, ["ann@example.com"]))
        assert len(simplemail.outbox) == 1
        return "nothing"


@row("fastapi-mail", "`MessageSchema(subject=", but=[*NAMED, "plain"])  # it sends no text
class FastHTML:
    def theirs():
        from fastapi_mail import MessageType

        fast_send(body="<p>Hi</p>", subtype=MessageType.html)

    def ours():
        defaults()
        people = ["ann@example.com"]
        asyncio.run(asend_mail("Hello", None, None, people, html_message="<p>Hi</p>"))


@row("fastapi-mail", "`MessageSchema(..., cc=[...]", but=NAMED)
class FastCopies:
    people = {"cc": ["bob@example.com"], "bcc": ["cy@example.com"], "reply_to": ["me@example.com"]}

    def theirs():
        fast_send(**FastCopies.people)

    def ours():
        defaults()
        hello(**FastCopies.people).send()


@row("fastapi-mail", "`MessageSchema(..., attachments=[upload])`", but=NAMED)
class FastUpload:
    def upload():
        from starlette.datastructures import Headers, UploadFile

        headers = Headers({"content-type": "text/csv"})
        return UploadFile(io.BytesIO(b"42\n"), filename="a.csv", headers=headers)

    def theirs():
        fast_send(attachments=[FastUpload.upload()])

    def ours():
        async def endpoint(upload):
            message = hello()
            message.attach(upload.filename, await upload.read(), upload.content_type)
            await adeliver([message])

        defaults()
        asyncio.run(endpoint(FastUpload.upload()))


@row(
    "fastapi-mail",
    '`await fm.send_message(message, template_name="order.html")`',
    but=[*NAMED, "plain"],
)
class FastTemplate:
    def theirs():
        from fastapi_mail import MessageType

        Path("order.html").write_text("<p>Thank you, {{ name }}</p>")
        message = fast_message(
            template_body={"name": "Ann & Bob"}, body=None, subtype=MessageType.html
        )
        sending = fast_mail(TEMPLATE_FOLDER=".").send_message(message, template_name="order.html")
        asyncio.run(sending)

    def ours():
        from jinja2 import Environment, FileSystemLoader

        defaults()
        environment = Environment(loader=FileSystemLoader("."), autoescape=True)
        html = environment.get_template("order.html").render(name="Ann & Bob")
        asyncio.run(asend_mail("Hello", None, None, ["ann@example.com"], html_message=html))


@row("fastapi-mail", "`await FastMail(conf).send_message(message)`", but=NAMED)
class FastSend:
    def theirs():
        fast_send()

    def ours():
        defaults()
        asyncio.run(adeliver([hello()]))


@row("fastapi-mail", "`background_tasks.add_task(fm.send_message, message)`", but=NAMED)
class FastBackground:
    def theirs():
        from starlette.background import BackgroundTasks

        background_tasks = BackgroundTasks()
        background_tasks.add_task(fast_mail().send_message, fast_message())
        asyncio.run(background_tasks())

    def ours():
        from starlette.background import BackgroundTasks

        defaults()
        background_tasks = BackgroundTasks()
        background_tasks.add_task(send_mail, "Hello", "Hi", None, ["ann@example.com"])
        asyncio.run(background_tasks())


@row("fastapi-mail", "`with fm.record_messages() as outbox:`")
class FastTests:
    def theirs():
        fm = fast_mail(SUPPRESS_SEND=1)
        with fm.record_messages() as outbox:
            asyncio.run(fm.send_message(fast_message()))
        return [message["Subject"] for message in outbox]

    def ours():
        defaults()
        with capture() as outbox:
            asyncio.run(asend_mail("Hello", "Hi", None, ["ann@example.com"]))
        return [message.subject for message in outbox]


# --- redmail


def red_send(**more: Any) -> None:
    from redmail import EmailSender

    email = EmailSender(host="mail.example.com", port=587, username="me", password="secret")
    what = {"subject": "Hello", "sender": "me@example.com", "receivers": ["ann@example.com"]}
    email.send(**what, **{"text": "Hi"} | more)


@row("redmail", '`EmailSender(host="mail.example.com"')
class RedServer:
    def theirs():
        red_send()

    def ours():
        configure(EMAIL_URL=SERVER)
        send_mail("Hello", "Hi", "me@example.com", ["ann@example.com"])


@row("redmail", "`email.send(subject=...")
class RedSend:
    theirs, ours = RedServer.theirs, RedServer.ours


@row("redmail", "`email.send(..., html=html)`")
class RedHTML:
    def theirs():
        red_send(html="<p>Hi</p>")

    ours = FlaskHTML.ours


@row("redmail", "`email.send(..., cc=[...], bcc=[...])`")
class RedCopies:
    people = {"cc": ["bob@example.com"], "bcc": ["cy@example.com"]}

    def theirs():
        red_send(**RedCopies.people)

    def ours():
        configure(EMAIL_URL=SERVER)
        hello(**RedCopies.people).send()


@row("redmail", '`email.send(..., attachments={"a.csv": data})`', but=["types"])
class RedAttachment:
    def theirs():
        red_send(attachments={"a.csv": b"42\n"})

    def ours():
        configure(EMAIL_URL=SERVER)
        message = hello()
        message.attach("a.csv", b"42\n")
        message.send()


@row("redmail", '`email.send(..., attachments={"a.csv": Path("a.csv")})`', but=["types"])
class RedFile:
    def theirs():
        red_send(attachments={"a.csv": Path("a.csv")})

    def ours():
        configure(EMAIL_URL=SERVER)
        message = hello()
        message.attach_file("a.csv")
        message.send()


@row("redmail", '`email.send(..., body_images={"logo": "logo.png"})`', but=["html", "names"])
class RedImage:
    def theirs():
        red_send(html="{{ logo }}", body_images={"logo": "logo.png"})

    def ours():
        message = alternatives()
        cid = message.attach_inline(PNG, "logo.png")
        message.attach_alternative(f'<img src="cid:{cid}">', "text/html")
        message.send()


@row("redmail", "`email.send(..., headers={...})`")
class RedHeaders:
    def theirs():
        red_send(headers={"X-Tag": "order"})

    def ours():
        configure(EMAIL_URL=SERVER)
        hello(headers={"X-Tag": "order"}).send()


@row("redmail", "`from redmail import gmail`")
class RedGmail:
    def theirs():
        from redmail import gmail

        gmail.username, gmail.password = "you@gmail.com", "abcdefghijklmnop"
        gmail.send(subject="Hello", receivers=["ann@example.com"], text="Hi")

    def ours():
        configure(EMAIL_URL=GMAIL)
        send_mail("Hello", "Hi", "you@gmail.com", ["ann@example.com"])


def log(handler: logging.Handler) -> None:
    handler.handle(logging.makeLogRecord({"msg": "The order failed", "levelname": "ERROR"}))
    handler.close()


@row("redmail", "`EmailHandler(email=email, subject=", but=["Subject", "plain"])
class RedHandler:
    def theirs():
        from redmail import EmailHandler, EmailSender

        email = EmailSender(host="mail.example.com", port=587, username="me", password="secret")
        email.sender = "me@example.com"
        log(EmailHandler(email=email, subject="Log", receivers=["ops@example.com"]))

    def ours():
        configure(EMAIL_URL=SERVER, SERVER_EMAIL="me@example.com")
        log(MailHandler(to=["ops@example.com"]))


# --- yagmail

# It writes its sender as "you@gmail.com" <you@gmail.com>, and the text a second time, in HTML.
YAG = ("From", "html")


def yag_send(*args: Any, **more: Any) -> Any:
    import yagmail

    yag = yagmail.SMTP("you@gmail.com", "abcdefghijklmnop")
    try:
        return yag.send(*args, **more)
    finally:
        yag.close()


def gmail(**settings: Any) -> None:
    url = GMAIL.replace("smtp+tls", "smtps")
    configure(**{"EMAIL_URL": url, "DEFAULT_FROM_EMAIL": "you@gmail.com"} | settings)


@row("yagmail", '`yagmail.SMTP("you@gmail.com", "app password")`', but=YAG)
class YagServer:
    def theirs():
        yag_send("ann@example.com", "Hello", "Hi")

    def ours():
        gmail()
        send_mail("Hello", "Hi", None, ["ann@example.com"])


@row("yagmail", '`yag.send("ann@example.com", "Hello", "Hi")`', but=YAG)
class YagSend:
    theirs, ours = YagServer.theirs, YagServer.ours


@row("yagmail", "`yag.send(to, subject, html)`", but=[*YAG, "plain"])
class YagHTML:
    def theirs():
        yag_send("ann@example.com", "Hello", "<p>Hi</p>")

    def ours():
        gmail()
        send_mail("Hello", None, None, ["ann@example.com"], html_message="<p>Hi</p>")


@row("yagmail", '`yag.send(to, subject, text, attachments="a.pdf")`', but=YAG)
class YagFile:
    def theirs():
        yag_send("ann@example.com", "Hello", "Hi", attachments="a.pdf")

    def ours():
        gmail()
        message = EmailMessage("Hello", "Hi", None, ["ann@example.com"])
        message.attach_file("a.pdf")
        message.send()


@row("yagmail", '`yagmail.inline("logo.png")`', but=[*YAG, "plain"])
class YagImage:
    def theirs():
        import yagmail

        yag_send("ann@example.com", "Hello", yagmail.inline("logo.png"))

    def ours():
        gmail()
        message = EmailMultiAlternatives("Hello", "", None, ["ann@example.com"])
        logo = message.attach_inline(PNG, "logo.png")
        message.attach_alternative(f'<img src="cid:{logo}">', "text/html")
        message.send()


@row("yagmail", "`yag.send(..., cc=..., bcc=...)`", but=YAG)
class YagCopies:
    def theirs():
        yag_send("ann@example.com", "Hello", "Hi", cc="bob@example.com", bcc="cy@example.com")

    def ours():
        gmail()
        copies = {"cc": ["bob@example.com"], "bcc": ["cy@example.com"]}
        EmailMessage("Hello", "Hi", None, ["ann@example.com"], **copies).send()


@row("yagmail", "`yag.send(..., preview_only=True)`")
class YagPreview:
    def theirs():
        recipients, text = yag_send("ann@example.com", "Hello", "Hi", preview_only=True)
        return recipients, "Subject: Hello" in text

    def ours():
        gmail(EMAIL_URL="console:")
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            send_mail("Hello", "Hi", None, ["ann@example.com"])
        return ["ann@example.com"], "Subject: Hello" in shown.getvalue()


def in_keyring(password: str) -> Any:
    """Stand in for a keyring, which a machine for tests needn't have."""
    keys = {}
    return mock.Mock(
        set_password=lambda *key: keys.update({key[:2]: key[2]}),
        get_password=lambda *key: keys.get(key, password),
    )


@row("yagmail", '`yagmail.register("you@gmail.com", "password")`', but=YAG)
class YagKeyring:
    def theirs():
        import yagmail

        keyring = in_keyring("not registered")
        with mock.patch("yagmail.password.keyring", keyring):
            yagmail.register("you@gmail.com", "abcdefghijklmnop")
            yag = yagmail.SMTP("you@gmail.com")
            yag.send("ann@example.com", "Hello", "Hi")
            yag.close()

    def ours():
        keyring = in_keyring("abcdefghijklmnop")
        server = {
            "host": "smtp.gmail.com",
            "use_ssl": True,
            "username": "you@gmail.com",
            "password": lambda: keyring.get_password("yagmail", "you@gmail.com"),
            "auth": "plain",
        }
        configure(MAILERS={"default": {"OPTIONS": server}}, DEFAULT_FROM_EMAIL="you@gmail.com")
        send_mail("Hello", "Hi", None, ["ann@example.com"])


@row("yagmail", '`yagmail.SMTP("you@gmail.com", oauth2_file=...)`', but=YAG)
class YagToken:
    def theirs():
        import yagmail

        secrets = {
            "google_client_id": "id",
            "google_client_secret": "x",
            "google_refresh_token": "r",
        }
        Path("oauth.json").write_text(json.dumps(secrets | {"email_address": "reports@gmail.com"}))
        token = {"return_value": ("ya29...", 3600)}
        with mock.patch("yagmail.oauth2.refresh_authorization", **token):
            yag = yagmail.SMTP("reports@gmail.com", oauth2_file="oauth.json")
            yag.send("ann@example.com", "Hello", "Hi")
            yag.close()

    def ours():
        server = {
            "host": "smtp.gmail.com",
            "use_ssl": True,
            "username": "reports@gmail.com",
            "password": lambda: "ya29...",
            "auth": "xoauth2",
        }
        configure(MAILERS={"default": {"OPTIONS": server}}, DEFAULT_FROM_EMAIL="reports@gmail.com")
        send_mail("Hello", "Hi", None, ["ann@example.com"])


@row("yagmail", "`yag.close()`", but=YAG)
class YagClose:
    theirs, ours = YagServer.theirs, YagServer.ours


def rows(library: str) -> list[str]:
    """The first cells of a section's table."""
    table = section(PAGE, f"## From {library}").splitlines()
    return [line.split(" | ")[0].removeprefix("| ") for line in table if line.startswith("| `")]


def seen(message: Received) -> dict[str, object]:
    """What a server and a reader see of a message."""
    read = message_from_bytes(message.content, policy=policy.default)
    bodies = {kind: read.get_body([kind]) for kind in ("plain", "html")}
    files = [part for part in read.walk() if part.get_filename() or part["Content-ID"]]
    headers = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "X-Tag")
    return {
        "sender": message.sender,
        "recipients": sorted(message.recipients),
        "login": (message.user, message.tls),
        "by token": any(
            re.match("AUTH (XOAUTH2|OAUTHBEARER)", c) for c in message.session.commands
        ),
        **{name: read[name] and sorted(str(read[name]).split(", ")) for name in headers},
        **{kind: part and part.get_content().strip() for kind, part in bodies.items()},
        "files": [file.get_payload(decode=True).rstrip() for file in files],
        "names": [file.get_filename() for file in files],
        "types": [file.get_content_type() for file in files],
        "inline": [file["Content-ID"] is not None for file in files],
    }


@pytest.fixture
def network(tmp_path, monkeypatch) -> Iterator[Network]:
    """The servers that the page names. What is sent from here finds no others."""
    monkeypatch.chdir(tmp_path)
    # Importing Flask-Mail changes what Python does to UTF-8 in mail, for the whole process.
    monkeypatch.setattr(email.charset, "CHARSETS", dict(email.charset.CHARSETS))
    simplemail.outbox.clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, content in {"logo.png": PNG, "a.csv": b"42\n", "a.pdf": b"%PDF"}.items():
        Path(name).write_bytes(content)
    with Network().up() as network, network.here(), simplemail.override_settings():
        network.servers[25].script("RCPT TO:<nobody@example.com>", "550 5.1.1 No such user")
        yield network


@pytest.mark.parametrize("each", CASES, ids=str)
def test_their_line_and_ours_do_the_same(each, network):
    pytest.importorskip(PACKAGES[each.library])

    said = each.theirs()
    theirs = [seen(message) for message in network.messages]
    mistakes = violations(network)
    answered = each.ours()
    ours = [seen(message) for message in network.messages[len(theirs) :]]

    assert theirs or said, "nothing to compare"
    assert answered == said
    for mail in (*theirs, *ours):
        for detail in each.but:
            del mail[detail]
    assert ours == theirs
    assert violations(network) == mistakes, "ours broke the protocol"


def violations(network: Network) -> list[str]:
    return [each for server in network.servers.values() for each in server.violations]


@pytest.mark.parametrize("library", PACKAGES)
def test_each_row_of_the_page_has_its_case(library):
    cells = rows(library)

    assert cells
    ours = [each.cell for each in CASES if each.library == library]
    assert [cell[: len(start)] for cell, start in zip(cells, ours, strict=True)] == ours
