"""A mailer in one line, and what is said about a wrong one: enough to help, and no secret."""

from __future__ import annotations

import logging
import random
import shutil
import string
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from simplemail import (
    ImproperlyConfigured,
    InvalidMailer,
    get_connection,
    mailers,
    override_settings,
)
from simplemail.backends import urls
from simplemail.backends.options import known_options
from simplemail.backends.urls import SCHEMES, backend_class, is_url, parse

SMTP = {"host": "h.example", "username": "", "password": ""}
PLAIN = {**SMTP, "port": 25, "use_tls": False, "use_ssl": False}
STARTTLS = {**SMTP, "port": 587, "use_tls": True, "use_ssl": False}
IMPLICIT = {**SMTP, "port": 465, "use_tls": False, "use_ssl": True}


class TestSchemes:
    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("smtp://h.example", PLAIN),
            ("smtp+tls://h.example", STARTTLS),
            ("smtps://h.example", IMPLICIT),
            ("smtp+ssl://h.example", IMPLICIT),
            ("SMTP+TLS://H.Example/", STARTTLS),
            ("smtp://h.example:2525", {**PLAIN, "port": 2525}),
            ("smtps://h.example:", IMPLICIT),
            ("smtp://[::1]:26", {**PLAIN, "host": "::1", "port": 26}),
            ("smtp://ann@h.example", {**PLAIN, "username": "ann"}),
            ("smtp://ann:pw@h.example", {**PLAIN, "username": "ann", "password": "pw"}),
            ("smtp://:pw@h.example", {**PLAIN, "password": "pw"}),
            ("smtp://m\xe4il.example", {**PLAIN, "host": "m\xe4il.example"}),
            (
                "smtp+tls://h.example?timeout=5&ca_file=/etc/ca.pem",
                {**STARTTLS, "timeout": "5", "ca_file": "/etc/ca.pem"},
            ),
        ],
    )
    def test_smtp(self, url, options):
        assert parse(url) == ("smtp", options)

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("file:///var/mail/out", "/var/mail/out"),
            ("file://localhost/var/out", "/var/out"),
            ("file:out", "out"),
            ("file:/a%20b/%C3%BC", "/a b/\xfc"),
        ],
    )
    def test_file(self, url, path):
        assert parse(url) == ("file", {"file_path": path})

    def test_file_with_options(self):
        assert parse("file:out?format=eml") == ("file", {"file_path": "out", "format": "eml"})

    @pytest.mark.parametrize("name", ["console", "memory", "dummy"])
    def test_the_name_is_all(self, name):
        assert parse(f"{name}:") == parse(f"{name}://") == (name, {})
        assert parse(f"{name}:?fail_silently=1") == (name, {"fail_silently": "1"})

    @pytest.mark.parametrize(
        "secret",
        ["p@ss", "a:b", "a/b", "a?b", "a#b", "100%", "%40", "a b", "\xfc\u20ac", "[x]", "+&="],
    )
    def test_user_and_password_are_percent_decoded(self, secret):
        encoded = quote(secret, safe="")

        options = parse(f"smtp://{encoded}:{encoded}@h.example")[1]

        assert (options["username"], options["password"]) == (secret, secret)

    def test_a_url_is_told_from_a_name_by_its_colon(self):
        assert is_url("console:")
        assert not is_url("console")
        assert not is_url("simplemail.backends.console.EmailBackend")


