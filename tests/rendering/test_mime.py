"""That the bytes are those of `message()`: other tests try many messages, these name the cases."""

import copy
import functools
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import MIMEPart
from email.mime.image import MIMEImage
from unittest import mock

import pytest

from simplemail import EmailMessage, EmailMultiAlternatives
from simplemail.rendering.mime import as_bytes

FIXED = {"Date": "Mon, 23 Nov 2026 06:12:00 +0000", "Message-ID": "<1@d.example>"}


def message(body="Hello\n", kind=EmailMultiAlternatives, **attributes):
    made = kind("Subject", body, "Ann <a@b.example>", ["c@d.example"], headers=FIXED)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def with_everything():
    made = message()
    made.attach_alternative("<p>Hello</p>", "text/html")
    made.attach_inline(b"GIF", "a.gif")
    made.attach("a.txt", "Grüße", "text/plain")
    made.attach("b.bin", bytes(range(256)), None)
    return made


def without_boundaries(content):
    found = dict.fromkeys(re.findall(rb'boundary="([^"]+)"', content))
    for number, boundary in enumerate(found):
        content = content.replace(boundary, b"boundary-%d" % number)
    return content


MESSAGES = {
    "text": message(),
    "empty": message(""),
    "utf-8": message("Grüße\n"),
    "latin-1": message("Grüße\n", encoding="iso-8859-1"),
    "long lines": message("x" * 100),
    "html": message(content_subtype="html"),
    "alternatives": message(alternatives=[("<p>ü", "text/html"), (b"\0", "application/x-a")]),
    "alternative alone": message("", alternatives=[("<p>", "text/html")]),
    "alternative with parameters": message(
        alternatives=[("BEGIN", "text/calendar; method=REQUEST"), (b"<p>", "text/html")]
    ),
    "attachment": message(attachments=[("a b.txt", "ü", "text/plain"), ("a.bin", b"x" * 100)]),
    "attachment alone": message("", attachments=[("a.png", b"x", "image/png")]),
    "attachment without a name": message(attachments=[(None, b"x", "image/png")]),
    "message attached": message(attachments=[("a.eml", message("Grüße"), "message/rfc822")]),
    "stdlib message attached": message(
        attachments=[("a.eml", message("Grüße").message(), "message/rfc822")]
    ),
    "message attached as bytes": message(
        attachments=[("a.eml", b"Subject: x\n\nGr\xc3\xbc\xc3\x9fe", "message/rfc822")]
    ),
    "message attached as text": message(attachments=[("a.eml", "A: b\n\nü\n", "message/rfc822")]),
    "message without a header attached": message(attachments=[(None, "Hello", "message/rfc822")]),
    "ready parts": message(attachments=[MIMEImage(b"PNG", "png")]),
    "everything": with_everything(),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_are_those_of_message(name):
    """django-compatibility 27, 28, 29, 30, 32, 33."""
    made = copy.deepcopy(MESSAGES[name])

    content = as_bytes(made)

    assert without_boundaries(content) == without_boundaries(
        made.message(policy=policy.SMTP).as_bytes()
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_seven_bits_hold_the_same(name):
    """django-compatibility 27, 33: a message/rfc822 part is never encoded."""
    content = as_bytes(copy.deepcopy(MESSAGES[name]), eight_bit=False)

    assert content.isascii()
    ours = message_from_bytes(content, policy=policy.SMTP)
    theirs = message_from_bytes(as_bytes(copy.deepcopy(MESSAGES[name])), policy=policy.SMTP)
    for our, their in zip(ours.walk(), theirs.walk(), strict=True):
        assert our.get_content_type() == their.get_content_type()
        if our.get_content_maintype() not in ("multipart", "message"):
            assert our.get_payload(decode=True) == their.get_payload(decode=True)
        if our.get_content_type() == "message/rfc822":
            assert our["Content-Transfer-Encoding"] == "7bit"


def test_header_is_as_the_user_says():
    """django-compatibility 19, 21."""
    moment = datetime(2026, 11, 23, 6, 12, tzinfo=UTC)
    headers = {"to": "Team: x@y.example;", "Date": moment, "X-Ü".replace("Ü", "U"): "Grüße"}
    content = as_bytes(EmailMessage("S", "B", "a@b.example", ["c@d.example"], headers=headers))

    assert b"\r\nTo: Team: x@y.example;\r\n" in content
    assert b"\r\nDate: Mon, 23 Nov 2026 06:12:00 +0000\r\n" in content
    assert b"c@d.example" not in content


def test_utf8_is_for_the_header():
    made = message()
    made.subject, made.to = "Grüße", ["Jürgen <jürgen@bücher.example>"]

    content = as_bytes(made, utf8=True)

    assert "\r\nSubject: Grüße\r\n".encode() in content
    assert "\r\nTo: Jürgen <jürgen@bücher.example>\r\n".encode() in content


@pytest.mark.parametrize("value", ["x\r\nBcc: a@b.example", "x\ny", "\0"])
def test_nothing_injects_a_line(value):
    """django-compatibility 23."""
    inline = message("")
    inline.attach_inline(b"x", "a.png")
    bad_id = inline.inlines[0]._replace(content_id=value)
    for made in (
        message(subject=value),
        message(to=[value]),
        message(from_email=value),
        message(reply_to=[value]),
        message(extra_headers={"X-Any": value}),
        message(extra_headers={value: "x"}),
        message(extra_headers={"Resent-To": f"a@b.example{value}"}),
        message(attachments=[(value, b"x", "image/png")]),
        message(attachments=[("x", b"x", f"image/png{value}")]),
        message(attachments=[("x", b"x", f'image/png; name="{value}"')]),
        message(alternatives=[("x", f"text/html{value}")]),
        message(content_subtype=f"plain{value}"),
        message(encoding=f"utf-8{value}"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own text
            as_bytes(made)
    with pytest.raises(ValueError):  # noqa: PT011
        message(inlines=[bad_id])


def test_own_message_method_is_respected():
    class Signed(EmailMessage):
        def message(self):  # without the policy, as for Django 5
            made = super().message(policy=policy.SMTP)
            made["X-Signed"] = "yes"
            return made

    content = as_bytes(message(kind=Signed))

    assert b"\r\nX-Signed: yes\r\n" in content


def tagged(function):
    """Decorate a `message()` as users do, keeping everything that can be seen of it."""

    @functools.wraps(function)
    def call(self, **options):
        made = function(self, **options)
        made["X-Tagged"] = "yes"
        return made

    return call


class Decorated(EmailMessage):
    message = tagged(EmailMessage.message)


def test_a_decorated_message_method_is_respected():
    assert b"\r\nX-Tagged: yes\r\n" in as_bytes(message(kind=Decorated))


@pytest.mark.parametrize("patched", [EmailMessage, EmailMultiAlternatives])
def test_a_patched_message_method_is_respected(patched):
    with mock.patch.object(patched, "message", tagged(EmailMessage.message)):
        content = as_bytes(message())

    assert b"\r\nX-Tagged: yes\r\n" in content


def test_a_mock_in_place_of_the_message_method_is_asked():
    made = message()
    answer = message("Other\n").message(policy=policy.SMTP)

    with mock.patch.object(made, "message", return_value=answer) as asked:
        assert as_bytes(made).endswith(b"\r\n\r\nOther\r\n")

    assert asked.called


def test_message_replaced_on_the_object_is_respected():
    made = message()
    made.message = lambda policy: message("Other\n").message(policy=policy)

    assert as_bytes(made).endswith(b"\r\n\r\nOther\r\n")


def test_ready_part_keeps_its_header():
    """django-compatibility 32."""
    part = MIMEPart()
    part.set_content(b"x", "image", "png", cid="<logo@d.example>")
    part["X-Any"] = "kept"

    content = as_bytes(message(attachments=[part]))

    assert b"Content-ID: <logo@d.example>\r\nX-Any: kept\r\n\r\neA==\r\n" in content


def test_nested_message_that_cannot_be_sent_as_it_is_is_made_anew():
    data = b"Subject: x\n\n" + "ü".encode() + b"\r" + b"y"

    content = as_bytes(message(attachments=[("a.eml", data, "message/rfc822")]))

    assert "\r\n\r\nü\r\ny\r\n--".encode() in content


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize(
    "data",
    [
        b"A: b\n\n" + b"x" * 999,
        b"A: b\n\n\0",
        b"no header",
        b"From a@b.example Mon Nov 23\nA: b\n\nHi\n",
        "A: b\n\nGr\u00fc\u00dfe\n".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("kind", ["message/rfc822", "message/delivery-status"])
def test_nested_message_that_cannot_travel_as_one_goes_as_a_file(kind, data, eight_bit):
    """Never encoded as what it is (RFC 2046, 5.2.1), but it arrives, and under its name."""
    mail = message(attachments=[("a.eml", data, kind)])

    for content in (
        as_bytes(mail, eight_bit=eight_bit),
        as_bytes(mail.message(policy=policy.SMTP), eight_bit=eight_bit),
    ):
        part = message_from_bytes(content, policy=policy.default).get_payload(1)
        assert part.get_content_type() == "application/octet-stream"
        assert part.get_filename() == "a.eml"
        assert part.get_payload(decode=True) == data


@pytest.mark.parametrize("html", [True, False])
def test_multipart_related_says_the_type_of_its_root(html):
    """RFC 2387, 3.1."""
    mail = message("text")
    if html:
        mail.attach_alternative("<img>", "text/html; x=y")
    mail.attach_inline(b"x", "a.png")

    for content in (as_bytes(mail), mail.message(policy=policy.SMTP).as_bytes()):
        kind = "text/html" if html else "text/plain"
        assert f'Content-Type: multipart/related; type="{kind}";\r\n boundary='.encode() in content


def test_boundary_is_in_none_of_the_parts(monkeypatch):
    numbers = [0, 0, 5]
    monkeypatch.setattr("simplemail.rendering.mime.random_bits", lambda: numbers.pop(0))
    taken = f"==============={0:019d}=="

    content = as_bytes(message(f"--{taken}\n", alternatives=[("<p>", "text/html")]))

    assert f'boundary="{taken}"'.encode() not in content
    assert numbers == []


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("text", [b"Hello\r\n", b"Gr\xc3\xbc\xc3\x9fe\r\n"])
@pytest.mark.parametrize("kind", ["message/rfc822", "message/x-other"])
def test_a_message_in_a_message_says_how_it_may_travel(kind, text, eight_bit):
    """As Python labels it: 8bit for any mail, whatever is in it, unless there are seven alone."""
    inner = b"Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text
    content = as_bytes(message(attachments=[("a.eml", inner, kind)]), eight_bit=eight_bit)
    [part] = message_from_bytes(content, policy=policy.default).iter_attachments()

    has_eight = eight_bit and (kind == "message/rfc822" or not text.isascii())
    assert part.get_content_type() == kind
    assert part["Content-Transfer-Encoding"] == ("8bit" if has_eight else "7bit")
    assert content.isascii() is (text.isascii() or not eight_bit)


def test_mail_that_cannot_be_put_into_seven_bits_is_a_file_of_octets():
    inner = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xe9 and no part\r\n"
    made = message(attachments=[("a.eml", inner, "message/rfc822")])
    [part] = message_from_bytes(
        as_bytes(made, eight_bit=False), policy=policy.default
    ).iter_attachments()

    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == inner


def test_an_inline_file_is_named_by_a_whole_id(monkeypatch):
    """RFC 2392: the URL has it without the angle brackets."""
    monkeypatch.setattr("simplemail.rendering.attaching.make_msgid", lambda **_: "<12.3@d.example>")
    made = message()

    assert made.attach_inline(b"x", "a.png") == "12.3@d.example"
    assert b"Content-ID: <12.3@d.example>\r\n" in as_bytes(made)
