"""Connections that aren't ours: `connection_class`, one that somebody sets, smtplib replaced."""

from __future__ import annotations

import inspect
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import simplemail
from simplemail import EmailMessage, InvalidMailer, Receipt, Reply, Status, get_connection
from simplemail.backends.smtp import EmailBackend
from simplemail.smtp import foreign
from simplemail.smtp.foreign import is_smtplibs_own
from simplemail.smtp.pool import close_pools
from simplemail.testing.server import Close, SMTPServer
from support.leaks import leaks
from support.lmtp import lmtp_server
from support.sessions import letter

SECRET = "s3cret&pass"


def mail(subject: str = "s", *to: str, **more: Any) -> EmailMessage:
    return EmailMessage(subject, "Grüße\n", "me@example.com", to or ["ann@example.com"], **more)


class Counting(smtplib.SMTP):
    """A class that somebody has, which changes what smtplib does."""

    count = 0

    def sendmail(self, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        return super().sendmail(*args, **kwargs)


class CountingBackend(EmailBackend):
    connection_class = Counting


def backend_for(server: SMTPServer, **options: Any) -> CountingBackend:
    return CountingBackend(server.host, server.port, **{"timeout": 5, **options})


@pytest.fixture
def tls_server() -> Iterator[SMTPServer]:
    with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
        yield server


class TestConnectionClass:
    def test_messages_go_through_its_sendmail(self, smtp_server: SMTPServer) -> None:
        with backend_for(smtp_server) as mailer:
            assert mailer.send_messages([mail("a"), mail("b")]) == 2
            receipts = mailer.deliver([mail("c")])
            assert type(mailer.connection) is Counting
            assert mailer.connection.count == 3

        assert [receipt.status for receipt in receipts] == [Status.SENT]
        assert [str(each.message["Subject"]) for each in smtp_server.messages] == ["a", "b", "c"]
        assert len(smtp_server.connections) == 1
        assert smtp_server.commands[-1].upper() == "QUIT"

    def test_it_may_be_a_property(self, smtp_server: SMTPServer) -> None:
        class Choosing(EmailBackend):
            @property
            def connection_class(self) -> Any:
                return Counting

        with Choosing(smtp_server.host, smtp_server.port) as mailer:
            assert type(mailer.connection) is Counting

    @pytest.mark.parametrize("kind", [smtplib.SMTP, None])
    def test_smtplibs_own_is_ours(self, kind: Any, smtp_server: SMTPServer) -> None:
        more = {} if kind is None else {"connection_class": kind}
        backend = type("Backend", (EmailBackend,), more)
        with backend(smtp_server.host, smtp_server.port) as mailer:
            assert mailer.send_messages([mail()]) == 1
            assert type(mailer.connection).__name__ == "Connection"

    def test_content_goes_in_seven_bits(self, smtp_server: SMTPServer) -> None:
        backend_for(smtp_server).send_messages([mail()])

        [received] = smtp_server.messages
        assert received.content.isascii()
        assert received.message.get_content().strip() == "Grüße"

    def test_addresses_in_utf8_are_asked_for(self) -> None:
        with SMTPServer(extensions=["SMTPUTF8", "8BITMIME"]) as server:
            backend_for(server).send_messages([mail("s", "jörg@example.com")])

            assert list(server.messages[0].recipients) == ["jörg@example.com"]
            assert server.violations == []

    def test_addresses_in_utf8_need_a_server_that_takes_them(self) -> None:
        with SMTPServer(extensions=[]) as server:
            [receipt] = backend_for(server).deliver([mail("s", "jörg@example.com")])

        assert receipt.status is Status.REFUSED
        assert not server.messages

    def test_reports_are_asked_for(self) -> None:
        with SMTPServer(extensions=["DSN"]) as server:
            backend_for(server, notify="NEVER").send_messages([mail()])

        assert {"NOTIFY": "NEVER"} in server.messages[0].recipient_parameters.values()

    def test_an_attribute_that_is_no_class_may_make_connections(
        self, smtp_server: SMTPServer
    ) -> None:
        def make(*args: Any, **kwargs: Any) -> Counting:
            return Counting(*args, **kwargs)

        class Making(EmailBackend):
            connection_class = staticmethod(make)

        assert Making(smtp_server.host, smtp_server.port).send_messages([mail()]) == 1

    def test_nothing_is_kept_for_others(self, smtp_server: SMTPServer) -> None:
        for _ in range(2):
            backend_for(smtp_server, keep_alive=60).send_messages([mail()])

        assert len(smtp_server.connections) == 2
        close_pools()

    def test_after_a_loss_it_connects_again(self, smtp_server: SMTPServer) -> None:
        with backend_for(smtp_server) as mailer:
            mailer.send_messages([mail("a")])
            mailer.connection.close()
            mailer.send_messages([mail("b")])

        assert len(smtp_server.messages) == 2


class TestUnixSockets:
    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
    def test_lmtp_goes_through_one(self, tmp_path: Path) -> None:
        class LMTPBackend(EmailBackend):
            connection_class = smtplib.LMTP

        with lmtp_server(tmp_path / "lmtp") as said:
            [receipt] = LMTPBackend(str(tmp_path / "lmtp"), timeout=5).deliver([mail()])

        assert receipt.status is Status.SENT
        assert said[0].startswith(b"lhlo ")

    def test_smtp_does_not(self) -> None:
        with pytest.raises(InvalidMailer, match=r"'host' is a path, '/run/lmtp'.*smtplib\.LMTP"):
            EmailBackend("/run/lmtp").open()


class TestReceipts:
    """What `sendmail()` returns or raises becomes a receipt."""

    def receipt(self, server: SMTPServer, *to: str) -> Receipt:
        with backend_for(server) as mailer:
            [receipt] = mailer.deliver([mail("s", *to)])
            assert mailer.send_messages([mail("next")]) == 1
        return receipt

    def test_sent(self, smtp_server: SMTPServer) -> None:
        receipt = self.receipt(smtp_server)
        assert (receipt.status, receipt.refused, receipt.error) == (Status.SENT, {}, None)

    def test_refused_for_some(self, smtp_server: SMTPServer) -> None:
        smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
        receipt = self.receipt(smtp_server, "no@example.com", "ann@example.com")

        assert receipt.status is Status.SENT
        assert receipt.refused == {"no@example.com": Reply(550, "No such user", "5.1.1")}

    def test_refused_for_all(self, smtp_server: SMTPServer) -> None:
        smtp_server.script("RCPT TO:<no@example.com>", "550 5.1.1 No such user")
        receipt = self.receipt(smtp_server, "no@example.com")

        assert receipt.status is Status.REFUSED
        assert receipt.refused == {"no@example.com": Reply(550, "No such user", "5.1.1")}
        assert isinstance(receipt.error, smtplib.SMTPRecipientsRefused)

    @pytest.mark.parametrize(
        ("answer", "status"),
        [("554 5.7.1 Spam", Status.REFUSED), ("451 4.3.0 Later", Status.DEFERRED)],
    )
    @pytest.mark.parametrize("command", ["MAIL", "DATA", "END"])
    def test_refused(
        self, command: str, answer: str, status: Status, smtp_server: SMTPServer
    ) -> None:
        smtp_server.script(command, answer, nth=1)
        receipt = self.receipt(smtp_server)

        assert receipt.status is status
        assert str(receipt.reply) == answer

    @pytest.mark.parametrize("answer", ["251 Taken, I think", "hello"])
    def test_an_answer_that_smtplib_doesnt_expect_settles_nothing(
        self, answer: str, smtp_server: SMTPServer
    ) -> None:
        smtp_server.script("END", answer, nth=1)
        assert self.receipt(smtp_server).status is Status.UNKNOWN

    def test_a_lost_connection_settles_nothing(self, smtp_server: SMTPServer) -> None:
        smtp_server.script("END", Close(), nth=1)
        receipt = self.receipt(smtp_server)

        assert receipt.status is Status.UNKNOWN
        assert isinstance(receipt.error, smtplib.SMTPServerDisconnected)

    def test_what_a_class_raises_is_about_one_message(self, smtp_server: SMTPServer) -> None:
        class Raising(Counting):
            def sendmail(self, *args: Any, **kwargs: Any) -> Any:
                if b"Subject: bad" in args[2]:
                    raise RuntimeError("no")
                return super().sendmail(*args, **kwargs)

        backend = type("Backend", (EmailBackend,), {"connection_class": Raising})
        mailer = backend(smtp_server.host, smtp_server.port)
        good, bad, after = mailer.deliver([mail("good"), mail("bad"), mail("after")])

        assert [good.status, after.status] == [Status.SENT, Status.SENT]
        assert bad.status is Status.UNKNOWN
        assert str(bad.error) == "no"

    def test_an_interrupt_ends_the_connection(self, smtp_server: SMTPServer) -> None:
        class Interrupted(Counting):
            def data(self, msg: Any) -> Any:
                raise KeyboardInterrupt

        backend = type("Backend", (EmailBackend,), {"connection_class": Interrupted})
        with backend(smtp_server.host, smtp_server.port) as mailer:
            with pytest.raises(KeyboardInterrupt):
                mailer.send_messages([mail()])
            assert mailer.connection.sock is None


class TestPromises:
    """They hold as far as smtplib's own calls can keep them."""

    def test_starttls_is_verified_and_logs_in(self, tls_server: SMTPServer) -> None:
        options = {"use_tls": True, "username": "ann", "password": SECRET}
        with backend_for(tls_server, ca_file=tls_server.ca_file, **options) as mailer:
            assert isinstance(mailer.connection.sock, ssl.SSLSocket)
            assert mailer.send_messages([mail()]) == 1
        with pytest.raises(ssl.SSLCertVerificationError, match="is not trusted"):
            backend_for(tls_server, **options).open()

        assert len(tls_server.messages) == 1

    def test_starttls_is_required(self, smtp_server: SMTPServer) -> None:
        with pytest.raises(smtplib.SMTPNotSupportedError, match="STARTTLS"):
            backend_for(smtp_server, use_tls=True).send_messages([mail()])
        smtp_server.wait_for(lambda: smtp_server.open_connections == 0)

    def test_implicit_tls_is_verified(self) -> None:
        class Own(smtplib.SMTP_SSL):
            pass

        backend = type("Backend", (EmailBackend,), {"connection_class": Own})
        with SMTPServer(tls=True) as server:
            options = {"use_ssl": True, "timeout": 5}
            sent = backend(server.host, server.port, ca_file=server.ca_file, **options)
            assert sent.send_messages([mail()]) == 1
            with pytest.raises(ssl.SSLCertVerificationError):
                backend(server.host, server.port, **options).open()

    def test_no_password_in_the_clear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with SMTPServer(users={"ann": SECRET}, auth_in_clear=True) as server:
            options = {"username": "ann", "password": lambda: SECRET}
            assert backend_for(server, **options).send_messages([mail()]) == 1
            monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("192.0.2.1", 25))
            with pytest.raises(smtplib.SMTPNotSupportedError, match="allow_cleartext_auth"):
                backend_for(server, **options).open()

    @pytest.mark.parametrize("as_callable", [False, True], ids=["text", "callable"])
    def test_a_refused_login_leaves_the_password_in_no_frame(
        self, as_callable: bool, tls_server: SMTPServer
    ) -> None:
        wrong = SECRET + "x"
        options = {"use_tls": True, "ca_file": tls_server.ca_file, "username": "ann"}
        password = (lambda: wrong) if as_callable else wrong
        with pytest.raises(smtplib.SMTPAuthenticationError) as info:
            backend_for(tls_server, password=password, **options).open()

        assert leaks(info.value, wrong) == []

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("auth", "scram-sha-256"),
            ("connect", lambda host, port, timeout: None),
            ("server_hostname", "mail.example.com"),
            ("ehlo_after_auth", True),
        ],
    )
    def test_what_only_our_own_connections_keep_is_refused(
        self, option: str, value: Any, tls_server: SMTPServer
    ) -> None:
        options = {"use_tls": True, "ca_file": tls_server.ca_file, option: value}
        with pytest.raises(InvalidMailer, match=f"'{option}' can't be kept with Counting, wh.*out"):
            backend_for(tls_server, username="ann", password=SECRET, **options).open()
        assert not tls_server.connections


