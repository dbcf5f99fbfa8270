"""django-anymail: what it hands to a provider's HTTP API has everything that is in a message.

Django isn't set up here at all: its settings are ours, too.
"""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simplemail import configure, get_connection, mailers, send_mail
from simplemail.testing import SMTPServer
from support.ported import MAIL, SETTINGS, Ported, needs
from support.whole import NOTES, PICTURE, REPORT, WAYS, WHAT, seen

needs("django-anymail")

POSTMARK = "anymail.backends.postmark.EmailBackend"


def set_up(api):
    configure(
        MAILERS={"default": {"BACKEND": POSTMARK}},
        DEFAULT_FROM_EMAIL="shop@example.com",
        extra={
            "ANYMAIL": {
                "POSTMARK_SERVER_TOKEN": "token",
                "POSTMARK_API_URL": api,
                "SEND_DEFAULTS": {"tags": ["spring"]},
            }
        },
    )


def send(way, what):
    WAYS[way](mailers["default"], WHAT[what]())


def send_in_one_line():
    return send_mail("s", "b", None, ["ann@example.com"], html_message="<p>b</p>")


def deliver():
    [receipt] = mailers["default"].deliver([WHAT["message"]()])
    return receipt.status.name, type(receipt.error).__name__


def send_anymails_own_message(host, port):
    """As anymail's documentation shows it, but by SMTP."""
    from anymail.message import AnymailMessage

    message = AnymailMessage("s", "b", to=["ann@example.com"], tags=["spring"])
    cid = message.attach_inline_image(PICTURE, "logo.png")
    message.attach_alternative(f'<img src="cid:{cid}">', "text/html")
    get_connection("smtp", host=host, port=port).send_messages([message])


def cancel_before_sending():
    from anymail.exceptions import AnymailCancelSend
    from anymail.signals import pre_send

    def refuse(sender, message, **_):
        raise AnymailCancelSend("not today")

    pre_send.connect(refuse)
    try:
        return mailers["default"].send_messages([WHAT["envelope"]()])
    finally:
        pre_send.disconnect(refuse)


class Provider(ThreadingHTTPServer):
    """An HTTP API like Postmark's, which keeps what it is told."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Request)
        self.requests = []
        self.answer = {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": "ann@example.com"}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Request(BaseHTTPRequestHandler):
    def do_POST(self):  # as http.server wants it
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = self.headers["X-Postmark-Server-Token"]
        self.server.requests.append({**said, "path": self.path, "token": token})
        answer = json.dumps(self.server.answer).encode()
        self.send_response(200 if self.server.answer["ErrorCode"] == 0 else 422)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def started():
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()


@pytest.fixture
def provider(started):
    before = started.answer
    started.requests.clear()
    yield started
    started.answer = before


@pytest.fixture(scope="module")
def there(tmp_path_factory, started):
    directory = tmp_path_factory.mktemp("anymail")
    with Ported("anymail", __file__, directory, (*MAIL, SETTINGS)) as process:
        process.call(set_up, started.url)
        yield process


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_provider_gets_all_of_a_message(there, provider, way, what):
    there.call(send, way, what)

    [said] = provider.requests
    assert (said["path"], said["token"]) == ("/email", "token")
    assert said["Subject"] == "Grüße vom Laden"
    assert said["From"] == "Shop <shop@example.com>"
    assert said["To"] == "Ann <ann@example.com>"
    assert said["Cc"] == "carl@example.com"
    assert said.get("Bcc") == ("bob@example.com" if what != "stdlib" else None)
    assert said["ReplyTo"] == "desk@example.com"
    assert {"Name": "X-Campaign", "Value": "spring"} in said["Headers"]
    assert said["TextBody"].strip() == "The text"
    assert said["Tag"] == "spring"  # of SEND_DEFAULTS
    files = {file["Name"]: file for file in said["Attachments"]}
    assert {name: content_of(file) for name, file in files.items()} == {
        "logo.png": PICTURE,
        "report.pdf": REPORT,
        "notes.txt": NOTES.encode(),
    }
    assert [name for name, file in files.items() if file.get("ContentID")] == ["logo.png"]
    cid = files["logo.png"]["ContentID"]
    assert said["HtmlBody"].strip() == f'<p>The HTML <img src="{cid}"></p>'


def content_of(file):
    content = base64.b64decode(file["Content"])
    is_text = file["ContentType"].startswith("text/")
    return content.replace(b"\r\n", b"\n") if is_text else content


def test_send_mail_goes_there_too(there, provider):
    assert there.call(send_in_one_line) == 1
    [said] = provider.requests
    assert (said["From"], said["HtmlBody"]) == ("shop@example.com", "<p>b</p>")


def test_a_receipt_says_sent_if_the_provider_does(there, provider):
    assert there.call(deliver) == ["SENT", "NoneType"]


def test_what_the_provider_refuses_is_an_error_with_its_name(there, provider):
    provider.answer = {"ErrorCode": 300, "Message": "Invalid 'From' address: 'shop'."}

    assert there.call(deliver) == ["UNKNOWN", "AnymailRequestsAPIError"]


def test_its_own_message_class_goes_by_smtp_as_well(there):
    with SMTPServer() as server:
        there.call(send_anymails_own_message, server.host, server.port)

        [received] = server.messages
    arrived = seen(received.content)
    assert arrived["html"] == '<img src="cid:logo.png">'
    assert arrived["files"] == {"logo.png": PICTURE}


def test_a_signal_that_cancels_is_heard(there, provider):
    assert there.call(cancel_before_sending) == 0
    assert provider.requests == []
