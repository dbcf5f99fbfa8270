"""The pages about frameworks run with the real ones."""

import shutil
import subprocess

import pytest

from docs.test_pages import NEEDS, NOT_RUN
from support.docs_runner import ROOT, Network, Page

PROGRAMS = {
    "docs/how-to/browser-tests.md": ["chromium"],
    "docs/how-to/sign.md": ["openssl", "gpg"],
}
"""A page -> the programs that its blocks call."""


@pytest.fixture
def home(tmp_path):
    """The page's home directory. The agent that gpg starts there ends with the test."""
    yield tmp_path
    if (tmp_path / ".gnupg").exists():
        command = ["gpgconf", "--homedir", str(tmp_path / ".gnupg"), "--kill", "all"]
        subprocess.run(command, check=True)


@pytest.mark.parametrize("name", NEEDS)
def test_blocks_run(name, home, monkeypatch):
    for package in NEEDS[name]:
        pytest.importorskip(package)
    for program in PROGRAMS.get(name, []):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")  # Celery prefers it to what a page names

    with Network().up() as network:
        Page(ROOT / name, home, network).run(skipped=NOT_RUN)

        assert {message.user for message in network.servers[587].messages} <= {"me"}


def test_django_sends_through_our_session(tmp_path):
    pytest.importorskip("django")

    with Network().up() as network:
        Page(ROOT / "docs/how-to/django.md", tmp_path, network).run()

        # Django before 6.1 knows nothing of MAILERS, and the first command goes
        # to localhost:25.
        assert len(network.messages) == 2
        assert network.servers[587].messages[-1].user == "me"