class TestConnectionThatWasSet:
    def test_it_is_sent_through_and_closed(self, smtp_server: SMTPServer) -> None:
        own = Counting(smtp_server.host, smtp_server.port, local_hostname="by.hand.example")
        mailer = EmailBackend("nowhere.invalid")
        mailer.connection = own

        assert mailer.open() is False
        assert mailer.send_messages([mail(), mail()]) == 2
        assert mailer.connection is own
        assert own.count == 2
        mailer.close()

        assert mailer.connection is None
        assert own.sock is None
        assert smtp_server.commands[0] == "ehlo by.hand.example"
        assert smtp_server.commands[-1].upper() == "QUIT"

    def test_reports_are_asked_for(self) -> None:
        with SMTPServer(extensions=["DSN"]) as server:
            mailer = EmailBackend("nowhere.invalid", notify="NEVER", ret="HDRS")
            mailer.connection = smtplib.SMTP(server.host, server.port, timeout=5)
            mailer.send_messages([mail()])
            mailer.close()

        assert {"NOTIFY": "NEVER"} in server.messages[0].recipient_parameters.values()

    def test_it_may_be_a_tests_double(self) -> None:
        mailer = EmailBackend("nowhere.invalid")
        mailer.connection = mock.Mock()
        mailer.connection.sendmail.return_value = {}

        assert mailer.send_messages([mail()]) == 1
        [call] = mailer.connection.sendmail.call_args_list
        assert call.args[:2] == ("me@example.com", ["ann@example.com"])
        assert call.args[2].isascii()
        assert len(call.args) == 3

    def test_ours_may_go_to_another_mailer(self, smtp_server: SMTPServer) -> None:
        with get_connection(smtp_server.url) as one:
            other = EmailBackend("nowhere.invalid")
            other.connection = one.connection
            assert other.send_messages([mail("other")]) == 1
            assert one.send_messages([mail("one")]) == 1
            other.close()
            assert one.send_messages([mail("one again")]) == 1

        assert len(smtp_server.messages) == 3
        assert len(smtp_server.connections) == 2

    def test_setting_what_is_there_changes_nothing(self, smtp_server: SMTPServer) -> None:
        with get_connection(smtp_server.url) as mailer:
            mailer.connection = before = mailer.connection
            mailer.send_messages([mail()])
            assert mailer.connection is before

        assert len(smtp_server.connections) == 1


