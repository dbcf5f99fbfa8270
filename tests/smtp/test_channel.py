"""Replies are read whole and judged strictly; every wait ends."""

from __future__ import annotations

import itertools
import os
import select
import smtplib
import socket
import ssl
import struct
import threading
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from simplemail.receipts import Reply
from simplemail.smtp import channel as channel_module
from simplemail.smtp import tls
from simplemail.smtp.channel import Channel
from simplemail.testing.server import SMTPServer
from support.sessions import channel_to, unwrapped


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours, 5)
    with ours, theirs:
        yield channel, theirs


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"250 2.1.0 Ok\r\n", Reply(250, "Ok", "2.1.0")),
        (b"250 Ok\r\n", Reply(250, "Ok")),
        (b"250\r\n", Reply(250)),
        (b"250 \r\n", Reply(250)),
        (b"250-a\r\n250-b\r\n250 c\r\n", Reply(250, "a\nb\nc")),
        (b"550-5.1.1 No such\r\n550 5.1.1 user\r\n", Reply(550, "No such\nuser", "5.1.1")),
        (b"250 5.1.1 is not a success\r\n", Reply(250, "5.1.1 is not a success")),
        (b"250 3.14 is pi\r\n", Reply(250, "3.14 is pi")),
        (b"550 gr\xc3\xbc\xc3\x9fe\r\n", Reply(550, "grüße")),
        (b"550 \x1b[2J\xff\x00\r\n", Reply(550, "�[2J��")),
        (b"250 " + b"x" * 5000 + b"\r\n", Reply(250, "x" * 1000)),
        (b"250 bare line feed\n", Reply(250, "bare line feed")),
        (b"250-one code\r\n251 another\r\n", Reply(251, "one code\nanother")),
    ],
)
def test_a_reply_is_read(ends: tuple[Channel, socket.socket], sent: bytes, reply: Reply) -> None:
    channel, server = ends
    server.sendall(sent)

    assert channel.reply() == reply
    assert not channel.unread


