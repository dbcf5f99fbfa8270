"""django-post-office, a queue in Django's database: a message is taken apart and put together."""

import pytest

from simplemail import configure, mailers, send_mail
from support.ported import Ported, needs
from support.whole import SEEN, WAYS, WHAT, arrived, recipients_of

needs("django-post-office")


def set_up(directory):
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        # In a file, for its threads.
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory}/mail.db"}
        },
        MEDIA_ROOT=f"{directory}/files",
        POST_OFFICE={},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    configure(
        DEFAULT_FROM_EMAIL="shop@example.com",
        MAILERS={"default": {"BACKEND": "post_office.EmailBackend"}},
    )


def queue(way, what):
    """Queue something, and return how many messages wait."""
    WAYS[way](mailers["default"], WHAT[what]())
    return waiting()


def queue_in_one_line():
    send_mail("s", "b", None, ["ann@example.com"], html_message="<p>b</p>")
    return waiting()


def waiting():
    from post_office.mail import get_queued

    return len(get_queued())


def work(url):
    """Send what waits, and return how many were sent, failed, and are to be sent again."""
    from django.test import override_settings
    from post_office.connections import connections
    from post_office.mail import send_queued

    with override_settings(POST_OFFICE={"BACKENDS": {"default": url}}):
        try:
            return send_queued()
        finally:
            connections.close()


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    directory = tmp_path_factory.mktemp("post_office")
    with Ported("post_office", __file__, directory) as process:
        process.call(set_up, str(directory))
        yield process


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_queued_is_sent_whole(there, smtp_server, way, what):
    assert there.call(queue, way, what) == 1
    assert smtp_server.messages == []

    assert there.call(work, smtp_server.url) == [1, 0, 0]
    assert arrived(smtp_server) == (recipients_of(what), SEEN)


def test_send_mail_is_queued_too(there, smtp_server):
    assert there.call(queue_in_one_line) == 1

    assert there.call(work, smtp_server.url) == [1, 0, 0]
    [received] = smtp_server.messages
    assert received.recipients == ["ann@example.com"]


def test_what_is_refused_is_counted_as_failed(there, smtp_server):
    smtp_server.script("RCPT", "550 5.1.1 No such user")
    there.call(queue, "send_messages", "message")

    assert there.call(work, smtp_server.url) == [0, 1, 0]
    assert there.call(waiting) == 0
    assert smtp_server.messages == []
