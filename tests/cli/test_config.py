"""`simplemail config` shows each setting and where it comes from, and no secret."""

import pytest

from simplemail import override_settings
from simplemail.__main__ import main
from simplemail.conf import NAMES

SECRET = "s3cr3t-pw"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shown(capsys):
    """The rows that the command prints, by their first word."""

    def run(status=0):
        assert main(["config"]) == status
        out = capsys.readouterr().out
        assert SECRET not in out
        return {line.split(maxsplit=1)[0]: line.split()[1:] for line in out.splitlines() if line}

    return run


def test_every_setting_has_a_row(shown):
    assert [*shown()] == [*NAMES, "mailer"]


def test_a_sender_that_the_mailer_gives(shown, monkeypatch):
    monkeypatch.setenv("EMAIL_URL", f"smtp://ann%40example.com:{SECRET}@mail.example.com")
    rows = shown()

    assert rows["DEFAULT_FROM_EMAIL"][0] == rows["SERVER_EMAIL"][0] == "mailer"
    assert "ann@example.com" not in str(rows)
    with override_settings(DEFAULT_FROM_EMAIL="shop@example.com"):
        assert shown()["DEFAULT_FROM_EMAIL"] == ["configured", "shop@example.com"]


def test_what_was_configured(shown):
    with override_settings(EMAIL_HOST="mail.example.com", EMAIL_HOST_PASSWORD=SECRET):
        rows = shown()

    assert rows["EMAIL_HOST"] == ["configured", "mail.example.com"]
    assert rows["EMAIL_HOST_PASSWORD"] == ["configured", "(hidden)"]
    assert rows["mailer"] == ["default:", "smtp://mail.example.com:25"]


@pytest.mark.parametrize("setting", [True, False], ids=["set", "environment"])
def test_a_url_without_its_login(setting, shown, monkeypatch):
    url = f"smtp+tls://ann:{SECRET}@mail.example.com?auth=plain"
    if not setting:
        monkeypatch.setenv("EMAIL_URL", url)
    with override_settings(EMAIL_URL=url if setting else None):
        rows = shown()

    source = "configured" if setting else "environment"
    assert rows["EMAIL_URL"] == [source, "smtp+tls://mail.example.com:587"]
    assert rows["mailer"][1] == "smtp+tls://mail.example.com:587"


def test_lists_of_the_environment(shown, monkeypatch):
    monkeypatch.setenv("ADMINS", "ann@example.com,bob@example.com")

    assert shown()["ADMINS"] == ["environment", "ann@example.com,", "bob@example.com"]


def test_nothing_at_all(shown):
    assert shown()["mailer"] == ["default:", "smtp://localhost:25", "(nothing", "is", "configured)"]


@pytest.mark.parametrize(
    "url", [f"smpt://ann:{SECRET}@h.example", f"ann:{SECRET}@h.example", SECRET]
)
def test_what_is_wrong_is_said_and_the_rest_is_shown(url, shown):
    with override_settings(MAILERS={"default": url, "other": "console:"}):
        rows = shown(status=1)

    assert rows["MAILERS"] == ["configured", "default,", "other"]
    assert rows["mailer"][:1] == ["other:"]


def test_a_wrong_mailer_says_why(capsys):
    with override_settings(MAILERS={"default": "smpt://h.example"}):
        assert main(["config"]) == 1

    assert "mailer default: wrong: MAILERS['default']: Unknown scheme" in capsys.readouterr().out
