"""To aiosmtpd, a server by other people: it says what it thinks of our SMTP."""

from __future__ import annotations

import contextlib
import email
import email.policy
import smtplib
import ssl

import pytest

import simplemail
from simplemail import EmailMessage, EmailMultiAlternatives, get_connection
from simplemail.testing.server import TLS_DIR

pytest.importorskip("aiosmtpd")

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# aiosmtpd itself uses what newer Pythons deprecate, and warns of its own options.
pytestmark = pytest.mark.filterwarnings("ignore")


class Mailbox:
    """Keeps envelopes; refuses whom and what the test says."""

    def __init__(self):
        self.envelopes = []
        self.users = []
        self.refused = {}
        self.answer = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            self.users.append(session.auth_data)
        return self.answer

    @property
    def messages(self):
        return [
            email.message_from_bytes(envelope.original_content, policy=email.policy.default)
            for envelope in self.envelopes
        ]


class OnFreePort(Controller):
    """A controller that picks its port, and says which."""

    def __init__(self, mailbox, *, tls=False, **options):
        super().__init__(
            mailbox,
            hostname="127.0.0.1",
            port=0,
            ssl_context=server_context() if tls else None,
            **options,
        )
        self.mailbox = mailbox

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_DIR / "server.pem")
    return context


@contextlib.contextmanager
def aiosmtpd(**options):
    controller = OnFreePort(Mailbox(), **options)
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def accept_me(server, session, envelope, mechanism, data):
    if mechanism in ("PLAIN", "LOGIN"):
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"me", "geh€im".encode())
        # Not "handled": the server is to say no by itself.
        return AuthResult(success=good, handled=False, auth_data=data.login.decode())
    return AuthResult(success=False, handled=False)


@contextlib.contextmanager
def configured(server, **changes):
    values = {
        "EMAIL_HOST": "localhost",
        "EMAIL_PORT": server.port,
        "EMAIL_TIMEOUT": 20,
        **changes,
    }
    with simplemail.override_settings(**values):
        yield


@contextlib.contextmanager
def submission(**options):
    """A server as providers run it: STARTTLS and AUTH, or nothing."""
    with aiosmtpd(
        tls_context=server_context(),
        require_starttls=True,
        auth_required=True,
        authenticator=accept_me,
        **options,
    ) as server:
        yield server


def url(server, password="geh%E2%82%ACim", scheme="smtp+tls"):
    options = f"ca_file={TLS_DIR / 'ca.pem'}&timeout=20"
    return f"{scheme}://me:{password}@localhost:{server.port}?{options}"


def index(request=None):
    """The view of the guide, unchanged, but for the import at the top of this block."""
    from simplemail import send_mail

    return send_mail(
        'Subject here',
        'Here is the message.',
        'from@example.com',
        ['to@example.com'],
        fail_silently=False,
    )  # fmt: skip


def test_the_guides_view_with_starttls_and_auth():
    with submission() as server, simplemail.override_settings(EMAIL_URL=url(server)):
        assert index() == 1

    [envelope] = server.mailbox.envelopes
    [message] = server.mailbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("from@example.com", ["to@example.com"])
    assert server.mailbox.users == ["me"]
    assert message["Subject"] == "Subject here"
    assert message["From"] == "from@example.com"
    assert message["To"] == "to@example.com"
    assert message.get_content().split() == ["Here", "is", "the", "message."]


def test_the_guides_view_with_the_classic_settings():
    with aiosmtpd(enable_SMTPUTF8=True) as server, configured(server):
        assert index() == 1

    assert server.mailbox.messages[0]["Subject"] == "Subject here"


def test_implicit_tls():
    with aiosmtpd(
        tls=True, auth_required=True, auth_require_tls=False, authenticator=accept_me
    ) as server:
        with simplemail.override_settings(EMAIL_URL=url(server, scheme="smtps")):
            assert index() == 1
        assert server.mailbox.users == ["me"]


