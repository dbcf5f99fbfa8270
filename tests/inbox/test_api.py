"""The API tells programs what the page shows, waits for mail, and says what came instead."""

import base64
import json
import socket
import threading
import urllib.parse

import pytest

from simplemail.inbox.client import Client, InboxError
from simplemail.inbox.store import Arrival
from support.inboxes import HTML_MAIL, get, plain_mail, send


@pytest.fixture
def client(inbox) -> Client:
    return Client(inbox.url)


def test_the_list_comes_newest_first_in_pages(inbox, client):
    for subject in "abc":
        inbox.messages.add(Arrival(plain_mail(subject)))

    first = client.call("GET", "/api/messages", limit=2)
    rest = client.call("GET", "/api/messages", limit=2, before=first["messages"][-1]["id"])

    assert [each["subject"] for each in first["messages"] + rest["messages"]] == ["c", "b", "a"]
    assert (first["more"], rest["more"]) == (True, False)
    assert (first["total"], first["unread"], first["release"]) == (3, 3, False)


def test_a_message_tells_all_that_stands_above_it(inbox, client):
    envelope = ("ann@example.com", "hidden@example.com")
    inbox.messages.add(Arrival(HTML_MAIL, "bounce@shop.example", envelope))

    message = client.call("GET", "/api/messages/latest")

    assert message["from"] == [{"name": "Shop", "address": "shop@example.com"}]
    assert message["to"] == [{"name": "Ann", "address": "ann@example.com"}]
    assert message["blind"] == ["hidden@example.com"]
    assert (message["text"], message["html"]) == ("Thank you.", "<p>Thank <b>you</b>.</p>")
    assert message["counts"] == {"headers": 7, "parts": 3, "links": 0, "warnings": 0}


@pytest.mark.parametrize("what", ["headers", "parts", "links", "warnings"])
def test_each_tab_has_a_path(inbox, client, what):
    inbox.messages.add(Arrival(HTML_MAIL))

    answer = client.call("GET", f"/api/messages/1/{what}")

    assert len(answer[what]) == client.call("GET", "/api/messages/1")["counts"][what]


def test_a_message_can_be_put_in_as_it_is(inbox):
    created = send(inbox.url, "POST", "/api/messages", HTML_MAIL, content_type="message/rfc822")

    assert created.status == 201
    assert inbox.messages.store.content(created.json["id"]) == HTML_MAIL
    [row] = inbox.messages.rows()
    assert (row.sender, row.recipients) == ("shop@example.com", ["ann@example.com"])


def test_a_message_can_be_put_in_with_its_envelope(inbox, client):
    number = client.add(b"\xff\x00no mail", "", ("a@example.com",) * 5000)

    assert inbox.messages.store.content(number) == b"\xff\x00no mail"
    assert len(inbox.messages.rows()[0].recipients) == 5000


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"content": 5}, {"content": "?"}, {"content": "eA==", "recipients": "a"},
        {"content": "eA==", "recipients": [1]}, {"content": "eA==", "sender": None},
        {"content": ""},
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(inbox, body):
    answer = send(
        inbox.url, "POST", "/api/messages", json.dumps(body).encode(),
        content_type="application/json",
    )  # fmt: skip

    assert answer.status == 400
    assert "error" in answer.json
    assert inbox.messages.store.counts() == (0, 0)


def test_messages_are_marked(inbox, client):
    inbox.messages.add(Arrival(HTML_MAIL))

    client.call("PATCH", "/api/messages/1", json_body={"unread": False})

    assert client.call("GET", "/api/messages/1")["unread"] is False
    assert client.call("GET", "/api/messages")["unread"] == 0
    for wrong in ({}, {"unread": 1}, {"unread": False, "more": 1}):
        with pytest.raises(InboxError, match="unread"):
            client.call("PATCH", "/api/messages/1", json_body=wrong)


