"""Logs in: each mechanism is a generator that yields our responses to the server's challenges."""

from __future__ import annotations

import base64
import contextlib
import hmac
import unicodedata
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..exceptions import InvalidMailer
from ..receipts import Reply
from .replies import in_bytes, protocol_error

if TYPE_CHECKING:
    from .session import Session

Exchange = Generator[bytes | None, bytes, None]
Password = str | Callable[[], str]

# RFC 4954, 4: with an initial response that makes the command longer than this, it must wait.
LONGEST_COMMAND = 510

# RFC 7677, 4: fewer make guessing the password too easy. More than these take us too long.
_ROUNDS = range(4096, 10_000_001)


class Who(NamedTuple):
    """Whom to log in, and where."""

    username: str
    password: str
    host: str
    port: int

    def __repr__(self) -> str:
        return f"Who(host={self.host!r}, port={self.port})"


def plain(who: Who) -> Exchange:
    """RFC 4616."""
    yield b"\0" + who.username.encode() + b"\0" + who.password.encode()


def login_(who: Who) -> Exchange:
    """draft-murchison-sasl-login."""
    yield who.username.encode()
    yield who.password.encode()


def cram_md5(who: Who) -> Exchange:
    """RFC 2195."""
    challenge = yield None
    digest = hmac.new(who.password.encode(), challenge, "md5").hexdigest()
    yield f"{who.username} {digest}".encode()


def scram_sha_256(who: Who) -> Exchange:
    """RFC 5802 and 7677, without channel binding. The server proves that it knows us, too."""
    import hashlib
    import secrets

    nonce = secrets.token_urlsafe(18)
    name = _prepared(who.username).replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}".encode()
    first = yield b"n,," + bare
    fields = dict(part.split(b"=", 1) for part in first.split(b","))
    if not fields[b"r"].startswith(nonce.encode()) or int(fields[b"i"]) not in _ROUNDS:
        raise ValueError("a nonce or a count that can't be")
    if b"m" in fields:  # RFC 5802, 5.1
        raise ValueError("an extension that must be understood, and isn't")
    salt = base64.b64decode(fields[b"s"], validate=True)
    salted = hashlib.pbkdf2_hmac(
        "sha256", _prepared(who.password).encode(), salt, int(fields[b"i"])
    )
    final = b"c=biws,r=" + fields[b"r"]
    signed = b",".join([bare, first, final])
    key = _mac(salted, b"Client Key")
    signature = _mac(hashlib.sha256(key).digest(), signed)
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    last = yield final + b",p=" + base64.b64encode(proof)
    verdict = b"v=" + base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))
    proven = hmac.compare_digest(last, verdict)
    if proven or last.startswith(b"e="):
        yield b""
    if not proven:
        raise ValueError("no proof that it knows the password")


def xoauth2(who: Who) -> Exchange:
    """https://developers.google.com/workspace/gmail/imap/xoauth2-protocol"""
    yield f"user={who.username}\x01auth=Bearer {who.password}\x01\x01".encode()
    yield b""  # the challenge was an error


def oauthbearer(who: Who) -> Exchange:
    """RFC 7628."""
    name = who.username.replace("=", "=3D").replace(",", "=2C")
    where = f"host={who.host}\x01port={who.port}"
    yield f"n,a={name},\x01{where}\x01auth=Bearer {who.password}\x01\x01".encode()
    yield b"\x01"  # the challenge was an error


MECHANISMS: dict[str, Callable[[Who], Exchange]] = {
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
    "SCRAM-SHA-256": scram_sha_256,
    "PLAIN": plain,
    "LOGIN": login_,
    "CRAM-MD5": cram_md5,
}

_TOKENS = ["OAUTHBEARER", "XOAUTH2"]
_WITHIN_TLS = ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]
_IN_CLEAR = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"]
# After its 535 no other of these is tried: same password, same answer, one more failure counted.
_FINAL = {"PLAIN", "LOGIN", *_TOKENS}

_HINTS = {
    ("gmail.com", "google.com", "googlemail.com"): (
        "Gmail takes no account password here: make an app password at "
        "https://myaccount.google.com/apppasswords, or use OAuth (auth='xoauth2')"
    ),
    ("office365.com", "outlook.com", "hotmail.com", "live.com"): (
        "Microsoft takes OAuth here (auth='xoauth2'), and SMTP AUTH must be allowed for the mailbox"
    ),
    ("yahoo.com", "aol.com", "icloud.com", "me.com", "fastmail.com", "zoho.com", "gmx.com"): (
        "this provider wants an app password, made in its account settings"
    ),
    ("sendgrid.net",): "the user name is the word 'apikey', the password an API key",
}


