"""django-celery-email, a queue through Celery: a message becomes JSON, and is sent by a task."""

import pytest

from simplemail import configure, mailers, send_mass_mail
from support.ported import Ported, needs
from support.whole import SEEN, WAYS, WHAT, arrived, recipients_of

needs("django-celery-email")
pytest.importorskip("celery")


def set_up():
    import django
    from celery import Celery
    from django.conf import settings

    settings.configure(INSTALLED_APPS=["djcelery_email"], CELERY_EMAIL_BACKEND="smtp")
    app = Celery("mail", broker="memory://")
    # A task runs where it is asked for, but with what JSON has made of its arguments.
    app.conf.update(task_always_eager=True, task_serializer="json")
    app.set_default()
    django.setup()


def queue(host, port, way, what):
    """Send something through a task that takes it to this server."""
    use(host, port)
    WAYS[way](mailers["default"], WHAT[what]())


def queue_many(host, port):
    use(host, port)
    send_mass_mail([(f"{n}", "b", None, ["ann@example.com"]) for n in range(12)])


def use(host, port):
    configure(
        DEFAULT_FROM_EMAIL="shop@example.com",
        MAILERS={
            "default": {
                "BACKEND": "djcelery_email.backends.CeleryEmailBackend",
                "OPTIONS": {"host": host, "port": port},
            }
        },
    )


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    with Ported("djcelery_email", __file__, tmp_path_factory.mktemp("celery")) as process:
        process.call(set_up)
        yield process


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_queued_is_sent_with_all_of_its_files(there, smtp_server, way, what):
    there.call(queue, smtp_server.host, smtp_server.port, way, what)

    recipients, seen = arrived(smtp_server)
    assert recipients == recipients_of(what)
    # Its JSON has no place for a Content-ID, with Django neither.
    cid = seen.pop("html")
    assert cid.startswith('<p>The HTML <img src="cid:')
    assert seen == {name: SEEN[name] for name in seen} | {"shown_inside": []}


def test_many_messages_arrive(there, smtp_server):
    there.call(queue_many, smtp_server.host, smtp_server.port)

    subjects = sorted(int(each.message["Subject"]) for each in smtp_server.messages)
    assert subjects == list(range(12))
