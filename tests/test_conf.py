"""The settings: names, defaults, changing them, and never showing what is in them."""

from __future__ import annotations

import ast
import copy
import pickle
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import simplemail
from simplemail import EmailMessage, conf, configure, override_settings, settings
from simplemail.conf import (
    LISTS_FROM_ENVIRONMENT,
    NAMES,
    TEXT_FROM_ENVIRONMENT,
    Settings,
    did_you_mean,
)

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _as_before():
    with override_settings():
        yield


class TestDefaults:
    def test_every_setting_has_one(self):
        for name in NAMES:
            assert hasattr(settings, name), name
            assert name in dir(settings)

    def test_composing_needs_no_configuration(self):
        message = simplemail.EmailMessage("Subject", "Text", to=["ann@example.com"]).message()

        assert message["From"] == "webmaster@localhost"

    @pytest.mark.parametrize(
        ("name", "default"),
        [
            ("MAILERS", None),
            ("DEFAULT_FROM_EMAIL", "webmaster@localhost"),
            ("SERVER_EMAIL", "root@localhost"),
            ("ADMINS", ()),
            ("MANAGERS", ()),
            ("EMAIL_SUBJECT_PREFIX", ""),
            ("DEFAULT_CHARSET", "utf-8"),
            ("EMAIL_USE_LOCALTIME", False),
            ("EMAIL_URL", None),
            ("EMAIL_HOST", "localhost"),
            ("EMAIL_PORT", 25),
            ("EMAIL_HOST_USER", ""),
            ("EMAIL_HOST_PASSWORD", ""),
            ("EMAIL_USE_TLS", False),
            ("EMAIL_USE_SSL", False),
            ("EMAIL_SSL_CERTFILE", None),
            ("EMAIL_SSL_KEYFILE", None),
            ("EMAIL_TIMEOUT", 60),
            ("EMAIL_FILE_PATH", None),
        ],
    )
    def test_the_default_is_djangos_or_safer(self, name, default):
        assert getattr(settings, name) == default


