"""The fixtures: there when asked for, nowhere before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail

PLUGIN = ["-p", "simplemail.pytest_plugin"]


def test_mail_outbox_catches_every_mailer(pytester, run_pytest):
    pytester.makepyfile(
        """
        import simplemail
        from simplemail.backends.smtp import EmailBackend as SMTPBackend
        from simplemail.testing import assert_sent

        before = simplemail.outbox

        @simplemail.override_settings(MAILERS={"default": "smtp://h.invalid", "x": "file:/nowhere"})
        def test_two_mailers(mail_outbox):
            simplemail.send_mail("1", "Text", None, ["ann@example.com"])
            simplemail.send_mail("2", "Text", None, ["ann@example.com"], using="x")

            assert [mail.sent_using for mail in assert_sent(mail_outbox)] == ["default", "x"]
            assert simplemail.outbox is mail_outbox

        def test_begins_empty(mail_outbox):
            assert mail_outbox == []

        def test_nothing_is_left():
            assert simplemail.outbox is before
            assert before == []
            assert isinstance(simplemail.mailers.default, SMTPBackend)
        """
    )
    run_pytest().assert_outcomes(passed=3)


def test_smtp_server_receives(pytester, run_pytest):
    pytester.makepyfile(
        """
        import simplemail

        def test_arrives(smtp_server):
            with simplemail.override_settings(EMAIL_URL=smtp_server.url):
                simplemail.send_mail("Hello", "Text", "me@example.com", ["ann@example.com"])

            [received] = smtp_server.messages
            assert received.recipients == ["ann@example.com"]
            assert received.message["Subject"] == "Hello"
        """
    )
    run_pytest().assert_outcomes(passed=1)


def test_a_contract_that_is_broken_is_explained(pytester, run_pytest):
    pytester.makepyfile(
        """
        from simplemail.backends.dummy import EmailBackend
        from simplemail.testing import BackendContract

        class TestLossy(BackendContract):
            def make(self, **options):
                return EmailBackend(**options)

            def sent(self):
                return 0
        """
    )
    result = run_pytest("-k", "test_takes_a_list")

    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["E*assert 0 in (None, 2)"])


def test_lists_its_fixtures(run_pytest):
    result = run_pytest("--fixtures")

    result.stdout.fnmatch_lines(["mail_outbox -- *", "smtp_server -- *"])


SPY = """
import sys

def test_nothing():
    pass

def test_loaded():
    print("loaded:", *sorted(name for name in sys.modules if name.startswith("simplemail")))
"""


@pytest.mark.parametrize("way", ["-p", "pytest_plugins", "both"])
def test_loads_nothing_before_a_fixture_is_used(way, tmp_path):
    (tmp_path / "test_spy.py").write_text(SPY)
    if way != "-p":
        (tmp_path / "conftest.py").write_text("pytest_plugins = ['simplemail.pytest_plugin']\n")
    options = [] if way == "pytest_plugins" else PLUGIN

    output = python_m_pytest(tmp_path, *options, "-s")

    [loaded] = [line for line in output.splitlines() if "loaded:" in line]
    assert set(loaded.partition("loaded:")[2].split()) == {
        "simplemail",
        "simplemail.light",
        "simplemail.pytest_plugin",
    }


def python_m_pytest(directory: Path, *arguments: str) -> str:
    source = str(Path(simplemail.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        env={**os.environ, "PYTHONPATH": source},
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
