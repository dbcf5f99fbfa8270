"""Talks to a running inbox over HTTP."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from . import places

SECONDS = 30.0


class InboxError(OSError):
    """An inbox that says no, or that isn't one. `status` is HTTP's, `answer` what it said."""

    def __init__(self, text: str, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.status = status
        self.answer = answer


class Client:
    """An inbox at an address such as `http://127.0.0.1:8025`. For any thread."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(
                f"{url!r} is not the address of an inbox; write one like http://127.0.0.1:8025"
            )
        self.url = f"http://{parts.netloc}"
        self._host, self._port = parts.hostname, parts.port or 80
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(
        self,
        method: str,
        path: str,
        *,
        seconds: float = SECONDS,
        json_body: Any = None,
        **query: Any,
    ) -> Any:
        """Return what the inbox answers, JSON decoded. Raises InboxError, OSError."""
        status, content = self._exchange(method, path, seconds, json_body, query)
        answer = _decoded(content)
        if status >= 400:
            raise InboxError(f"{self.url}: {answer.get('error')}", status, answer)
        return answer

    def content(self, path: str) -> bytes:
        """Return what the inbox answers, as it is. Raises InboxError, OSError."""
        status, content = self._exchange("GET", path, SECONDS, None, {})
        if status >= 400:
            answer = _decoded(content)
            raise InboxError(f"{self.url}: {answer.get('error')}", status, answer)
        return content

    def add(self, content: bytes, sender: str, recipients: tuple[str, ...]) -> int:
        """Hand a message over and return its id. ConnectionRefusedError if nobody is there."""
        text = base64.b64encode(content).decode("ascii")
        body = {"sender": sender, "recipients": list(recipients), "content": text}
        return int(self.call("POST", "/api/messages", json_body=body)["id"])

    def proves(self, key: str) -> bool:
        """Is this the inbox that has this key? The key isn't shown to it."""
        challenge = secrets.token_hex(16)
        try:
            answer = Client(self.url).call("GET", "/healthz", seconds=5, challenge=challenge)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return hmac.compare_digest(str(answer.get("proof")), places.proof(key, challenge))

    def _exchange(
        self, method: str, path: str, seconds: float, json_body: Any, query: Mapping[str, Any]
    ) -> tuple[int, bytes]:
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {**self._headers, "X-Simplemail": "1"}
        body = None
        if json_body is not None:
            body, headers["Content-Type"] = json.dumps(json_body), "application/json"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def find(directory: Path) -> Client | None:
    """Return the running inbox of this directory, or of the nearest one above it."""
    for each in (directory, *directory.parents):
        running = places.announced(places.place_of(each))
        if running and (client := Client(running.url, running.key)).proves(running.key):
            return client
    return None


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"error": "this is not an inbox"}
