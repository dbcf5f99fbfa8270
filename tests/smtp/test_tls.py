"""TLS is verified, and its rules are made once."""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simplemail import EmailMessage, close_pools, get_connection
from simplemail.exceptions import InvalidMailer, Secret
from simplemail.smtp import greeting, tls
from simplemail.smtp.session import Session
from simplemail.testing.server import Garbage, Inject, SMTPServer
from support.leaks import leaks
from support.sessions import connect, connection_to


class TestContext:
    def test_verifies(self, tls_ca: Path) -> None:
        context = tls.context(tls_ca)

        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2

    def test_is_made_once(self, tls_ca: Path) -> None:
        assert tls.context(tls_ca) is tls.context(str(tls_ca))
        assert tls.context() is tls.context()
        assert tls.context(tls_ca) is not tls.context()

    def test_is_made_again_when_a_file_has_changed(self, tls_dir: Path, tmp_path: Path) -> None:
        copy = tmp_path / "ca.pem"
        shutil.copy(tls_dir / "ca.pem", copy)
        before = tls.context(copy)
        shutil.copy(tls_dir / "other-ca.pem", copy)
        os.utime(copy, (1, 1))

        assert tls.context(copy) is not before

    def test_a_client_certificate_keeps_the_cas(self, tls_ca: Path, tls_dir: Path) -> None:
        with SMTPServer(tls=True, client_ca=tls_ca) as server:
            context = tls.context(tls_ca, tls_dir / "client.pem")
            session = connect_with(server, context)

            assert server.connections[0].peer_certificate
            session.quit()
        system, ours = tls.context(), tls.context(None, tls_dir / "client.pem")
        assert ours.cert_store_stats() == system.cert_store_stats()

    @pytest.mark.parametrize("option", ["ca_file", "ssl_certfile"])
    def test_names_the_file_that_is_missing(self, option: str, tmp_path: Path) -> None:
        missing = tmp_path / "none.pem"
        files = (missing, None) if option == "ca_file" else (None, missing)

        with pytest.raises(InvalidMailer, match=rf"MAILERS\['x'\]: Can't read {option} .*none.pem"):
            tls.context(*files, alias="x")

    @pytest.mark.parametrize("option", ["ca_file", "ssl_certfile"])
    def test_names_the_file_that_is_rubbish(self, option: str, tmp_path: Path) -> None:
        rubbish = tmp_path / "rubbish.pem"
        rubbish.write_text("rubbish")
        files = (rubbish, None) if option == "ca_file" else (None, rubbish)

        with pytest.raises(InvalidMailer, match=rf"Can't use {option} .*rubbish.pem"):
            tls.context(*files)

    def test_empty_names_are_no_files(self) -> None:
        """As in Django, where settings come from an environment that may have them empty."""
        assert tls.context("", "", "") is tls.context()

    def test_a_key_alone_is_refused(self, tls_dir: Path) -> None:
        with pytest.raises(InvalidMailer, match="'ssl_keyfile' also needs 'ssl_certfile'"):
            tls.context(None, "", tls_dir / "client.pem")

    def test_with_a_ca_file_the_verdict_is_the_same_on_all_pythons(self, tls_ca: Path) -> None:
        """Python 3.13 began to set both flags by itself."""
        flags = tls.context(tls_ca).verify_flags

        assert not flags & ssl.VERIFY_X509_STRICT
        assert flags & ssl.VERIFY_X509_PARTIAL_CHAIN

    def test_a_ca_file_may_hold_the_servers_certificate_alone(
        self, tls_dir: Path, tmp_path: Path
    ) -> None:
        pem = (tls_dir / "server.pem").read_text()
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        first = begin + pem.split(begin)[1].partition(end)[0] + end
        (tmp_path / "only.pem").write_text(first + "\n")
        with SMTPServer(tls=True) as server:
            session = connect_with(server, tls.context(tmp_path / "only.pem"))
            session.quit()

    def test_a_shared_one_that_somebody_changed_is_replaced(self, tls_ca: Path) -> None:
        changed = tls.context(tls_ca)
        changed.check_hostname = False
        changed.verify_mode = ssl.CERT_NONE

        again = tls.context(tls_ca)

        assert again is not changed
        assert again.verify_mode is ssl.CERT_REQUIRED
        assert again.check_hostname


class TestAnEncryptedKey:
    @pytest.fixture
    def key(self, tls_dir: Path, tmp_path: Path) -> Path:
        encrypted = tmp_path / "key.pem"
        command = ["openssl", "pkey", "-in", tls_dir / "client.pem", "-out", encrypted]
        subprocess.run([*command, "-aes128", "-passout", "pass:s3cret"], check=True)
        return encrypted

    pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")

    @pytest.mark.parametrize("password", ["s3cret", lambda: "s3cret"])
    def test_is_opened_by_its_password(self, key: Path, tls_dir: Path, password: Any) -> None:
        assert tls.context(None, tls_dir / "client.pem", key, Secret(password))

    def test_without_one_says_which_option_is_missing(self, key: Path, tls_dir: Path) -> None:
        with pytest.raises(InvalidMailer, match="is encrypted; set ssl_keyfile_password"):
            tls.context(None, tls_dir / "client.pem", key)

    @pytest.mark.parametrize(
        "password", ["s3cret\n", "\udc80", lambda: None, lambda: "s3cret\r\n", 5]
    )
    def test_its_password_is_text_without_a_line_end(
        self, key: Path, tls_dir: Path, password: Any
    ) -> None:
        with pytest.raises(InvalidMailer, match=r"must be text .*; strip\(\)") as info:
            tls.context(None, tls_dir / "client.pem", key, Secret(password))

        assert leaks(info.value, "s3cret") == []

    @pytest.mark.skipif(
        sys.implementation.name == "pypy",
        reason="PyPy's ssl is written in Python, and has the password in frames of its own",
    )
    def test_with_a_wrong_one_shows_neither(self, key: Path, tls_dir: Path) -> None:
        wrong = "wr0ng-pässword"
        with pytest.raises(InvalidMailer, match="does ssl_keyfile_password open") as info:
            get_connection(
                "smtp", host="h", use_tls=True, ssl_certfile=tls_dir / "client.pem",
                ssl_keyfile=key, ssl_keyfile_password=wrong,
            ).open()  # fmt: skip

        assert leaks(info.value, wrong) == []


