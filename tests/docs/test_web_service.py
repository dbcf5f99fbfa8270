"""The backend that people copy from the guide says what happened, whatever the service does."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simplemail import EmailMultiAlternatives, Status
from support.docs_runner import ROOT, blocks_of

CODE = next(
    block.code
    for block in blocks_of(ROOT / "docs" / "how-to" / "web-service.md")
    if block.code.startswith("# postmark.py")
)


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
        server.got, server.answer = [], b"HTTP/1.0 200 OK\r\n\r\n{}"
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
    assert headers["X-Postmark-Server-Token"] == "t0ken"
    assert sent["From"] == "me@example.com"
    assert sent["To"] == "ann@example.com,bob@example.com"
    assert sent["Subject"] == "Grüße"
    assert (sent["TextBody"].strip(), sent["HtmlBody"].strip()) == ("Text", "<p>Text</p>")
    [attached] = sent["Attachments"]
    assert (attached["Name"], base64.b64decode(attached["Content"])) == ("a.bin", b"\0\xff")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((code, Status.SENT) for code in (200, 201, 202)),
        *((code, Status.REFUSED) for code in (400, 401, 403, 413, 422)),
        *((code, Status.DEFERRED) for code in (408, 429, 500, 502, 503)),
    ],
)
def test_what_the_service_answers_is_the_receipt(backend, service, code, status):
    service.answer = b"HTTP/1.0 %d So\r\n\r\nwhy" % code

    receipt = deliver(backend, service)

    assert receipt.status is status
    assert f"HTTP {code}" in receipt.reply.text


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 ", b"no HTTP at all\r\n\r\n"])
def test_half_an_answer_leaves_doubt(backend, service, answer):
    service.answer = answer

    assert deliver(backend, service).status is Status.UNKNOWN


def test_a_service_that_can_not_be_reached_has_nothing(backend, service):
    service.url = "http://127.0.0.1:1/"

    assert deliver(backend, service).status is Status.DEFERRED
