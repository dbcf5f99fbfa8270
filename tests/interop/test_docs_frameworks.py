"""The pages about frameworks run with the real ones."""

import pytest

from docs.test_pages import NEEDS, NOT_RUN
from support.docs_runner import ROOT, Network, Page


@pytest.mark.parametrize("name", NEEDS)
def test_blocks_run(name, tmp_path, monkeypatch):
    for package in NEEDS[name]:
        pytest.importorskip(package)
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")  # Celery prefers it to what a page names

    with Network().up() as network:
        Page(ROOT / name, tmp_path, network).run(skipped=NOT_RUN)

        assert {message.user for message in network.servers[587].messages} <= {"me"}


def test_django_sends_through_our_session(tmp_path):
    pytest.importorskip("django")

    with Network().up() as network:
        Page(ROOT / "docs/how-to/django.md", tmp_path, network).run()

        # Django before 6.1 knows nothing of MAILERS, and the first command goes
        # to localhost:25.
        assert len(network.messages) == 2
        assert network.servers[587].messages[-1].user == "me"
