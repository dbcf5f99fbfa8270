"""The scripted server's faults, its clock, and its eye for what clients do wrong."""

import base64
import hashlib
import hmac
import ssl
import threading
import time

import pytest

import simplemail.testing.server as kit
from simplemail.testing.server import SMTPServer
from support.raw_client import Raw

ENVELOPE = b"MAIL FROM:<a@s.example>\r\nRCPT TO:<b@d.example>\r\n"
MESSAGE = b"Subject: Hello\r\n\r\nbye\r\n"
BDAT = b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class TestFaults:
    def test_close(self, smtp_server):
        smtp_server.script("RCPT", kit.Close())
        with Raw(smtp_server) as raw:
            # What came before is still answered.
            assert raw.ask(ENVELOPE, replies=2) == b"250 2.1.0 OK\r\n"

    def test_close_with_last_words(self, smtp_server):
        smtp_server.script("MAIL", kit.Close("451 4.3.0 Tired"))
        with Raw(smtp_server) as raw:
            assert raw.ask(ENVELOPE, replies=2) == b"451 4.3.0 Tired\r\n"

    def test_reset(self, smtp_server):
        smtp_server.script("MAIL", kit.Reset())
        with Raw(smtp_server) as raw, pytest.raises(ConnectionResetError):
            raw.ask(b"MAIL FROM:<>\r\n")

    def test_half_close_still_reads(self, smtp_server):
        smtp_server.script("NOOP", kit.HalfClose())
        with Raw(smtp_server) as raw:
            assert raw.ask(b"NOOP\r\n") == b""
            raw.ask(b"still here\r\n", replies=0)
            [session] = smtp_server.connections
            smtp_server.wait_for(lambda: session.received.endswith(b"still here\r\n"))
            assert not session.closed

    def test_silence_ends_with_the_client(self, smtp_server):
        smtp_server.script("NOOP", kit.Silence())
        with Raw(smtp_server) as raw:
            raw.ask(b"NOOP\r\nNOOP\r\n", replies=0)
            raw.sock.settimeout(0.02)
            with pytest.raises(TimeoutError):
                raw.reply()
        smtp_server.wait_for(lambda: smtp_server.connections[0].closed)

    def test_stop_does_not_wait_for_faults(self):
        with SMTPServer() as server:
            faults = [
                kit.Silence(),
                kit.Delay(600),
                kit.Drip(interval=600),
                kit.EndlessLine(),
                kit.EndlessReply(),
            ]
            server.script("NOOP", faults)
            clients = [Raw(server) for _ in faults]
            for raw in clients:
                raw.ask(b"NOOP\r\n", replies=0)
            server.wait_for(lambda: server.commands.count("NOOP") == len(faults))
        for raw in clients:
            raw.close()

    def test_delay(self, smtp_server):
        smtp_server.script("NOOP", kit.Delay(0.02, "250 late"))
        with Raw(smtp_server) as raw:
            before = time.monotonic()
            assert raw.ask(b"NOOP\r\n") == b"250 late\r\n"
            assert time.monotonic() - before >= 0.02

    def test_drip_sends_piece_by_piece(self, smtp_server):
        smtp_server.script("NOOP", kit.Drip(size=5, interval=0.01))
        with Raw(smtp_server) as raw:
            before = time.monotonic()
            assert raw.ask(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"
            assert time.monotonic() - before >= 0.02

    def test_inject(self, smtp_server):
        smtp_server.script("MAIL", kit.Inject("250 before"))
        smtp_server.script("RCPT", kit.Inject("250 after", after=True))
        with Raw(smtp_server) as raw:
            assert raw.ask(ENVELOPE, replies=4).splitlines() == [
                b"250 before",
                b"250 2.1.0 OK",
                b"250 2.1.5 OK",
                b"250 after",
            ]

    def test_garbage(self, smtp_server):
        smtp_server.script("NOOP", kit.Garbage(b"\xff\x00\r\n"))
        smtp_server.script("MAIL", b"250 bare LF\n")
        with Raw(smtp_server) as raw:
            assert raw.ask(b"NOOP\r\n") == b"\xff\x00\r\n"
            assert raw.ask(b"MAIL FROM:<>\r\n") == b"250 bare LF\n"
            assert raw.ask(b"RCPT TO:<b@d.example>\r\n") == b"250 2.1.5 OK\r\n"

    def test_endless_line(self, smtp_server):
        smtp_server.script("NOOP", kit.EndlessLine())
        with Raw(smtp_server) as raw:
            raw.sock.sendall(b"NOOP\r\n")
            start = raw.file.read(1_000_000)
        assert start.startswith(b"250-xxx")
        assert b"\n" not in start

    def test_endless_reply(self, smtp_server):
        smtp_server.script("NOOP", kit.EndlessReply())
        with Raw(smtp_server) as raw:
            raw.sock.sendall(b"NOOP\r\n")
            lines = raw.file.read(1_000_000).splitlines()[:-1]
        assert {line[:4] for line in lines} == {b"250-"}

    @pytest.mark.parametrize("fault", [kit.Close(), kit.Close("220 Hello"), kit.Reset()])
    def test_at_the_greeting(self, smtp_server, fault):
        smtp_server.script("GREETING", fault)
        try:
            with Raw(smtp_server, b"") as raw:
                assert raw.reply() in (b"", b"220 Hello\r\n")
                assert raw.reply() == b""
        except ConnectionResetError:
            assert isinstance(fault, kit.Reset)

    # Python 3.11's wrap_socket() leaves a socket that was reset meanwhile to the collector.
    @pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize(
        "fault", [kit.Close(), kit.Reset(), kit.Garbage(b"no TLS here\r\n"), "454 4.7.0 No TLS"]
    )
    def test_at_the_handshake(self, tls_ca, fault):
        context = ssl.create_default_context(cafile=tls_ca)
        with SMTPServer(starttls=True) as server, Raw(server) as raw:
            server.script("HANDSHAKE", fault)
            assert raw.ask(b"STARTTLS\r\n").startswith(b"220")
            with pytest.raises(OSError, match=r"."):
                raw.start_tls(context)

    def test_within_a_login(self):
        with SMTPServer(users={"ann": "secret"}) as server, Raw(server) as raw:
            server.script("RESPONSE", "454 4.7.0 Not now")
            assert raw.ask(b"AUTH LOGIN\r\n").startswith(b"334")
            assert raw.ask(b"YW5u\r\n") == b"454 4.7.0 Not now\r\n"
            server.script("AUTH", "235 Come in")
            assert raw.ask(b"AUTH LOGIN\r\n") == b"235 Come in\r\n"


class TestContent:
    @pytest.mark.parametrize("start", [b"DATA\r\n", b"BDAT 100000 LAST\r\n"])
    def test_close_within(self, smtp_server, start):
        smtp_server.script("CONTENT", kit.Close("421 4.3.2 Enough"), after=50_000)
        with Raw(smtp_server) as raw:
            raw.ask(ENVELOPE, replies=2)
            raw.sock.sendall(start)
            if start == b"DATA\r\n":
                raw.reply()
            raw.sock.sendall(b"x" * 49_999)
            assert not smtp_server.connections[0].closed
            assert raw.ask(b"x") == b"421 4.3.2 Enough\r\n"
            assert raw.reply() == b""
        assert smtp_server.messages == []

    def test_an_early_reply_is_the_only_one(self, smtp_server):
        smtp_server.script("CONTENT", ["552 5.3.4 Too big"], after=10)
        with Raw(smtp_server) as raw:
            raw.ask(ENVELOPE, b"DATA\r\n", replies=3)
            assert raw.ask(b"0123456789") == b"552 5.3.4 Too big\r\n"
            raw.ask(b"\r\n.\r\n", replies=0)
            assert raw.ask(ENVELOPE, BDAT, replies=3).endswith(b"OK queued as 1\r\n")
        assert [m.content for m in smtp_server.messages] == [MESSAGE]
        assert smtp_server.violations == []

    @pytest.mark.parametrize("way", ["DATA", "BDAT"])
    def test_end_is_the_place_to_refuse(self, smtp_server, way):
        smtp_server.script("END", ["451 4.3.0 Try again", "550 5.7.1 Spam", None])
        with Raw(smtp_server) as raw:
            codes = []
            for _ in range(3):
                if way == "DATA":
                    raw.ask(ENVELOPE, b"DATA\r\n", replies=3)
                    codes.append(raw.ask(MESSAGE, b".\r\n")[:3])
                else:
                    codes.append(raw.ask(ENVELOPE, BDAT, replies=3)[-30:].splitlines()[-1][:3])
        assert codes == [b"451", b"550", b"250"]
        assert len(smtp_server.messages) == 1
        assert smtp_server.violations == []

    @pytest.mark.parametrize("accept", [False, True])
    def test_the_last_reply_may_be_lost(self, smtp_server, accept):
        smtp_server.script("END", kit.Close(accept=accept))
        with Raw(smtp_server) as raw:
            assert raw.ask(ENVELOPE, BDAT, replies=3).count(b"250") == 2
        assert len(smtp_server.messages) == accept

    def test_a_354_without_recipients(self, smtp_server):
        smtp_server.script("RCPT", "550 5.1.1 No")
        smtp_server.script("DATA", "354 Go on then")
        with Raw(smtp_server) as raw:
            raw.ask(ENVELOPE, b"DATA\r\n", replies=3)
            assert raw.ask(b".\r\n") == b"554 5.5.1 No valid recipients\r\n"
        assert smtp_server.messages == []

    def test_content_without_recipients_needs_a_reset(self, smtp_server):
        smtp_server.script("RCPT", ["550 5.1.1 No"] * 2)
        with Raw(smtp_server) as raw:
            raw.ask(ENVELOPE, BDAT, replies=3)
            assert raw.ask(b"MAIL FROM:<>\r\n").startswith(b"503")
            raw.ask(b"RSET\r\n")
            smtp_server.forgiving = True
            raw.ask(ENVELOPE, BDAT, replies=3)
            assert raw.ask(b"MAIL FROM:<>\r\n").startswith(b"250")
        assert smtp_server.violations == ["connection 0: MAIL within a transaction"]


class TestIdle:
    def test_strike_closes_an_idle_connection(self, smtp_server):
        with Raw(smtp_server) as raw:
            smtp_server.strike(kit.Close("421 4.4.2 Idle too long"))
            assert raw.reply() == b"421 4.4.2 Idle too long\r\n"
            assert raw.reply() == b""

    def test_strike_resets(self, smtp_server):
        with Raw(smtp_server) as raw:
            smtp_server.strike(kit.Reset())
            with pytest.raises(ConnectionResetError):
                raw.reply()

    def test_strike_sends_what_nobody_asked_for(self, smtp_server):
        with Raw(smtp_server) as raw:
            smtp_server.strike("250 2.0.0 Surprise")
            assert raw.reply() == b"250 2.0.0 Surprise\r\n"
            assert raw.ask(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"

    def test_strike_after_the_end_returns(self, smtp_server):
        with Raw(smtp_server) as raw:
            raw.ask(b"QUIT\r\n")
            smtp_server.strike(kit.Close())


class TestTurns:
    def test_one_for_each_time_the_client_waits(self, smtp_server):
        with Raw(smtp_server) as raw:
            before = smtp_server.turns
            for line in ENVELOPE.splitlines(keepends=True):
                raw.ask(line)
            assert smtp_server.turns - before == 2
            raw.ask(b"RSET\r\n", ENVELOPE, BDAT, replies=4)
            assert smtp_server.turns - before == 3

    def test_with_a_round_trip_time_a_sliding_window_is_one_turn(self):
        with SMTPServer(rtt=0.05) as server, Raw(server) as raw:
            message = ENVELOPE + BDAT
            raw.ask(message, replies=3)
            for _ in range(16):
                raw.ask(message, replies=0)
            for _ in range(16):
                # As a reply comes, the next message goes.
                raw.reply(), raw.reply(), raw.reply()
                raw.ask(message, replies=0)
            raw.ask(replies=48)
            first, *_, last = server.messages
        # Two, but a busy machine may hold the client up for longer than a round trip.
        assert 2 <= last.turn - first.turn <= 8

    def test_replies_travel_that_long_but_reading_goes_on(self):
        with SMTPServer(rtt=0.05) as server, Raw(server) as raw:
            start = time.monotonic()
            raw.sock.sendall(ENVELOPE)
            server.wait_for(lambda: "RCPT TO:<b@d.example>" in server.commands)
            raw.ask(BDAT, replies=3)
            assert time.monotonic() - start >= 0.05
            assert len(server.messages) == 1
            raw.ask(b"NOOP\r\n")
            raw.ask(b"NOOP\r\n")
            assert time.monotonic() - start >= 0.15

    def test_connecting_takes_two(self):
        start = time.monotonic()
        with SMTPServer(rtt=0.02) as server, Raw(server):
            assert time.monotonic() - start >= 0.06  # TCP, the greeting, EHLO


class TestViolations:
    @pytest.mark.parametrize(
        ("sent", "complaint"),
        [
            (b"NOOP\n", "a bare CR or LF"),
            (b"NOOP \r \r\n", "a bare CR or LF"),
            (b"NOOP " + b"x" * 1000 + b"\r\n", "1007 octets"),
            (b"MAIL FROM: <>\r\n", "not FROM:<address>"),
            (b"MAIL FROM:a@s.example\r\n", "not FROM:<address>"),
            (b"MAIL FROM:<\xc3\xa9@s.example>\r\n", "not ASCII"),
            (b"MAIL FROM:<> FOO=1\r\n", "FOO=1 without an extension for it"),
            (b"MAIL FROM:<> BODY=BINARYMIME\r\n", "without BINARYMIME"),
            (b"MAIL FROM:<>\r\nMAIL FROM:<>\r\n", "MAIL within a transaction"),
            (b"MAIL FROM:<>\r\nDATA\r\n", "content without RCPT"),
            (b"EHLO\r\n", "without a name"),
            (b"AUTH PLAIN\r\n", "not offered"),
            (b"STARTTLS\r\n", "not offered"),
            (b"NOOP\r\nNOOP\r\n", "more after NOOP, which must be the last"),
        ],
    )
    def test_of_commands(self, smtp_server, sent, complaint):
        with Raw(smtp_server) as raw:
            raw.ask(sent, replies=sent.count(b"\n"))
        [violation] = smtp_server.violations
        assert complaint in violation

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"a\nb\r\n", "bare CR or LF"),
            (b"a\rb\r\n", "bare CR or LF"),
            (b"x" * 999 + b"\r\n", "1001 octets"),
            ("é\r\n".encode(), "8-bit content without BODY=8BITMIME"),
        ],
    )
    def test_of_content(self, smtp_server, content, complaint):
        with Raw(smtp_server) as raw:
            raw.ask(ENVELOPE, b"DATA\r\n", replies=3)
            raw.ask(content, b".\r\n")
        [violation] = smtp_server.violations
        assert complaint in violation

    def test_pipelining_and_chunking_without_the_extensions(self):
        with SMTPServer(extensions=[]) as server, Raw(server) as raw:
            raw.ask(ENVELOPE, replies=2)
            raw.ask(BDAT)
            assert server.violations == [
                "connection 0: more after MAIL without PIPELINING",
                "connection 0: BDAT without CHUNKING",
            ]

    def test_a_transaction_before_hello(self, smtp_server):
        with Raw(smtp_server, b"") as raw:
            raw.reply()
            assert raw.ask(b"MAIL FROM:<>\r\n").startswith(b"503")
        assert smtp_server.violations == ["connection 0: MAIL before EHLO"]

    def test_speaking_before_the_greeting(self, smtp_server):
        def wait_for_the_client(line, session):
            session.channel.need(1)

        smtp_server.script("GREETING", wait_for_the_client)
        with Raw(smtp_server, b"") as raw:
            raw.ask(b"EHLO x\r\n", replies=2)
        assert smtp_server.violations == ["connection 0: spoke before the greeting"]

    def test_all_that_was_announced_is_allowed(self, smtp_server):
        mail = "MAIL FROM:<é@s.example> BODY=8BITMIME SMTPUTF8 SIZE=9 RET=HDRS ENVID=x\r\n"
        with Raw(smtp_server) as raw:
            raw.ask(mail.encode(), "RCPT TO:<ü@d.example> NOTIFY=NEVER\r\n".encode(), replies=2)
            raw.ask("BDAT 4 LAST\r\nü\r\n".encode())
            raw.ask(mail.encode(), b'RCPT TO:<"a >b"@d.example>\r\nDATA\r\n', replies=3)
            # RFC 2920 lets the next message's envelope travel with this one's content.
            raw.ask("ü\r\n.\r\n".encode(), ENVELOPE, b"DATA\r\n", replies=4)
            raw.ask(b".\r\n")
        assert smtp_server.violations == []
        assert smtp_server.messages[1].recipients == ['"a >b"@d.example']
        assert smtp_server.messages[2].content == b""


