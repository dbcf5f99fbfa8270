"""No other site's page gets at the inbox: every route, by every method, path and header."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest

from simplemail.inbox.guard import Guard, Names, Refused, Request, is_loopback
from simplemail.inbox.routes import ROUTES
from simplemail.inbox.server import InboxServer, Options
from simplemail.inbox.store import Arrival
from support.inboxes import HTML_MAIL, ask, get, running, send
from support.samples import EVERYTHING

HOST = "127.0.0.1:8025"
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "TRACE", "CONNECT", "get")

SPELLINGS = {
    "plain": lambda path: path,
    "encoded letter": lambda path: (
        path[0] + f"%{ord(path[1]):02x}" + path[2:] if path[1:] else path
    ),
    "encoded upper": lambda path: path[:-1] + f"%{ord(path[-1]):02X}",
    "double slash": lambda path: "/" + path,
    "slash within": lambda path: path.replace("/", "//") if path != "/" else "//",
    "dot": lambda path: "/." + path,
    "dots": lambda path: "/x/.." + path,
    "encoded dots": lambda path: "/x/%2e%2e" + path,
    "encoded slash": lambda path: path[0] + path[1:].replace("/", "%2f") + "%2F",
    "backslash": lambda path: path.replace("/", "\\"),
    "NUL": lambda path: path + "%00",
    "upper case": str.upper,
    "absolute": lambda path: f"http://{HOST}{path}",
    "fragment": lambda path: path + "#x",
    "trailing slash": lambda path: path + "/",
    "half encoded": lambda path: path + "%2",
    "not UTF-8": lambda path: path + "%ff",
}

FOREIGN = {
    "another host": {"host": "evil.example"},
    "a host like ours": {"host": "127.0.0.1.evil.example:8025"},
    "no host": {"host": None},
    "two hosts": {"host": [HOST, "evil.example"]},
    "another origin": {"origin": "http://evil.example"},
    "null origin": {"origin": "null"},
    "another port's origin": {"origin": "http://127.0.0.1:3000"},
    "our name, another origin": {"origin": "http://localhost:8025"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "an odd site": {"sec-fetch-site": "Same-Origin, cross-site"},
    "cross-site image": {
        "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image",
    },
    "cross-site frame": {
        "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe",
    },
}  # fmt: skip

OWN = {
    "a program": {},
    "the page": {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"},
    "the address bar": {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    "by name": {"host": "localhost:8025", "origin": "http://localhost:8025"},
    "a forwarded port": {"host": "localhost:9000", "origin": "http://localhost:9000"},
    "upper-case host": {"host": "LOCALHOST:8025"},
}


T = TypeVar("T")


def some(cases: Sequence[T], count: int, seed: str) -> Sequence[T]:
    """All of these cases where there is time for that, else so many, always the same ones."""
    return cases if EVERYTHING else random.Random(seed).sample(cases, count)


def guard(**options) -> Guard:
    given = {"names": Names("127.0.0.1"), "keys": ["key"], "locked": False, "cookie": "c-8025"}
    return Guard(**(given | options))


def request(method: str, target: str, **headers) -> Request:
    given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    lists = {k: v if isinstance(v, list) else [v] for k, v in given.items() if v is not None}
    return Request(method, target, lists)


def concrete(path: str) -> str:
    return path.replace("{id}", "1").replace("{n}", "0")


PATHS = sorted({concrete(route.path) for route in ROUTES} | {"/nothing/here"})


INTENTS = ({}, {"x-simplemail": "1"}, {"content-type": "application/json"})
ALL_WAYS = list(itertools.product(METHODS, SPELLINGS, INTENTS))


def outcome(asked: Request) -> int:
    """The status with which the guard refuses a request; 200 if it doesn't."""
    try:
        guard().admit(asked)
    except Refused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize("foreign", FOREIGN)
def test_nothing_foreign_gets_past_by_any_method_or_spelling(foreign):
    for path in PATHS:
        for method, spelling, intent in some(ALL_WAYS, 30, f"{foreign} {path}"):
            target = SPELLINGS[spelling](path)

            status = outcome(request(method, target, **(FOREIGN[foreign] | intent)))

            assert status in (400, 403, 421), (method, target, intent)


@pytest.mark.parametrize("own", OWN)
def test_what_is_ours_gets_to_each_route(own):
    for route in ROUTES:
        headers = OWN[own] | ({} if route.method == "GET" else {"x-simplemail": "1"})

        admitted = guard().admit(request(route.method, concrete(route.path), **headers))

        assert admitted.path == concrete(route.path)


