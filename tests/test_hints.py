"""A delivery error says what happened where, and what would help."""

import ssl
from pathlib import Path

import pytest

from simplemail.hints import explain


def failed_handshake(certificate: Path, ca: Path, name: str) -> OSError:
    """What TLS says of a certificate, without a network in between."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context(cafile=ca).wrap_bio(
        to_client, to_server, server_hostname=name
    )
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            return error
    raise AssertionError("the certificate is good")


@pytest.mark.parametrize(
    ("certificate", "name", "sentence", "remedy"),
    [
        ("wrong-host.pem", "localhost", "is for another name", "the name that is in the certif"),
        ("wrong-host.pem", "127.0.0.1", "is for another name", "the name that is in the certif"),
        ("expired.pem", "localhost", "has expired", "must renew it"),
    ],
)
def test_a_bad_certificate_is_explained(certificate, name, sentence, remedy, tls_dir):
    error = failed_handshake(tls_dir / certificate, tls_dir / "ca.pem", name)

    explain(error, "mail.example.com:587")

    assert f"The certificate of mail.example.com:587 {sentence}" in str(error)
    assert remedy in str(error)


def test_an_unknown_ca_is_explained(tls_dir):
    error = failed_handshake(tls_dir / "server.pem", tls_dir / "other-ca.pem", "localhost")

    explain(error, "mail.example.com:587")

    assert "The certificate of mail.example.com:587 is not trusted" in str(error)
    assert "ca_file" in str(error)