def test_replies_that_come_together_are_read_one_by_one(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, server = ends
    server.sendall(b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n25")

    assert [channel.reply().text for _ in range(3)] == ["a", "b\nc", "d"]
    assert channel.unread


@pytest.mark.parametrize(("timeout", "deadline"), [(None, None), (5.0, 105.0), (0.0, 100.0)])
def test_a_wait_has_a_deadline_if_there_is_a_timeout(
    timeout: float | None,
    deadline: float | None,
    ends: tuple[Channel, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel, _ = ends
    monkeypatch.setattr(channel_module, "monotonic", lambda: 100.0)
    channel.timeout = timeout

    assert channel._deadline() == deadline


def test_the_end_is_found_again_and_again(
    ends: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not looked for without end."""
    channel, server = ends
    looks = itertools.count()
    monkeypatch.setattr(channel, "_check_ours", lambda: next(looks) < 9 or pytest.fail("again"))
    server.sendall(b"250 Ok\r\n25")
    server.close()

    assert channel.reply().code == 250
    for _ in range(3):
        with pytest.raises(smtplib.SMTPServerDisconnected), unwrapped():
            channel.reply()


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5_000])
def test_of_what_came_before_the_handshake_a_hundred_octets_are_shown(
    ends: tuple[Channel, socket.socket], size: int
) -> None:
    channel, server = ends
    server.sendall(b"x" * size)
    with pytest.raises(smtplib.SMTPException, match="in clear text") as info:
        channel.start_tls(ssl.create_default_context(), "mail.example")

    assert f"The server said b'{'x' * min(size, 100)}' in clear" in str(info.value)


@pytest.mark.parametrize("cut", range(1, 12))
def test_the_next_reply_may_have_begun(ends: tuple[Channel, socket.socket], cut: int) -> None:
    channel, server = ends
    reply = b"250-b\r\n250 c\r\n"
    server.sendall(b"250 a long first one\r\n" + reply[:cut])
    assert channel.reply().text == "a long first one"
    server.sendall(reply[cut:])

    assert channel.reply() == Reply(250, "b\nc")


def test_a_reply_may_come_in_pieces(ends: tuple[Channel, socket.socket]) -> None:
    channel, server = ends
    reply = b"250-first\r\n250 second\r\n"
    server.sendall(reply[:1])

    def rest() -> None:
        for i in range(1, len(reply)):
            server.sendall(reply[i : i + 1])

    thread = threading.Thread(target=rest)
    thread.start()
    assert channel.reply() == Reply(250, "first\nsecond")
    thread.join()


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n",
        b"\r\n",
        b"25\r\n",
        b"2500 x\r\n",
        b"250_x\r\n",
        b"\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"250 bare\rreturn\r\n",
        b"199 none such\r\n",
        b"650 none such\r\n",
        "٢٥٠ digits\r\n".encode(),
        b"250-a\r\n-250 b\r\n",
        b"\x16\x03\x01\x02\x00\x01\n",
        b"250-" + b"x" * 200_000,
        b"250-more\r\n" * 20_000,
        b"250-more\r\n" * 10_200 + b"250 end\r\n",
    ],
    ids=lambda sent: repr(sent[:20]),
)
def test_what_is_no_reply_is_shown(ends: tuple[Channel, socket.socket], sent: bytes) -> None:
    channel, server = ends
    thread = threading.Thread(target=server.sendall, args=[sent])
    thread.start()

    with (
        pytest.raises(smtplib.SMTPException, match=r"is not an SMTP reply \(RFC 5321") as info,
        unwrapped(),
    ):
        channel.reply()

    assert type(info.value) is smtplib.SMTPException
    assert repr(sent[:10])[2:-1] in str(info.value)
    assert len(str(info.value)) < 700
    channel.close()
    thread.join()


def test_an_endless_line_costs_no_memory(ends: tuple[Channel, socket.socket]) -> None:
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy counts no memory")
    channel, server = ends
    done = threading.Event()

    def flood() -> None:
        while not done.is_set():
            try:
                server.sendall(b"x" * 65_536)
            except OSError:
                return

    thread = threading.Thread(target=flood)
    thread.start()
    tracemalloc.start()
    with pytest.raises(smtplib.SMTPException), unwrapped():
        channel.reply()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    done.set()
    channel.close()
    thread.join()

    assert peak < 2_000_000


class TestEveryWaitEnds:
    def test_silence(self, ends: tuple[Channel, socket.socket]) -> None:
        channel, _ = ends
        channel.timeout = 0.05

        with pytest.raises(TimeoutError, match=r"No reply from the server for 0.05 s"), unwrapped():
            channel.reply()

    def test_a_byte_now_and_then_does_not_hold_the_reader(
        self, ends: tuple[Channel, socket.socket]
    ) -> None:
        channel, server = ends
        channel.timeout = 0.2
        done = threading.Event()

        def drip() -> None:
            while not done.wait(0.01):
                server.sendall(b"2")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TimeoutError), unwrapped():
            channel.reply()
        done.set()
        thread.join()

    def test_a_server_that_takes_nothing(self, ends: tuple[Channel, socket.socket]) -> None:
        channel, _ = ends
        channel.timeout = 0.05

        with pytest.raises(TimeoutError, match=r"accepted no more data for 0.05 s"), unwrapped():
            channel.write(b"x" * 10_000_000)

        assert 0 < channel.sent < 10_000_000

    def test_the_end_of_the_connection(self, ends: tuple[Channel, socket.socket]) -> None:
        channel, server = ends
        server.sendall(b"250 half a re")
        server.close()

        with pytest.raises(smtplib.SMTPServerDisconnected), unwrapped():
            channel.reply()


def test_two_full_buffers_do_not_wait_for_each_other(
    ends: tuple[Channel, socket.socket],
) -> None:
    """RFC 2920, 3.1: a server that doesn't read on until its replies are gone."""
    channel, server = ends
    replies, commands = 20_000, b"x" * 5_000_000

    def serve() -> None:
        server.sendall(b"250 a reply of middling length\r\n" * replies)
        taken = 0
        while taken < len(commands):
            taken += len(server.recv(65_536))

    thread = threading.Thread(target=serve)
    thread.start()
    channel.write(commands)
    thread.join()

    assert {channel.reply().code for _ in range(replies)} == {250}


def test_an_error_without_a_number_is_not_the_connection_s(
    ends: tuple[Channel, socket.socket],
) -> None:
    """Whoever raises it in our frame, another thread say, must not be taken for the server."""
    channel, _ = ends
    raising = BZ2Decompressor().decompress  # in C, so that the frame that raises is ours
    channel.sock = SimpleNamespace(send=raising, recv=raising)  # type: ignore[assignment]

    with pytest.raises(OSError, match="Invalid data stream"):
        channel.write(b"this is no bzip2 data, and that is an OSError")


def test_a_closed_socket_is_an_os_error() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs, pytest.raises(OSError, match="descriptor"):
        Channel(ours, 5)


class TestQuiet:
    def test_nothing_said(self, ends: tuple[Channel, socket.socket]) -> None:
        assert ends[0].quiet()

    @pytest.mark.parametrize(
        "speak", [lambda s: s.sendall(b"421 bye\r\n"), socket.socket.close], ids=["reply", "end"]
    )
    def test_something_said(
        self,
        ends: tuple[Channel, socket.socket],
        speak: Callable[[socket.socket], object],
    ) -> None:
        channel, server = ends
        speak(server)

        assert not channel.quiet()
        assert not channel.quiet()  # nor is it when that is known

    def test_closed_by_somebody_else(self, ends: tuple[Channel, socket.socket]) -> None:
        channel, _ = ends
        channel.sock.close()

        assert not channel.quiet()

    def test_after_somebody_used_the_socket_with_a_timeout(
        self, ends: tuple[Channel, socket.socket]
    ) -> None:
        channel, _ = ends
        channel.sock.settimeout(60)

        assert channel.quiet()


def test_after_the_handshake_the_socket_never_waits_by_itself() -> None:
    """It would not know of our deadline."""
    with SMTPServer(tls=True) as server:
        channel = channel_to(server)
        channel.wrap(tls.context(server.ca_file), server.host)

        assert channel.encrypted
        assert channel.sock.gettimeout() == 0
        channel.close()


def test_a_handshake_with_a_reset_connection_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        channel = Channel(socket.create_connection(listener.getsockname()), 5)
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        select.select([channel.sock], [], [], 5)
        number = channel.sock.fileno()
        with pytest.raises(OSError, match=r".") as caught, unwrapped():
            channel.wrap(ssl.create_default_context(), "mail.example")

        with pytest.raises(OSError, match="Bad file descriptor"), unwrapped():
            os.fstat(number)
        assert caught.value.__traceback__  # who keeps it, keeps no socket
        channel.close()