def seen_path(target: str) -> str | None:
    """The path that the routes get; None if the guard calls it a bad request."""
    try:
        return guard().admit(request("GET", target)).path
    except Refused as refused:
        return None if refused.status == 400 else f"refused with {refused.status}"


def test_a_path_is_decoded_once_or_refused():
    """The routes see the plain path, or one that no route has; `%2561pi` stays `%61pi`."""
    for path, spelling in itertools.product(PATHS, SPELLINGS.values()):
        seen = seen_path(spelling(path))

        assert seen in (None, path, path.upper(), path + "/"), spelling(path)

    assert guard().admit(request("GET", "/%2561pi/wait")).path == "/%61pi/wait"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "kind",
    [
        None, "text/plain", "multipart/form-data", "application/x-www-form-urlencoded",
        "text/plain; application/json", "x", "",
    ],
)  # fmt: skip
def test_no_form_can_write(method, kind):
    with pytest.raises(Refused, match="X-Simplemail") as refused:
        guard().admit(request(method, "/api/messages", content_type=kind))

    assert refused.value.status == 415


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": "Message/RFC822"},
        {"x_simplemail": "1"},
    ],
)
def test_what_only_a_program_or_the_page_can_send_may_write(headers):
    assert guard().admit(request("POST", "/api/messages", **headers))


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 100])
def test_other_methods_are_refused(method):
    with pytest.raises(Refused) as refused:
        guard().admit(request(method, "/"))

    assert refused.value.status == 405


def test_a_link_from_elsewhere_may_show_the_page_and_no_more():
    arrival = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    arrival |= {"sec-fetch-dest": "document"}

    assert guard().admit(request("GET", "/", **arrival)).path == "/"
    for method, path in [("GET", "/m/1/html"), ("GET", "/api/messages"), ("POST", "/")]:
        with pytest.raises(Refused):
            guard().admit(request(method, path, **arrival, x_simplemail="1"))


@pytest.mark.parametrize(
    "target", ["", "*", "x", "/ü", "/a b", "/\t", "/?a=1&a=2", "/?" + "a=&" * 50]
)  # fmt: skip
def test_targets_that_mean_two_things_are_refused(target):
    with pytest.raises(Refused) as refused:
        guard().admit(request("GET", target))

    assert refused.value.status == 400


class TestNames:
    @pytest.mark.parametrize("host", ["127.0.0.1:8025", "localhost", "[::1]:8025", "LocalHost:1"])
    def test_loopback_has_these_names(self, host):
        assert host in Names("127.0.0.1")

    @pytest.mark.parametrize(
        "host",
        [
            "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8025", "0.0.0.0",
            "192.168.0.2:8025", "localhost:8025x", "localhost:", "localhost@evil.example", "::1",
        ],
    )  # fmt: skip
    def test_nothing_else_is_loopback(self, host):
        assert host not in Names("127.0.0.1")

    def test_an_address_of_a_network_and_names_that_were_given(self):
        names = Names("192.168.0.2", ["Inbox", "mail.test:80"])

        assert "192.168.0.2:8025" in names
        assert "inbox:8025" in names
        assert "mail.test:80" in names
        assert "mail.test:81" not in names
        assert "192.168.0.3:8025" not in names

    @pytest.mark.parametrize("address", ["0.0.0.0", "::"])
    def test_on_all_addresses_any_address_will_do_and_no_name(self, address):
        assert "192.168.0.2:8025" in Names(address)
        assert "[fe80::1]:8025" in Names(address)
        assert "evil.example:8025" not in Names(address)

    def test_what_is_loopback(self):
        found = [a for a in ("localhost", "127.8.9.1", "::1", "0.0.0.0", "", "x") if is_loopback(a)]

        assert found == ["localhost", "127.8.9.1", "::1"]


class TestToken:
    LOCKED = {"locked": True, "keys": ["right", "other"]}

    @pytest.mark.parametrize(
        "headers",
        [
            {}, {"authorization": "Bearer wrong"}, {"authorization": "Basic right"},
            {"cookie": "c-8026=right"}, {"cookie": "c-8025=righ"}, {"authorization": "Bearer "},
        ],
    )  # fmt: skip
    def test_no_route_opens_without_it(self, headers):
        for path in set(PATHS) - {"/healthz"}:
            for target in (path, f"{path}?token=wrong", f"{path}?token="):
                with pytest.raises(Refused) as refused:
                    guard(**self.LOCKED).admit(request("GET", target, **headers))

                assert refused.value.status == 401, target

    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": "Bearer right"},
            {"authorization": "bearer  other"},
            {"cookie": "a=b; c-8025=right"},
            {"cookie": ["a=b", "c-8025=other"]},
        ],
    )
    def test_every_route_opens_with_it(self, headers):
        for path in PATHS:
            assert guard(**self.LOCKED).admit(request("GET", path, **headers)).path == path

    def test_in_the_address_it_opens_the_page_alone(self):
        assert guard(**self.LOCKED).admit(request("GET", "/?token=right")).has_token
        with pytest.raises(Refused):
            guard(**self.LOCKED).admit(request("GET", "/api/messages?token=right"))

    def test_it_doesnt_open_what_is_foreign(self):
        with pytest.raises(Refused):
            guard(**self.LOCKED).admit(
                request("GET", "/", authorization="Bearer right", origin="null")
            )