class TestConfigure:
    def test_changes_what_it_names_and_leaves_the_rest(self):
        configure(EMAIL_HOST="a.example", EMAIL_PORT=26)
        configure(EMAIL_PORT=27)

        assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == ("a.example", 27)

    def test_none_unsets(self):
        configure(EMAIL_HOST="a.example", MAILERS={})
        configure(EMAIL_HOST=None, MAILERS=None)

        assert settings.EMAIL_HOST == "localhost"
        assert settings.MAILERS is None
        assert not settings.is_set("EMAIL_HOST")

    def test_a_default_that_is_set_counts_as_set(self):
        configure(EMAIL_HOST="localhost")

        assert settings.is_set("EMAIL_HOST")

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("EMAIL_HOTS", "EMAIL_HOST"),
            ("email_host", "EMAIL_HOST"),
            ("DEFAULT_FROM_MAIL", "DEFAULT_FROM_EMAIL"),
            ("MAILER", "MAILERS"),
            ("EMAIL_PASSWORD", "EMAIL_HOST_PASSWORD"),
        ],
    )
    def test_an_unknown_name_is_refused_with_the_nearest(self, wrong, right):
        for refuse in (configure, override_settings, Settings, settings.replace):
            with pytest.raises(TypeError, match=f"^Unknown setting '{wrong}'.*'{right}'"):
                refuse(**{wrong: SECRET})

    def test_when_one_name_is_unknown_nothing_changes(self):
        with pytest.raises(TypeError):
            configure(EMAIL_HOST="a.example", EMAIL_HOTS="b.example")

        assert settings.EMAIL_HOST == "localhost"

    def test_values_are_looked_at_when_used(self):
        """django-compatibility 8: settings are checked when used, not when set."""
        configure(MAILERS=["not a dict"], ADMINS="ann@example.com", EMAIL_URL="nonsense://")

        assert settings.MAILERS == ["not a dict"]

    def test_threads_lose_nothing(self):
        """Each changes another setting; no change is written over by an older copy."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # all but makes a lost change certain
        lost = []

        def work(name):
            for number in range(300):
                configure(**{name: number})
                if getattr(settings, name) != number:
                    lost.append((name, number))

        names = ["EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "SERVER_EMAIL"]
        threads = [threading.Thread(target=work, args=[name]) for name in names]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)

        assert lost == []


class TestFrozen:
    def test_settings_are_not_assigned(self):
        with pytest.raises(AttributeError, match=r"call configure\(EMAIL_HOST=\.\.\.\) instead"):
            settings.EMAIL_HOST = "a.example"
        with pytest.raises(AttributeError, match="frozen"):
            del settings.EMAIL_HOST

        assert settings.EMAIL_HOST == "localhost"

    def test_replace_makes_a_copy(self):
        before = Settings(EMAIL_HOST="a.example")
        after = before.replace(EMAIL_HOST="b.example")

        assert (before.EMAIL_HOST, after.EMAIL_HOST) == ("a.example", "b.example")

    def test_an_unknown_setting_is_an_attribute_error_with_the_nearest(self):
        with pytest.raises(AttributeError, match="'EMAIL_HOTS'; did you mean 'EMAIL_HOST'"):
            settings.EMAIL_HOTS  # noqa: B018
        assert not hasattr(settings, "INSTALLED_APPS")

    def test_settings_copy_and_pickle(self):
        configured = Settings(EMAIL_HOST="a.example")

        for copied in (copy.deepcopy(configured), pickle.loads(pickle.dumps(configured))):
            assert copied.EMAIL_HOST == "a.example"
            assert not copied.is_set("EMAIL_PORT")


class TestEnvironment:
    """What a variable says counts where no setting was made."""

    @pytest.mark.parametrize("name", ["DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "EMAIL_SUBJECT_PREFIX"])
    def test_a_text(self, name, monkeypatch):
        monkeypatch.setenv(name, "from@example.com")
        assert getattr(settings, name) == "from@example.com"
        with override_settings(**{name: "given@example.com"}):
            assert getattr(settings, name) == "given@example.com"
        monkeypatch.setenv(name, "")
        assert getattr(settings, name) == getattr(Settings, name)

    @pytest.mark.parametrize("name", ["ADMINS", "MANAGERS"])
    @pytest.mark.parametrize(
        ("text", "entries"),
        [
            ("a@b.example", ["a@b.example"]),
            (" a@b.example,, c@d.example ,", ["a@b.example", "c@d.example"]),
            ('"Doe, Ann" <a@b.example>, c@d.example', ['"Doe, Ann" <a@b.example>', "c@d.example"]),
            (r'"Doe\", Ann" <a@b.example>', [r'"Doe\", Ann" <a@b.example>']),
            ('"open, a@b.example', ['"open', "a@b.example"]),
            ("", ()),
        ],
    )
    def test_a_list(self, name, text, entries, monkeypatch):
        monkeypatch.setenv(name, text)

        assert getattr(settings, name) == entries

    def test_no_other_setting(self, monkeypatch):
        for name in {*NAMES} - {*TEXT_FROM_ENVIRONMENT, *LISTS_FROM_ENVIRONMENT}:
            monkeypatch.setenv(name, "x")

            assert getattr(settings, name) == getattr(Settings, name)

    def test_a_message_has_the_sender(self, monkeypatch):
        monkeypatch.setenv("DEFAULT_FROM_EMAIL", "env@example.com")

        assert EmailMessage(to=["a@b.example"]).from_email == "env@example.com"


class TestSecrets:
    def test_no_value_is_ever_shown(self):
        values = {name: f"{SECRET}-{name}" for name in NAMES}

        shown = repr(Settings(**values))
        with override_settings(**values):
            shown += repr(settings) + str(settings) + f"{settings}"

        assert SECRET not in shown
        assert "EMAIL_HOST_PASSWORD" in shown

    def test_an_error_names_the_setting_and_not_its_value(self):
        with pytest.raises(TypeError) as caught:
            configure(EMAIL_PASSWORD=SECRET)

        assert SECRET not in str(caught.value)


class TestOverrideSettings:
    def test_restores_what_was(self):
        configure(EMAIL_HOST="before")
        with override_settings(EMAIL_HOST="inside", EMAIL_PORT=26):
            assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == ("inside", 26)

        assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == ("before", 25)

    def test_restores_when_the_block_raises(self):
        with pytest.raises(LookupError), override_settings(EMAIL_HOST="inside"):
            raise LookupError

        assert settings.EMAIL_HOST == "localhost"

    def test_none_unsets_for_a_while(self):
        configure(MAILERS={})
        with override_settings(MAILERS=None):
            assert settings.MAILERS is None

        assert settings.MAILERS == {}

    def test_what_was_configured_inside_is_undone(self):
        with override_settings(EMAIL_HOST="inside"):
            configure(EMAIL_HOST="changed", EMAIL_PORT=26)

        assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == ("localhost", 25)

    def test_a_misspelt_name_is_reported_where_it_is_written(self):
        with pytest.raises(TypeError, match="did you mean 'MAILERS'"):

            @override_settings(MAILRES={})
            def test():
                """Never gets here."""

    def test_threads_see_it(self):
        seen = []
        with override_settings(EMAIL_HOST="inside"):
            thread = threading.Thread(target=lambda: seen.append(settings.EMAIL_HOST))
            thread.start()
            thread.join()

        assert seen == ["inside"]


def test_did_you_mean_lists_all_when_none_is_near():
    assert did_you_mean("zzz", ["host", "port"]) == "; use one of host, port"
    assert did_you_mean("hots", ["host", "port"]) == "; did you mean 'host'?"


class TestInsideDjango:
    """Backends without an alias read Django's classic settings, as Django's own do."""

    @pytest.fixture
    def django(self, monkeypatch):
        project = SimpleNamespace(configured=True, EMAIL_HOST="django.example", EMAIL_TIMEOUT=None)
        project.is_overridden = lambda name: hasattr(project, name)
        project._wrapped = project
        monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=project))
        return project

    def test_djangos_settings_count(self, django):
        assert conf.classic("EMAIL_HOST") == "django.example"
        assert conf.classic("EMAIL_TIMEOUT") == 60
        assert conf.classic("EMAIL_PORT") == 25

    def test_the_two_are_never_mixed(self, django):
        django.EMAIL_HOST_PASSWORD = "for django.example only"
        with override_settings(EMAIL_HOST="ours.example"):
            assert conf.classic("EMAIL_HOST") == "ours.example"
            assert conf.classic("EMAIL_HOST_PASSWORD") == ""

    def test_warnings_are_not_silenced_for_a_moment(self, django, monkeypatch):
        """That isn't safe with threads: a filter of one would stay for all."""
        monkeypatch.delattr("warnings.catch_warnings")

        assert conf.classic("EMAIL_HOST") == "django.example"

    def test_beside_djangos_mailers_they_count_for_nothing(self, django):
        django.MAILERS = {}

        assert conf.classic("EMAIL_HOST") == "localhost"

    def test_not_before_django_is_configured(self, django):
        django.configured = False
        assert conf.classic("EMAIL_HOST") == "localhost"


