"""Logs in: chooses a mechanism, runs its exchange (RFC 4954), and hides secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ..exceptions import InvalidMailer, Secret, hiding_frames
from ..light import TYPE_CHECKING, Any, tell
from ..receipts import Reply
from . import login_hints
from .auth import MECHANISMS, BrokenExchange, Challenge, Exchange, Mechanism, Who
from .replies import in_bytes, protocol_error

if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from .route import Route
    from .session import Session

# RFC 4954, 4: with an initial response that makes the command longer than this, it must wait.
LONGEST_COMMAND = 510

# After these no other mechanism is tried: the account, not the mechanism, is refused (RFC 4954, 6).
_FINAL = (526, 534, 550)

# How many challenges an exchange may have. The longest of ours has two.
_MOST_CHALLENGES = 10

# So many characters of a response, seen in what the server says, make it an echo.
_ECHO = 8


def log_in_as(session: Session, route: Route) -> None:
    """Log in as the route says, if it has what a login needs."""
    where = f"{route.host}:{route.port}"
    if _takes_certificate(route.auth):
        log_in(session, route.username, "", port=route.port, method=route.auth)
    elif route.username and route.password:
        check_unheard(session.channel.sock, route)
        log_in(session, route.username, route.password, port=route.port, method=route.auth)
    elif route.username or route.password:
        _warn_of_half_a_login(where, "password" if route.username else "username")


def _takes_certificate(method: str | None) -> bool:
    return any(
        each.takes == "certificate" and each.name == (method or "").upper() for each in MECHANISMS
    )


def check_unheard(sock: Any, route: Route) -> None:
    """Raise smtplib.SMTPNotSupportedError if others could read the password on its way."""
    encrypted = hasattr(sock, "context")
    if encrypted or route.allow_cleartext_auth or is_loopback(sock):
        return
    from smtplib import SMTPNotSupportedError

    raise SMTPNotSupportedError(
        f"The password was not sent: the connection to {route.host}:{route.port} is not encrypted; "
        "use smtp+tls:// (use_tls, port 587) or smtps:// (use_ssl, port 465), or "
        "allow_cleartext_auth=True if you must"
    )


def log_in(
    session: Session, username: str, password: object, *, port: int, method: str | None = None
) -> None:
    """Log in by `method`, or by the best one that both sides know.

    `password` is text, or a callable that returns it or an OAuth token, or a Secret of either. A
    callable is called again, once, if the server refuses what it gave first. Raises
    smtplib.SMTPAuthenticationError if the server says no, with its first no to these credentials;
    smtplib.SMTPNotSupportedError if both sides know no common method, and InvalidMailer if it
    isn't text. No frame of the traceback holds the secret, and no error repeats it.
    """
    secret = Secret.of(password)
    del password
    refreshes = callable(secret.reveal())
    mechanisms = _choose(session, port, method, tokens=refreshes)
    check_text("username", Secret(username))
    attempt, takes = _Attempt(session, mechanisms), mechanisms[0].takes
    given = secret
    for _ in range(1 + refreshes):
        # The callable is somebody else's, and whoever wrote it wants to see where it failed.
        if refreshes:
            given = Secret(secret.reveal()())
        if takes != "certificate":
            check_text("password", given, token=takes == "token")
        with hiding_frames():
            if attempt.succeeds(Who(username, given, session.host, port, session.channel.timeout)):
                return
        if not attempt.may_be_stale:
            break
    _refuse(session, attempt.verdict, Who(username, given, session.host, port), takes)


def check_text(option: str, secret: Secret, *, token: bool = False) -> None:
    """Raise InvalidMailer, without the value, unless it is text that a login can use."""
    if not isinstance(secret.reveal(), str):
        made = ", or a callable that returns it" if option == "password" else ""
        raise InvalidMailer(f"{option!r} must be text{made}, not {type(secret.reveal()).__name__}")
    # No UnicodeEncodeError is caught here, because it would contain the value.
    if any("\ud800" <= character <= "\udfff" for character in secret.reveal()):
        raise InvalidMailer(f"{option!r} isn't UTF-8 text")
    # They would end a field of the response, and begin another one.
    never = "\0" if option == "password" and not token else _CONTROLS
    if any(character in never for character in secret.reveal()):
        what = "an OAuth token" if token else "a login"
        raise InvalidMailer(
            f"{option!r} has a control character (perhaps a line end), which {what} can't have; "
            "strip() what you read from a file"
        )


_CONTROLS = "".join(map(chr, [*range(32), 127]))


class _Attempt:
    """One login, by one mechanism after another. Remembers what was refused."""

    def __init__(self, session: Session, mechanisms: Sequence[Mechanism]) -> None:
        self._session = session
        self._mechanisms = mechanisms
        self._refusals: list[Reply] = []

    def succeeds(self, who: Who) -> bool:
        """Try each mechanism until one is accepted, or the server's refusal is final."""
        for mechanism in self._mechanisms:
            try:
                reply = _converse(self._session, mechanism, who)
            except OSError:
                if self._refusals:  # servers hang up after a refusal, and the refusal counts
                    return False
                raise
            if reply.code == 235:
                return True
            self._refusals.append(reply)
            if _is_final(reply, mechanism) or not self._session.usable:
                return False
        return False

    @property
    def may_be_stale(self) -> bool:
        """Was the secret itself refused, so that a fresh one may do?"""
        return self._refusals[-1].code == 535 and self._session.usable

    @property
    def verdict(self) -> Reply:
        """The first refusal of the credentials, or else of a mechanism."""
        about_us = [reply for reply in self._refusals if reply.code in (535, *_FINAL)]
        return (about_us or self._refusals)[0]


