"""What the table in README.md says of other libraries is so, with the real ones."""

import inspect
import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version

import pytest

from docs.test_reference import section
from simplemail import EmailMessage, get_connection
from simplemail.testing import SMTPServer
from simplemail.testing.server import TLS_DIR
from support.docs_runner import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in section(README, "## How it compares").splitlines()
    if line.startswith("|")
]
COLUMNS = TABLE[0]


def cell(row: str, column: str) -> str:
    """A cell of the table, without the marks of footnotes."""
    [line] = [line for line in TABLE if line[0] == row]
    [text] = [text for text, name in zip(line, COLUMNS, strict=True) if name.startswith(column)]
    return re.sub("[¹²³]", "", text)


def by_simplemail(server: SMTPServer, login: bool) -> None:
    options = {"username": "ann", "password": "secret"} if login else {}
    mailer = get_connection(
        "smtp", host=server.host, port=server.port, use_tls=not login, use_ssl=False, **options
    )
    mailer.send_messages([EmailMessage("Hi", "Hi", "me@example.com", ["ann@example.com"])])


def by_django(server: SMTPServer, login: bool) -> None:
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.core.mail import EmailMessage
    from django.core.mail.backends.smtp import EmailBackend

    options = {"username": "ann", "password": "secret"} if login else {}
    message = EmailMessage("Hi", "Hi", "me@example.com", ["ann@example.com"])
    EmailBackend(
        host=server.host, port=server.port, use_tls=not login, use_ssl=False, **options
    ).send_messages([message])


def by_flask_mail(server: SMTPServer, login: bool) -> None:
    flask = pytest.importorskip("flask")
    flask_mail = pytest.importorskip("flask_mail")
    app = flask.Flask("shop")
    app.config.update(MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_USE_TLS=not login)
    if login:
        app.config.update(MAIL_USERNAME="ann", MAIL_PASSWORD="secret")
    mail = flask_mail.Mail(app)
    with app.app_context():
        mail.send_message("Hi", body="Hi", sender="me@example.com", recipients=["ann@example.com"])


def by_smtplib(server: SMTPServer, login: bool) -> None:
    with smtplib.SMTP(server.host, server.port) as smtp:
        if login:
            smtp.login("ann", "secret")
        else:
            smtp.starttls()
        smtp.sendmail("me@example.com", ["ann@example.com"], b"Subject: Hi\r\n\r\nHi\r\n")


LIBRARIES: dict[str, Callable[[SMTPServer, bool], None]] = {
    "simplemail": by_simplemail,
    "Django": by_django,
    "Flask-Mail": by_flask_mail,
    "smtplib": by_smtplib,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LIBRARIES)
def test_who_verifies_certificates(name):
    says = cell("certificates are verified", name)
    verifies = says not in ("no", "only with your own context")

    with SMTPServer(starttls=True, certificate=TLS_DIR / "wrong-host.pem") as server:
        with pytest.raises(ssl.SSLCertVerificationError) if verifies else nullcontext():
            LIBRARIES[name](server, login=False)

        assert server.accepted == (0 if verifies else 1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in LIBRARIES if name != "simplemail"])
def test_who_sends_a_password_in_clear_text(name):
    """On this machine, which is where a test can look. The others don't ask where the server is."""
    assert cell("a password on an unencrypted connection", name) == "is sent"

    with SMTPServer(users={"ann": "secret"}, auth_in_clear=True) as server:
        LIBRARIES[name](server, login=True)

        assert [message.user for message in server.messages] == ["ann"]


def test_who_waits_without_a_limit():
    flask_mail = pytest.importorskip("flask_mail")
    django = pytest.importorskip("django.conf.global_settings")

    assert cell("waits for a server", "Flask-Mail") == "without limit"
    assert "timeout" not in inspect.getsource(flask_mail.Connection)
    assert cell("waits for a server", "Django") == "without limit by default"
    assert getattr(django, "EMAIL_TIMEOUT", None) is None
    assert cell("waits for a server", "simplemail") == "60 s by default"
    assert get_connection("smtp", host="mail.example.com").timeout == 60


def test_the_versions_are_those_that_are_tested():
    pytest.importorskip("flask_mail")

    assert version("flask-mail").startswith(COLUMNS[3].split()[1])
