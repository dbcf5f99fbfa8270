"""The same calls, made with Django and with simplemail, end in the same way."""

from __future__ import annotations

import contextlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import simplemail
from simplemail.backends.base import BaseEmailBackend as OurBackend
from support.django_signatures import FUNCTIONS, METHODS, RELEASES, Form

pytest.importorskip("django")

from django import VERSION
from django.conf import settings as django_settings
from django.test.utils import override_settings as django_override_settings

# Django warns that much of what we promise to keep will go one day.
pytestmark = pytest.mark.filterwarnings("ignore")

if not django_settings.configured:
    django_settings.configure()

from django.core import mail as django_mail  # noqa: E402
from django.core.mail.backends.base import BaseEmailBackend as DjangoBackend  # noqa: E402

SINCE_6_1 = pytest.mark.skipif(VERSION < (6, 1), reason="Django 6.1 promises it first")

calls: list[Any] = []
"""What backends were built with, and what they were given."""


def recording_backend(base: type) -> type:
    """A backend as Django's documentation shows it, on either library's base class."""

    class Backend(base):  # type: ignore[misc, valid-type]
        def __init__(self, username=None, password=None, colour=None, **kwargs):
            given = {"username": username, "password": password, "colour": colour}
            given |= {k: v for k, v in kwargs.items() if not k.startswith("_")}
            calls.append({k: v for k, v in given.items() if v not in (None, False)})
            super().__init__(**kwargs)

        def send_messages(self, email_messages):
            calls.append([shape(message) for message in email_messages])
            return len(email_messages)

    return Backend


def shape(message: Any) -> tuple[Any, ...]:
    alternatives = [tuple(item) for item in getattr(message, "alternatives", [])]
    return (
        str(message.subject),
        message.body,
        message.from_email,
        list(map(str, message.to)),
        message.recipients(),
        alternatives,
    )


LIBRARIES = {
    "django": (
        django_mail,
        django_override_settings,
        recording_backend(DjangoBackend),
    ),
    "simplemail": (
        simplemail,
        simplemail.override_settings,
        recording_backend(OurBackend),
    ),
}


class Case(NamedTuple):
    """A call, and the settings under which it is made; RECORDING stands for the backend."""

    call: Callable[[Any], Any]
    settings: dict[str, Any]


RECORDING = "recording.Backend"
SENDERS = {
    "DEFAULT_FROM_EMAIL": "me@example.com",
    "SERVER_EMAIL": "server@example.com",
    "EMAIL_SUBJECT_PREFIX": "[Shop] ",
}
CLASSIC = {**SENDERS, "EMAIL_BACKEND": RECORDING}
TO = ["ann@example.com"]
ROW = ("Subject", "Text", None, TO)


@contextlib.contextmanager
def library(name: str, settings: dict[str, Any]) -> Iterator[Any]:
    """One of the two, configured so, with the backend at a path that both can import."""
    mail, override, backend = LIBRARIES[name]
    module = types.ModuleType("recording")
    module.Backend = backend  # type: ignore[attr-defined]
    sys.modules["recording"] = module
    try:
        with override(**settings):
            yield mail
    finally:
        del sys.modules["recording"]


def outcome(name: str, case: Case) -> tuple[str, str, list[Any]]:
    """How a call ended: the error if any, the result or what was said, what reached a backend."""
    calls.clear()
    with library(name, case.settings) as mail:
        try:
            result = case.call(mail)
        except Exception as error:
            # Not str(), which puts a KeyError's text into quotes in Django.
            return type(error).__name__, str(error.args[0]), list(calls)
    return "", repr(result), list(calls)


def assert_same(case: Case) -> None:
    """Our errors may go on where Django's first sentence ends: they add what would be right."""
    theirs, ours = outcome("django", case), outcome("simplemail", case)
    assert (ours[0], ours[2]) == (theirs[0], theirs[2])
    said = theirs[1].split(". ")[0] if theirs[0] else theirs[1]
    assert ours[1].startswith(said.rstrip("."))


def mailers(**entries: Any) -> dict[str, Any]:
    return {**SENDERS, "MAILERS": entries}


DEFAULT = {"default": {"BACKEND": RECORDING, "OPTIONS": {"colour": "red"}}}
NEWS = {**DEFAULT, "news": {"BACKEND": RECORDING}}


