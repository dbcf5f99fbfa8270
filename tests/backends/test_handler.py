"""From an alias, a URL, a dotted path or a class to a mailer."""

from __future__ import annotations

import collections
import itertools
import os
import socket
from unittest import mock

import pytest

import simplemail
from simplemail import (
    EmailMessage,
    ImproperlyConfigured,
    InvalidMailer,
    MailerDoesNotExist,
    configure,
    get_connection,
    mailers,
    override_settings,
)
from simplemail.backends import console, dummy, filebased, locmem, smtp
from simplemail.backends.base import BaseEmailBackend
from simplemail.backends.handler import is_configured
from simplemail.conf import CLASSIC, WAYS

built: list[tuple[tuple, dict]] = []


class Recording:
    """A backend that is nobody's child: what it was built with is in `built`."""

    def __init__(self, *args, **options):
        self.options = options
        built.append((args, options))

    def send_messages(self, messages):
        return len(list(messages))


class Sending(BaseEmailBackend):
    """Takes three options, and hands the rest up."""

    def __init__(self, colour=None, size=None, **options):
        super().__init__(**options)
        self.colour, self.size = colour, size


RECORDING = {"BACKEND": f"{__name__}.Recording"}
SENDING = {"BACKEND": f"{__name__}.Sending"}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.delenv("EMAIL_URL", raising=False)
    built.clear()
    with override_settings():
        yield