class TestOptions:
    def test_options_get_the_backends_types(self):
        mailer = get_connection(
            "smtp://127.0.0.1:2525?timeout=7.5&fail_silently=Yes&allow_cleartext_auth=off"
            "&local_hostname=client.example&source_address=127.0.0.1"
        )

        assert mailer.timeout == 7.5
        assert mailer.fail_silently is True
        assert mailer.allow_cleartext_auth is False
        assert mailer.local_hostname == "client.example"
        assert mailer.source_address == ("127.0.0.1", 0)

    @pytest.mark.parametrize(
        ("url", "text"),
        [
            ("smtp://h?timeout=soon", "'timeout' in a mailer URL must be a number$"),
            ("smtp://h?fail_silently=2", "'fail_silently' .* must be true or false$"),
            ("smtp://h?port=x", "'port' in a mailer URL must be a whole number$"),
            ("smtp://h?tiemout=5", "Unknown option 'tiemout' .*; did you mean 'timeout'"),
            ("console:?host=h", "Unknown option 'host'"),
            ("smtp://h?alias=x", "Unknown option 'alias'"),
            ("smtp://h?self=x", "Unknown option 'self'"),
            ("smtp://h?ssl_context=x", "'ssl_context' can't be written in a mailer URL"),
            ("console:?stream=x", "'stream' can't be written in a mailer URL"),
            ("smtp://h?timeout=5&timeout=6", "sets an option twice"),
            ("smtp://h:25?port=26", "gives 'port' before its '\\?' and after"),
            ("smtp://ann@h?username=bob", "gives 'username' before"),
            ("smtp://ann:pw@h?password=wp", "gives 'password' before"),
            ("smtp://h?host=i", "gives 'host' before"),
            ("file:out?file_path=in", "gives 'file_path' before"),
            ("smtp://h?timeout", r"written \?name=value"),
            ("smtp://h?a-b=1", r"written \?name=value"),
            ("smtp://h?ca_file=%ff", r"written \?name=value"),
            ("smtp+tls://h?use_tls=false", r"smtp\+tls:// already sets 'use_tls'"),
            ("smtps://h?use_ssl=0", "smtps:// already sets 'use_ssl'"),
            ("smtp+ssl://h?use_tls=1", r"smtp\+ssl:// already sets 'use_tls'"),
        ],
    )
    def test_wrong_options_are_refused(self, url, text):
        with pytest.raises(InvalidMailer, match=text):
            get_connection(url)

    def test_what_the_url_leaves_open_may_be_an_option(self):
        mailer = get_connection("smtp://h?username=ann&password=pw&port=26&use_tls=yes")

        assert (mailer.username, mailer.password, mailer.port) == ("ann", "pw", 26)
        assert mailer.use_tls is True


class TestTheTable:
    def test_every_backend_has_its_row(self):
        folder = Path(urls.__file__).parent
        modules = {
            path.stem for path in folder.glob("*.py") if "\nclass EmailBackend(" in path.read_text()
        }

        assert {backend.module for backend in urls.BACKENDS} == modules

    def test_a_new_backend_is_a_module_and_a_row(self, tmp_path):
        """Name, scheme, options and messages all come from the row."""
        package = tmp_path / "simplemail"
        shutil.copytree(Path(urls.__file__).parents[1], package)
        (package / "backends" / "pigeon.py").write_text(PIGEON)
        table = package / "backends" / "urls.py"
        start = "BACKENDS = (\n"
        row = '    Backend("pigeon", ("pigeon",), {"pigeon": Scheme(PATH, path="loft")}),\n'
        table.write_text(table.read_text().replace(start, start + row))

        done = subprocess.run(
            [sys.executable, "-c", FLYING], cwd=tmp_path, capture_output=True, text=True, check=True
        )

        assert done.stdout.splitlines() == [
            "simplemail.backends.pigeon roof 3",
            "simplemail.backends.pigeon attic 0",
            "Unknown scheme 'pigen' in a mailer URL; use one of pigeon://, smtp://",
            "did you mean 'pigeon'?",
        ]


PIGEON = """
from .base import BaseEmailBackend

class EmailBackend(BaseEmailBackend):
    def __init__(self, fail_silently=False, *, loft="attic", speed: int = 0, **options):
        super().__init__(fail_silently, **options)
        self.loft, self.speed = loft, speed
"""
FLYING = """
from simplemail import ImproperlyConfigured, InvalidMailer, get_connection

for spec in ("pigeon:roof?speed=3", "pigeon"):
    mailer = get_connection(spec)
    print(type(mailer).__module__, mailer.loft, mailer.speed)
try:
    get_connection("pigen://roof")
except InvalidMailer as error:
    print(str(error).partition(", smtp+tls")[0], str(error).rpartition("; ")[2], sep="\\n")
"""