def test_messages_are_deleted_one_by_one_by_search_and_all(inbox, client):
    for subject in ("draft 1", "draft 2", "x", "y"):
        inbox.messages.add(Arrival(plain_mail(subject)))

    assert client.call("DELETE", "/api/messages/3")["deleted"] == [3]
    assert sorted(client.call("DELETE", "/api/messages", q="subject:draft")["deleted"]) == [1, 2]
    assert client.call("DELETE", "/api/messages")["deleted"] == [4]
    assert client.call("GET", "/api/messages")["total"] == 0


@pytest.mark.parametrize("path", ["", "/headers", "/parts", "/links", "/warnings"])
def test_a_message_that_is_gone_is_404(client, path):
    for name in ("1", "latest"):
        with pytest.raises(InboxError, match="no such message") as error:
            client.call("GET", f"/api/messages/{name}{path}")
        assert error.value.status == 404


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=-1",
        "limit=501",
        "before=1.5",
        "q=is:new",
        "q=larger:x",
        "limit=9" + "9" * 99,
    ],
)
def test_a_wrong_parameter_is_explained(inbox, query):
    answer = get(inbox.url, f"/api/messages?{query}")

    assert answer.status == 400
    assert len(answer.json["error"]) > 10


class TestWait:
    def test_it_answers_when_the_message_comes(self, inbox, client):
        found = []
        thread = threading.Thread(
            target=lambda: found.append(
                client.call("GET", "/api/wait", q="to:<ann@example.com>", timeout="30")
            )
        )
        # Who waits is told by the feed; whether it waits yet makes no difference.
        thread.start()
        inbox.messages.add(Arrival(plain_mail("no", to="bob@example.com")))
        inbox.messages.add(Arrival(plain_mail("yes")))
        thread.join(30)

        [answer] = found
        assert [each["subject"] for each in answer["messages"]] == ["yes"]

    def test_what_is_there_already_counts(self, inbox, client):
        inbox.messages.add(Arrival(plain_mail("a")))
        inbox.messages.add(Arrival(plain_mail("b")))

        answer = client.call("GET", "/api/wait", count=2)

        assert [each["subject"] for each in answer["messages"]] == ["a", "b"]

    def test_after_an_id_only_newer_ones_count(self, inbox):
        inbox.messages.add(Arrival(plain_mail("old")))

        assert get(inbox.url, "/api/wait?after=1&timeout=0.05").status == 408

    def test_after_the_timeout_it_says_what_came_instead(self, inbox):
        inbox.messages.add(Arrival(plain_mail("other")))

        answer = get(inbox.url, "/api/wait?q=subject:wanted&timeout=0.05")

        assert answer.status == 408
        assert [each["subject"] for each in answer.json["came"]] == ["other"]

    @pytest.mark.parametrize("query", ["timeout=x", "timeout=301", "timeout=-1", "count=0"])
    def test_wrong_parameters_are_explained(self, inbox, query):
        assert get(inbox.url, f"/api/wait?{query}").status == 400

    def test_stopping_the_inbox_ends_the_wait(self, inbox, client):
        def wait() -> None:
            with pytest.raises(OSError):  # noqa: PT011 - an answer, or none
                client.call("GET", "/api/wait", timeout="300")

        thread = threading.Thread(target=wait)
        thread.start()
        inbox.stop()
        thread.join(30)

        assert not thread.is_alive()


