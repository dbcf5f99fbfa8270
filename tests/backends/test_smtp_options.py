"""The options of the SMTP backend: which values will do."""

from __future__ import annotations

import pytest

from simplemail import InvalidMailer, get_connection
from simplemail.backends.smtp_options import check_host, flag


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "mail.example.com",
            "mail.example.com.",
            "my_mail-server",
            "127.0.0.1",
            "::1",
            "fe80::1%eth0",
            "::ffff:127.0.0.1",
            "b\xfccher.example",
        ],
    )
    def test_names_and_addresses(self, host):
        check_host(host, None)

    @pytest.mark.parametrize(
        "host",
        [
            "smtp://ann:s3cret@h",
            "ann:s3cret@h",
            "s3cret@h",
            "h:25",
            "[::1]",
            "h/s3cret",
            "h s3cret",
            "h\n",
            b"s3cret",
            5,
            ["h"],
        ],
    )
    def test_a_url_or_a_port_is_refused_and_not_shown(self, host):
        text = r"^MAILERS\['x'\]: 'host' must be just a name .*; put the port into 'port'$"
        with pytest.raises(InvalidMailer, match=text):
            check_host(host, "x")

    @pytest.mark.parametrize(
        "host", ["mail..example.com", ".h", "..", f"{'a' * 64}.com", "\xfc..h"]
    )
    def test_what_no_resolver_takes_is_refused_before_it_is_asked(self, host):
        with pytest.raises(InvalidMailer, match=f"'host' is not a host name: {host!r}"):
            get_connection("smtp", host=host)


class TestFlags:
    @pytest.mark.parametrize(
        ("value", "meant"),
        [
            *[(True, True), (1, True), ("True", True), ("on", True)],
            *[(None, False), (0, False), ("", False), ("False", False), ("no", False)],
        ],
    )
    def test_may_be_text(self, value, meant):
        assert flag("use_tls", value, None) is meant

    def test_other_text_is_refused(self):
        with pytest.raises(InvalidMailer, match=r"'use_ssl' must be True or False$"):
            get_connection("smtp", use_ssl="STARTTLS")

    @pytest.mark.parametrize("name", ["use_tls", "use_ssl", "allow_cleartext_auth"])
    def test_of_smtp(self, name):
        assert getattr(get_connection("smtp", **{name: "false"}), name) is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server_hostname": "a b"}, "'server_hostname' must be just a name or an address"),
        ({"server_hostname": "x\r\ny"}, "'server_hostname' must be just a name"),
        ({"server_hostname": "\uff3b1\uff3d"}, "'server_hostname' must be just a name"),
        ({"server_hostname": 5}, "'server_hostname' must be just a name"),
        ({"server_hostname": "/run/smtp"}, "'server_hostname' must be just a name"),
        ({"server_hostname": "a..b"}, "'server_hostname' is not a host name"),
        ({"source_address": "no address"}, "'source_address' must be an address of this machine"),
        ({"source_address": ("192.0.2.1", 65536)}, "'source_address' must be an address"),
        ({"source_address": ("192.0.2.1", "25")}, "'source_address' must be an address"),
        ({"source_address": ("a\nb", 0)}, "'source_address' must be an address"),
    ],
)
def test_what_is_no_name_or_address_is_refused_before_anything_is_sent(options, words):
    with pytest.raises(InvalidMailer, match=words):
        get_connection("smtp", host="h", alias="x", **options)


@pytest.mark.parametrize("option", ["host", "server_hostname"])
@pytest.mark.parametrize("name", ["mail.straße.example", "ς.example"])
def test_a_host_that_may_be_somebody_elses_is_refused(option, name):
    """IDNA 2003, which sockets know, reads another domain there than browsers do."""
    with pytest.raises(
        InvalidMailer, match=f"'{option}' is not .*: '{name}'; .* write it as .*xn--"
    ):
        get_connection("smtp", **{"host": "h", option: name})


@pytest.mark.parametrize("source", ["192.0.2.1", "::1", "fe80::1%eth0", ("192.0.2.1", 0)])
def test_an_address_to_connect_from(source):
    mailer = get_connection("smtp", host="h", alias="x", source_address=source)

    assert mailer.source_address == (source if isinstance(source, tuple) else (source, 0))
