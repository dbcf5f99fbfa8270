"""TLS is verified, and its rules are made once."""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
from pathlib import Path

import pytest

from simplemail.exceptions import InvalidMailer
from simplemail.smtp import greeting, tls
from simplemail.smtp.session import Session
from simplemail.testing.server import Garbage, Inject, SMTPServer
from support.sessions import connect


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
        with pytest.raises(InvalidMailer, match="'ssl_keyfile' needs 'ssl_certfile'"):
            tls.context(None, "", tls_dir / "client.pem")


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
    from support.sessions import channel_to

    session = Session(channel_to(server), server.host)
    session.channel.wrap(context, server.host)
    greeting.greet(session)
    greeting.hello(session, "client.example")
    return session
