"""django-dkim: its `_send()` and `write_message()` sign whatever is sent, in every way.

Django isn't set up here at all: its settings are ours, too. The package says `sanitize_address()`
and `as_bytes(linesep=...)`, as Django's own `_send()` did before 6.0.
"""

import base64
import io

import pytest

from simplemail import configure, get_connection
from support.ported import MAIL, SETTINGS, Ported, needs
from support.whole import SEEN, WAYS, WHAT, recipients_of, seen

needs("django-dkim")
dkim = pytest.importorskip("dkim")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")


def set_up(private_key):
    settings = {"DKIM_SELECTOR": "mail", "DKIM_DOMAIN": "example.com"}
    configure(extra={**settings, "DKIM_PRIVATE_KEY": private_key})


def send(host, port, way, what):
    mailer = get_connection("django_dkim.backends.smtp.EmailBackend", host=host, port=port)
    WAYS[way](mailer, WHAT[what]())


def show(way, what):
    stream = io.StringIO(newline="")
    mailer = get_connection("django_dkim.backends.console.EmailBackend", stream=stream)
    WAYS[way](mailer, WHAT[what]())
    return stream.getvalue()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def there(tmp_path_factory, key):
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    directory = tmp_path_factory.mktemp("dkim")
    with Ported("django_dkim", __file__, directory, (*MAIL, SETTINGS)) as process:
        process.call(set_up, text.decode())
        yield process


@pytest.fixture
def is_signed(key):
    """Whether dkimpy, asking a DNS that has this key, finds a signature on these octets."""
    encoding = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    public = base64.b64encode(key.public_key().public_bytes(*encoding))
    return lambda content: dkim.verify(content, dnsfunc=lambda *_, **__: b"v=DKIM1; p=" + public)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_what_arrives_is_signed_and_whole(there, smtp_server, is_signed, way, what):
    there.call(send, smtp_server.host, smtp_server.port, way, what)

    [received] = smtp_server.messages
    assert is_signed(received.content)
    assert sorted(received.recipients) == recipients_of(what)
    assert seen(received.content) == SEEN


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_shown_is_signed_and_whole(there, is_signed, way, what):
    content = there.call(show, way, what).partition("\n" + "-" * 79)[0].encode()

    assert is_signed(content)
    assert seen(content) == SEEN
