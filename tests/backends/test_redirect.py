from __future__ import annotations

import email
import email.policy
import random

import pytest

from simplemail import InvalidMailer, get_connection
from simplemail.backends.redirect import EmailBackend
from simplemail.receipts import Status
from simplemail.rendering.envelope import Envelope
from simplemail.testing.contract import BackendContract, a_message
from support.held import Fake

ME = "dev@example.net"


class TestRedirect(BackendContract):
    def make(self, **options):
        self.inner = Fake("inner")
        return EmailBackend(mailer=self.inner, to=[ME], **options)

    def sent(self):
        return len(self.inner.taken)


def redirected(message, **options):
    inner = Fake("inner")
    [receipt] = EmailBackend(mailer=inner, **options).deliver([message])
    if not inner.taken:
        return receipt, None, None
    [envelope] = inner.taken
    return (
        receipt,
        envelope,
        email.message_from_bytes(envelope.content, policy=email.policy.default),
    )


def test_everything_to_me():
    message = a_message(
        to=["Ann <ann@example.com>"], cc=["bob@example.com"], bcc=["eve@example.com"],
        reply_to=["shop@example.com"], subject="Größe",
    )  # fmt: skip
    receipt, envelope, parsed = redirected(message, to=[ME], subject_prefix="[staging]")

    assert envelope.recipients == (ME,)
    assert envelope.sender == "me@example.com"
    assert parsed["To"] == ME
    assert (parsed["Cc"], parsed["Reply-To"]) == (None, None)
    assert parsed["X-Original-To"] == "Ann <ann@example.com>"
    assert parsed["X-Original-Cc"] == "bob@example.com"
    assert parsed["X-Original-Reply-To"] == "shop@example.com"
    everybody = "ann@example.com, bob@example.com, eve@example.com"
    assert parsed["X-Original-Recipients"] == everybody
    assert parsed["Subject"] == "[staging] Größe"
    assert parsed.get_content() == "Text\r\n"
    assert receipt.status is Status.SENT
    assert receipt.message is message
    assert receipt.envelope == envelope


def test_only_the_allow_list():
    message = a_message(
        to=["ann@example.com", "Me <dev@example.net>"], cc=["bob@ours.example"],
        bcc=["x@sub.ours.example"],
    )  # fmt: skip
    receipt, envelope, parsed = redirected(message, allow=[ME, "ours.example"])

    assert envelope.recipients == (ME, "bob@ours.example")
    assert parsed["To"] == ME
    assert parsed["Cc"] == "bob@ours.example"
    assert parsed["X-Original-To"] == "ann@example.com, Me <dev@example.net>"
    assert set(receipt.refused) == {"ann@example.com", "x@sub.ours.example"}
    assert receipt.status is Status.SENT


def test_nobody_on_the_allow_list():
    receipt, envelope, _ = redirected(a_message(), allow=["ours.example"])

    assert envelope is None
    assert receipt.status is Status.REFUSED
    assert "allow-list" in str(receipt.refused["ann@example.com"])

    inner = Fake()
    backend = EmailBackend(mailer=inner, allow=["ours.example"])
    assert backend.send_messages([a_message(), a_message(to=["a@ours.example"])]) == 1


def test_nobody_on_the_allow_list_goes_to_me_with_both():
    _, envelope, parsed = redirected(a_message(), allow=["ours.example"], to=[ME])

    assert envelope.recipients == (ME,)
    assert parsed["To"] == ME


def test_a_message_for_allowed_people_is_not_touched():
    message = a_message(to=["Ann <ann@ours.example>"], reply_to=["shop@OURS.example"])
    envelope = message.envelope()
    inner = Fake()
    EmailBackend(mailer=inner, allow=["@ours.example"]).deliver([envelope])

    assert inner.taken == [envelope]


def test_the_body_is_not_touched():
    body = "To: ann@example.com\n\nCc: bob@example.com\n"
    _, _, parsed = redirected(a_message(body=body), to=[ME])

    assert parsed.get_content().replace("\r\n", "\n") == body


def test_raw_mail_with_fields_that_are_no_address_lists():
    raw = (
        b"From: a@b.example\r\nTo: <<<ann@example.com>>>, @@\r\nSubject: x\r\n"
        b"Disposition-Notification-To: ann@example.com\r\nresent-to:\r\n bob@example.com\r\n"
        b"\r\nHi\r\n"
    )
    envelope = Envelope("a@b.example", ("ann@example.com",), raw, "", False, False)
    _, out, parsed = redirected(envelope, to=[ME])

    assert out.recipients == (ME,)
    assert parsed.get_all("To") == [ME]
    assert b"\r\nX-Original-resent-to:\r\n bob@example.com\r\n" in out.content
    assert b"\r\nX-Original-Disposition-Notification-To: ann@example.com\r\n" in out.content


