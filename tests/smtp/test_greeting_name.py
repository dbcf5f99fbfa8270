"""The name in EHLO: this machine's if servers take it, its address otherwise (RFC 5321, 4.1.4)."""

import socket

import pytest

from simplemail import EmailMessage, get_connection
from simplemail.rendering.msgid import DNS_NAME
from simplemail.smtp.greeting import is_public_name, own_name

FIT = ["mail.example.com", "a.b", "host-1.example.com", "MAIL.Example.COM", "x.locale"]
UNFIT = [
    *("localhost", "f3a9c0d1e2b4", "", "my_host.example.com", "-a.example.com", "a-.example.com"),
    *(
        "a.b-.example",
        "a..b",
        "host.local",
        "HOST.LOCAL",
        "pc.localdomain",
        "1.0.0.127.in-addr.arpa",
    ),
    *("vm.internal", "a.example.", "a b.example"),
]


@pytest.mark.parametrize("name", FIT)
def test_a_name_that_servers_take(name):
    assert is_public_name(name)


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_that_some_refuse(name):
    assert not is_public_name(name)


def said(server, **options):
    get_connection(server.url, **options).send_messages(
        [EmailMessage("a", "b", "c@d.example", ["e@f.example"])]
    )
    return next(c.split()[1] for c in server.commands if c.upper().startswith("EHLO"))


@pytest.mark.parametrize("name", ["f3a9c0d1e2b4", "localhost", "host.local"])
def test_a_containers_name_becomes_the_address(name, smtp_server, monkeypatch):
    monkeypatch.setattr(DNS_NAME, "_fqdn", name, raising=False)

    assert said(smtp_server) == "[127.0.0.1]"


def test_a_good_name_is_said(smtp_server, monkeypatch):
    monkeypatch.setattr(DNS_NAME, "_fqdn", "host.example.com", raising=False)

    assert said(smtp_server) == "host.example.com"


@pytest.mark.parametrize("name", ["host_1", "[192.0.2.1]"])
def test_what_was_given_is_said_as_it_is(name, smtp_server):
    assert said(smtp_server, local_hostname=name) == name


def test_what_some_servers_refuse_is_told_once(smtp_server, caplog):
    for _ in range(3):
        said(smtp_server, local_hostname="told-once")
    said(smtp_server, local_hostname="[192.0.2.1]")
    said(smtp_server, local_hostname="host.example.com")

    [message] = caplog.messages
    assert message.startswith("Some servers refuse local_hostname 'told-once'")


class TestTheAddress:
    @pytest.fixture(autouse=True)
    def no_name(self, monkeypatch):
        monkeypatch.setattr(DNS_NAME, "_fqdn", "localhost", raising=False)

    def test_of_ipv6(self):
        with socket.socket(socket.AF_INET6) as sock:
            try:
                sock.bind(("::1", 0))
            except OSError:
                pytest.skip("no IPv6 here")

            assert own_name(sock) == "[IPv6:::1]"

    def test_without_its_interface(self):
        class Linked:
            def getsockname(self):
                return ("fe80::1%eth0", 25, 0, 2)

        assert own_name(Linked()) == "[IPv6:fe80::1]"

    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
    def test_of_a_unix_socket_is_none(self):
        with socket.socket(socket.AF_UNIX) as sock:
            assert own_name(sock) == "localhost"
