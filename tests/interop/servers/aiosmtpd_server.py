"""aiosmtpd on several ports. Started by program.py with its options as JSON."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

OPTIONS = json.loads(sys.argv[1])

KINDS: dict[str, dict[str, Any]] = {
    "plain": {"auth_require_tls": False},
    "basic": {"enable_SMTPUTF8": False, "decode_data": False},
    "auth": {"auth_required": True, "auth_require_tls": False},
    "starttls": {"auth_required": True, "require_starttls": True},
    "tls": {"auth_required": True, "auth_require_tls": False},
    "wrong_host": {"require_starttls": True},
    "wrong_host_tls": {},
}


class Handler:
    """Takes mail for those that exist, and writes it to a file."""

    count = 0

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("grey"):
            return "450 4.2.0 Come again later"
        if not address.startswith(("box-", "many")):
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: object, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = {
            "sender": (envelope.mail_from or "").strip("<>"),
            "recipients": envelope.rcpt_tos,
            "content": base64.b64encode(content).decode(),
        }
        Handler.count += 1
        file = Path(OPTIONS["directory"], f"{Handler.count:08}")
        file.with_suffix(".part").write_text(json.dumps(mail))
        file.with_suffix(".part").rename(file.with_suffix(".json"))
        return "250 2.0.0 Taken"


class Server(SMTP):
    """Says when a client comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.session:  # not again after STARTTLS
            print("connect", self.name, flush=True)
        super().connection_made(transport)


def authenticate(
    server: object, session: object, envelope: object, mechanism: str, who: object
) -> AuthResult:
    """Let the one user in that there is."""
    right = LoginPassword(OPTIONS["username"].encode(), OPTIONS["password"].encode())
    return AuthResult(success=who == right, handled=False)


def context(name: str) -> ssl.SSLContext:
    """The rules for TLS, with one of the test certificates."""
    rules = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rules.load_cert_chain(OPTIONS["certificates"][name])
    return rules


def protocol(name: str, options: dict[str, Any]) -> Server:
    """What talks to one client."""
    certificate = "wrong-host" if name.startswith("wrong") else "server"
    encrypts = name in ("starttls", "wrong_host")
    server = Server(
        Handler(),
        hostname="mx.example.com",
        data_size_limit=OPTIONS["size"],
        authenticator=authenticate,
        tls_context=context(certificate) if encrypts else None,
        **{"enable_SMTPUTF8": True, **options},
    )
    server.name = name
    return server


async def main() -> None:
    """Listen until somebody kills us."""
    loop = asyncio.get_running_loop()
    for name, port in OPTIONS["ports"].items():
        certificate = "wrong-host" if name.startswith("wrong") else "server"
        await loop.create_server(
            lambda name=name: protocol(name, KINDS[name]),  # type: ignore[misc]
            "127.0.0.1",
            port,
            ssl=context(certificate) if name in ("tls", "wrong_host_tls") else None,
        )
    await asyncio.Event().wait()


asyncio.run(main())
