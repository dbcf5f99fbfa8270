"""The server's side of AUTH: each mechanism a generator that yields challenges, takes responses,
and returns the user's name, or None for a refusal.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Generator, Mapping

Users = Mapping[str, str]
ANYBODY: Users = {"anybody": ""}
"""Whoever says a name and a password, in clear."""
Exchange = Generator[bytes, bytes, str | None]


def _plain(users: Users) -> Exchange:
    """RFC 4616."""
    response = yield b""
    _, user, password = response.split(b"\0")
    return _checked(users, user, password)


def _login(users: Users) -> Exchange:
    """draft-murchison-sasl-login."""
    user = yield b"Username:"
    password = yield b"Password:"
    return _checked(users, user, password)


def _cram_md5(users: Users) -> Exchange:
    """RFC 2195."""
    challenge = b"<%s@localhost>" % os.urandom(8).hex().encode()
    response = yield challenge
    name, _, digest = response.decode().rpartition(" ")
    right = hmac.new(users.get(name, "").encode(), challenge, "md5").hexdigest()
    return name if name in users and hmac.compare_digest(right, digest) else None


def _scram_sha_256(users: Users) -> Exchange:
    """RFC 5802 and 7677, without channel binding."""
    first = yield b""
    header, _, bare = first.decode().partition(",,")
    if header not in ("n", "y"):
        return None
    client = dict(part.split("=", 1) for part in bare.split(","))
    name = client["n"].replace("=2C", ",").replace("=3D", "=")
    salt, rounds = os.urandom(12), 4096
    nonce = client["r"] + os.urandom(9).hex()
    challenge = f"r={nonce},s={base64.b64encode(salt).decode()},i={rounds}"
    final = (yield challenge.encode()).decode()
    without_proof, _, proof = final.rpartition(",p=")
    last = dict(part.split("=", 1) for part in without_proof.split(","))
    if last["r"] != nonce or base64.b64decode(last["c"]) != f"{header},,".encode():
        return None
    salted = hashlib.pbkdf2_hmac("sha256", users.get(name, "").encode(), salt, rounds)
    signed = f"{bare},{challenge},{without_proof}".encode()
    stored = hashlib.sha256(_mac(salted, b"Client Key")).digest()
    signature = _mac(stored, signed)
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    if name not in users or hashlib.sha256(key).digest() != stored:
        return None
    verdict = base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))
    yield b"v=" + verdict
    return name


def _xoauth2(users: Users) -> Exchange:
    """https://developers.google.com/workspace/gmail/imap/xoauth2-protocol"""
    response = yield b""
    fields = _fields(response)
    user, token = fields.get(b"user", b""), fields.get(b"auth", b"").removeprefix(b"Bearer ")
    if (name := _checked(users, user, token)) is None:
        yield b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}'
    return name


def _oauthbearer(users: Users) -> Exchange:
    """RFC 7628."""
    response = yield b""
    header, _, _ = response.partition(b"\x01")
    user = header.split(b",")[1].removeprefix(b"a=")
    token = _fields(response).get(b"auth", b"").removeprefix(b"Bearer ")
    if (name := _checked(users, user, token)) is None:
        yield b'{"status":"invalid_token"}'
    return name


_EXCHANGES: dict[str, Callable[[Users], Exchange]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
    "SCRAM-SHA-256": _scram_sha_256,
    "XOAUTH2": _xoauth2,
    "OAUTHBEARER": _oauthbearer,
}
MECHANISMS = tuple(_EXCHANGES)


class CancelledError(Exception):
    """The client gave up, with `*`."""


class MalformedError(Exception):
    """The client's response isn't what its mechanism asks for."""


def authenticate(
    mechanism: str, initial: str | None, users: Users, ask: Callable[[bytes], bytes]
) -> str | None:
    """The name of the user who proved to be one, or None. `ask` sends a challenge, base64 and all.

    A client that doesn't follow its mechanism is MalformedError.
    """
    exchange = _EXCHANGES[mechanism](users)
    try:
        challenge = next(exchange)
        if initial is not None:
            challenge = exchange.send(b"" if initial == "=" else _unbase64(initial.encode()))
        while True:
            response = ask(base64.b64encode(challenge))
            if response == b"*":
                raise CancelledError
            challenge = exchange.send(_unbase64(response))
    except StopIteration as end:
        user: str | None = end.value
        return user
    except (ValueError, KeyError, IndexError) as error:
        raise MalformedError(f"{mechanism}: {error!r}") from error


def _unbase64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise MalformedError(f"not base64: {data!r}") from error


def _checked(users: Users, user: bytes, password: bytes) -> str | None:
    name = user.decode()
    if users is ANYBODY:
        return name
    right = users.get(name)
    return name if right is not None and right.encode() == password else None


def _fields(response: bytes) -> dict[bytes, bytes]:
    pairs = (field.partition(b"=") for field in response.split(b"\x01"))
    return {name: value for name, equals, value in pairs if equals}


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha256").digest()
