"""The fixtures beside those of pytest-django, and spread by pytest-xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail

pytest.importorskip("pytest_django")
pytest.importorskip("xdist")

SETTINGS = """
SECRET_KEY = "x"
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                       "OPTIONS": {"host": "h.invalid"}}}
"""
TESTS = """
import django.core.mail
import pytest
import simplemail
from simplemail.testing import assert_sent

def test_each_has_its_own_mail(mailoutbox, mail_outbox):
    django.core.mail.send_mail("Django's", "Text", "me@example.com", ["ann@example.com"])
    simplemail.send_mail("Ours", "Text", "me@example.com", ["ann@example.com"])

    assert_sent(mailoutbox, subject="Django's", count=1)
    assert_sent(mail_outbox, subject="Ours", count=1)
    assert len(mailoutbox) == len(mail_outbox) == 1

@pytest.mark.parametrize("number", range(50))
def test_alone(mail_outbox, smtp_server, number):
    simplemail.send_mail(str(number), "Text", "me@example.com", ["ann@example.com"])

    assert_sent(mail_outbox, subject=str(number), count=1)
    assert len(mail_outbox) == 1
    assert smtp_server.messages == []
"""


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["one process", "xdist"])
def test_beside_pytest_django(tmp_path, options):
    (tmp_path / "its_settings.py").write_text(SETTINGS)
    (tmp_path / "test_mail.py").write_text(TESTS)
    source = str(Path(simplemail.__file__).parents[1])
    plugins = ["-p", "no:cacheprovider", "-p", "simplemail.pytest_plugin"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--ds=its_settings", *plugins, *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([source, str(tmp_path)])},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "51 passed" in done.stdout, done.stdout + done.stderr
