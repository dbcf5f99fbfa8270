"""A host with several addresses is reached by the first that answers, and soon."""

import selectors
import socket
import sys
import threading

import pytest

from simplemail import EmailMessage, InvalidMailer, Status, get_connection
from simplemail.smtp import reaching
from simplemail.smtp.reaching import Host

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is not everywhere")

REFUSES = "127.0.0.9"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(reaching, "_answered", {})


@pytest.fixture(autouse=True)
def bounded(monkeypatch):
    """Fail where somebody looks again and again instead of waiting."""

    class Bounded(selectors.DefaultSelector):
        looks = 0

        def get_map(self):
            self.looks += 1
            assert self.looks < 1_000, "it never ends"
            return super().get_map()

    monkeypatch.setattr(selectors, "DefaultSelector", Bounded)


@pytest.fixture
def addresses(monkeypatch):
    """Give `many.example` these addresses."""
    found = socket.getaddrinfo

    def give(*hosts):
        def getaddrinfo(host, port, *args, **kwargs):
            if host != "many.example":
                return found(host, port, *args, **kwargs)
            kinds = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(kinds[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in hosts]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return give


@pytest.fixture
def silent():
    """A port on 127.0.0.2 that nobody answers at: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        address = listener.getsockname()
        full = []
        try:
            for _ in range(4):
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(address)
                full.append(sock)
            yield address[1]
        finally:
            for sock in full:
                sock.close()


def send(server, **options):
    mailer = get_connection("smtp", host="many.example", port=server.port, **options)
    [receipt] = mailer.deliver([EmailMessage("a", "b", "c@d.example", ["e@f.example"])])
    return receipt


@pytest.mark.parametrize(
    ("ends", "more", "seconds"),
    [
        (None, False, None),
        (None, True, reaching.NEXT),
        (109.0, False, 9.0),
        (109.0, True, reaching.NEXT),
        (100.125, True, 0.125),
        (100.0, True, 0),
        (99.0, False, 0),
    ],
)
def test_a_wait_ends_with_the_time_or_when_the_next_one_is_due(ends, more, seconds, monkeypatch):
    monkeypatch.setattr(reaching, "monotonic", lambda: 100.0)

    assert reaching._pause(ends, more) == seconds


def test_of_a_hundred_hosts_it_is_known_which_address_answered(monkeypatch):
    for number in range(250):
        host = Host(f"h{number}.example", 25, 1)
        host.has_answered()  # without having been reached
        host._reached = number
        host.has_answered()
        assert reaching._answered[host.name, 25] == number
        assert len(reaching._answered) == number % 100 + 1


class TestSeveralAddresses:
    def test_one_that_answers_at_once_is_not_waited_for(self, smtp_server, addresses, monkeypatch):
        """As some systems do on their own addresses."""

        class AtOnce(socket.socket):
            def connect_ex(self, address):
                self.setblocking(True)
                self.connect(address)
                self.setblocking(False)
                return 0

        monkeypatch.setattr(socket, "socket", AtOnce)
        monkeypatch.setattr(reaching, "_SOCKET", AtOnce)
        addresses("127.0.0.1")

        assert send(smtp_server).status is Status.SENT

    def test_one_that_refuses_costs_nothing(self, smtp_server, addresses):
        addresses(REFUSES, "127.0.0.1")

        assert send(smtp_server).status is Status.SENT

    def test_one_that_is_silent_costs_little(self, silent, addresses, monkeypatch):
        """The next is tried beside it, long before the timeout."""
        addresses("127.0.0.2", "127.0.0.1")
        monkeypatch.setattr(reaching, "NEXT", 0.05)
        with socket.create_server(("127.0.0.1", silent)):
            host = Host("many.example", silent, 60)

            with host.open() as sock:
                assert sock.getpeername() == ("127.0.0.1", silent)
                assert sock.gettimeout() == 60

    def test_the_one_that_answered_is_tried_first_the_next_time(self, smtp_server, addresses):
        addresses(REFUSES, "127.0.0.3", "127.0.0.1")
        send(smtp_server)
        addresses("127.0.0.3", REFUSES, "127.0.0.1")
        began = []

        class Seen(selectors.DefaultSelector):
            def register(self, sock, events, data=None):
                began.append(data[4][0])
                return super().register(sock, events, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selectors, "DefaultSelector", Seen)
            assert send(smtp_server).status is Status.SENT

        assert began[0] == "127.0.0.1"

    def test_the_families_take_turns(self, addresses):
        addresses("::1", "::2", "::3", "127.0.0.1", "127.0.0.2")

        host = Host("many.example", 25, 1)
        order = host._in_order(socket.getaddrinfo("many.example", 25))

        assert [info[4][0] for info in order] == ["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"]

    def test_none_can_be_reached(self, addresses):
        addresses(REFUSES, "127.0.0.8", "127.0.0.7")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]

            with pytest.raises(ConnectionRefusedError) as caught:
                Host("many.example", port, 5).open()

        assert len(caught.value.__notes__) == 2

    def test_none_answers_in_time(self, silent, addresses):
        addresses("127.0.0.2", "127.0.0.2")

        with pytest.raises(TimeoutError):
            Host("many.example", silent, 0.1).open()

    def test_those_that_lose_are_closed(self, silent, addresses, monkeypatch):
        """No socket is left to the garbage collector, which would warn."""
        addresses("127.0.0.2", "127.0.0.1")
        monkeypatch.setattr(reaching, "NEXT", 0.02)
        made = []

        class Counted(socket.socket):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        monkeypatch.setattr(reaching, "_SOCKET", Counted)
        with socket.create_server(("127.0.0.1", silent)):
            monkeypatch.setattr(socket, "socket", Counted)
            with Host("many.example", silent, 5).open() as won:
                assert [sock.fileno() >= 0 for sock in made if sock is not won] == [False]


class TestTheGreeting:
    @pytest.fixture
    def busy(self, smtp_server, addresses):
        """Begin at an address where this is all that is said; the server is the second one."""
        addresses("127.0.0.2", "127.0.0.1")
        threads = []

        def say(greeting, times=1):
            def serve():
                for _ in range(times):
                    listener.accept()[0].close() if not greeting else answer(listener, greeting)

            threads.append(threading.Thread(target=serve))
            threads[0].start()

        with socket.create_server(("127.0.0.2", smtp_server.port)) as listener:
            listener.settimeout(10)
            yield say
            for thread in threads:
                thread.join(10)

    @pytest.mark.parametrize("greeting", [b"421 4.3.2 Too busy\r\n", b""])
    def test_one_without_time_sends_us_to_the_next(self, greeting, busy, smtp_server):
        busy(greeting)

        assert send(smtp_server).status is Status.SENT
        assert len(smtp_server.messages) == 1

    def test_one_that_refuses_is_the_last_word(self, busy, smtp_server):
        busy(b"554 5.7.1 Go away\r\n")

        assert send(smtp_server).status is Status.DEFERRED
        assert smtp_server.messages == []

    def test_both_have_no_time(self, busy, smtp_server):
        busy(b"421 4.3.2 Too busy\r\n")
        smtp_server.script("GREETING", "421 4.3.2 Too busy")

        receipt = send(smtp_server)

        assert receipt.status is Status.DEFERRED
        assert receipt.error.smtp_code == 421


def answer(listener, greeting):
    """Greet one client, and wait until it goes."""
    client, _ = listener.accept()
    with client:
        client.sendall(greeting)
        client.settimeout(10)
        while client.recv(1000):
            pass


class TestOtherWays:
    def test_a_replaced_socket_is_used_plainly(self, smtp_server, addresses, monkeypatch):
        """PySocks and gevent have their own ways, and a test has its own."""
        called = []
        original = socket.create_connection

        def create_connection(address, *args, **kwargs):
            called.append(address)
            return original(("127.0.0.1", address[1]), *args, **kwargs)

        monkeypatch.setattr(socket, "create_connection", create_connection)

        assert send(smtp_server).status is Status.SENT
        assert called == [("many.example", smtp_server.port)]

    def test_a_function_that_connects(self, smtp_server):
        """Through a proxy, say. It gets host, port and seconds."""
        called = []

        def connect(host, port, timeout):
            called.append((host, port, timeout))
            return socket.create_connection(("127.0.0.1", port), timeout)

        assert send(smtp_server, connect=connect, connect_timeout=3).status is Status.SENT
        assert called == [("many.example", smtp_server.port, 3)]

    def test_an_http_proxy(self, smtp_server):
        """CONNECT, as the example in the documentation does it."""
        asked = []

        def serve(listener):
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                asked.append(lines.readline())
                while lines.readline().strip():
                    pass
                with socket.create_connection(("127.0.0.1", smtp_server.port), 10) as server:
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    pipe(client, server)

        def connect(host, port, timeout):
            sock = socket.create_connection(listener.getsockname(), timeout)
            sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += sock.recv(1)
            return sock

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=[listener])
            thread.start()
            receipt = send(smtp_server, connect=connect)
            thread.join(10)

        assert receipt.status is Status.SENT
        assert asked == [f"CONNECT many.example:{smtp_server.port} HTTP/1.1\r\n".encode()]

    def test_what_is_wrong_with_one_address_alone_is_not_what_failed(self, addresses):
        """Here one address of the host fits ours, and refuses."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        addresses("::1", "127.0.0.1")
        receipt = get_connection(f"smtp://many.example:{port}?source_address=127.0.0.1").deliver(
            [EmailMessage("a", "b", "c@d.example", ["e@f.example"])]
        )[0]

        assert "source_address" not in str(receipt.error)

    def test_what_it_raises_is_the_receipt(self, smtp_server):
        def connect(host, port, timeout):
            raise ConnectionRefusedError("the proxy says no")

        receipt = send(smtp_server, connect=connect)

        assert receipt.status is Status.DEFERRED

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"connect": 5}, "'connect' must be a function"),
            ({"connect_timeout": 0}, "'connect_timeout' must be a number"),
        ],
    )
    def test_wrong_options(self, options, words):
        with pytest.raises(InvalidMailer, match=words):
            get_connection("smtp", host="h", alias="x", **options)

    def test_an_address_that_is_not_ours(self, smtp_server):
        receipt = get_connection(smtp_server.url, source_address="192.0.2.77").deliver(
            [EmailMessage("a", "b", "c@d.example", ["e@f.example"])]
        )[0]

        assert receipt.status is Status.DEFERRED
        assert "Can't use source_address ('192.0.2.77', 0)" in str(receipt.error)


def pipe(one, other):
    """Pass on what one says to the other, until one of them closes."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while events := selector.select(10):
            for key, _ in events:
                if not (data := key.fileobj.recv(65536)):
                    return
                key.data.sendall(data)
