"""Every call that any Django from 4.2 to 6.1 accepts is accepted here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

import simplemail
from support.django_signatures import FUNCTIONS, METHODS, Form

FORMS = [
    *((getattr(simplemail, name), form) for name, forms in FUNCTIONS.items() for form in forms),
    *(
        (getattr(simplemail.EmailMultiAlternatives("S", "T"), name), form)
        for name, forms in METHODS.items()
        for form in forms
    ),
]
each_form = pytest.mark.parametrize(
    ("called", "form"), FORMS, ids=[f"{called.__name__}-{form.since}" for called, form in FORMS]
)


def calls(form: Form) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Every split into positional and keyword arguments; each argument is its own name."""
    names = form.positional.split()
    by_keyword = {name: name for name in form.keyword_only.split()}
    for given in range(form.required, len(names) + 1):
        for positional in range(given + 1):
            rest = {name: name for name in names[positional:given]}
            yield names[:positional], rest
            yield names[:positional], rest | by_keyword


@each_form
def test_every_call_form_is_accepted(called, form):
    """django-compatibility 15: old positional orders work."""
    signature = inspect.signature(called)
    for args, kwargs in calls(form):
        bound = signature.bind(*args, **kwargs)
        assert all(name == value for name, value in bound.arguments.items()), (args, kwargs)


@each_form
def test_each_optional_argument_may_be_given_alone(called, form):
    signature = inspect.signature(called)
    names = form.positional.split()
    for name in [*names[form.required :], *form.keyword_only.split()]:
        bound = signature.bind(*names[: form.required], **{name: name})
        assert bound.arguments[name] == name


@each_form
def test_nothing_more_is_required(called, form):
    parameters = inspect.signature(called).parameters.values()
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]

    assert required == form.positional.split()[: form.required]


@pytest.mark.parametrize("name", ["send_mail", "send_mass_mail", "mail_admins", "mail_managers"])
def test_using_is_keyword_only(name):
    using = inspect.signature(getattr(simplemail, name)).parameters["using"]

    assert using.kind is inspect.Parameter.KEYWORD_ONLY


def test_get_connection_takes_any_option():
    options = {"host": "h", "timeout": 5}

    bound = inspect.signature(simplemail.get_connection).bind("smtp", True, **options)

    assert bound.arguments == {"backend": "smtp", "fail_silently": True, "options": options}


ATTACHMENT = ("a.txt", "text", "text/plain")
ALTERNATIVE = ("<p>", "text/html")


def test_a_message_given_by_position_is_the_same_as_one_given_by_name():
    """django-compatibility 15: EmailMultiAlternatives has alternatives before cc."""
    connection = object()
    values = {
        "subject": "S",
        "body": "T",
        "from_email": "me@example.com",
        "to": ["to@example.com"],
        "bcc": ["bcc@example.com"],
        "connection": connection,
        "attachments": [ATTACHMENT],
        "headers": {"X-Test": "1"},
        "alternatives": [ALTERNATIVE],
        "cc": ["cc@example.com"],
        "reply_to": ["reply@example.com"],
    }
    plain = {name: value for name, value in values.items() if name != "alternatives"}
    both = simplemail.EmailMultiAlternatives, values
    for kind, arguments in [both, (simplemail.EmailMessage, plain)]:
        positional, named = kind(*arguments.values()), kind(**arguments)
        assert vars(positional) == vars(named)
        assert positional.cc == ["cc@example.com"]
        assert positional.reply_to == ["reply@example.com"]
        assert positional.extra_headers == {"X-Test": "1"}
        assert positional.connection is connection
