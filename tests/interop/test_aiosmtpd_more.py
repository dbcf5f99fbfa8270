"""With aiosmtpd: what every real server is asked."""

from __future__ import annotations

from typing import ClassVar

import pytest

from interop.servers import running
from interop.servers.aio import Aiosmtpd
from interop.servers.contract import ServerContract
from interop.servers.delivery import DeliveryContract


@pytest.fixture(scope="module")
def server():
    with running(Aiosmtpd()) as server:
        yield server


class Offers:
    ways: ClassVar = ["plain", "basic"]
    without_extensions: ClassVar = ["basic"]
    mechanisms: ClassVar = ["plain", "login"]


class TestAiosmtpd(Offers, ServerContract):
    """What every server is asked."""


class TestAiosmtpdDelivery(Offers, DeliveryContract):
    """What every server is asked about receipts and lasting sessions."""