def _is_final(reply: Reply, mechanism: Mechanism) -> bool:
    # A temporary refusal (RFC 4954, 6: 454) is about the server, not the mechanism. After 535
    # for a secret that was shown: same secret, same answer, one more failure counted.
    return reply.code < 500 or reply.code in _FINAL or (reply.code == 535 and mechanism.shows)


def _choose(session: Session, port: int, method: str | None, *, tokens: bool) -> list[Mechanism]:
    """Return the mechanisms to try, in order. A password is never sent by one that takes tokens."""
    offered = session.features.get("auth", "").upper().split()
    usable = [each for each in MECHANISMS if each.name in offered and each.works()]
    if method is not None:
        chosen = [each for each in usable if each.name == method.upper()]
    else:
        chosen = [each for each in usable if tokens and each.takes == "token"]
        chosen = chosen or [each for each in usable if each.takes == "password"]
        if not session.channel.encrypted:
            chosen.sort(key=lambda mechanism: mechanism.shows)
    if not chosen:
        from smtplib import SMTPNotSupportedError

        wanted = f"AUTH {method.upper()}" if method else "an AUTH method that takes a password"
        raise SMTPNotSupportedError(
            f"{session.host}:{port} doesn't offer {wanted}: it {login_hints.offers(offered)}"
            + login_hints.about_auth(session.features, offered, encrypted=session.channel.encrypted)
        )
    return chosen


def _converse(session: Session, mechanism: Mechanism, who: Who) -> Reply:
    """Run one exchange, and return the server's final reply."""
    try:
        exchange, reply = _begin(session, mechanism, who)
        if reply.code == 235:
            _confirm(exchange, reply)
        return reply
    except (ValueError, KeyError, StopIteration) as error:
        session.close()
        why = f": {error}" if isinstance(error, BrokenExchange) else ""
        broken = protocol_error(f"{session.host} doesn't do AUTH {mechanism.name} correctly{why}")
    raise broken  # outside, so that it doesn't contain an error that may quote our response


def _begin(session: Session, mechanism: Mechanism, who: Who) -> tuple[Exchange, Reply]:
    """Send AUTH with the initial response, and without it if the server can't take that."""
    command = f"AUTH {mechanism.name}"
    exchange = mechanism.exchange(who)
    initial = next(exchange)
    words = _encoded(initial) or "="  # RFC 4954, 4: "=" is an empty one
    if initial is not None and len(command) + len(words) < LONGEST_COMMAND:
        reply = _ask(session, who, words, command)
        if reply.code != 501 or not session.usable:
            return exchange, _answer_challenges(session, who, exchange, reply)
        exchange = mechanism.exchange(who)
        next(exchange)
    reply = session.command(command)
    return exchange, _answer_challenges(session, who, exchange, reply, is_first=True)


def _answer_challenges(
    session: Session, who: Who, exchange: Exchange, reply: Reply, *, is_first: bool = False
) -> Reply:
    for _ in range(_MOST_CHALLENGES):
        if reply.code != 334:
            return reply
        response = exchange.send(Challenge(reply.text, is_first))
        reply, is_first = _ask(session, who, _encoded(response)), False
    raise BrokenExchange("it keeps asking")


def _ask(session: Session, who: Who, words: str, command: str = "") -> Reply:
    """Send a response in base64. Neither it nor an echo of it is shown."""
    line = f"{command} {words}" if command else words
    shown = f"{command or 'AUTH response'} (not shown)"
    return session.command(line, shown, _echo_of(words, who.password.reveal()))


def _echo_of(words: str, password: str) -> Callable[[str], bool]:
    """Return a function that says whether a text repeats these words, a part of them included."""
    size = min(_ECHO, len(words))
    parts = {words[start : start + size] for start in range(len(words) - size + 1)} - {"", "="}
    whole = [password, repr(password.encode())[2:-1]] if isinstance(password, str) else []

    def repeats(text: str) -> bool:
        pieces = (text[start : start + size] for start in range(len(text) - size + 1))
        return any(secret and secret in text for secret in whole) or not parts.isdisjoint(pieces)

    return repeats


def _confirm(exchange: Exchange, reply: Reply) -> None:
    """Let the mechanism check the server's proof, which may come with the 235 (RFC 4954, 4).

    It must finish: a server that says 235 before has proved nothing.
    """
    proof = Challenge(reply.text)
    try:
        proof.decoded()
    except ValueError:
        proof = Challenge()  # words for people
    for _ in range(_MOST_CHALLENGES):
        try:
            exchange.send(proof)
        except StopIteration:
            return
        proof = Challenge()


def _refuse(session: Session, reply: Reply, who: Who, takes: str) -> NoReturn:
    from smtplib import SMTPAuthenticationError

    code, text = in_bytes(reply)
    error = SMTPAuthenticationError(code, text)
    offered = login_hints.offers(session.features.get("auth", "").split())
    words = [text.decode(), f"{who.host}:{who.port} {offered}"]
    words += login_hints.after_login(
        who.host,
        code,
        encrypted=session.channel.encrypted,
        token=takes == "token",
        username=who.username,
        secret=who.password,
    )
    error.args = (code, "; ".join(words))
    raise error


def _encoded(response: bytes | None) -> str:
    import base64

    return base64.b64encode(response or b"").decode()


# Django logs in with both or not at all, so one of them alone is no error.
@lru_cache(maxsize=256)
def _warn_of_half_a_login(where: str, missing: str) -> None:
    """Say it once for each server."""
    text = "Not logging in at %s: there is no %s"
    tell("warning", text, where, missing, to="simplemail.login")


def is_loopback(sock: socket.socket) -> bool:
    """Does the connection end on this machine? So does one through a Unix socket."""
    import ipaddress

    peer = sock.getpeername()
    if not isinstance(peer, tuple):
        return True
    return ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback
