"""The errors of configuration: their family, their texts, and that they survive pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from simplemail import BadHeaderError, ImproperlyConfigured, InvalidMailer, MailerDoesNotExist


def test_the_family():
    """django-compatibility 4: MailerDoesNotExist is an InvalidMailer and a KeyError."""
    assert issubclass(MailerDoesNotExist, InvalidMailer)
    assert issubclass(MailerDoesNotExist, KeyError)
    assert issubclass(InvalidMailer, ImproperlyConfigured)
    assert not issubclass(InvalidMailer, KeyError)


def test_a_missing_mailer_is_named_by_keyword_only():
    """django-compatibility 4: it takes keyword `alias` only."""
    error = MailerDoesNotExist(alias="news")

    assert str(error) == "The mailer 'news' is not configured."
    assert error.alias == "news"
    with pytest.raises(TypeError):
        MailerDoesNotExist("news")
    with pytest.raises(TypeError):
        MailerDoesNotExist("news", alias="news")


def test_an_invalid_mailer_says_whose():
    assert str(InvalidMailer("Wrong.", alias="x")) == "MAILERS['x']: Wrong."
    assert str(InvalidMailer("Wrong.")) == "Wrong."
    assert InvalidMailer("Wrong.").alias is None


def test_a_bad_header_is_a_value_error():
    """django-compatibility 23: BadHeaderError is a ValueError."""
    assert issubclass(BadHeaderError, ValueError)


@pytest.mark.parametrize(
    "error",
    [
        ImproperlyConfigured("Wrong."),
        InvalidMailer("Wrong."),
        InvalidMailer("Wrong.", alias="x"),
        MailerDoesNotExist(alias="x"),
        BadHeaderError("Wrong."),
    ],
    ids=repr,
)
def test_pickle_and_copy_keep_everything(error):
    error.add_note("a note")

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert str(copy.deepcopy(error)) == str(copy.copy(error)) == str(error)