class TestOpenThatIsOverridden:
    """Django's users change the connection there, or make one."""

    @pytest.mark.parametrize("way", ["send_messages", "deliver", "iter_deliver"])
    def test_each_way_to_send_calls_it(self, way: str, smtp_server: SMTPServer) -> None:
        class Own(EmailBackend):
            opened = 0

            def open(self) -> bool | None:
                new = super().open()
                self.opened += bool(new)
                return new

        mailer = Own(smtp_server.host, smtp_server.port)
        result = getattr(mailer, way)([mail(), mail()])
        if way != "send_messages":
            result = len(list(result))

        assert result == 2
        assert mailer.opened == 1
        assert mailer.connection is None

    def test_it_may_make_the_connection(self, smtp_server: SMTPServer) -> None:
        class Own(EmailBackend):
            def open(self) -> bool | None:
                if self.connection:
                    return False
                self.connection = smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=5)
                return True

        receipts = Own("nowhere.invalid").deliver([mail(), mail()])

        assert [receipt.status for receipt in receipts] == [Status.SENT, Status.SENT]
        assert len(smtp_server.connections) == 1
        smtp_server.wait_for(lambda: smtp_server.open_connections == 0)

    def test_one_that_opens_nothing_is_told_of(self, smtp_server: SMTPServer) -> None:
        class Own(EmailBackend):
            def open(self) -> bool | None:
                return None

        [receipt] = Own(smtp_server.host, smtp_server.port).deliver([mail()])

        assert receipt.status is Status.DEFERRED
        assert "Own.open() has opened no connection" in str(receipt.error)