def test_help_names_every_setting():
    """Type checkers know them from the signature, which help() doesn't spell out."""
    assert [name for name in NAMES if name not in configure.__doc__] == []


def test_type_checkers_know_every_setting():
    source = Path(conf.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source)
    [typed] = [node for node in ast.walk(tree) if getattr(node, "name", "") == "SettingsByName"]
    names = [ast.unparse(each.target) for each in typed.body if isinstance(each, ast.AnnAssign)]

    assert names == [*NAMES, "extra"]


class TestExtra:
    """Settings of other packages, whose backends read them from `settings`."""

    def test_is_read_from_settings_as_in_django(self):
        with override_settings(extra={"ANYMAIL": {"API_KEY": "s3cret"}}, EMAIL_PORT=26):
            assert settings.ANYMAIL == {"API_KEY": "s3cret"}
            assert getattr(settings, "OTHER", None) is None
            assert settings.EMAIL_PORT == 26
        assert not hasattr(settings, "ANYMAIL")

    def test_stays_when_something_else_is_configured(self):
        with override_settings(extra={"ANYMAIL": 1}), override_settings(EMAIL_PORT=26):
            configure(EMAIL_HOST="h.example")
            assert settings.ANYMAIL == 1

    def test_shows_no_value(self):
        with override_settings(extra={"ANYMAIL": "s3cret"}):
            assert "s3cret" not in repr(settings)

    @pytest.mark.parametrize(
        ("extra", "told"),
        [
            ({"EMAIL_HOST": "x"}, "not 'EMAIL_HOST'"),
            ({"anymail": 1}, "in capitals like ANYMAIL, not 'anymail'"),
            ({5: 1}, "must be a dict .* by name, not dict"),
            ([("ANYMAIL", 1)], "must be a dict .*, not list"),
            ("ANYMAIL", "not str"),
        ],
    )
    def test_is_checked_at_once(self, extra, told):
        with pytest.raises(TypeError, match=told):
            configure(extra=extra)

    def test_survives_copies(self):
        configured = Settings(extra={"ANYMAIL": 1})
        for copied in (copy.deepcopy(configured), pickle.loads(pickle.dumps(configured))):
            assert copied.ANYMAIL == 1