@pytest.mark.parametrize(
    "call",
    [
        lambda mail: mail.send_mail(*ROW),
        lambda mail: mail.send_mail(*ROW, html_message="<p>"),
        lambda mail: mail.send_mail(
            "S", "T", "you@example.com", ("a@example.com", "b@example.com")
        ),
        lambda mail: mail.send_mail("S", "T", None, []),
        lambda mail: mail.send_mail("S", None, "", TO),
        lambda mail: mail.send_mail("S", "T", None, [""]),
        lambda mail: mail.send_mail("S", "T", None, "ann@example.com"),
        lambda mail: mail.send_mail("S", "T", None),
        lambda mail: mail.send_mail(*ROW, nonsense=1),
        lambda mail: mail.EmailMessage("S", "T", to=TO, bcc=["b@example.com"]).send(),
        lambda mail: mail.EmailMessage("S", "T").send(),
        lambda mail: mail.EmailMessage(cc="a@example.com"),
        lambda mail: mail.EmailMessage(bcc="a@example.com"),
        lambda mail: mail.EmailMessage(reply_to="a@example.com"),
        lambda mail: mail.mail_admins("S", "T"),
        lambda mail: mail.mail_managers("S", "T"),
    ],
)
def test_classic_calls(call):
    theirs = outcome("django", Case(call, CLASSIC))
    ours = outcome("simplemail", Case(call, CLASSIC))

    # Django builds a backend before it looks for recipients, and hands it
    # options that nobody gave.
    sent = [[call for call in found[2] if isinstance(call, list)] for found in (ours, theirs)]
    assert sent[0] == sent[1]
    assert ours[0] == theirs[0]
    if not theirs[0]:
        assert ours[1] == theirs[1]


@pytest.mark.parametrize("function", ["mail_admins", "mail_managers"])
@pytest.mark.parametrize(
    "entries",
    [
        [],
        (),
        [("Ann", "ann@example.com"), ("Bob", "bob@example.com")],
        pytest.param(["ann@example.com", "Bob <bob@example.com>"], marks=SINCE_6_1),
        pytest.param("ann@example.com", marks=SINCE_6_1),
        pytest.param([("Ann", "ann@example.com", "x")], marks=SINCE_6_1),
        pytest.param(["ann@example.com", ("Bob", "bob@example.com")], marks=SINCE_6_1),
        pytest.param([5], marks=SINCE_6_1),
        pytest.param({"ann@example.com"}, marks=SINCE_6_1),
    ],
)
def test_admins_and_managers(function, entries):
    settings = {**CLASSIC, "ADMINS": entries, "MANAGERS": entries}
    case = Case(lambda mail: getattr(mail, function)("Fire", "Text", html_message="<p>"), settings)

    assert_same(case)


FUNCTION_CALLS = {
    "send_mail": lambda mail, **kwargs: mail.send_mail(*ROW, **kwargs),
    "send_mass_mail": lambda mail, **kwargs: mail.send_mass_mail([ROW, ROW], **kwargs),
    "mail_admins": lambda mail, **kwargs: mail.mail_admins("S", "T", **kwargs),
    "mail_managers": lambda mail, **kwargs: mail.mail_managers("S", "T", **kwargs),
}
EXCLUSIVE = [
    {"using": "nowhere", "connection": "x"},
    {"using": "nowhere", "fail_silently": True},
    {"connection": "x", "fail_silently": True},
    {"using": "nowhere", "connection": "x", "fail_silently": True},
    {"using": "nowhere", "auth_user": ""},
    {"using": "nowhere", "auth_password": "pw"},
]
CHOSEN = [
    {},
    {"using": "news"},
    {"using": "default"},
    {"using": "nowhere"},
    {"using": ""},
    {"fail_silently": False, "connection": None, "using": None},
    {"auth_user": "ann"},
    {"auth_password": ""},
    {"auth_user": "ann", "auth_password": "pw"},
]


WAYS = [
    pytest.param(name, kwargs, id=f"{name}-{kwargs}")
    for name in FUNCTION_CALLS
    for kwargs in EXCLUSIVE + CHOSEN
    if "auth_user" in FUNCTIONS[name][0].positional or not any("auth" in key for key in kwargs)
]


@SINCE_6_1
@pytest.mark.parametrize(("function", "kwargs"), WAYS)
def test_choosing_a_mailer(function, kwargs):
    settings = {**mailers(**NEWS), "ADMINS": TO, "MANAGERS": TO}

    assert_same(Case(lambda mail: FUNCTION_CALLS[function](mail, **kwargs), settings))