def test_an_ssl_context_that_is_overridden_counts(tls_server: SMTPServer) -> None:
    """Django's users override it for a server with a certificate of their own."""
    context = ssl.create_default_context(cafile=tls_server.ca_file)

    class Own(EmailBackend):
        @property
        def ssl_context(self) -> ssl.SSLContext:
            return context

    options = {"use_tls": True, "username": "ann", "password": SECRET}
    with Own(tls_server.host, tls_server.port, **options) as mailer:
        assert mailer.send_messages([mail()]) == 1
        assert mailer.connection.sock.context is context


class TestSMTPLibReplaced:
    """Programs' tests replace it, and see what would have been sent."""

    def sent(self, double: mock.Mock) -> tuple[str, list[str], bytes]:
        [call] = double.sendmail.call_args_list
        sender, recipients, content = call.args
        return sender, recipients, content

    @pytest.mark.parametrize("before", [False, True], ids=["at first", "after a real mail"])
    def test_the_class(self, before: bool, smtp_server: SMTPServer) -> None:
        url = f"smtp://ann:secret@{smtp_server.host}:{smtp_server.port}"
        if before:
            get_connection(smtp_server.url).send_messages([mail()])
        with mock.patch("smtplib.SMTP") as smtp:
            assert get_connection(url, keep_alive=60).send_messages([mail("seen")]) == 1

        double = smtp.return_value
        assert smtp.call_args.args == (smtp_server.host, smtp_server.port)
        double.login.assert_called_once_with("ann", "secret")
        sender, recipients, content = self.sent(double)
        assert (sender, recipients) == ("me@example.com", ["ann@example.com"])
        assert b"Subject: seen" in content
        double.quit.assert_called_once_with()
        assert len(smtp_server.messages) == before
        assert get_connection(smtp_server.url).send_messages([mail()]) == 1

    def test_the_one_for_tls(self) -> None:
        with mock.patch("smtplib.SMTP_SSL") as smtp:
            get_connection("smtps://mail.example.com").send_messages([mail()])

        assert isinstance(smtp.call_args.kwargs["context"], ssl.SSLContext)
        assert self.sent(smtp.return_value)[0] == "me@example.com"

    def test_starttls_is_called(self) -> None:
        with mock.patch("smtplib.SMTP") as smtp:
            get_connection("smtp+tls://mail.example.com").send_messages([mail()])

        context = smtp.return_value.starttls.call_args.kwargs["context"]
        assert context.verify_mode is ssl.CERT_REQUIRED

    @pytest.mark.parametrize("method", ["sendmail", "send", "getreply"])
    def test_a_method(self, method: str, smtp_server: SMTPServer) -> None:
        original = getattr(smtplib.SMTP, method)
        seen = []

        def spy(self: smtplib.SMTP, *args: Any, **kwargs: Any) -> Any:
            seen.append(args)
            return original(self, *args, **kwargs)

        with mock.patch.object(smtplib.SMTP, method, spy):
            get_connection(smtp_server.url).send_messages([mail()])

        assert seen
        assert len(smtp_server.messages) == 1

    def test_what_it_raises_is_what_a_server_says(self) -> None:
        refusal = smtplib.SMTPRecipientsRefused({"ann@example.com": (550, b"5.1.1 Unknown")})
        with mock.patch("smtplib.SMTP") as smtp:
            smtp.return_value.sendmail.side_effect = refusal
            [receipt] = get_connection("smtp://mail.example.com").deliver([mail()])
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                get_connection("smtp://mail.example.com").send_messages([mail()])

        assert receipt.status is Status.REFUSED
        assert receipt.refused == {"ann@example.com": Reply(550, "Unknown", "5.1.1")}

    def test_a_connection_that_it_refuses(self) -> None:
        with mock.patch("smtplib.SMTP", side_effect=ConnectionRefusedError(111, "refused")):
            [receipt] = get_connection("smtp://mail.example.com").deliver([mail()])

        assert receipt.status is Status.DEFERRED
        assert isinstance(receipt.error, ConnectionRefusedError)

    def test_a_fake_that_knows_little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Fake:
            sent: list[Any] = []

            def __init__(self, host: str, port: int, **options: Any) -> None:
                pass

            def sendmail(self, *args: Any) -> dict[str, Any]:
                self.sent.append(args)
                return {}

            def quit(self) -> None:
                pass

        monkeypatch.setattr(smtplib, "SMTP", Fake)
        assert get_connection("smtp://mail.example.com").send_messages([mail(), mail()]) == 2
        assert len(Fake.sent) == 2

    def test_in_a_process_whose_first_mail_it_is(self, smtp_server: SMTPServer) -> None:
        """Our own class is not made from the double, and works afterwards."""
        code = f"""
            import sys; sys.path.insert(0, {str(Path(simplemail.__file__).parents[1])!r})
            from unittest import mock
            from simplemail import send_mail, configure
            configure(EMAIL_HOST={smtp_server.host!r}, EMAIL_PORT={smtp_server.port})
            mail = ("s", "b", "me@example.com", ["ann@example.com"])
            with mock.patch("smtplib.SMTP") as smtp:
                assert send_mail(*mail) == 1
                assert smtp.return_value.sendmail.call_count == 1
            assert "simplemail.smtp.connection" not in sys.modules
            assert send_mail(*mail) == 1
            import smtplib
            from simplemail.smtp.connection import Connection
            assert issubclass(Connection, smtplib.SMTP)
        """
        subprocess.run([sys.executable, "-I", "-c", inspect.cleandoc(code)], check=True)

        assert len(smtp_server.messages) == 1