class TestMailers:
    def test_not_set_and_empty_differ(self):
        """django-compatibility 1: unset means the classic settings; {} means no mailer."""
        configure(EMAIL_BACKEND=Recording)
        assert isinstance(mailers["default"], Recording)
        assert list(mailers) == ["default"]

        configure(MAILERS={})
        assert "default" not in mailers
        assert list(mailers) == []
        for look_up in (lambda: mailers["default"], lambda: mailers.default, get_connection):
            with pytest.raises(MailerDoesNotExist, match="The mailer 'default' is not configured"):
                look_up()

    def test_without_mailers_a_backend_gets_no_alias(self):
        """django-compatibility 2: built with no `alias` argument at all; only `default` exists."""
        configure(EMAIL_BACKEND=Recording)

        mailers.default  # noqa: B018

        assert built == [((), {})]
        with pytest.raises(MailerDoesNotExist):
            mailers["news"]
        configure(EMAIL_BACKEND="memory")
        assert mailers.default.alias is None

    def test_is_like_a_mapping(self):
        """django-compatibility 3: [], in, iteration in definition order, get() and default."""
        configure(MAILERS={"z": RECORDING, "default": RECORDING, "a": RECORDING})

        assert list(mailers) == ["z", "default", "a"]
        assert "a" in mailers
        assert "b" not in mailers
        assert None not in mailers
        assert built == []
        assert mailers["z"].options == {"alias": "z"}
        assert mailers.default.options == {"alias": "default"}
        assert mailers.get("a").options == {"alias": "a"}
        assert mailers.get("b") is None
        fallback = object()
        assert mailers.get("b", fallback) is fallback

    def test_every_look_up_makes_a_new_instance(self):
        """django-compatibility 3."""
        configure(MAILERS={"default": RECORDING})

        assert mailers.default is not mailers.default
        assert mailers["default"] is not mailers.get("default")

    def test_mailers_by_the_same_options_share_nothing(self):
        """The SMTP backend is copied from one that was built, which nobody sees."""
        configure(MAILERS={"default": "smtp://mail.example.com?timeout=5"})
        one, other = mailers.default, mailers.default
        one.timeout, one.host = 7, "elsewhere.example.com"

        for each in (other, mailers.default):
            assert (each.timeout, each.host, each.alias) == (5, "mail.example.com", "default")
            assert each._lock is not one._lock

    def test_options_that_differ_make_mailers_that_differ(self):
        configure(MAILERS={"a": "smtp://a.example.com", "b": "smtp://a.example.com?timeout=5"})

        assert [mailers[alias].timeout for alias in "abab"] == [60, 5, 60, 5]
        assert [mailers[alias].alias for alias in "abab"] == ["a", "b", "a", "b"]
        configure(MAILERS={"a": {"OPTIONS": {"host": "h", "source_address": ["127.0.0.1", 0]}}})
        assert [mailers["a"].source_address for _ in "ab"] == [("127.0.0.1", 0)] * 2
        assert get_connection("smtp://a.example.com", fail_silently=True).fail_silently

    def test_who_inherits_is_built_each_time(self):
        from simplemail.backends.smtp import EmailBackend

        numbers = itertools.count()

        class Numbered(EmailBackend):
            def __init__(self, **options):
                super().__init__(**options)
                self.number = next(numbers)

        configure(MAILERS={"default": {"BACKEND": Numbered, "OPTIONS": {"host": "h"}}})

        assert [mailers.default.number for _ in "abc"] == [0, 1, 2]

    def test_a_patched_backend_is_built_anew(self, monkeypatch):
        from simplemail.backends.smtp import EmailBackend

        entry = {"BACKEND": "smtp", "OPTIONS": {"host": "mail.example.com"}}
        configure(MAILERS={"default": entry})
        original = EmailBackend.__init__
        assert mailers.default.host == "mail.example.com"

        def elsewhere(self, **options):
            original(self, **{**options, "host": "elsewhere.example.com"})

        with monkeypatch.context() as patch:
            patch.setattr(EmailBackend, "__init__", elsewhere)
            assert mailers.default.host == "elsewhere.example.com"
        assert mailers.default.host == "mail.example.com"

        with mock.patch("simplemail.backends.smtp.EmailBackend", autospec=True) as patched:
            assert mailers.default is patched.return_value
        assert mailers.default.host == "mail.example.com"

    def test_a_class_without_its_module_imports_nothing_else(self, monkeypatch, tmp_path):
        package = tmp_path / "a_package_of_mine"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "mail.py").write_text("raise RuntimeError")
        monkeypatch.syspath_prepend(tmp_path)

        with pytest.raises(InvalidMailer, match="'a_package_of_mine' has no 'mail'"):
            get_connection("a_package_of_mine.mail")

    def test_get_hides_a_missing_mailer_only(self):
        configure(MAILERS={"wrong": {"BACKEND": "nowhere.Backend"}})

        with pytest.raises(InvalidMailer, match="nowhere"):
            mailers.get("wrong", "default")

    def test_a_missing_mailer_is_a_key_error_and_the_others_are_listed(self):
        """django-compatibility 4."""
        configure(MAILERS={"news": RECORDING, "bulk": RECORDING})
        with pytest.raises(KeyError) as caught:
            mailers["nwes"]
        assert isinstance(caught.value, MailerDoesNotExist)
        assert caught.value.alias == "nwes"
        assert caught.value.__notes__ == ["MAILERS has 'news', 'bulk'"]

        configure(MAILERS=None)
        with pytest.raises(MailerDoesNotExist) as caught:
            mailers["news"]
        assert caught.value.__notes__ == ["MAILERS isn't set; there is 'default'"]

    @pytest.mark.parametrize("wrong", ["smtp://h", ["default"], object()])
    def test_what_is_no_mapping_is_refused(self, wrong):
        configure(MAILERS=wrong)
        text = f"MAILERS must be a dict of mailers by alias, not {type(wrong).__name__}"
        for use in (lambda: mailers.default, lambda: "s" in mailers, lambda: list(mailers)):
            with pytest.raises(ImproperlyConfigured, match=text):
                use()

    def test_a_default_dict_is_not_filled_by_looking(self):
        configure(MAILERS=collections.defaultdict(dict))

        with pytest.raises(MailerDoesNotExist):
            mailers["x"]
        assert "x" not in mailers