# Over the wire


@pytest.fixture(scope="module")
def shared() -> Iterator[InboxServer]:
    """An inbox for tests that change nothing in it."""
    with running() as server:
        server.messages.add(Arrival(HTML_MAIL, "shop@example.com", ("ann@example.com",)))
        yield server


SOURCES = ({"host": "evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"})
WAYS = list(itertools.product(METHODS[:5], ("plain", "encoded letter", "double slash"), SOURCES))


def test_a_foreign_request_sees_and_changes_nothing(shared):
    for path in PATHS:
        for method, spelling, headers in some(WAYS, 6, path):
            target = SPELLINGS[spelling](path)
            response = send(shared.url, method, target, x_simplemail="1", **headers)

            assert response.status in (400, 403, 421), (method, target, headers)
            assert b"4711" not in response.body
            assert "access-control-allow-origin" not in response.headers

    assert shared.messages.store.counts() == (1, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_answer_has_the_headers_that_hold_browsers_back(shared, method):
    for path in set(PATHS) - {"/events", "/api/wait"}:
        headers = send(shared.url, method, path, x_simplemail="1").headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors" in headers["content-security-policy"]
        assert "camera=()" in headers["permissions-policy"]
        assert "server" not in headers


def test_the_routes_are_these():
    """Whoever adds one looks at what it opens, and adds it here."""
    assert {f"{route.method} {route.path}" for route in ROUTES} == {
        *("GET /", "GET /page.css", "GET /page.js", "GET /message.js", "GET /tools.js"),
        *("GET /healthz", "GET /events"),
        *("GET /api/messages", "POST /api/messages", "DELETE /api/messages", "GET /api/wait"),
        *(f"{method} /api/messages/{{id}}" for method in ("GET", "PATCH", "DELETE")),
        *(f"GET /api/messages/{{id}}/{x}" for x in ("headers", "parts", "links", "warnings")),
        *(f"GET /m/{{id}}/{form}" for form in ("html", "text", "source", "eml", "part/{n}")),
        "POST /m/{id}/release",
    }


def test_a_token_from_the_address_becomes_a_cookie_for_this_port():
    options = Options(http=("127.0.0.1", 0), smtp=None, token="secret")
    server = InboxServer(options).start()
    try:
        port = server.url.rpartition(":")[2]
        welcome = get(server.url, "/?token=secret")
        cookie = welcome.headers["set-cookie"]

        assert cookie == f"simplemail-{port}=secret; HttpOnly; SameSite=Strict; Path=/"
        assert get(server.url, "/api/messages").status == 401
        assert get(server.url, "/api/messages", cookie=cookie.partition(";")[0]).status == 200
    finally:
        server.stop()


def test_beyond_loopback_there_must_be_a_token():
    for options in (Options(http=("0.0.0.0", 0)), Options(smtp=("192.168.0.2", 0))):
        with pytest.raises(ValueError, match="give a token"):
            InboxServer(options)


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\nHost: {host}\nContent-Length: 5, 6",
        "GET / HTTP/1.1\nHost: {host}\nContent-Length: 5\nContent-Length: 6",
        "POST /api/messages HTTP/1.1\nHost: {host}\nTransfer-Encoding: chunked\nX-Simplemail: 1",
        "GET / HTTP/1.1\nHost : {host}",
        "GET / HTTP/1.1\nHost: {host}\nno header\nOrigin: null",
        "GET / HTTP/1.1\nHost: {host}\nOrigin: null\nOrigin: http://{host}",
        "GET /",
        "GET / HTTP/1.1 HTTP/1.1\nHost: {host}",
    ],
)
def test_requests_that_two_readers_could_read_in_two_ways_are_refused(shared, head):
    answer = ask(shared.url, head.format(host=shared.url.removeprefix("http://")), b"12345")

    assert answer.status in (400, 411, 421, 505)
    assert b"<html" not in answer.body