def test_what_counts_as_smtplibs_own() -> None:
    assert is_smtplibs_own(smtplib.SMTP)
    assert is_smtplibs_own(smtplib.SMTP_SSL)
    for other in (smtplib.LMTP, Counting, mock.Mock(), mock.MagicMock(spec=smtplib.SMTP), None):
        assert not is_smtplibs_own(other)


class Recording(smtplib.SMTP):
    """Remembers what it was made with."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.given = options
        super().__init__(*args, **options)


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"timeout": 7}, {"local_hostname": None, "timeout": 7}),
        ({"local_hostname": "c.example"}, {"local_hostname": "c.example", "timeout": 5}),
        (
            {"source_address": ("127.0.0.1", 0)},
            {"local_hostname": None, "timeout": 5, "source_address": ("127.0.0.1", 0)},
        ),
    ],
)
def test_a_class_is_given_what_was_set_and_nothing_else(
    options: dict[str, Any], given: dict[str, Any], smtp_server: SMTPServer
) -> None:
    kind = type("Backend", (EmailBackend,), {"connection_class": Recording})
    with kind(smtp_server.host, smtp_server.port, **{"timeout": 5, **options}) as mailer:
        assert mailer.connection.given == given


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (250, Status.UNKNOWN), (399, Status.UNKNOWN), (400, Status.DEFERRED),
        (499, Status.DEFERRED), (500, Status.REFUSED), (599, Status.REFUSED), (600, Status.UNKNOWN),
    ],
)  # fmt: skip
def test_an_answer_counts_if_it_is_a_refusal(code: int, status: Status) -> None:
    handover = foreign.Handover(letter(), ())

    assert handover.judge(smtplib.SMTPDataError(code, b"words")) is status
    assert handover.reply is not None
    assert handover.reply.code == code


class TestASession:
    """What its mailer asks before each message."""

    @pytest.fixture
    def smtp(self) -> mock.Mock:
        smtp = mock.Mock(sock=mock.Mock(), esmtp_features={}, ehlo_msg="ehlo")
        smtp.sendmail.return_value = {}
        return smtp

    @pytest.fixture
    def session(self, smtp: mock.Mock) -> foreign.ForeignSession:
        return foreign.ForeignSession(smtp, EmailBackend("mail.example")._way())

    def test_is_fresh_until_its_first_message(self, session: foreign.ForeignSession) -> None:
        assert session.fresh
        assert not session.settled
        session.finish(session.prepare(letter()))

        assert not session.fresh
        assert session.settled

    def test_is_greeted_once(self, session: foreign.ForeignSession, smtp: mock.Mock) -> None:
        assert session.stale
        assert session.ready()
        assert session.ready()
        assert not session.stale

        smtp.ehlo_or_helo_if_needed.assert_called_once_with()

    def test_ends_if_it_cannot_be_greeted(
        self, session: foreign.ForeignSession, smtp: mock.Mock
    ) -> None:
        smtp.ehlo_or_helo_if_needed.side_effect = smtplib.SMTPHeloError(421, b"Bye")

        assert not session.ready()
        assert session.broken
        smtp.close.assert_called()

    @pytest.mark.parametrize("error", [None, OSError("lost"), AttributeError("a double")])
    def test_goes_on_after_a_refusal_if_it_can_be_reset(
        self, error: Exception | None, session: foreign.ForeignSession, smtp: mock.Mock
    ) -> None:
        smtp.sendmail.side_effect = refusal = smtplib.SMTPDataError(550, b"5.7.1 No")
        smtp.rset.side_effect = error

        assert session.finish(session.prepare(letter())) == (Status.REFUSED, refusal)
        assert session.usable is (error is None)

    def test_does_not_know_what_became_of_an_interrupted_message(
        self, session: foreign.ForeignSession, smtp: mock.Mock
    ) -> None:
        smtp.sendmail.side_effect = KeyboardInterrupt
        handover = session.prepare(letter())
        with pytest.raises(KeyboardInterrupt):
            session.finish(handover)

        assert session.finish(handover)[0] is Status.UNKNOWN
        assert session.finish(session.prepare(letter()))[0] is Status.DEFERRED
        assert smtp.sendmail.call_count == 1
