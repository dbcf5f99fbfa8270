"""With Nodemailer's smtp-server."""

from __future__ import annotations

from typing import ClassVar

import pytest

from interop.servers import running
from interop.servers.contract import ServerContract
from interop.servers.delivery import DeliveryContract
from interop.servers.node import NodeServer


@pytest.fixture(scope="module")
def server():
    with running(NodeServer()) as server:
        yield server


class Offers:
    mechanisms: ClassVar = ["plain", "login", "cram-md5", "xoauth2"]


class TestSmtpServer(Offers, ServerContract):
    """What every server is asked."""


class TestSmtpServerDelivery(Offers, DeliveryContract):
    """What every server is asked about receipts and lasting sessions."""
