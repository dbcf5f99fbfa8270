"""Hooks of Django's backends: each is called for every message, whichever way it is sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import gzip
import io
import pickle
from email.message import EmailMessage as StdlibMessage
from unittest import mock

import pytest

import simplemail
from simplemail import EmailMessage, EmailMultiAlternatives, Envelope, get_connection
from simplemail.backends import console, filebased, smtp
from simplemail.backends.base import BaseEmailBackend
from simplemail.receipts import Reply, Status
from simplemail.testing.contract import a_message
from support.whole import WAYS


def stdlib_message():
    message = StdlibMessage()
    message["From"], message["To"], message["Subject"] = "me@example.com", "ann@example.com", "Hi"
    message.set_content("Text")
    return message


WHAT = {
    "message": a_message,
    "envelope": lambda: a_message().envelope(),
    "stdlib": stdlib_message,
}


@pytest.fixture(params=WHAT)
def thing(request):
    return WHAT[request.param]()


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


class TestSend:
    """`_send()` of the SMTP backend."""

    @pytest.fixture
    def options(self, smtp_server):
        return {"host": smtp_server.host, "port": smtp_server.port}

    def test_that_withholds_a_message_is_obeyed(self, smtp_server, options, way, thing):
        class AllowList(smtp.EmailBackend):
            def _send(self, email_message):
                if any("ann@" in each for each in email_message.recipients()):
                    return False
                return super()._send(email_message)

        way(AllowList(**options), thing)

        assert smtp_server.messages == []

    def test_that_changes_what_is_sent_is_obeyed(self, smtp_server, options, way, thing):
        class Signing(smtp.EmailBackend):
            def _send(self, email_message):
                data = email_message.message().as_bytes()
                signed = b"X-Signature: yes\r\n" + data
                self.connection.sendmail(
                    email_message.from_email, email_message.recipients(), signed
                )
                return True

        way(Signing(**options), thing)

        [arrived] = smtp_server.messages
        assert arrived.content.startswith(b"X-Signature: yes\r\n")
        assert list(arrived.recipients) == ["ann@example.com"]

    def test_that_calls_the_one_it_overrides_has_its_receipt(self, smtp_server, options):
        class Counting(smtp.EmailBackend):
            def _send(self, email_message):
                return super()._send(email_message)

        message = a_message()
        [receipt] = Counting(**options).deliver([message])

        assert (receipt.status, receipt.message) == (Status.SENT, message)
        assert receipt.reply.code == 250
        assert receipt.message_id

    def test_that_sends_several_for_one(self, smtp_server, options):
        class Each(smtp.EmailBackend):
            def _send(self, email_message):
                for address in email_message.recipients():
                    super()._send(a_message(to=[address]))
                return True

        [receipt] = Each(**options).deliver([a_message(to=["a@example.com", "b@example.com"])])

        assert receipt.status is Status.SENT
        assert [tuple(m.recipients) for m in smtp_server.messages] == [
            ("a@example.com",),
            ("b@example.com",),
        ]

    def test_error_of_its_own_is_the_receipts(self, options, smtp_server):
        class Broken(smtp.EmailBackend):
            def _send(self, email_message):
                super()._send(email_message)
                raise LookupError("no key")

        [receipt] = Broken(**options).deliver([a_message()])

        assert receipt.status is Status.UNKNOWN
        assert isinstance(receipt.error, LookupError)

    def test_refusal_raises_as_in_django(self, options):
        class Calling(smtp.EmailBackend):
            def _send(self, email_message):
                with pytest.raises(ValueError, match="Invalid address"):
                    super()._send(email_message)
                return False

        assert Calling(**options).send_messages([a_message(to=["a b@example.com"])]) == 0

    def test_patched_anywhere_is_called(self, smtp_server, options):
        mailer = smtp.EmailBackend(**options)
        for target in (mailer, smtp.EmailBackend):
            with mock.patch.object(target, "_send", return_value=True) as patched:
                mailer.send_messages([a_message()])
                mailer.deliver([a_message()])
            assert patched.call_count == 2
        assert smtp_server.messages == []


class TestAHookThatIsNeverCalled:
    """Its class is refused when it is made, with what to do instead."""

    @pytest.mark.parametrize("name", ["prep_address", "_close_connection"])
    def test_of_the_smtp_backend(self, name):
        with pytest.raises(TypeError, match=rf"Theirs has {name}\(\), which .* never calls; \w+"):
            type("Theirs", (smtp.EmailBackend,), {name: lambda self, *args: None})

    def test_of_a_mixin(self):
        class Mixin:
            def prep_address(self, address, force_ascii=True):
                return address

        with pytest.raises(TypeError, match="override send_envelope"):
            type("Theirs", (Mixin, smtp.EmailBackend), {})

    @pytest.mark.parametrize("base", [EmailMessage, EmailMultiAlternatives])
    @pytest.mark.parametrize(
        "name",
        [
            *("_create_message", "_create_attachments", "_create_attachment"),
            *("_create_mime_attachment", "_create_alternatives", "_add_bodies"),
            *("_add_attachments", "_add_attachment", "_set_list_header_if_not_empty"),
            "_idna_encode_address_header_domains",
        ],
    )
    def test_of_a_message(self, base, name):
        with pytest.raises(TypeError, match=rf"Theirs has {name}\(\).* override message\(\)"):
            type("Theirs", (base,), {name: lambda self, *args: None})

    @pytest.mark.parametrize("way_out", [EmailMessage.as_bytes, EmailMessage.message])
    @pytest.mark.parametrize("name", ["mixed_subtype", "alternative_subtype"])
    def test_subtype_of_a_message(self, name, way_out):
        """A known recipe for images in HTML; attach_inline() is what it is for."""
        on_class = type("Theirs", (EmailMultiAlternatives,), {name: "related"})()
        on_object = EmailMultiAlternatives()
        setattr(on_object, name, "related")
        for message in (on_class, on_object):
            with pytest.raises(ValueError, match=rf"{name} can't be 'related': .*attach_inline"):
                way_out(message)

    def test_subtype_may_be_read_and_set_to_what_it_is(self):
        message = EmailMultiAlternatives("s", "b", "a@example.com", ["b@example.com"])
        assert (message.mixed_subtype, message.alternative_subtype) == ("mixed", "alternative")
        message.mixed_subtype = "mixed"
        assert message.as_bytes()

    def test_subtype_is_the_message_methods_own_where_that_is_overridden(self):
        class Theirs(EmailMessage):
            mixed_subtype = "related"

            def message(self):
                return stdlib_message()

        assert b"Subject: Hi" in Theirs().as_bytes()


class TestGetConnection:
    """`get_connection()` of messages, which Django had until 6.0."""

    @pytest.mark.parametrize(
        "send",
        [
            lambda message: message.send(),
            lambda message: message.deliver(),
            lambda message: asyncio.run(message.asend()),
        ],
    )
    def test_says_where_a_message_goes(self, send):
        read = Reading()

        class Routed(EmailMessage):
            def get_connection(self, fail_silently=False):
                return read

        send(Routed("s", "b", "a@example.com", ["b@example.com"]))

        assert [message.subject for message in read.read] == ["s"]

    def test_hears_of_fail_silently(self):
        heard = []

        class Routed(EmailMessage):
            def get_connection(self, fail_silently=False):
                heard.append(fail_silently)
                return Reading()

        Routed("s", "b", "a@example.com", ["b@example.com"]).send(fail_silently=True)

        assert heard == [True]

    def test_patched_is_asked_by_send_mail_too(self):
        read = Reading()
        with mock.patch.object(EmailMessage, "get_connection", return_value=read):
            simplemail.send_mail("s", "b", "a@example.com", ["b@example.com"])

        assert [message.subject for message in read.read] == ["s"]

    def test_contradicts_using(self):
        class Routed(EmailMessage):
            def get_connection(self, fail_silently=False):
                raise AssertionError("asked")

        message = Routed("s", "b", "a@example.com", ["b@example.com"])
        with pytest.raises(TypeError, match=r"'using' is not compatible with .*Routed\.get_conn"):
            message.send(using="default")

    def test_returns_and_keeps_the_default_mailer(self, mail_outbox):
        message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])

        assert message.get_connection() is message.connection
        message.send()
        assert len(mail_outbox) == 1


def test_a_patched_send_is_what_send_mail_calls(mail_outbox):
    with mock.patch.object(EmailMultiAlternatives, "send", return_value=1) as patched:
        simplemail.send_mail("s", "b", "a@example.com", ["b@example.com"], auth_user="u")

    assert patched.call_count == 1
    assert mail_outbox == []


class TestInlineFiles:
    def inlined(self):
        message = EmailMultiAlternatives("s", "b", "a@example.com", ["b@example.com"])
        cid = message.attach_inline(PNG, "logo.png")
        message.attach_alternative(f'<img src="cid:{cid}">', "text/html")
        message.attach("a.bin", PNG, "application/octet-stream")
        return message, cid

    def test_are_mime_parts_to_backends_that_read_attributes(self):
        message, cid = self.inlined()
        mailer = Reading()
        mailer.send_messages([message])

        part, attached = mailer.read[0].attachments
        assert part["Content-ID"] == f"<{cid}>"
        assert part.get_content_type() == "image/png"
        assert part.get_content_disposition() == "inline"
        assert part.get_filename() == "logo.png"
        assert part.get_payload(decode=True) == PNG
        assert attached.filename == "a.bin"

    def test_go_beside_the_html_and_not_among_the_attachments(self):
        message, cid = self.inlined()
        for root in (
            email.message_from_bytes(message.as_bytes(), policy=email.policy.default),
            message.message(),
        ):
            shape = [part.get_content_type() for part in root.walk()]
            assert shape == [
                *("multipart/mixed", "multipart/alternative", "text/plain"),
                *("multipart/related", "text/html", "image/png", "application/octet-stream"),
            ]
            [image] = [part for part in root.walk() if part["Content-ID"]]
            assert image["Content-ID"] == f"<{cid}>"
            assert image.get_payload(decode=True) == PNG

    @pytest.mark.parametrize("text", ["Grüße", "Grüße".encode(), b"Gr\xfc\xdfe"])
    @pytest.mark.parametrize("kind", ["text/css", "text/css; charset=utf-8", "message/rfc822"])
    def test_of_any_type_can_be_shown_and_pickled(self, text, kind):
        message = EmailMultiAlternatives("s", "b", "a@example.com", ["b@example.com"])
        message.attach_inline(text, "ü.css", kind)

        again = pickle.loads(pickle.dumps(message))

        [part] = again.attachments
        wanted = text.encode() if isinstance(text, str) else text
        assert part.get_payload(decode=True) == wanted
        assert again.inlines == message.inlines

    def test_survive_a_change_of_what_was_an_envelope(self):
        from simplemail.backends.delivered import as_message

        message, cid = self.inlined()
        again = as_message(message.envelope())
        again.subject = "Other"
        root = email.message_from_bytes(again.as_bytes(), policy=email.policy.default)

        related = next(p for p in root.walk() if p.get_content_type() == "multipart/related")
        assert [p["Content-ID"] for p in related.iter_parts()] == [None, f"<{cid}>"]
        assert [each.content_id for each in again.inlines] == [cid]


class TestPickling:
    @pytest.fixture(autouse=True)
    def _mailers(self):
        with simplemail.override_settings(
            MAILERS={"default": "dummy:", "bulk": "smtp://me:secret@h.invalid"}
        ):
            yield

    def test_of_a_message_with_a_mailer_keeps_the_alias(self):
        message = a_message(connection=simplemail.mailers["bulk"])

        data = pickle.dumps(message)

        assert b"secret" not in data
        again = pickle.loads(data).connection
        assert (type(again), again.alias) == (smtp.EmailBackend, "bulk")

    def test_of_what_send_mass_mail_sends(self):
        """As a backend that queues messages gets them."""
        queued = []

        class Queue(BaseEmailBackend):
            def send_messages(self, email_messages):
                queued.extend(pickle.dumps(message) for message in email_messages)
                return len(email_messages)

        with simplemail.override_settings(MAILERS={"default": {"BACKEND": Queue}}):
            simplemail.send_mass_mail([("s", "b", "a@example.com", ["b@example.com"])])

        [message] = map(pickle.loads, queued)
        assert message.subject == "s"
        assert message.connection.alias == "default"

    def test_without_mailers_is_by_default(self):
        with simplemail.override_settings(MAILERS=None, EMAIL_URL="dummy:"):
            for mailer in (get_connection(), simplemail.mailers["default"]):
                assert type(pickle.loads(pickle.dumps(mailer))) is type(mailer)

    @pytest.mark.parametrize("options", [{"fail_silently": True}, {"backend": "dummy"}])
    def test_of_a_mailer_with_options_of_its_own_says_what_to_do(self, options):
        with pytest.raises(TypeError, match=r"from mailers\['alias'\] can be pickled"):
            pickle.dumps(get_connection(**options))


class TestConsole:
    def test_write_message_is_called(self, way, thing):
        class Short(console.EmailBackend):
            def write_message(self, message):
                self.stream.write(f"{message.subject}|{message.to}\n")

        stream = io.StringIO()
        way(Short(stream=stream), thing)

        assert stream.getvalue().endswith("|['ann@example.com']\n")

    def test_write_message_may_call_the_one_it_overrides(self):
        class Framed(console.EmailBackend):
            def write_message(self, message):
                self.stream.write("<<<\n")
                super().write_message(message)

        stream = io.StringIO()
        [receipt] = Framed(stream=stream).deliver([a_message()])

        assert stream.getvalue().startswith("<<<\nContent-Type")
        assert (receipt.status, receipt.reply) == (Status.SENT, Reply(250, "shown"))

    def test_no_standard_output_is_a_clear_error(self, monkeypatch):
        monkeypatch.setattr("sys.stdout", None)

        with pytest.raises(simplemail.ImproperlyConfigured, match=r"sys\.stdout is None.*stream"):
            console.EmailBackend()
        with pytest.raises(simplemail.InvalidMailer, match=r"MAILERS\['c'\]: .*stdout"):
            console.EmailBackend(alias="c")


class TestFile:
    @pytest.fixture(params=["log", "eml"])
    def kind(self, request):
        return request.param

    def test_write_message_is_called(self, tmp_path, way, thing, kind):
        class Short(filebased.EmailBackend):
            def write_message(self, message):
                self.stream.write(f"{message.to}\n".encode())

        way(Short(file_path=tmp_path, format=kind), thing)

        [path] = tmp_path.iterdir()
        assert path.read_bytes() == b"['ann@example.com']\n"

    def test_write_message_may_call_the_one_it_overrides(self, tmp_path, kind):
        class Framed(filebased.EmailBackend):
            def write_message(self, message):
                self.stream.write(b"<<<\n")
                super().write_message(message)

        mailer = Framed(file_path=tmp_path, format=kind)
        receipts = mailer.deliver([a_message(), a_message()])

        contents = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
        assert b"".join(contents).count(b"<<<\nContent-Type") == 2
        assert len(contents) == (1 if kind == "log" else 2)
        assert [each.status for each in receipts] == [Status.SENT] * 2
        assert all(each.reply.text.startswith("written to 2") for each in receipts)
        assert receipts[0].message_id

    def test_write_message_that_withholds_a_message_writes_nothing(self, tmp_path, way, thing):
        class Strict(filebased.EmailBackend):
            def write_message(self, message):
                return None

        way(Strict(file_path=tmp_path, format="eml"), thing)

        assert list(tmp_path.iterdir()) == []

    def test_error_in_write_message_leaves_nothing(self, tmp_path, kind):
        class Broken(filebased.EmailBackend):
            def write_message(self, message):
                super().write_message(message)
                raise LookupError("no key")

        with pytest.raises(LookupError):
            Broken(file_path=tmp_path, format=kind).send_messages([a_message()])

        assert b"".join(path.read_bytes() for path in tmp_path.iterdir()) == b""

    def test_get_filename_says_where(self, tmp_path, way, thing, kind):
        class Named(filebased.EmailBackend):
            def _get_filename(self):
                return tmp_path / "mail.txt"

        way(Named(file_path=tmp_path / "unused", format=kind), thing)

        assert b"To: ann@example.com" in (tmp_path / "mail.txt").read_bytes()
        assert list((tmp_path / "unused").iterdir()) == []

    def test_get_filename_may_name_a_file_that_is_there(self, tmp_path):
        class Named(filebased.EmailBackend):
            def _get_filename(self):
                return str(tmp_path / "mail.txt")

        for _ in range(2):
            Named(file_path=tmp_path).send_messages([a_message()])

        assert (tmp_path / "mail.txt").read_bytes().count(b"Subject: Subject") == 2

    def test_get_filename_replaces_no_eml_file(self, tmp_path):
        class Named(filebased.EmailBackend):
            def _get_filename(self):
                return str(tmp_path / "mail.eml")

        mailer = Named(file_path=tmp_path, format="eml")
        [first, second] = mailer.deliver([a_message(subject="first"), a_message()])

        assert (first.status, second.status) == (Status.SENT, Status.DEFERRED)
        assert "The file exists already" in str(second.error)
        assert b"Subject: first" in (tmp_path / "mail.eml").read_bytes()

    def test_open_that_sets_a_stream_of_its_own(self, tmp_path, way, thing):
        class Zipped(filebased.EmailBackend):
            def open(self):
                if self.stream is None:
                    self.stream = gzip.open(tmp_path / "mail.gz", "ab")  # noqa: SIM115 - as Django writes it
                    return True
                return False

        mailer = Zipped(file_path=tmp_path)
        way(mailer, thing)
        mailer.close()

        assert b"To: ann@example.com" in gzip.decompress((tmp_path / "mail.gz").read_bytes())


class Reading(BaseEmailBackend):
    """A backend written for Django that reads attributes, as those for HTTP APIs do."""

    def __init__(self, **options):
        super().__init__(**options)
        self.read = []

    def send_messages(self, email_messages):
        before = len(self.read)
        self.read += email_messages
        return len(self.read) - before


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def rich_message():
    message = EmailMultiAlternatives(
        "Grüße",
        "Text ü",
        '"Me, myself" <me@example.com>',
        ["Ann Ä <ann@example.com>", "bob@example.com"],
        cc=['"Doe, Joe" <joe@example.com>'],
        bcc=["secret@example.com"],
        reply_to=["answers@example.com"],
        headers={"X-Campaign": "42"},
    )
    message.attach_alternative("<p>HTML ü</p>", "text/html")
    message.attach("a.csv", "a;b\n", "text/csv")
    message.attach("b.bin", PNG, "application/octet-stream")
    return message


class Filtering:
    """A mixin written for Django: it doesn't know that there are backends of ours."""

    def send_messages(self, email_messages):
        return super().send_messages([each for each in email_messages if each.to != ["no@x.org"]])


