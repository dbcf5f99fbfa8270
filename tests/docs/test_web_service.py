"""The backend that people copy from the guide says what happened, whatever the service does."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simplemail import (
    EmailMessage,
    EmailMultiAlternatives,
    Envelope,
    Status,
    unsubscribe_headers,
)
from support.docs_runner import ROOT, blocks_of

CODE = next(
    block.code
    for block in blocks_of(ROOT / "docs" / "how-to" / "web-service.md")
    if block.code.startswith("# postmark.py")
)


def answer(code):
    return b'HTTP/1.0 %d So\r\n\r\n{"MessageID": "b7bc"}' % code


@pytest.fixture(scope="module")
def backend():
    namespace = {"__name__": "postmark"}
    exec(compile(CODE, "postmark.py", "exec"), namespace)
    return namespace["EmailBackend"]


@pytest.fixture
def service():
    """An HTTP server that answers with `service.answer`, raw octets, and keeps what it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            server.got.append((self.headers, json.loads(self.rfile.read(size))))
            self.wfile.write(server.answer)
            self.close_connection = True

        def log_message(self, *args):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.got, server.answer = [], answer(200)
        server.url = f"http://127.0.0.1:{server.server_port}/email"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def deliver(backend, service, **options):
    message = EmailMultiAlternatives("Grüße", "Text", "me@example.com", ["ann@example.com"])
    message.attach_alternative("<p>Text</p>", "text/html")
    message.attach("a.bin", b"\0\xff", "application/octet-stream")
    message.bcc = ["bob@example.com"]
    [receipt] = backend(token="t0ken", url=service.url, **options).deliver([message])
    return receipt


def test_the_service_gets_the_message(backend, service):
    receipt = deliver(backend, service)

    [(headers, sent)] = service.got
    assert receipt.status is Status.SENT
    assert receipt.reply.text == "queued as b7bc"
    assert headers["X-Postmark-Server-Token"] == "t0ken"
    assert sent["From"] == "me@example.com"
    assert sent["Subject"] == "Grüße"
    assert (sent["TextBody"].strip(), sent["HtmlBody"].strip()) == ("Text", "<p>Text</p>")
    [attached] = sent["Attachments"]
    assert (attached["Name"], base64.b64decode(attached["Content"])) == ("a.bin", b"\0\xff")


def sent(backend, service, message):
    """Deliver a message and return what the service got of it."""
    [receipt] = backend(token="t0ken", url=service.url).deliver([message])
    assert receipt.status is Status.SENT
    return service.got[-1][1]


def test_blind_copies_stay_blind(backend, service):
    message = EmailMessage("a", "b", "me@example.com", ["Ann <ann@example.com>", "al@example.com"])
    message.cc, message.bcc = ["Cy <cy@example.com>"], ["bob@example.com"]

    got = sent(backend, service, message)

    assert got["To"] == "Ann <ann@example.com>, al@example.com"
    assert (got["Cc"], got["Bcc"]) == ("Cy <cy@example.com>", "bob@example.com")


def test_only_the_envelopes_recipients_get_it(backend, service):
    """The header names more: a redirect or a retry may send to some of them."""
    message = EmailMessage("a", "b", "me@example.com", ["ann@example.com", "al@example.com"])
    envelope = Envelope.of(message, recipients=["al@example.com", "dev@example.com"])

    got = sent(backend, service, envelope)

    assert (got["To"], got["Cc"], got["Bcc"]) == ("al@example.com", "", "dev@example.com")


def test_nothing_of_a_message_is_lost(backend, service):
    message = EmailMultiAlternatives("a", "b", "me@example.com", ["ann@example.com"])
    message.reply_to = ["Desk <desk@example.com>"]
    message.extra_headers = unsubscribe_headers("https://example.com/u?id=1")
    logo = message.attach_inline(b"PNG", "logo.png")
    message.attach_alternative(f'<img src="cid:{logo}">', "text/html")
    message.attach("in.eml", EmailMessage("Inner", "c", "x@example.com", ["y@example.com"]))

    got = sent(backend, service, message)

    assert got["ReplyTo"] == "Desk <desk@example.com>"
    assert {each["Name"]: each["Value"] for each in got["Headers"]} == message.extra_headers
    image, inner = got["Attachments"]
    assert (image["ContentID"], image["ContentType"]) == (f"cid:{logo}", "image/png")
    assert logo in got["HtmlBody"]
    assert b"Subject: Inner" in base64.b64decode(inner["Content"])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((code, Status.SENT) for code in (200, 201, 202)),
        *((code, Status.REFUSED) for code in (400, 401, 403, 413, 422)),
        *((code, Status.DEFERRED) for code in (408, 429, 503)),
        *((code, Status.UNKNOWN) for code in (500, 502, 504)),
    ],
)
def test_what_the_service_answers_is_the_receipt(backend, service, code, status):
    service.answer = answer(code)

    receipt = deliver(backend, service)

    assert receipt.status is status
    if status is not Status.SENT:
        assert f"HTTP {code}" in str(receipt.error)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.0 ",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n<html>a proxy's page</html>",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
    ],
)
def test_what_is_no_answer_leaves_doubt(backend, service, octets):
    service.answer = octets

    assert deliver(backend, service).status is Status.UNKNOWN


def test_a_service_that_can_not_be_reached_has_nothing(backend, service):
    service.url = "http://127.0.0.1:1/"

    assert deliver(backend, service).status is Status.DEFERRED