@SINCE_6_1
@pytest.mark.parametrize("function", ["send_mail", "send_mass_mail"])
@pytest.mark.parametrize("name", ["auth_user", "auth_password"])
def test_connection_and_auth(function, name):
    """Both refuse; Django's remedy names arguments that get_connection() doesn't have."""
    case = Case(lambda mail: FUNCTION_CALLS[function](mail, connection="x", **{name: ""}), CLASSIC)

    theirs, ours = outcome("django", case), outcome("simplemail", case)

    assert ours[0] == theirs[0] == "TypeError"
    assert ours[1].split(". ")[0] == theirs[1].split(". ")[0]


@SINCE_6_1
@pytest.mark.parametrize(
    ("call", "entries"),
    [
        (lambda mail: list(mail.mailers), {"z": {}, "default": {}, "a": {}}),
        (lambda mail: [name in mail.mailers for name in ("a", "b", None)], {"a": {}}),
        (lambda mail: mail.mailers["nowhere"], NEWS),
        (lambda mail: mail.mailers["default"], {}),
        (lambda mail: mail.mailers.default, {}),
        (lambda mail: mail.mailers.get("nowhere"), NEWS),
        (lambda mail: mail.mailers.get("nowhere", 5), NEWS),
        (lambda mail: mail.mailers.get("news").alias, NEWS),
        (lambda mail: mail.mailers.default.alias, NEWS),
        (lambda mail: mail.mailers.default is mail.mailers.default, NEWS),
        (lambda mail: mail.get_connection(), {}),
        (lambda mail: mail.get_connection().alias, NEWS),
        (lambda mail: mail.get_connection(colour="blue").alias, NEWS),
        (lambda mail: mail.get_connection(None).alias, NEWS),
        (lambda mail: mail.mailers["x"], {"x": {"BACKEND": "nowhere.Backend"}}),
        (lambda mail: mail.mailers["x"], {"x": {"BACKEND": RECORDING, "OPTIONS": {"alias": "y"}}}),
        (
            lambda mail: mail.mailers["x"],
            {"x": {"BACKEND": RECORDING, "OPTIONS": {"oops": 1, "colour": "red", "unknown": 2}}},
        ),
        (lambda mail: mail.mailers["x"], {"x": {}}),
        (lambda mail: mail.mailers["x"].port, {"x": {"OPTIONS": {"host": "h"}}}),
        (lambda mail: mail.mailers["x"].port, {"x": {"OPTIONS": {"host": "h", "use_tls": True}}}),
        (lambda mail: mail.mailers["x"].port, {"x": {"OPTIONS": {"host": "h", "use_ssl": True}}}),
        (
            lambda mail: mail.mailers["x"],
            {"x": {"OPTIONS": {"host": "h", "use_ssl": True, "use_tls": True}}},
        ),
        (lambda mail: mail.mailers["x"], {"x": {"OPTIONS": {"host": "h", "hots": "h"}}}),
    ],
)
def test_mailers(call, entries):
    assert_same(Case(call, mailers(**entries)))


@SINCE_6_1
@pytest.mark.parametrize(
    "call",
    [
        lambda mail: mail.mailers.default.alias,
        lambda mail: mail.mailers["default"].alias,
        lambda mail: mail.mailers["news"],
        lambda mail: mail.get_connection(colour="blue").alias,
        lambda mail: mail.get_connection(fail_silently=True).alias,
        lambda mail: mail.get_connection(RECORDING).alias,
        lambda mail: mail.get_connection(RECORDING, username="ann").alias,
    ],
)
def test_without_mailers(call):
    assert_same(Case(call, CLASSIC))


@SINCE_6_1
def test_the_default_mailer_without_mailers_is_listed_by_us_alone():
    """django-compatibility 2: both have it; Django says that it hasn't."""
    case = Case(lambda mail: (list(mail.mailers), "default" in mail.mailers), CLASSIC)

    assert outcome("django", case)[1] == "([], False)"
    assert outcome("simplemail", case)[1] == "(['default'], True)"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_of_functions_is_true_of_this_django(name):
    assert_parameters(getattr(django_mail, name), FUNCTIONS[name])


@pytest.mark.parametrize("name", METHODS)
def test_the_table_of_methods_is_true_of_this_django(name):
    message = django_mail.EmailMultiAlternatives()

    assert_parameters(getattr(message, name), METHODS[name])


def assert_parameters(called: Any, forms: list[Form]) -> None:
    known = RELEASES[: RELEASES.index(f"{VERSION[0]}.{VERSION[1]}") + 1]
    form = [form for form in forms if form.since in known][-1]
    names = [
        parameter.name
        for parameter in inspect.signature(called).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    assert names == f"{form.positional} {form.keyword_only}".split()