def test_no_other_address_ever_leaves():
    """For any message: not in the envelope, and in no header that isn't X-Original-*."""
    numbers = random.Random(4711)
    people = [f"{name}@{place}" for name in ("ann", "bob", "o'neil+x") for place in
              ("ours.example", "sub.ours.example", "example.com", "bücher.example")]  # fmt: skip

    def some():
        chosen = numbers.sample(people, numbers.randrange(4))
        named = ["", '"Comma, Quote\\"" ', "Änne ", "=?utf-8?q?x?= "]
        return [f"{name}<{spec}>" if (name := numbers.choice(named)) else spec for spec in chosen]

    for _ in range(150):
        message = a_message(to=some(), cc=some(), bcc=some(), reply_to=some())
        options = numbers.choice([{"to": [ME]}, {"allow": ["ours.example"]},
                                  {"to": [ME], "allow": ["ours.example", ME]}])  # fmt: skip
        _, envelope, parsed = redirected(message, **options)
        if envelope is None:
            continue
        assert envelope.recipients
        fields = [v for n, v in parsed.items() if not n.lower().startswith("x-original-")]
        seen = [*envelope.recipients, *(str(value) for value in fields)]
        for outside in ("sub.ours.example", "@example.com", "bücher", "xn--"):
            assert not any(outside in value for value in seen if value != "me@example.com"), seen
        allowed = {ME} if "allow" not in options else {ME, *people[::4]}
        assert set(envelope.recipients) <= allowed


def test_as_a_url_option():
    backend = get_connection("redirect", mailer="dummy:", to="a@example.net, b@example.net")

    assert backend.to == ["a@example.net", "b@example.net"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mailer": "dummy:"}, "OPTIONS must define 'to' or 'allow'"),
        ({"to": [ME]}, "'mailer' must name a mailer by alias, URL or dict, not None"),
        ({"to": [ME], "mailer": ""}, "'mailer' must name a mailer by alias, URL or dict, not ''"),
        ({"to": ["a b"], "mailer": "dummy:"}, "'to' must be .*addresses.*: Invalid address 'a b'"),
        ({"to": 5, "mailer": "dummy:"}, "'to' must be a list of addresses.*, not 5"),
        ({"to": [5], "mailer": "dummy:"}, r"'to' must be a list of addresses.* Invalid address 5:"),
        ({"allow": ["*.x"], "mailer": "dummy:"}, r"'allow' must .* domains, .* address '\*\.x'"),
        ({"allow": ["*@x"], "mailer": "dummy:", "to": 5}, "'to' must be a list of addresses"),
    ],
)
def test_bad_configuration(options, text):
    with pytest.raises(InvalidMailer, match=text):
        EmailBackend(alias="x", **options)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("Ann <Ann@Example.com>", "ann@example.com"),
        ("@Example.com", "ann@example.com"),
        ("bücher.example", "ann@xn--bcher-kva.example"),
        ("Jörg <jörg@Bücher.example>", "jörg@xn--bcher-kva.example"),
    ],
)
def test_an_allowed_entry_means_what_an_envelope_says(entry, address):
    assert EmailBackend(mailer="dummy:", allow=[entry])._allows(address)


def test_people_beyond_ascii_are_allowed_as_others_are():
    message = a_message(to=["jörg@ours.example", "ünal@example.com"])
    receipt, envelope, parsed = redirected(message, allow=["jörg@ours.example"])

    assert receipt.status is Status.SENT
    assert envelope.recipients == ("jörg@ours.example",)
    assert "ünal" not in str(parsed["To"])
    assert b"\r\nTo: j\xc3\xb6rg@ours.example\r\n" in envelope.content


def test_an_empty_subject_gets_the_prefix_alone():
    _, envelope, _ = redirected(a_message(subject=""), to=[ME], subject_prefix="[staging]")

    assert b"\r\nSubject: [staging]\r\nFrom:" in envelope.content


KELVIN = "\N{KELVIN SIGN}"


@pytest.mark.parametrize("allow", ["kate@example.com", "Kate@Example.com"])
def test_a_letter_that_only_looks_like_another_one_in_lower_case_is_not_allowed(allow):
    message = a_message(to=[f"{KELVIN}ate@example.com", "KATE@EXAMPLE.com"])

    receipt, envelope, _ = redirected(message, allow=[allow])

    assert envelope.recipients == ("KATE@EXAMPLE.com",)
    assert set(receipt.refused) == {f"{KELVIN}ate@example.com"}


@pytest.mark.parametrize(
    "name",
    [
        *("To", "Cc", "Reply-To", "Resent-To", "Resent-Cc", "Resent-Reply-To", "Return-Path"),
        *("Mail-Followup-To", "Mail-Reply-To", "Errors-To", "Apparently-To", "Read-Receipt-To"),
        *("Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To"),
    ],
)
@pytest.mark.parametrize("value", ["Ann <ann@example.com>", "J\xf6rg <ann@example.com>", "no list"])
def test_nobody_is_left_in_a_field_that_answers_and_reports_go_to(name, value):
    raw = b"From: a@b.example\r\n%s: %s\r\n\r\nx\r\n" % (name.encode(), value.encode("latin-1"))
    envelope = Envelope("a@b.example", ("ann@example.com",), raw)

    _, _, parsed = redirected(envelope, to=[ME])

    assert parsed[name] in (None, ME)
    assert parsed[f"X-Original-{name}"] is not None


def test_what_is_wrong_with_one_message_is_in_its_receipt(monkeypatch):
    backend = EmailBackend(mailer=Fake("inner"), to=[ME], subject_prefix="[staging]\n")
    bad, good = a_message(subject="bad"), a_message(subject="good")
    usual = EmailBackend._rewritten

    def rewritten(self, envelope, recipients):
        if b"bad" in envelope.content:
            raise ValueError("wrong")
        return usual(self, envelope, recipients)

    monkeypatch.setattr(EmailBackend, "_rewritten", rewritten)

    first, second = backend.deliver([bad, good])

    assert (first.status, str(first.error)) == (Status.REFUSED, "wrong")
    assert second.status is Status.SENT