class TestWrongUrls:
    @pytest.mark.parametrize(
        ("url", "text"),
        [
            ("smpt://h", "Unknown scheme 'smpt' in a mailer URL; use one of smtp://, smtp"),
            ("http://h", "Unknown scheme 'http'.*dummy:, sendmail:, inbox:, queue://$"),
            ("consol:", "Unknown scheme 'consol'.*; did you mean 'console'"),
            ("://h", "Unknown scheme in a mailer URL"),
            (":", "Unknown scheme in a mailer URL"),
            ("smtp://", "needs a host: smtp://mail.example.com"),
            ("smtp:", "needs a host"),
            ("smtp:h.example", "needs a host"),
            ("smtp:///h", "needs a host"),
            ("smtp+tls://:587", "needs a host"),
            ("smtp://ann:pw@", "needs a host"),
            ("smtp://h:0", "a number from 1 to 65535"),
            ("smtp://h:65536", "a number from 1 to 65535"),
            ("smtp://h:-1", "a number from 1 to 65535"),
            ("smtp://h:smtp", "a number from 1 to 65535"),
            ("smtp://h/path", "unexpected text after its host"),
            ("smtp://h#x", "'#'"),
            ("smtp://a@b@h", r"more than one '@'; percent-encode .*\(@ is %40"),
            ("smtp://a:b:c@h", r"more than one ':' before its host; .*: is %3A"),
            ("smtp://a:50%@h", r"'%' without two hex digits after it; .*% is %25"),
            ("smtp://a%zz:b@h", "'%' without two hex digits"),
            ("smtp://h?ca_file=/a%b/c", "'%' without two hex digits"),
            ("file:///50%/out", "'%' without two hex digits"),
            ("smtp://h h", "spaces or control characters"),
            ("smtp://h\n", "spaces or control characters"),
            ("smtp://[::1", "host .* is not valid"),
            ("smtp://ann:%ff@h", "must be percent-encoded UTF-8"),
            ("console:x", "takes no host or path; write console:"),
            ("memory://x", "takes no host or path; write memory:"),
            ("file:", "needs a path: file:///var"),
            ("file://out", "Write file:///absolute/path or file:relative/path"),
        ],
    )
    def test_are_refused_with_the_remedy(self, url, text):
        with pytest.raises(InvalidMailer, match=text):
            parse(url)

    def test_an_unknown_scheme_lists_all_schemes(self):
        with pytest.raises(InvalidMailer) as caught:
            parse("sendgrid://x")

        for scheme in SCHEMES:
            assert f"{scheme}:" in str(caught.value)

    def test_the_error_says_whose_url_it_is(self, monkeypatch):
        mailer = {"BACKEND": "smtp://h?tiemout=5"}
        with override_settings(MAILERS={"url": "smpt://h", "dict": mailer}):
            with pytest.raises(InvalidMailer, match=r"^MAILERS\['url'\]: Unknown scheme 'smpt'"):
                mailers["url"]
            with pytest.raises(InvalidMailer, match=r"^MAILERS\['dict'\]: Unknown option"):
                mailers["dict"]
        monkeypatch.setenv("EMAIL_URL", "smtp://h?tiemout=5")
        with pytest.raises(InvalidMailer, match=r"^environment variable EMAIL_URL: Unknown option"):
            get_connection()
        with (
            override_settings(EMAIL_URL="smpt://h"),
            pytest.raises(InvalidMailer, match=r"^EMAIL_URL: Unknown scheme 'smpt'"),
        ):
            mailers.default  # noqa: B018


SEED = 20261123
AWKWARD = "/?#@:%&=+[]\\\"'<>{}|^~`!$*,;. \t\u20ac\xfc\u2100"
"""What cuts a URL short, or means something in it, when it should have been percent-encoded."""


