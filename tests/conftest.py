"""Fixtures for all tests."""

from pathlib import Path

import pytest

from simplemail.testing.server import TLS_DIR

pytest_plugins = ["pytester", "simplemail.pytest_plugin"]
"""Ours by its module's name: pytest knows it by this one too where simplemail is installed."""


@pytest.fixture(scope="session")
def tls_ca() -> Path:
    """The CA that signed the test server's certificate."""
    return TLS_DIR / "ca.pem"


@pytest.fixture(scope="session")
def tls_dir() -> Path:
    """Where ca.pem, other-ca.pem, server.pem, wrong-host.pem, expired.pem and client.pem are."""
    return TLS_DIR