class FilteredReading(Filtering, Reading):
    pass


class NamedAgain(FilteredReading):
    send_messages = FilteredReading.send_messages


class TestWhatSendMessagesGets:
    """An overridden `send_messages()` reads attributes of messages, so it gets nothing else."""

    @pytest.mark.parametrize("cls", [Reading, FilteredReading, NamedAgain])
    @pytest.mark.parametrize("kind", [list, tuple, iter])
    def test_is_a_message(self, cls, kind, thing):
        mailer = cls()

        mailer.send_messages(kind([thing]))

        [message] = mailer.read
        assert isinstance(message, EmailMessage)
        assert message.to == ["ann@example.com"]

    def test_is_read_one_at_a_time_of_an_iterator(self):
        class Counting(BaseEmailBackend):
            def send_messages(self, email_messages):
                return sum(1 for _ in zip(email_messages, range(2), strict=False))

        messages = iter([a_message() for _ in range(5)])

        assert Counting().send_messages(messages) == 2
        assert len(list(messages)) == 2  # zip() took one more


class TestAnEnvelopeForABackendWrittenForDjango:
    @pytest.fixture(params=["deliver", "failover", "roundrobin", "redirect", "tee"])
    def read(self, request):
        """Send something by each way in which such a backend gets envelopes."""

        def send(thing):
            mailer = Reading()
            options = {
                "deliver": lambda: mailer,
                "failover": lambda: get_connection("failover", mailers=[mailer]),
                "roundrobin": lambda: get_connection("roundrobin", mailers=[mailer]),
                "redirect": lambda: get_connection(
                    "redirect", mailer=mailer, allow=["example.com"]
                ),
                "tee": lambda: get_connection("tee", mailer=mailer, copies=["dummy:"]),
            }
            [receipt] = options[request.param]().deliver([thing])
            assert receipt.status is Status.SENT
            [message] = mailer.read
            return message

        return send

    def test_is_a_whole_message(self, read):
        message = read(rich_message().envelope())

        assert isinstance(message, EmailMessage)
        assert message.subject == "Grüße"
        assert message.body == "Text ü\n"
        assert message.from_email == '"Me, myself" <me@example.com>'
        assert message.to == ["Ann Ä <ann@example.com>", "bob@example.com"]
        assert message.cc == ['"Doe, Joe" <joe@example.com>']
        assert message.bcc == ["secret@example.com"]
        assert message.reply_to == ["answers@example.com"]
        assert message.alternatives == [("<p>HTML ü</p>\n", "text/html")]
        assert message.extra_headers == {"X-Campaign": "42"}
        files = {part.get_filename(): part.get_payload(decode=True) for part in message.attachments}
        assert files["b.bin"] == PNG
        assert files["a.csv"].replace(b"\r\n", b"\n") == b"a;b\n"

    def test_is_a_mime_part_to_every_django(self, read):
        from email.message import MIMEPart
        from email.mime.base import MIMEBase

        for part in read(rich_message().envelope()).attachments:
            assert isinstance(part, MIMEBase)
            assert isinstance(part, MIMEPart)

    def test_reads_html_alone(self, read):
        message = a_message(body="<b>Hi</b>")
        message.content_subtype = "html"
        read_back = read(message.envelope())

        assert (read_back.body, read_back.content_subtype) == ("<b>Hi</b>\n", "html")
        assert read_back.alternatives == []