def secrets(count: int) -> list[str]:
    """Passwords with one part that can be recognised in any error, and awkward characters."""
    chooser = random.Random(SEED)
    found = ["s3cret0"]
    for number in range(1, count):
        parts = [f"s3cret{number}"]
        for _ in range(chooser.randint(1, 4)):
            parts.insert(chooser.randint(0, len(parts)), chooser.choice(AWKWARD))
            parts.insert(
                chooser.randint(0, len(parts)),
                "".join(chooser.choices(string.ascii_letters + string.digits, k=2)),
            )
        found.append("".join(parts))
    return found


def broken_urls(secret: str) -> list[str]:
    return [
        f"smtp://ann:{secret}@mail.example.com",
        f"smtp+tls://{secret}:x@mail.example.com:587",
        f"smtps://{secret}@mail.example.com",
        f"smtp://ann:12?timeout={secret}@mail.example.com",
        f"smtp://ann:12?{secret}=1&timeout=5@mail.example.com",
        f"smpt://ann:{secret}@mail.example.com",
        f"smtp:/ann:{secret}@mail.example.com",
        f"smtp:ann:{secret}@mail.example.com",
        f"//ann:{secret}@mail.example.com",
        f"ann:{secret}@mail.example.com",
        f"{secret}:x@mail.example.com",
        f"{secret}@mail.example.com",
        f"smtp://ann:{secret}@",
        f"smtp://ann:{secret}@[::1",
        f"smtp://ann:{secret}@mail.example.com:port",
        f"smtp://ann:{secret}@mail.example.com?tiemout=5",
        f"smtp://ann:{secret}@mail.example.com?timeout=soon",
        f"smtp://ann:{secret}@mail.example.com?password={secret}&port=0&x",
        f"console://ann:{secret}@mail.example.com",
        f"file://ann:{secret}@mail.example.com/var/mail",
    ]


def everything_said(error: BaseException) -> str:
    """All that a program could print or log of an error."""
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    return "".join([*parts, *traceback.TracebackException.from_exception(error).format()])


def error_for(url: str, way: str) -> Exception | None:
    """Give a URL to the library in one of the ways there are, and return what it said."""
    default = {
        "alias": {"MAILERS": {"default": url}},
        "entry": {"MAILERS": {"default": {"BACKEND": url, "OPTIONS": {"typo": 1}}}},
        "setting": {"EMAIL_URL": url},
        "argument": {},
    }
    try:
        with override_settings(**default[way]):
            mailer = get_connection(url) if way == "argument" else mailers.default
            assert "s3cret" not in repr(mailer)
    except (ImproperlyConfigured, TypeError, ValueError) as error:
        return error
    return None


@pytest.mark.parametrize("way", ["alias", "entry", "setting", "argument"])
def test_no_error_and_no_log_line_shows_a_secret(way, caplog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for those that turn out to be good file: URLs
    caplog.set_level(logging.DEBUG)
    refused = 0
    for number, secret in enumerate(secrets(30)):
        for url in broken_urls(secret):
            if error := error_for(url, way):
                refused += 1
                assert f"s3cret{number}" not in everything_said(error), url
    assert refused > 500
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_error_shows_the_value_of_an_option(scheme, tmp_path, monkeypatch):
    """It may be the rest of a password that should have been percent-encoded."""
    monkeypatch.chdir(tmp_path)
    start = {"host": "://mail.example.com", "path": ":out", "name": ":"}[SCHEMES[scheme].form]
    wrong = 0
    for option in known_options(backend_class(parse(scheme + start)[0], "", None)):
        for way in ("alias", "setting", "argument"):
            if error := error_for(f"{scheme}{start}?{option}=s3cret~", way):
                wrong += 1
                assert "s3cret" not in everything_said(error), option
    assert wrong > 2


@pytest.mark.parametrize(
    "spec", ["ann:s3cret@h.example", "s3cret@h.example", "SG.s3cret-x_y", "a s3cret"]
)
def test_a_misplaced_secret_is_not_shown(spec):
    """Somebody pastes a key where a URL belongs."""
    error = error_for(spec, "setting")

    assert isinstance(error, InvalidMailer)
    assert "s3cret" not in everything_said(error)
