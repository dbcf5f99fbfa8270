"""What the contracts share: mails, mailers, and fixtures."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pytest

import simplemail
from simplemail import EmailMessage
from simplemail.testing.server import TLS_DIR

USERNAME, PASSWORD = "ann@example.com", "pa ss word"


def a_mail(to, body="Text\n", **changes):
    """A mail that every server takes, if it knows the recipient."""
    to = [to] if isinstance(to, str) else to
    values = {"subject": "Subject", "from_email": "box-sender@example.com", "to": to}
    return EmailMessage(body=body, **(values | changes))


def mailer_for(server, port="plain", **options):
    """A mailer for one of the server's ports, with TLS where that port is about TLS."""
    if port in ("starttls", "wrong_host"):
        options = {"use_tls": True, "ca_file": TLS_DIR / "ca.pem"} | options
    if port in ("tls", "wrong_host_tls"):
        options = {"use_ssl": True, "ca_file": TLS_DIR / "ca.pem"} | options
    common = {"local_hostname": "client.example.com", "timeout": 20}
    return simplemail.get_connection(
        "smtp", host="localhost", port=server.ports[port], **(common | options)
    )


def logged_in(server, port, **options):
    """A mailer that logs in as the one user there is."""
    return mailer_for(server, port, **({"username": USERNAME, "password": PASSWORD} | options))


class Contract:
    """Subclasses have a fixture `server`, and say what theirs offers."""

    ways: ClassVar = ["plain"]
    """The ports that take mail from anybody, differing in the extensions they offer."""

    without_extensions: ClassVar[list[str]] = []

    mechanisms: ClassVar = ["plain", "login", "cram-md5"]

    def pytest_generate_tests(self, metafunc):
        for name, values in {
            "way": self.ways,
            "poor_way": self.without_extensions,
            "mechanism": self.mechanisms,
            "secure": ["starttls", "tls"],
        }.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    @pytest.fixture
    def box(self):
        """The beginning of addresses that no other test has."""
        return f"box-{uuid.uuid4().hex[:12]}"
