"""The ways to log in: one table of mechanisms, each with a generator that speaks our side.

A generator yields our responses and is sent the server's challenges. Its first response travels
with the AUTH command, if it fits; None says that the server begins. To add a mechanism, write its
generator and a row of `MECHANISMS`: the option's values, the order of preference and the errors
follow from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from ..exceptions import Secret
from ..light import NamedTuple

# RFC 7677, 4: fewer make guessing the password too easy. More than these take us too long.
FEWEST_ROUNDS, MOST_ROUNDS = 4_096, 1_000_000

# How often LOGIN answers: user name and password, and each once again.
_PROMPTS = 4


class Who(NamedTuple):
    """Who logs in, and where; `seconds` is how long each step may take (None: no limit)."""

    username: str
    password: Secret
    host: str
    port: int
    seconds: float | None = None

    def __repr__(self) -> str:
        return f"Who(host={self.host!r}, port={self.port})"


class Challenge(NamedTuple):
    """What the server said after 334, and whether it said so before it had any response of ours."""

    text: str = ""
    is_first: bool = False

    def decoded(self) -> bytes:
        """Return it decoded. Raises ValueError if it isn't strict base64."""
        import base64

        return base64.b64decode(self.text, validate=True)

    def words(self) -> str:
        """Return its text in lower case, whether it is in base64 or not."""
        try:
            return self.decoded().decode("utf-8", "replace").lower()
        except ValueError:
            return self.text.lower()


Exchange = Generator[bytes | None, Challenge, None]
Initial = Generator[bytes | None, Challenge, Challenge]


class BrokenExchange(ValueError):  # noqa: N818 - it never leaves this folder
    """The server broke the rules of the mechanism; the text says which."""


class Mechanism(NamedTuple):
    """A row of the table.

    `takes` is the proof of who we are: a "password", a "token" (OAuth) or a "certificate" (that
    of TLS). With `shows`, the server sees the secret itself: its refusal is then about the
    secret, so no other mechanism is tried. Over an unencrypted connection, the others are better.
    """

    name: str
    exchange: Callable[[Who], Exchange]
    takes: str
    shows: bool = True
    works: Callable[[], bool] = lambda: True


def _offer(response: bytes) -> Initial:
    """Yield our first response, and again if it didn't travel with the command."""
    challenge = yield response
    if challenge.is_first or not challenge.text:
        challenge = yield response
    return challenge


def plain(who: Who) -> Exchange:
    """RFC 4616."""
    for _ in range(2):
        yield b"\0" + who.username.encode() + b"\0" + who.password.reveal().encode()


def login(who: Who) -> Exchange:
    """draft-murchison-sasl-login: answers each prompt; if it is unknown, by its order."""
    challenge = yield who.username.encode()
    name_is_next = challenge.is_first
    for _ in range(_PROMPTS):
        words = challenge.words()
        if "pass" in words:
            name_is_next = False
        elif "user" in words or "name" in words:
            name_is_next = True
        challenge = yield (who.username if name_is_next else who.password.reveal()).encode()
        name_is_next = not name_is_next


def cram_md5(who: Who) -> Exchange:
    """RFC 2195."""
    import hmac

    challenge = yield None
    digest = hmac.new(who.password.reveal().encode(), challenge.decoded(), "md5").hexdigest()
    yield f"{who.username} {digest}".encode()