class TestEntries:
    def test_without_a_backend_it_is_smtp(self):
        """django-compatibility 5: an entry without BACKEND is SMTP."""
        configure(MAILERS={"x": {"OPTIONS": {"host": "h.example"}}})

        assert isinstance(mailers["x"], smtp.EmailBackend)

    @pytest.mark.parametrize(
        ("backend", "why"),
        [
            ("nowhere.to.be.Found", "No module named 'nowhere'"),
            (
                "simplemail.backends.smtp.Nobody",
                "module 'simplemail.backends.smtp' has no '",
            ),
            ("simplemail.backends.smtp", "that is a module, not a class"),
            ("django.core.mail.backends.postmark.EmailBackend", "No module named 'simplemail.back"),
            ("smpt", "neither a short name .smtp, file, .* nor a dotted path.* mean 'smtp'"),
            ("consol", ".* nor a dotted path to a class; did you mean 'console'"),
            ("mailgun", ".* nor a dotted path to a class$"),
            ("", "neither a short name"),
            (".EmailBackend", "neither a short name"),
            ("..backends.EmailBackend", "neither a short name"),
            ("simplemail..EmailBackend", "neither a short name"),
            ("simplemail.EmailBackend.", "neither a short name"),
        ],
    )
    def test_a_failed_import_names_the_path_and_the_reason(self, backend, why):
        """django-compatibility 5: the error names the entry and what the import said."""
        configure(MAILERS={"x": {"BACKEND": backend}})

        text = rf"^MAILERS\['x'\]: Could not find BACKEND '{backend}': {why}"
        with pytest.raises(InvalidMailer, match=text) as caught:
            mailers["x"]
        assert isinstance(caught.value.__cause__, ImportError)

    def test_options_must_not_hold_an_alias(self):
        """django-compatibility 5."""
        configure(MAILERS={"x": {**RECORDING, "OPTIONS": {"alias": "y"}}})

        text = r"^MAILERS\['x'\]: OPTIONS must not define 'alias'\."
        with pytest.raises(InvalidMailer, match=text):
            mailers["x"]
        assert built == []

    def test_a_backend_gets_exactly_its_alias_and_options(self):
        """django-compatibility 6: exactly `alias` plus its OPTIONS as keywords."""
        configure(MAILERS={"x": {**RECORDING, "OPTIONS": {"colour": "red", "size": 5}}})

        mailers["x"]

        assert built == [((), {"alias": "x", "colour": "red", "size": 5})]

    def test_unknown_options_are_all_named_in_order(self):
        """django-compatibility 6: MAILERS['x']: Unknown options 'oops_typo', 'unknown'."""
        options = {"oops_typo": 1, "colour": "red", "unknown": 2}
        configure(MAILERS={"x": {**SENDING, "OPTIONS": options}})

        text = r"^MAILERS\['x'\]: Unknown options 'oops_typo', 'unknown'\."
        with pytest.raises(InvalidMailer, match=text):
            mailers["x"]

    @pytest.mark.parametrize("name", ["smtp", "console", "file", "memory", "dummy", Sending])
    def test_a_typo_is_never_ignored(self, name, tmp_path):
        """django-compatibility 6 (ours): without an alias, TypeError."""
        configure(EMAIL_FILE_PATH=tmp_path)

        with pytest.raises(TypeError, match="unknown options 'oops_typo', 'unknown'"):
            get_connection(name, oops_typo=1, unknown=2)

    @pytest.mark.parametrize("name", ["smtp", "console", "file", "memory", "dummy", Sending])
    def test_every_backend_takes_fail_silently(self, name, tmp_path):
        """django-compatibility 6 (ours): with or without an alias."""
        options = {"fail_silently": True}
        options |= {"smtp": {"host": "h"}, "file": {"file_path": tmp_path}}.get(name, {})
        configure(MAILERS={"x": {"BACKEND": name, "OPTIONS": options}})

        assert mailers["x"].fail_silently is True
        assert get_connection(name, **options).fail_silently is True

    @pytest.mark.parametrize(
        ("entry", "text"),
        [
            (None, "An entry must be a URL or {'BACKEND': .*}, not NoneType"),
            (["smtp"], "not list"),
            ({"BACKEND": None}, "BACKEND must be a URL, a short name, .* not NoneType"),
            ({"BACKEND": 5}, "BACKEND must be .* not int"),
            ({"BACKEND": smtp}, "BACKEND must be .* not module"),
            ({"BACKEND": "memory", "OPTIONS": None}, "OPTIONS must be a dict .* not NoneType"),
            ({"BACKEND": "memory", "OPTIONS": [1]}, "OPTIONS must be a dict .* not list"),
            ({"BACKEND": "memory", "OPTIONS": {1: 2}}, "OPTIONS must be a dict of options by name"),
            ({"backend": "memory"}, "Unknown keys 'backend'; use 'BACKEND' and 'OPTIONS'"),
            ({"BACKEND": "memory", "HOST": "h"}, "Unknown keys 'HOST'"),
        ],
    )
    def test_a_wrong_entry_is_refused_with_its_alias(self, entry, text):
        configure(MAILERS={"x": entry})

        with pytest.raises(InvalidMailer, match=rf"^MAILERS\['x'\]: .*{text}"):
            mailers["x"]

    @pytest.mark.parametrize(
        ("entry", "kind"),
        [
            ("console:", console.EmailBackend),
            ("console", console.EmailBackend),
            ("simplemail.backends.dummy.EmailBackend", dummy.EmailBackend),
            ({"BACKEND": "memory"}, locmem.EmailBackend),
            ({"BACKEND": "locmem"}, locmem.EmailBackend),
            ({"BACKEND": "memory:"}, locmem.EmailBackend),
            ({"BACKEND": dummy.EmailBackend}, dummy.EmailBackend),
            (
                {
                    "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                    "OPTIONS": {"host": "h"},
                },
                smtp.EmailBackend,
            ),
            ({"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}, locmem.EmailBackend),
            ({"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}, dummy.EmailBackend),
            ({"BACKEND": "django.core.mail.backends.console.EmailBackend"}, console.EmailBackend),
        ],
    )
    def test_a_backend_is_named_in_many_ways(self, entry, kind):
        configure(MAILERS={"x": entry})

        assert type(mailers["x"]) is kind
        assert mailers["x"].alias == "x"

    def test_files(self, tmp_path):
        configure(
            MAILERS={
                "url": f"file:{tmp_path}",
                "short": {"BACKEND": "file", "OPTIONS": {"file_path": tmp_path}},
                "django": {
                    "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
                    "OPTIONS": {"file_path": str(tmp_path)},
                },
            }
        )
        for alias in mailers:
            assert type(mailers[alias]) is filebased.EmailBackend
            assert mailers[alias].file_path == str(tmp_path)


class TestClassicSettings:
    CLASSIC = {
        "EMAIL_HOST": "classic.example",
        "EMAIL_PORT": 26,
        "EMAIL_HOST_USER": "ann",
        "EMAIL_HOST_PASSWORD": "pw",
        "EMAIL_USE_TLS": True,
        "EMAIL_TIMEOUT": 5,
    }

    def test_with_an_alias_they_are_ignored(self):
        """django-compatibility 8: completely."""
        configure(
            **self.CLASSIC, MAILERS={"x": "smtp://h.example", "y": {"OPTIONS": {"host": "h"}}}
        )

        for alias in "xy":
            mailer = mailers[alias]
            assert mailer.host.startswith("h")
            assert (mailer.port, mailer.use_tls, mailer.timeout) == (25, False, 60)
            assert not mailer.username
            assert not mailer.password

    def test_with_an_alias_a_host_is_still_needed(self):
        """django-compatibility 8: EMAIL_HOST doesn't fill the gap."""
        configure(**self.CLASSIC, MAILERS={"x": {}})

        with pytest.raises(InvalidMailer, match=r"^MAILERS\['x'\]: OPTIONS must define 'host'"):
            mailers["x"]

    def test_wrong_settings_are_found_when_used(self):
        """django-compatibility 8: checked when used, not when set."""
        configure(EMAIL_BACKEND="nowhere.Backend")

        assert "default" in mailers
        assert list(mailers) == ["default"]
        with pytest.raises(
            InvalidMailer, match=r"^Could not find EMAIL_BACKEND 'nowhere\.Backend'"
        ):
            mailers.default  # noqa: B018

    def test_without_an_alias_they_fill_the_gaps(self):
        configure(**self.CLASSIC)

        mailer = get_connection(host="other.example")

        assert (mailer.host, mailer.port, mailer.username) == ("other.example", 26, "ann")

    def test_the_password_of_one_server_is_not_offered_to_another(self):
        configure(**self.CLASSIC, EMAIL_URL="smtp://other.example")

        assert (mailers.default.username, mailers.default.password) == ("", "")


class TestPrecedence:
    """The first of these that is set is the default mailer."""

    LEVELS = ["MAILERS", "EMAIL_URL", "classic", "environment", "nothing"]

    def configured(self, levels, monkeypatch):
        values = {}
        if "MAILERS" in levels:
            values["MAILERS"] = {"default": "smtp://MAILERS"}
        if "EMAIL_URL" in levels:
            values["EMAIL_URL"] = "smtp://EMAIL_URL"
        if "classic" in levels:
            values["EMAIL_HOST"] = "classic"
        if "environment" in levels:
            monkeypatch.setenv("EMAIL_URL", "smtp://environment")
        configure(**values)

    @pytest.mark.parametrize("first", range(5))
    def test_the_first_that_is_set_counts(self, first, monkeypatch):
        self.configured(self.LEVELS[first:], monkeypatch)
        host = ["mailers", "email_url", "classic", "environment", "localhost"][first]

        assert mailers.default.host == mailers["default"].host == get_connection().host == host
        assert is_configured() is (first < 4)

    def test_mailers_without_default_stops_the_search(self, monkeypatch):
        self.configured(["EMAIL_URL", "classic", "environment"], monkeypatch)
        configure(MAILERS={"other": "dummy:"})

        with pytest.raises(MailerDoesNotExist):
            mailers.default  # noqa: B018

    @pytest.mark.parametrize("name", ["EMAIL_HOST", "EMAIL_BACKEND"])
    def test_what_says_where_mail_goes_counts_also_at_its_default(self, name, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "memory:")
        default = getattr(simplemail.settings, name)
        configure(**{name: default})

        assert isinstance(mailers.default, smtp.EmailBackend)

    @pytest.mark.parametrize("name", [n for n in CLASSIC if n not in WAYS])
    def test_no_other_setting_throws_the_environments_mailer_away(self, name, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "memory:")
        configure(**{name: getattr(simplemail.settings, name) or "x"})

        assert isinstance(mailers.default, locmem.EmailBackend)

    def test_they_fill_what_the_environments_url_leaves_open(self, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "smtp+tls://mail.example.com")
        configure(EMAIL_TIMEOUT=7, EMAIL_HOST_USER="ann", EMAIL_HOST_PASSWORD="secret")

        mailer = mailers.default

        assert (mailer.host, mailer.port, mailer.use_tls) == ("mail.example.com", 587, True)
        assert (mailer.timeout, mailer.username, mailer.password) == (7, "ann", "secret")

    @pytest.mark.parametrize("url", ["smtp://bob:b@h.example?timeout=3", "smtp://bob@h.example"])
    def test_and_nothing_that_it_says(self, url, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", url)
        configure(EMAIL_TIMEOUT=7, EMAIL_HOST_USER="ann", EMAIL_HOST_PASSWORD="secret")

        mailer = mailers.default

        assert mailer.timeout == (3 if "?" in url else 7)
        assert (mailer.username, mailer.password) == ("bob", "b" if "b:" in url else "")

    @pytest.mark.parametrize("name", ["DEFAULT_FROM_EMAIL", "ADMINS", "EMAIL_SUBJECT_PREFIX"])
    def test_other_settings_do_not(self, name, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "memory:")
        configure(**{name: ["x"]})

        assert isinstance(mailers.default, locmem.EmailBackend)

    def test_empty_is_not_set(self, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "")
        configure(EMAIL_URL="")

        assert not is_configured()
        assert mailers.default.host == "localhost"

    def test_the_environment_is_read_when_used(self, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "smtp://one")
        assert mailers.default.host == "one"
        monkeypatch.setitem(os.environ, "EMAIL_URL", "smtp://two")
        assert mailers.default.host == "two"


class TestSettingsThatCountForNothing:
    """Whoever makes them thinks that they do something, so it is said."""

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch):
        monkeypatch.delenv("EMAIL_URL", raising=False)

    @pytest.mark.parametrize(
        ("before", "changes", "words"),
        [
            ({"MAILERS": {}}, {"EMAIL_URL": "memory:"}, "EMAIL_URL is ignored, because MAILERS is"),
            ({"MAILERS": {}}, {"EMAIL_TIMEOUT": 5}, "EMAIL_TIMEOUT is ignored, because MAILERS"),
            ({}, {"MAILERS": {}, "EMAIL_HOST": "h"}, "EMAIL_HOST is ignored, because MAILERS is"),
            (
                {"EMAIL_URL": "memory:"},
                {"EMAIL_HOST": "h"},
                "EMAIL_HOST is ignored, because EMAIL_",
            ),
            (
                {},
                {"EMAIL_URL": "smtp://h", "EMAIL_PORT": 26},
                "EMAIL_PORT is ignored, because EMAI",
            ),
            (
                {"EMAIL_HOST": "h"},
                {"EMAIL_FILE_PATH": "out"},
                "EMAIL_FILE_PATH is ignored, because EMAIL_BACKEND isn't set; set EMAIL_BACK",
            ),
        ],
    )
    @pytest.mark.parametrize("way", [configure, override_settings])
    def test_are_told(self, before, changes, words, way, caplog):
        configure(**before)
        assert not caplog.messages

        if way is configure:
            configure(**changes)
        else:
            with override_settings(**changes):
                pass

        [message] = caplog.messages
        assert message.startswith(words)

    @pytest.mark.parametrize(
        ("url", "ignored"),
        [
            ("smtp://h.example", "EMAIL_PORT"),
            ("smtp://u:p@h.example", "EMAIL_PORT, EMAIL_HOST_USER"),
        ],
    )
    def test_beside_the_environments_url(self, url, ignored, monkeypatch, caplog):
        monkeypatch.setenv("EMAIL_URL", url)

        configure(EMAIL_PORT=26, EMAIL_HOST_USER="ann", EMAIL_TIMEOUT=5)

        [message] = caplog.messages
        assert message.startswith(
            f"{ignored} is ignored, because the environment variable EMAIL_URL"
        )

    @pytest.mark.parametrize(
        ("before", "changes"),
        [
            ({"EMAIL_HOST": "h"}, {"EMAIL_URL": "memory:"}),
            ({"EMAIL_URL": "smtp://h"}, {"MAILERS": {"default": "memory:"}}),
            ({"EMAIL_URL": "smtp://h"}, {"EMAIL_TIMEOUT": 5}),
            ({"EMAIL_BACKEND": "memory"}, {"EMAIL_HOST": "h", "EMAIL_FILE_PATH": "out"}),
            ({"MAILERS": {}}, {"EMAIL_HOST": None, "DEFAULT_FROM_EMAIL": "a@b.example"}),
            ({}, {"EMAIL_PORT": 26}),
        ],
    )
    def test_nothing_is_said_of_what_replaces_or_completes(self, before, changes, caplog):
        configure(**before)
        configure(**changes)

        assert not caplog.messages

    def test_no_value_is_shown(self, caplog):
        configure(MAILERS={}, EMAIL_URL="smtp://ann:hunter2@h.example")

        assert "hunter2" not in caplog.text


class TestNothingConfigured:
    def test_the_last_resort_says_that_nothing_was_configured(self, monkeypatch):
        """The error says how to configure one; nothing is printed or dropped."""

        def refuse(*_args, **_kwargs):
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr(socket, "create_connection", refuse)
        message = EmailMessage("Subject", "Text", to=["ann@example.com"])

        with pytest.raises(ConnectionRefusedError, match="no mailer is configured") as caught:
            message.send()
        assert "localhost:25" in str(caught.value)
        assert "configure(EMAIL_URL=" in str(caught.value)
        assert "environment variable EMAIL_URL" in str(caught.value)
        configure(EMAIL_HOST="localhost")
        with pytest.raises(ConnectionRefusedError) as caught:
            message.send()
        assert "no mailer is configured" not in str(caught.value)

    def test_a_host_of_ones_own_is_a_configuration(self):
        assert get_connection().hint
        assert not get_connection(host="h.example").hint
        assert not get_connection("smtp").hint


class TestGetConnection:
    def test_overlays_the_default_mailers_options(self):
        """django-compatibility 7: without changing them."""
        options = {"colour": "red", "size": 5}
        configure(MAILERS={"default": {**RECORDING, "OPTIONS": options}})

        get_connection(size=6, shape="round")
        get_connection(fail_silently=True)
        get_connection()

        assert [kwargs for _, kwargs in built] == [
            {"alias": "default", "colour": "red", "size": 6, "shape": "round"},
            {"alias": "default", "colour": "red", "size": 5, "fail_silently": True},
            {"alias": "default", "colour": "red", "size": 5},
        ]
        assert options == {"colour": "red", "size": 5}

    def test_overlays_a_url(self):
        """django-compatibility 7."""
        configure(MAILERS={"default": "smtp+tls://ann:pw@h.example?timeout=5"})

        mailer = get_connection(username="bob", timeout=6)

        assert (mailer.username, mailer.password, mailer.timeout) == ("bob", "pw", 6)
        assert mailers.default.username == "ann"

    @pytest.mark.parametrize("given", [{}, {"MAILERS": {}}, {"MAILERS": {"default": RECORDING}}])
    def test_a_named_backend_works_with_mailers_set(self, given):
        """django-compatibility 7 (ours): and has no alias."""
        configure(**given)

        mailer = get_connection("memory", True)

        assert isinstance(mailer, locmem.EmailBackend)
        assert mailer.alias is None
        assert mailer.fail_silently is True

    @pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, ImportError, LookupError])
    def test_errors_from_a_constructor_come_through(self, error):
        """django-compatibility 7: unwrapped."""
        raised = error("from the constructor")

        def backend(**_options):
            raise raised

        configure(MAILERS={"default": {"BACKEND": backend}})

        for build in (lambda: mailers.default, get_connection, lambda: get_connection(backend)):
            with pytest.raises(error) as caught:
                build()
            assert caught.value is raised

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_no_backend_is_the_default_one(self, nothing):
        configure(EMAIL_BACKEND="dummy")

        assert isinstance(get_connection(nothing), dummy.EmailBackend)

    @pytest.mark.parametrize(
        ("backend", "text"),
        [
            (object(), "backend must be a URL, a short name, a dotted path or a class, not object"),
            (5, "not int"),
            (b"smtp", "not bytes"),
            ("smpt", "Could not find backend 'smpt': neither a short name"),
            ("smpt://h", "^Unknown scheme 'smpt'"),
            (dict, r"backend made a dict, which has no send_messages\(\)"),
            ("builtins.dict", "backend made a dict"),
            (lambda: None, "backend made a NoneType"),
        ],
    )
    def test_a_wrong_backend_is_refused(self, backend, text):
        with pytest.raises(InvalidMailer, match=text):
            get_connection(backend)

    def test_fail_silently_reaches_a_backend_only_when_true(self):
        get_connection(Recording, False)
        get_connection(Recording, fail_silently=True)

        assert [kwargs for _, kwargs in built] == [{}, {"fail_silently": True}]

    def test_an_alias_is_not_given_twice(self):
        configure(MAILERS={"default": RECORDING})

        with pytest.raises(TypeError, match="alias"):
            get_connection(alias="other")


def test_a_host_where_a_url_belongs(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "smtp.example.com")
    with pytest.raises(InvalidMailer, match=r"^environment variable EMAIL_URL is not a URL; write"):
        simplemail.mailers.default  # noqa: B018
    with override_settings(EMAIL_URL="hunter2"), pytest.raises(InvalidMailer) as caught:
        simplemail.mailers.default  # noqa: B018
    assert "hunter2" not in str(caught.value)


LOGIN = {
    "host": "h.invalid",
    "port": 25,
    "username": "u",
    "password": "p",
    "use_tls": True,
    "use_ssl": False,
    "timeout": 5,
    "ssl_keyfile": None,
    "ssl_certfile": None,
}


class TestALoginForABackendThatHasNone:
    """People swap backends in tests, and leave the calls as they are."""

    @pytest.fixture(params=["memory", "console", "file", "dummy"])
    def kind(self, request, tmp_path, monkeypatch):
        monkeypatch.setattr(simplemail, "outbox", [])
        options = {"file_path": tmp_path} if request.param == "file" else {}
        return {"BACKEND": request.param, "OPTIONS": options}

    @pytest.mark.parametrize("name", LOGIN)
    def test_does_not_stop_get_connection(self, kind, name):
        mailer = get_connection(kind["BACKEND"], **kind["OPTIONS"], **{name: LOGIN[name]})
        with override_settings(MAILERS={"default": kind}):
            default = get_connection(**LOGIN)

        assert type(mailer) is type(default)

    def test_does_not_stop_send_mail(self, kind):
        with override_settings(MAILERS={"default": kind}):
            sent = simplemail.send_mail(
                "s", "b", None, ["ann@example.com"], auth_user="u", auth_password="p"
            )
        assert sent == 1

    def test_does_not_stop_a_backend_of_ones_own(self):
        class Backend(BaseEmailBackend):
            def __init__(self, *args, **kwargs):
                self.host = kwargs.pop("host", None)
                super().__init__(*args, **kwargs)

        assert get_connection(Backend, **LOGIN).host == "h.invalid"

    def test_is_strict_in_a_mailers_own_entry(self, kind):
        kind["OPTIONS"]["username"] = "u"
        with override_settings(MAILERS={"default": kind}):
            with pytest.raises(InvalidMailer, match="Unknown options 'username'"):
                get_connection()
            with pytest.raises(InvalidMailer, match="Unknown options 'username'"):
                get_connection(host="h.invalid")

    def test_other_options_stay_strict(self, kind):
        with pytest.raises(TypeError, match="unknown option 'oops'"):
            get_connection(kind["BACKEND"], **kind["OPTIONS"], username="u", oops=1)

    def test_is_refused_where_the_mailers_held_have_their_own(self):
        with pytest.raises(TypeError, match="unknown options 'username', 'password'"):
            get_connection("failover", mailers=["dummy:"], username="u", password="p")


def test_mailers_show_what_they_are():
    with override_settings(MAILERS={"default": "smtp://u:s3cret@h.example", "news": "dummy:"}):
        shown = [repr(mailers), *(repr(mailers[alias]) for alias in mailers)]

    assert shown == [
        "<mailers: 'default', 'news'>",
        "<smtp.EmailBackend 'default' at h.example:25>",
        "<dummy.EmailBackend 'news'>",
    ]


@pytest.mark.parametrize("host", ["smtp://u:s3cret@h.example", "u:s3cret@h.example", 5, None])
def test_a_half_made_mailer_shows_no_secret(host):
    from simplemail.backends.smtp import EmailBackend

    mailer = EmailBackend.__new__(EmailBackend)
    assert repr(mailer) == "<smtp.EmailBackend>"
    mailer.host, mailer.port = host, 25
    assert "s3cret" not in repr(mailer)