class TestForms:
    """/m/{id}/..."""

    def test_html_is_answered_as_a_document_that_can_do_nothing(self, inbox):
        inbox.messages.add(Arrival(HTML_MAIL))

        answer = get(inbox.url, "/m/1/html")

        policy = answer.headers["content-security-policy"]
        assert policy.startswith(
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
        )
        assert "http:" not in policy
        assert "script" not in policy
        assert "cross-origin-opener-policy" not in answer.headers
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.body.endswith(b"<p>Thank <b>you</b>.</p>")

    def test_remote_images_are_allowed_on_demand_and_nothing_else(self, inbox):
        inbox.messages.add(Arrival(HTML_MAIL))

        policy = get(inbox.url, "/m/1/html?images=1").headers["content-security-policy"]

        assert "img-src data: http: https:;" in policy
        assert policy.count("http:") == 1

    def test_source_and_download_are_what_came(self, inbox):
        inbox.messages.add(Arrival(HTML_MAIL))

        assert get(inbox.url, "/m/1/source").body == HTML_MAIL
        download = get(inbox.url, "/m/latest/eml")
        assert download.body == HTML_MAIL
        assert 'filename="Order 4711 1.eml"' in download.headers["content-disposition"]

    @pytest.mark.parametrize(
        ("name", "saved"),
        [
            ("report.pdf", "report.pdf"), ("../../etc/passwd", "passwd"), ("..", "attachment"),
            ("a\\b\\c.txt", "c.txt"), ("x/", "attachment"), ("evil\u202efdp.exe", "evilfdp.exe"),
            ("größe.txt", "größe.txt"), ('a"b;c.txt', 'a"b;c.txt'), ("", "part-0"),
        ],
    )  # fmt: skip
    def test_a_part_is_saved_under_a_name_and_nowhere_else(self, inbox, name, saved):
        quoted = urllib.parse.quote(name, safe="")
        head = (
            f"Content-Type: text/html\nContent-Disposition: attachment; filename*=utf-8''{quoted}"
        )
        inbox.messages.add(Arrival(f"{head}\n\n<script>1</script>".encode()))

        answer = get(inbox.url, "/m/1/part/0")

        assert answer.headers["content-type"] == "application/octet-stream"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment;")
        encoded = disposition.rpartition("filename*=UTF-8''")[2]
        assert urllib.parse.unquote(encoded) == saved
        assert "/" not in encoded

    def test_only_four_kinds_of_image_keep_their_type(self, inbox):
        for kind in ("image/png", "image/svg+xml", "text/html", "application/pdf"):
            inbox.messages.add(Arrival(f"Content-Type: {kind}\n\nx".encode()))

        types = [get(inbox.url, f"/m/{n}/part/0").headers["content-type"] for n in (1, 2, 3, 4)]

        assert types == ["image/png", *["application/octet-stream"] * 3]

    def test_without_a_release_mailer_nothing_goes_out(self, inbox):
        inbox.messages.add(Arrival(HTML_MAIL))
        body = b'{"to": ["a@example.com"]}'

        answer = send(inbox.url, "POST", "/m/1/release", body, content_type="application/json")

        assert answer.status == 403
        assert "--release" in answer.json["error"]


def test_events_tell_of_arrivals_marks_and_deletions(inbox):
    host, port = inbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        lines = sock.makefile("rb")
        while next(lines).strip() != b": hello":
            pass
        seen = []
        for change in (
            lambda: inbox.messages.add(Arrival(HTML_MAIL)),
            lambda: inbox.messages.mark(1, unread=False),
            lambda: inbox.messages.delete([1]),
        ):
            change()
            seen.append(event_in(lines))

    assert [kind for kind, _ in seen] == ["message", "read", "deleted"]
    assert seen[0][1]["subject"] == "Order 4711"
    assert [data["totals"] for _, data in seen] == [[1, 1], [1, 0], [0, 0]]


def event_in(lines) -> tuple[str, dict]:
    """Read the next event of a stream."""
    line = next(lines)
    while not line.startswith(b"event: "):
        line = next(lines)
    data = next(lines).removeprefix(b"data: ")
    return line.decode().strip().removeprefix("event: "), json.loads(data)


def test_json_with_an_envelope_may_be_base64_of_anything(inbox):
    body = json.dumps({"content": base64.b64encode(HTML_MAIL).decode()}).encode()

    answer = send(inbox.url, "POST", "/api/messages", body, content_type="application/json")

    assert answer.status == 201
