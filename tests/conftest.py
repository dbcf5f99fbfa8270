"""Fixtures for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simplemail.testing.server import TLS_DIR, SMTPServer


@pytest.fixture
def smtp_server() -> Iterator[SMTPServer]:
    """A scripted SMTP server; a test that needs another kind makes its own."""
    with SMTPServer() as server:
        yield server


@pytest.fixture(scope="session")
def tls_ca() -> Path:
    """The CA that signed the test server's certificate."""
    return TLS_DIR / "ca.pem"


@pytest.fixture(scope="session")
def tls_dir() -> Path:
    """Where ca.pem, other-ca.pem, server.pem, wrong-host.pem, expired.pem and client.pem are."""
    return TLS_DIR
