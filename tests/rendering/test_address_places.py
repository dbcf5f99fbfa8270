"""Wherever an address may stand, a pair or an `Address` may, and an error says where it was."""

from __future__ import annotations

from collections.abc import Callable
from email.headerregistry import Address
from typing import Any

import pytest

from simplemail import (
    EmailMessage,
    Envelope,
    get_connection,
    mail_admins,
    override_settings,
    send_mail,
    send_mass_mail,
)
from simplemail.exceptions import ImproperlyConfigured
from simplemail.testing import capture

ME, ANN = "me@example.com", "ann@example.com"
FORMS = [("Doe, John", "john@example.com"), Address("Doe, John", "john", "example.com")]
JOHN = '"Doe, John" <john@example.com>'


def written(**options: Any) -> Envelope:
    return EmailMessage("Hi", "Text", **{"from_email": ME, "to": [ANN], **options}).envelope()


def of_settings(call: Callable[[], object], **settings: Any) -> Envelope:
    with override_settings(**settings), capture() as outbox:
        call()
    return Envelope.of(outbox[0])


def redirected(address: Any) -> Envelope:
    mailer = get_connection("redirect", mailer="memory:", to=[address])
    [receipt] = mailer.deliver([EmailMessage("Hi", "Text", ME, [ANN])])
    assert receipt.envelope
    return receipt.envelope


PLACES: dict[str, Callable[[Any], Envelope]] = {
    "From": lambda a: written(from_email=a),
    "To": lambda a: written(to=[a]),
    "Cc": lambda a: written(cc=[a]),
    "Bcc": lambda a: written(bcc=[a]),
    "Reply-To": lambda a: written(reply_to=[a]),
    **{
        name: lambda a, name=name: written(headers={name: a})  # type: ignore[misc]
        for name in (
            *("Sender", "Resent-To", "Mail-Followup-To", "Disposition-Notification-To"),
            *("Return-Receipt-To", "Errors-To"),
        )
    },
    "the sender": lambda a: Envelope(a, [ANN], b"Subject: Hi\r\n\r\n"),
    "the recipients": lambda a: Envelope.of(written(), recipients=[a]),
    "send_mass_mail": lambda a: of_settings(lambda: send_mass_mail([("Hi", "Text", ME, [a])])),
    "DEFAULT_FROM_EMAIL": lambda a: of_settings(
        lambda: send_mail("Hi", "Text", None, [ANN]), DEFAULT_FROM_EMAIL=a
    ),
    "SERVER_EMAIL": lambda a: of_settings(
        lambda: mail_admins("Hi", "Text"), SERVER_EMAIL=a, ADMINS=[ANN]
    ),
    "ADMINS": lambda a: of_settings(lambda: mail_admins("Hi", "Text"), ADMINS=[a]),
    "redirect": redirected,
}


@pytest.mark.parametrize("form", FORMS, ids=["pair", "Address"])
@pytest.mark.parametrize("place", PLACES)
def test_a_pair_and_an_address_object_are_taken(place: str, form: Any) -> None:
    envelope = PLACES[place](form)

    everything = [envelope.sender, *envelope.recipients, envelope.content.decode()]
    assert "john@example.com" in " ".join(everything)
    if f"\r\n{place}: ".encode() in envelope.content:
        assert f"\r\n{place}: {JOHN}\r\n".encode() in envelope.content


BAD = {
    "Smith, Ann <a@b.example>": "quote names with commas",
    "Müller, Jörg <j@b.example>": "quote names with commas",
    "ann smith@b.example": "there is a space before the @",
    "a..b@x.example": "two dots in a row",
    "a@b.example; c@d.example": "these are several addresses|separated by commas",
    "a@b@c.example": "more than one @",
    ("a@b.example", "Ann"): "in a pair, the name comes first",
}
NAMED = [name for name in PLACES if name not in ("send_mass_mail", "ADMINS", "redirect")]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("place", NAMED)
def test_an_error_names_the_place_and_the_remedy(place: str, bad: Any) -> None:
    if isinstance(bad, tuple) and place not in ("From", "To", "Cc", "Bcc", "Reply-To"):
        pytest.skip("there, two texts may be two addresses")
    with pytest.raises(ValueError, match=BAD[bad]) as info:
        PLACES[place](bad)

    where = {"DEFAULT_FROM_EMAIL": "From", "SERVER_EMAIL": "From"}.get(place, place)
    assert f" in {where}" in str(info.value)


@pytest.mark.parametrize("bad", [[ANN], 5, None, b"ann@example.com", ("Ann",)], ids=str)
def test_what_is_no_address_is_none_anywhere(bad: Any) -> None:
    for place in ("Envelope", "ADMINS", "redirect"):
        with pytest.raises((TypeError, ValueError, ImproperlyConfigured)):
            {"Envelope": lambda: Envelope(ME, [bad], b"\r\n")}.get(
                place,
                lambda place=place: PLACES[place](bad),  # type: ignore[misc]
            )()