def test_a_wrong_password():
    with submission() as server:
        mailer = get_connection(url(server, password="wrong"))
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            mailer.send_messages([message()])
        assert "wrong" not in str(caught.value)
        assert server.mailbox.envelopes == []


def test_an_untrusted_certificate():
    with submission() as server:
        mailer = get_connection(
            "smtp", host="localhost", port=server.port, use_tls=True, timeout=20
        )
        with pytest.raises(ssl.SSLError, match="ca_file"):
            mailer.send_messages([message()])
        assert server.mailbox.envelopes == []


def test_no_password_before_starttls():
    with aiosmtpd(auth_require_tls=False, authenticator=accept_me) as server:
        mailer = get_connection(url(server))
        with pytest.raises(smtplib.SMTPException, match="STARTTLS"):
            mailer.send_messages([message()])
        assert server.mailbox.users == []


def message(subject="s", **changes):
    values = {"from_email": "f@example.com", "to": ["t@example.com"], **changes}
    return EmailMultiAlternatives(subject, values.pop("body", "b"), **values)


@contextlib.contextmanager
def plain(**options):
    """A server without TLS, and the mailer for it."""
    with aiosmtpd(**options) as server:
        yield server, get_connection("smtp", host="127.0.0.1", port=server.port, timeout=20)


def test_several_recipients():
    with plain() as (server, mailer):
        mail = message(
            to=["a@x.example", "B <b@x.example>"], cc=["c@x.example"], bcc=["d@x.example"]
        )
        assert mailer.send_messages([mail]) == 1

        [envelope] = server.mailbox.envelopes
        assert envelope.rcpt_tos == ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
        assert b"d@x.example" not in envelope.original_content


def test_one_refused_recipient(caplog):
    with plain() as (server, mailer):
        server.mailbox.refused["no@x.example"] = "550 5.1.1 No such user"
        assert mailer.send_messages([message(to=["yes@x.example", "no@x.example"])]) == 1

        [envelope] = server.mailbox.envelopes
        assert envelope.rcpt_tos == ["yes@x.example"]
        assert "no@x.example" in caplog.text


def test_all_recipients_refused():
    with plain() as (server, mailer):
        server.mailbox.refused["no@x.example"] = "550 5.1.1 No such user"
        with mailer, pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            mailer.send_messages([message(to=["no@x.example"])])
        assert caught.value.recipients["no@x.example"][0] == 550
        # The server goes on to work for others.
        assert mailer.send_messages([message()]) == 1


def test_content_refused():
    with plain() as (server, mailer):
        server.mailbox.answer = "554 5.7.1 Spam"
        with pytest.raises(smtplib.SMTPDataError) as caught:
            mailer.send_messages([message()])
        assert caught.value.smtp_code == 554


def test_receipts():
    with plain() as (server, mailer):
        server.mailbox.refused["no@x.example"] = "550 5.1.1 No such user"
        receipts = mailer.deliver([message("1"), message("2", to=["no@x.example"]), message("3")])
        assert [receipt.status.name for receipt in receipts] == ["SENT", "REFUSED", "SENT"]
        assert [m["Subject"] for m in server.mailbox.messages] == ["1", "3"]


@pytest.mark.parametrize(
    "body",
    [
        "Grüße\n",
        "漢字\n" * 50,
        ".\n..\n.x\n",
        "é" * 2000,
        "x" * 3000,
        "a\r\nb\rc\n",
        "From x\n",
        "",
    ],
)
def test_every_body_arrives(body):
    with plain() as (server, mailer):
        mailer.send_messages([message(body=body)])

        [envelope] = server.mailbox.envelopes
        [received] = server.mailbox.messages
        expected = "\n".join(body.splitlines() or [""])
        assert "\n".join(received.get_content().splitlines() or [""]) == expected
        assert max(map(len, envelope.original_content.split(b"\r\n"))) <= 998
        assert envelope.original_content.replace(b"\r\n", b"").count(b"\n") == 0


