"""A route is what a mailer's options mean."""

from __future__ import annotations

from typing import Any

import pytest

from simplemail.backends.smtp import EmailBackend
from simplemail.smtp.route import Route


def route(**options: Any) -> Route:
    return EmailBackend(**{"host": "mail.example", "port": 2525, **options})._way()


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({}, "host", "mail.example"),
        ({}, "port", 2525),
        ({}, "local_hostname", ""),
        ({"local_hostname": "client.example"}, "local_hostname", "client.example"),
        ({}, "server_hostname", ""),
        ({"server_hostname": "mx.example", "use_tls": True}, "server_hostname", "mx.example"),
        ({}, "source_address", None),
        ({"source_address": ("127.0.0.1", 0)}, "source_address", ("127.0.0.1", 0)),
        ({"timeout": 7}, "connect_timeout", 7),
        ({"timeout": 7, "connect_timeout": 3}, "connect_timeout", 3),
        ({"timeout": 7, "connect_timeout": 3}, "timeout", 7),
        ({}, "username", ""),
        ({"username": "ann", "password": "x"}, "username", "ann"),
        ({"extensions": ["-CHUNKING", "-dsn"]}, "left_out", ("chunking", "dsn")),
        ({}, "implicit", False),
        ({"use_tls": True}, "implicit", False),
        ({"use_ssl": True}, "implicit", True),
        ({}, "allow_cleartext_auth", False),
        ({"allow_cleartext_auth": True}, "allow_cleartext_auth", True),
        ({}, "ehlo_after_auth", False),
    ],
)
def test_each_option_has_its_place(options: dict[str, Any], field: str, value: object) -> None:
    assert getattr(route(**options), field) == value


@pytest.mark.parametrize(("options", "has_one"), [({}, False), ({"use_tls": True}, True)])
def test_it_has_a_context_only_for_tls(options: dict[str, Any], has_one: bool) -> None:
    assert (route(**options).context is not None) is has_one


def test_what_is_not_said_is_off() -> None:
    """Nobody trusts a connection in clear text, or greets again, without having been told to."""
    plain = Route("mail.example", 25, None, "")

    assert not any((plain.implicit, plain.allow_cleartext_auth, plain.ehlo_after_auth))