class TestTokens:
    def test_scram_sha_256(self):
        with SMTPServer(users={"ann": "secret"}) as server:
            assert self.scram(server, "secret") == b"235 2.7.0 Welcome\r\n"
            assert self.scram(server, "wrong").startswith(b"535")
            assert server.violations == []

    def scram(self, server, password):
        with Raw(server) as raw:

            def ask(prefix, text):
                return raw.ask(prefix + base64.b64encode(text.encode()) + b"\r\n")

            challenge = base64.b64decode(ask(b"AUTH SCRAM-SHA-256 ", "n,,n=ann,r=abc")[4:])
            nonce, salt, rounds = (part[2:] for part in challenge.split(b","))
            salted = hashlib.pbkdf2_hmac(
                "sha256", password.encode(), base64.b64decode(salt), int(rounds)
            )
            bare = f"c=biws,r={nonce.decode()}"
            signed = f"n=ann,r=abc,{challenge.decode()},{bare}".encode()
            key = hmac.digest(salted, b"Client Key", "sha256")
            signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
            proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
            reply = ask(b"", f"{bare},p={base64.b64encode(proof).decode()}")
            if reply[:3] != b"334":
                return reply
            server_key = hmac.digest(salted, b"Server Key", "sha256")
            verifier = base64.b64encode(hmac.digest(server_key, signed, "sha256"))
            assert base64.b64decode(reply[4:]) == b"v=" + verifier
            return raw.ask(b"\r\n")

    @pytest.mark.parametrize(
        ("mechanism", "response"),
        [
            ("XOAUTH2", "user=ann\x01auth=Bearer {}\x01\x01"),
            ("OAUTHBEARER", "n,a=ann,\x01host=x\x01port=587\x01auth=Bearer {}\x01\x01"),
        ],
    )
    def test_tokens(self, mechanism, response):
        def line(token):
            initial = base64.b64encode(response.format(token).encode()).decode()
            return f"AUTH {mechanism} {initial}\r\n".encode()

        with SMTPServer(users={"ann": "t0ken"}) as server, Raw(server) as raw:
            assert raw.ask(line("stale")).startswith(b"334 eyJzdGF0dXM")
            assert raw.ask(b"\r\n").startswith(b"535")
            assert raw.ask(line("t0ken")).startswith(b"235")
            assert server.connections[0].user == "ann"
            assert server.violations == []

    @pytest.mark.parametrize("response", [b"!", b"AGFu", b"/w=="])
    def test_nonsense_is_malformed(self, response):
        with SMTPServer(users={"ann": "secret"}) as server, Raw(server) as raw:
            assert raw.ask(b"AUTH PLAIN " + response + b"\r\n").startswith(b"501")
            assert len(server.violations) == 1
