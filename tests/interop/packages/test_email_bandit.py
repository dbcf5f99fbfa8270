"""django-email-bandit, an allow-list: whichever way a message goes, it reaches no one else."""

import pytest

from simplemail import configure
from support.ported import Ported, needs
from support.whole import RECIPIENTS, SEEN, WAYS, WHAT, arrived, recipients_of

needs("django-email-bandit")


def set_up():
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["bandit"],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        SERVER_EMAIL="server@example.com",
        BANDIT_EMAIL="bandit@example.org",
    )
    django.setup()


def send(url, way, what, allowed, backend="HijackSMTPBackend"):
    from django.test import override_settings

    from simplemail import get_connection

    configure(EMAIL_URL=url)
    mailer = get_connection(f"bandit.backends.smtp.{backend}", **where(url))
    with override_settings(BANDIT_WHITELIST=allowed):
        WAYS[way](mailer, WHAT[what]())


def where(url):
    host, port = url.removeprefix("smtp://").split(":")
    return {"host": host, "port": int(port)}


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    with Ported("bandit", __file__, tmp_path_factory.mktemp("bandit")) as process:
        process.call(set_up)
        yield process


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture(params=WHAT)
def what(request):
    return request.param


def test_what_is_allowed_arrives_whole(there, smtp_server, way, what):
    there.call(send, smtp_server.url, way, what, ["example.com"])

    assert arrived(smtp_server) == (recipients_of(what), SEEN)


def test_one_forbidden_recipient_and_all_of_it_goes_to_the_bandit(there, smtp_server, way, what):
    forbidden = recipients_of(what)[-1]
    there.call(send, smtp_server.url, way, what, [each for each in RECIPIENTS if each != forbidden])

    recipients, seen = arrived(smtp_server)
    assert recipients == ["bandit@example.org"]
    assert (seen["to"], seen["cc"], seen["bcc"]) == ("bandit@example.org", None, None)
    assert "This email was hijacked by django-email-bandit!" in seen["text"]
    assert seen["text"].endswith("The text")
    unchanged = "subject", "from", "html", "files", "shown_inside"
    assert {name: seen[name] for name in unchanged} == {name: SEEN[name] for name in unchanged}


def test_forbidden_and_only_logged(there, smtp_server, way, what):
    there.call(send, smtp_server.url, way, what, ["ann@example.com"], backend="LogOnlySMTPBackend")

    assert smtp_server.messages == []