def test_8_bit_content():
    with plain() as (server, mailer):
        mailer.send_messages([message(body="Grüße\n")])

        [envelope] = server.mailbox.envelopes
        assert "BODY=8BITMIME" in envelope.mail_options
        assert "Grüße".encode() in envelope.original_content


def test_7_bit_for_a_server_that_knows_no_more():
    class Old(SMTP):
        async def push(self, status):
            if b"8BITMIME" not in (status if isinstance(status, bytes) else status.encode()):
                await super().push(status)

    class OldController(OnFreePort):
        def factory(self):
            return Old(self.handler, **self.SMTP_kwargs)

    controller = OldController(Mailbox())
    controller.start()
    try:
        mailer = get_connection("smtp", host="127.0.0.1", port=controller.port, timeout=20)
        mailer.send_messages([message("é", body="Grüße\n", attachments=[("é.txt", "é")])])
    finally:
        controller.stop()

    [envelope] = controller.mailbox.envelopes
    assert envelope.original_content.isascii()
    assert controller.mailbox.messages[0].get_body().get_content().strip() == "Grüße"


def test_addresses_beyond_ascii():
    """RFC 6531."""
    with plain(enable_SMTPUTF8=True) as (server, mailer):
        mailer.send_messages([message(to=["jörg@bücher.example"], from_email="é@x.example")])

        [envelope] = server.mailbox.envelopes
        assert envelope.smtp_utf8
        assert envelope.mail_from == "é@x.example"
        assert envelope.rcpt_tos in (["jörg@bücher.example"], ["jörg@xn--bcher-kva.example"])


def test_addresses_beyond_ascii_for_a_server_without():
    with plain(enable_SMTPUTF8=False) as (server, mailer):
        with pytest.raises((ValueError, smtplib.SMTPException), match="SMTPUTF8"):
            mailer.send_messages([message(to=["jörg@example.com"])])
        # IDNA needs no extension.
        assert mailer.send_messages([message(to=["joerg@bücher.example"])]) == 1
        assert server.mailbox.envelopes[0].rcpt_tos == ["joerg@xn--bcher-kva.example"]


def test_a_message_over_the_servers_limit():
    with plain(data_size_limit=10_000) as (server, mailer):
        with pytest.raises(smtplib.SMTPException, match=r"10[,_]?000|size|large"):
            mailer.send_messages([message(body="x" * 20_000)])
        assert server.mailbox.envelopes == []


def test_many_messages_in_one_session():
    with plain() as (server, mailer):
        mails = (message(f"{n}", attachments=[("x.bin", b"\xff" * 5000)]) for n in range(50))
        assert mailer.send_messages(mails) == 50
        assert [m["Subject"] for m in server.mailbox.messages] == [str(n) for n in range(50)]


def test_everything_in_one_message():
    with submission() as server:
        mail = EmailMultiAlternatives("Grüße", "Text", "F <f@x.example>", ["Žofie <z@x.example>"])
        mail.attach_alternative("<img src='cid:x'>", "text/html")
        mail.attach_inline(b"\x89PNG", "x.png")
        mail.attach("漢字.pdf", bytes(range(256)) * 500, "application/pdf")
        mail.attach("x.eml", EmailMessage("inner", "Grüße", to=["x@x.example"]), "message/rfc822")
        mail.connection = get_connection(url(server))
        assert mail.send() == 1

        [received] = server.mailbox.messages
        assert [part.get_content_type() for part in received.walk()] == [
            "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related",
            "text/html", "image/png", "application/pdf", "message/rfc822", "text/plain",
        ]  # fmt: skip
        [pdf, _] = received.iter_attachments()
        assert pdf.get_content() == bytes(range(256)) * 500
        assert pdf.get_filename() == "漢字.pdf"