def log_in(
    session: Session, username: str, password: Password, *, port: int, method: str | None = None
) -> None:
    """Log in by `method`, or by the best one that both sides know.

    `password` may be a callable that returns one, or an OAuth token; it is called again, once, if
    the server refuses the first. Raises smtplib.SMTPAuthenticationError if the server says no,
    smtplib.SMTPNotSupportedError if both sides know no common method, and InvalidMailer for what
    is no text.
    """
    tokens = callable(password)
    names = _choose(session, port, method, tokens=tokens)
    check_text("username", username)
    secret = check_text("password", password() if callable(password) else password)
    reply = _try(session, names, Who(username, secret, session.host, port))
    if reply.code == 535 and callable(password) and session.usable:
        secret = check_text("password", password())
        reply = _try(session, names, Who(username, secret, session.host, port))
    if reply.code != 235:
        _refuse(session, reply, port)


def check_text(option: str, value: object) -> str:
    """Return the value if it is text that UTF-8 can hold, else raise InvalidMailer without it."""
    if not isinstance(value, str):
        made = ", or a callable that returns it" if option == "password" else ""
        raise InvalidMailer(f"{option!r} must be text{made}, not {type(value).__name__}")
    # No UnicodeEncodeError is caught here: that would carry the value along.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidMailer(f"{option!r} isn't UTF-8 text")
    return value


def _choose(session: Session, port: int, method: str | None, *, tokens: bool) -> list[str]:
    offered = session.features.get("auth", "").upper().split()
    if method is not None:
        names = [method.upper()]
    elif tokens and not {*_TOKENS}.isdisjoint(offered):
        names = _TOKENS
    else:
        names = [*(_WITHIN_TLS if session.channel.encrypted else _IN_CLEAR), *_TOKENS]
    names = [name for name in names if name in offered and (name != "CRAM-MD5" or _md5_works())]
    if not names:
        from smtplib import SMTPNotSupportedError

        wanted = f"AUTH {method.upper()}" if method else "an AUTH method that simplemail knows"
        where = f"{session.host}:{port}"
        raise SMTPNotSupportedError(f"{where} doesn't offer {wanted}: it {_offers(offered)}")
    return names


def _try(session: Session, names: list[str], who: Who) -> Reply:
    reply = Reply(0)
    for name in names:
        reply = _converse(session, name, MECHANISMS[name](who))
        # A temporary no (RFC 4954, 6: 454) is about the server, not about the method.
        if reply.code == 235 or reply.code < 500 or (reply.code == 535 and name in _FINAL):
            break
        if not session.usable:
            break
    return reply


def _converse(session: Session, name: str, exchange: Exchange) -> Reply:
    """RFC 4954, 4: base64 both ways, the first response with the command if it fits."""
    command, response = f"AUTH {name}", next(exchange)
    if response is not None and len(command) + len(_encoded(response)) < LONGEST_COMMAND:
        command, response = f"{command} {_encoded(response)}", None
    reply = session.command(command, f"AUTH {name} (not shown)")
    try:
        while reply.code == 334:
            challenge = base64.b64decode(reply.text, validate=True)
            if response is None:
                response = exchange.send(challenge)
            reply = session.command(_encoded(response or b""), "AUTH response (not shown)")
            response = None
        if reply.code == 235:
            _confirm(exchange, reply)
    except (ValueError, KeyError, StopIteration) as error:
        session.close()
        raise protocol_error(f"{session.host} doesn't do AUTH {name} as it should") from error
    return reply


def _confirm(exchange: Exchange, reply: Reply) -> None:
    """Let the mechanism check the server's proof, which may come with the 235 (RFC 4954, 4).

    It must come to its end: a server that says 235 before has proved nothing.
    """
    try:
        proof = base64.b64decode(reply.text, validate=True)
    except ValueError:
        proof = b""
    with contextlib.suppress(StopIteration):
        while True:
            exchange.send(proof)
            proof = b""


def _refuse(session: Session, reply: Reply, port: int) -> NoReturn:
    from smtplib import SMTPAuthenticationError

    code, text = in_bytes(reply)
    offers = _offers(session.features.get("auth", "").split())
    error = SMTPAuthenticationError(code, text)
    words = [text.decode(), f"{session.host}:{port} {offers}", *_remedies(session, code)]
    error.args = (code, "; ".join(words))
    raise error


def _remedies(session: Session, code: int) -> list[str]:
    if code < 500:
        return ["it can't just now; try again later"]
    # RFC 4954, 6: encryption is required, for this method or for any command.
    if code in (530, 538) and not session.channel.encrypted:
        return ["it wants TLS first; use smtp+tls:// (use_tls, port 587)"]
    host = session.host.lower()
    hints = [
        hint
        for domains, hint in _HINTS.items()
        if any(host == domain or host.endswith(f".{domain}") for domain in domains)
    ]
    return hints or [
        "the server refused the user name or the password; many providers want an app password here"
    ]


def _offers(methods: list[str]) -> str:
    return f"offers AUTH {' '.join(methods)}" if methods else "offers no AUTH at all"


def _encoded(response: bytes) -> str:
    return base64.b64encode(response).decode()


def _prepared(text: str) -> str:
    """RFC 4013, as far as it changes anything that people use."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha256").digest()


def _md5_works() -> bool:
    try:
        hmac.new(b"", b"", "md5")
    except ValueError:  # FIPS mode
        return False
    return True
