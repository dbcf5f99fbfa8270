"""A certificate is told in words: names, who vouches for it, how long it is good."""

import time

import pytest

from simplemail.smtp import certificates

LETS_ENCRYPT = {
    "subject": ((("commonName", "mail.example.com"),),),
    "issuer": (
        (("countryName", "US"),),
        (("organizationName", "Let's Encrypt"),),
        (("commonName", "R11"),),
    ),
    "notAfter": "Mar  1 12:00:00 2030 GMT",
    "subjectAltName": (("DNS", "mail.example.com"), ("DNS", "*.example.com")),
}
NOON_OF_FEBRUARY_1 = 1_896_177_600


@pytest.fixture(autouse=True)
def february(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOON_OF_FEBRUARY_1 + 0.5)


def test_described():
    assert certificates.described(LETS_ENCRYPT) == (
        "for mail.example.com, *.example.com; issued by Let's Encrypt R11; "
        "until 2030-03-01 (27 days)"
    )


def test_an_old_certificate_has_its_name_in_its_subject():
    old = {name: value for name, value in LETS_ENCRYPT.items() if name != "subjectAltName"}

    assert certificates.names(old) == "mail.example.com"


def test_an_issuer_without_a_name():
    assert certificates.issuer({"issuer": ((("countryName", "US"),),)}) == "nobody named"


@pytest.mark.parametrize(
    ("seconds", "days"), [(0, 28), (0.5, 27), (86_400, 27), (27.5 * 86_400, 0), (29 * 86_400, -1)]
)
def test_days_left_are_whole_days(seconds, days, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOON_OF_FEBRUARY_1 + seconds)

    assert certificates.days_left(LETS_ENCRYPT) == days