def scram_sha_256(who: Who) -> Exchange:
    """RFC 5802 and 7677, without channel binding. The server proves that it knows us, too."""
    import base64
    import hashlib
    import hmac
    import secrets

    nonce = secrets.token_urlsafe(18)
    name = _prepared(who.username).replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}".encode()
    first = (yield from _offer(b"n,," + bare)).decoded()
    fields = dict(part.split(b"=", 1) for part in first.split(b","))
    if not fields[b"r"].startswith(nonce.encode()):
        raise BrokenExchange("its nonce doesn't begin with ours")
    if b"m" in fields:  # RFC 5802, 5.1
        raise BrokenExchange("it requires an extension that simplemail doesn't know")
    rounds = _rounds(fields[b"i"], who.seconds)
    salt = base64.b64decode(fields[b"s"], validate=True)
    password = _prepared(who.password.reveal()).encode()
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)
    final = b"c=biws,r=" + fields[b"r"]
    signed = b",".join([bare, first, final])
    key = _mac(salted, b"Client Key")
    signature = _mac(hashlib.sha256(key).digest(), signed)
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    last = (yield final + b",p=" + base64.b64encode(proof)).decoded()
    verdict = b"v=" + base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))
    proven = hmac.compare_digest(last, verdict)
    if proven or last.startswith(b"e="):
        yield b""
    if not proven:
        raise BrokenExchange("it doesn't prove that it knows the password")


def xoauth2(who: Who) -> Exchange:
    """https://developers.google.com/workspace/gmail/imap/xoauth2-protocol"""
    token = who.password.reveal()
    yield from _offer(f"user={who.username}\x01auth=Bearer {token}\x01\x01".encode())
    yield b""  # the challenge was an error


def oauthbearer(who: Who) -> Exchange:
    """RFC 7628."""
    name = who.username.replace("=", "=3D").replace(",", "=2C")
    where = f"host={who.host}\x01port={who.port}"
    token = who.password.reveal()
    yield from _offer(f"n,a={name},\x01{where}\x01auth=Bearer {token}\x01\x01".encode())
    yield b"\x01"  # the challenge was an error


def external(who: Who) -> Exchange:
    """RFC 4422, appendix A: TLS has shown our certificate; the name may be left to the server."""
    yield from _offer(who.username.encode())


def _md5_works() -> bool:
    import hmac

    try:
        hmac.new(b"", b"", "md5")
    except ValueError:  # FIPS mode
        return False
    return True


MECHANISMS = (
    Mechanism("OAUTHBEARER", oauthbearer, "token"),
    Mechanism("XOAUTH2", xoauth2, "token"),
    Mechanism("SCRAM-SHA-256", scram_sha_256, "password", shows=False),
    Mechanism("PLAIN", plain, "password"),
    Mechanism("LOGIN", login, "password"),
    Mechanism("CRAM-MD5", cram_md5, "password", shows=False, works=_md5_works),
    Mechanism("EXTERNAL", external, "certificate"),
)
"""All mechanisms; of those that take the same proof, the best one first."""


def _rounds(text: bytes, seconds: float | None) -> int:
    """Return how many rounds the server asks for. Raises if they are too few or too many."""
    rounds = int(text) if text.isdigit() and len(text) < 12 else 0
    if rounds < FEWEST_ROUNDS:
        raise BrokenExchange(f"it asks for fewer than {FEWEST_ROUNDS:,} rounds, which isn't safe")
    if rounds > MOST_ROUNDS:
        raise BrokenExchange(f"it asks for {rounds:,} rounds, more than {MOST_ROUNDS:,}")
    if seconds is not None and (needed := _seconds_for(rounds)) > seconds:
        raise BrokenExchange(
            f"its {rounds:,} rounds would take {needed:.3g} s, longer than the timeout"
        )
    return rounds


def _seconds_for(rounds: int) -> float:
    """Estimate how long so many rounds take, because they can't be interrupted."""
    import hashlib
    from time import perf_counter

    began = perf_counter()
    hashlib.pbkdf2_hmac("sha256", b"", b"", FEWEST_ROUNDS)
    return (perf_counter() - began) * rounds / FEWEST_ROUNDS


def _prepared(text: str) -> str:
    """RFC 4013, for the characters that people use."""
    import unicodedata

    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _mac(key: bytes, data: bytes) -> bytes:
    import hmac

    return hmac.new(key, data, "sha256").digest()