class TestAClientCertificate:
    """Both the certificate and its key are needed, and OpenSSL's words say little."""

    def certificate_alone(self, tls_dir: Path, tmp_path: Path) -> Path:
        pem = (tls_dir / "client.pem").read_text()
        (tmp_path / "alone.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
        return tmp_path / "alone.pem"

    def test_without_its_key(self, tls_dir: Path, tmp_path: Path) -> None:
        with pytest.raises(InvalidMailer, match="in another file, set ssl_keyfile"):
            tls.context(None, self.certificate_alone(tls_dir, tmp_path))

    def test_with_the_key_of_another(self, tls_dir: Path, tmp_path: Path) -> None:
        alone = self.certificate_alone(tls_dir, tmp_path)
        with pytest.raises(InvalidMailer, match="does the key in ssl_keyfile belong to it"):
            tls.context(None, alone, tls_dir / "server.pem")


class TestAMailersOwnContext:
    """What one mailer's context is told counts for no other mailer."""

    @pytest.fixture
    def stranger(self, tls_dir: Path) -> Iterator[SMTPServer]:
        """A server whose certificate is signed by nobody we know, and who wants our password."""
        with SMTPServer(starttls=True, users={"ann": "s3cret"}) as server:
            server.ca_file = tls_dir / "other-ca.pem"
            yield server

    def weaken(self, context: ssl.SSLContext) -> None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    def test_is_its_own_to_change(self, stranger: SMTPServer) -> None:
        weak, other = get_connection(stranger.url), get_connection(stranger.url)
        self.weaken(weak.ssl_context)
        with weak:
            assert weak.is_ready()

        with pytest.raises(ssl.SSLCertVerificationError):
            other.open()
        assert [connection.user for connection in stranger.connections] == ["ann", None]

    def test_cannot_be_reached_through_an_open_socket(self, stranger: SMTPServer) -> None:
        stranger.ca_file = stranger.ca_file.parent / "ca.pem"
        first = get_connection(stranger.url)
        with first:
            self.weaken(first.connection.sock.context)
        stranger.certificate = stranger.ca_file.parent / "wrong-host.pem"

        with pytest.raises(ssl.SSLCertVerificationError):
            get_connection(stranger.url).open()

    @pytest.mark.parametrize("given", [True, False])
    def test_weak_sessions_are_not_pooled_for_the_strict(
        self, given: bool, stranger: SMTPServer
    ) -> None:
        context = ssl.create_default_context()
        options: dict[str, Any] = {"ssl_context": context} if given else {}
        message = EmailMessage("Hi", "Text", "a@example.com", ["b@example.com"])
        weak = get_connection(stranger.url, keep_alive=60, **options)
        self.weaken(weak.ssl_context)
        assert weak.send_messages([message]) == 1

        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        strict = get_connection(stranger.url, keep_alive=60, **options)
        with pytest.raises(ssl.SSLCertVerificationError):
            strict.send_messages([message])
        close_pools()

    def test_can_be_set_as_in_django(self, stranger: SMTPServer) -> None:
        mailer = get_connection(stranger.url)
        context = ssl.create_default_context()
        self.weaken(context)
        mailer.ssl_context = context
        with mailer:
            assert mailer.is_ready()


@pytest.mark.parametrize("way", ["starttls", "tls"])
class TestHandshake:
    def test_encrypts(self, way: str) -> None:
        with SMTPServer(**{way: True}) as server:  # type: ignore[arg-type]
            session = connect(server)

            assert session.channel.encrypted
            assert server.connections[0].tls
            session.quit()

    @pytest.mark.parametrize("certificate", ["wrong-host.pem", "expired.pem"])
    def test_refuses_a_bad_certificate(self, way: str, certificate: str, tls_dir: Path) -> None:
        with (
            SMTPServer(**{way: True}, certificate=tls_dir / certificate) as server,  # type: ignore[arg-type]
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            connect(server)

    def test_refuses_an_unknown_ca(self, way: str, tls_dir: Path) -> None:
        with (
            SMTPServer(**{way: True}, ca_file=tls_dir / "other-ca.pem") as server,  # type: ignore[arg-type]
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            connect(server)

    def test_ends_in_time(self, way: str) -> None:
        with SMTPServer(**{way: True}) as server:  # type: ignore[arg-type]
            server.script("HANDSHAKE", Garbage(b""))
            with pytest.raises((TimeoutError, OSError)):
                connect(server, timeout=0.3)


def test_bytes_before_the_handshake_end_the_session() -> None:
    """CVE-2011-0411: what came in clear text must not count as said within TLS."""
    with SMTPServer(starttls=True) as server:
        server.script("STARTTLS", Inject("250 injected", after=True))

        with pytest.raises(smtplib.SMTPException, match=r"250 injected.*before the TLS handshake"):
            connect(server)


def connect_with(server: SMTPServer, context: ssl.SSLContext) -> Session:
    session = Session(connection_to(server))
    session.channel.wrap(context, server.host)
    greeting.greet(session)
    greeting.hello(session, "client.example")
    return session
