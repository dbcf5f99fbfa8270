"""django-mailer, a queue in Django's database: messages are pickled there, and sent from there."""

import pytest

from simplemail import configure, get_connection, mailers, send_mail, send_mass_mail
from support.ported import Ported, needs
from support.whole import RECIPIENTS, SEEN, WAYS, WHAT, arrived, recipients_of, whole

needs("django-mailer")

QUEUE = "mailer.backend.DbBackend"


def set_up():
    import warnings

    import django
    from django.conf import settings
    from django.core.management import call_command

    # Django's word to django-mailer, which asks for this setting.
    warnings.filterwarnings("ignore", "The EMAIL_BACKEND setting is deprecated")
    settings.configure(
        INSTALLED_APPS=["mailer"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MAILER_USE_FILE_LOCK=False,
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    configure(DEFAULT_FROM_EMAIL="shop@example.com", MAILERS={"default": {"BACKEND": QUEUE}})


def queue(way, what):
    """Queue something, and return how many messages wait."""
    WAYS[way](mailers["default"], WHAT[what]())
    return waiting()


def queue_with_connections():
    """Queue what holds a mailer of ours, in each way in which it comes to hold one."""
    send_mail("1", "b", None, ["ann@example.com"])
    send_mail("2", "b", None, ["ann@example.com"], connection=mailers["default"])
    send_mass_mail([("3", "b", None, ["ann@example.com"]), ("4", "b", None, ["ann@example.com"])])
    whole(subject="5", connection=mailers["default"]).send()
    return waiting()


def queue_with_a_mailer_of_no_name():
    try:
        whole(connection=get_connection(QUEUE)).send()
    except TypeError as error:
        return str(error)


def forget():
    from mailer.models import Message

    Message.objects.all().delete()


def waiting():
    from mailer.models import Message

    return Message.objects.count()


def work(url):
    """Send what waits, and return how many messages wait still, and what django-mailer logged."""
    from django.test import override_settings
    from mailer.engine import send_all
    from mailer.models import Message, MessageLog

    MessageLog.objects.all().delete()
    Message.objects.deferred().update(priority=2)
    with override_settings(MAILER_EMAIL_BACKEND=url):
        send_all()
    return waiting(), [[log.result, log.log_message] for log in MessageLog.objects.all()]


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Ported("mailer", __file__, tmp_path_factory.mktemp("mailer")) as process:
        process.call(set_up)
        yield process


@pytest.fixture
def there(process):
    yield process
    process.call(forget)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_queued_is_sent_whole(there, smtp_server, way, what):
    assert there.call(queue, way, what) == 1
    assert smtp_server.messages == []

    assert there.call(work, smtp_server.url) == [0, [["1", ""]]]
    assert arrived(smtp_server) == (recipients_of(what), SEEN)


def test_messages_that_hold_a_mailer_are_queued(there, smtp_server):
    assert there.call(queue_with_connections) == 5

    assert there.call(work, smtp_server.url)[0] == 0
    assert sorted(each.message["Subject"] for each in smtp_server.messages) == list("12345")


def test_a_mailer_without_a_name_says_what_to_do(there):
    assert "from mailers['alias'] can be pickled" in there.call(queue_with_a_mailer_of_no_name)
    assert there.call(waiting) == 0


def test_what_is_refused_waits_and_is_sent_once(there, smtp_server):
    smtp_server.script("MAIL", ["451 4.3.0 Later"])
    there.call(queue, "send_messages", "message")

    left, [[result, log]] = there.call(work, smtp_server.url)
    assert (left, result) == (1, "3")
    assert "4.3.0 Later" in log
    assert smtp_server.messages == []

    assert there.call(work, smtp_server.url) == [0, [["1", ""]]]
    assert arrived(smtp_server) == (RECIPIENTS, SEEN)