class TestReadBack:
    def test_unchanged_is_the_envelope(self):
        from simplemail.backends.delivered import as_message

        envelope = rich_message().envelope()
        message = as_message(envelope)

        assert message.envelope() is envelope
        assert message.recipients() == list(envelope.recipients)
        assert message.message()["Message-ID"] == envelope.message_id

    def test_another_sender_than_in_the_header_stays_apart(self):
        from simplemail.backends.delivered import as_message

        envelope = a_message(
            from_email="bounces@example.com", headers={"From": "me@example.com"}
        ).envelope()
        message = as_message(envelope)

        assert message.from_email == "bounces@example.com"
        assert message.extra_headers == {"From": "me@example.com"}
        message.subject = "Other"
        assert message.envelope().sender == "bounces@example.com"

    def test_null_sender_stays(self):
        from simplemail.backends.delivered import as_message

        envelope = Envelope.of(a_message(), sender="")

        assert as_message(envelope).envelope().sender == ""

    def test_changed_is_sent_as_changed(self):
        """What an allow-list for staging does with a message."""
        from simplemail.backends.delivered import as_message

        envelope = rich_message().envelope()
        message = as_message(envelope)
        message.body = "Was for Ann:\n" + message.body
        message.to, message.cc, message.bcc = ["dev@example.com"], [], []
        changed = message.envelope()

        assert changed.recipients == ("dev@example.com",)
        assert changed.message_id == envelope.message_id
        again = as_message(changed)
        assert again.body == "Was for Ann:\nText ü\n"
        assert again.to == ["dev@example.com"]
        assert again.alternatives == [("<p>HTML ü</p>\n", "text/html")]
        assert [part.get_filename() for part in again.attachments] == ["a.csv", "b.bin"]
        assert b"joe@" not in changed.content

    def test_reads_what_others_composed(self):
        from simplemail.backends.delivered import as_message

        raw = (
            b"From: a@example.com\r\nTo: undisclosed-recipients:;\r\n"
            b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
            b"--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n"
            b"--x\r\nContent-Type: multipart/related; boundary=y\r\n\r\n"
            b"--y\r\nContent-Type: text/html\r\n\r\n<img src=cid:z>\r\n"
            b"--y\r\nContent-Type: image/png\r\nContent-ID: <z>\r\n\r\nPNG\r\n--y--\r\n"
            b'--x\r\nContent-Type: text/calendar; method="REQUEST"\r\n\r\nBEGIN\r\n--x--\r\n'
        )
        message = as_message(Envelope.of(raw, recipients=["b@example.com"]))

        assert (message.subject, message.body.strip()) == ("Café", "café")
        assert [kind for _, kind in message.alternatives] == [
            "text/html",
            'text/calendar; method="REQUEST"',
        ]
        assert [part["Content-ID"] for part in message.attachments] == ["<z>"]
        assert message.bcc == ["b@example.com"]
