"""Parses addresses, and turns them into the form that SMTP needs.

No other module decides what an address is. Patterns match the common forms; everything else goes
through the parser.
"""

from __future__ import annotations

from functools import lru_cache

from ..light import TYPE_CHECKING, NamedTuple, pattern
from .domains import DOT_ATOM, NEVER
from .domains import InvalidAddress as InvalidAddress
from .domains import to_ascii as to_ascii

if TYPE_CHECKING:
    from typing import TypeGuard

    from .mailbox_parser import Parsed

ADDRESS_FIELDS = {"from", "sender", "reply-to", "to", "cc", "bcc"}
ADDRESS_FIELDS |= {"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"}
# Where reports and receipts go (RFC 8098 and older fields still in use).
ADDRESS_FIELDS |= {"disposition-notification-to", "return-receipt-to", "errors-to"}
ADDRESS_FIELDS |= {"read-receipt-to", "x-confirm-reading-to", "mail-followup-to", "mail-reply-to"}
"""The names of the fields that hold addresses, in lower case."""

# Enough for a display name of 200 CJK characters that is already encoded.
_LONGEST_MAILBOX = 2_000

_DOMAIN = rf"[^\x00-,/:-@\[-`{{-~{NEVER}]++"
_WORD = rf'[^\x00-\x20"(),:;<>@\[\\\]{NEVER}]++'
_BARE = pattern(rf"({DOT_ATOM})(?:@({_DOMAIN}))?")
_NAMED = pattern(
    rf'(?:(?:({_WORD}(?:[ ]{_WORD})*+)|"([^\x00-\x1f"\\{NEVER}]*+)")[ ]?)?'
    rf"<({DOT_ATOM})(?:@({_DOMAIN}))?>"
)

# Types whose only text form is their repr(), which may look like an address.
_NO_TEXT = (bytes, bytearray, int, float, list, tuple, set, frozenset, dict)

_PRINTABLE = pattern(rf"[^\x00-\x1f{NEVER}]*")
_PLAIN_LOCAL = pattern(DOT_ATOM)

_ATOM = r"[A-Za-z0-9!#$%&'*+/=^_`{|}~\-]++"
_NAME = "[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
SIMPLE = rf"{_ATOM}(?:\.{_ATOM})*+@{_NAME}(?:\.{_NAME})*+"
"""A pattern for bare addresses that need no changes anywhere, up to SIMPLE_LENGTH characters."""
SIMPLE_LENGTH = 64
_SIMPLE = pattern(SIMPLE)


def is_simple(text: str) -> bool:
    """Is this a bare address that needs no changes anywhere?"""
    return len(text) <= SIMPLE_LENGTH and _matches(text)


# Each address of a message is parsed three times: for header, envelope and command.
@lru_cache(maxsize=2048)
def _matches(text: str) -> bool:
    return _SIMPLE.fullmatch(text) is not None


class NeedsSMTPUTF8(InvalidAddress):
    """An address that needs SMTPUTF8 (RFC 6531), which isn't available."""


class Mailbox(NamedTuple):
    """One mailbox (RFC 5322, 3.4). The local part is unquoted; `domain` is "" when there is none.

    The domain is as written: `to_ascii()` converts it for SMTP.
    """

    display_name: str
    local: str
    domain: str

    def addr_spec(self, *, utf8: bool = False) -> str:
        """Return `local@domain`, the local part quoted if need be, the domain in ASCII.

        Raises NeedsSMTPUTF8 for a local part that only it can carry, unless `utf8`.
        """
        spec = quote_local(self.local)
        if self.domain:
            spec += "@" + to_ascii(self.domain)
        if not (utf8 or spec.isascii()):
            raise NeedsSMTPUTF8(
                spec,
                "the part before the @ isn't ASCII, which needs a server with SMTPUTF8 (RFC 6531)",
            )
        return spec


def addr_spec(address: object, *, utf8: bool = False) -> str:
    """Return the bare address for the envelope, its domain in ASCII (IDNA 2003).

    Takes what `mailbox()` takes. Raises InvalidAddress (a ValueError) unless it is exactly one
    mailbox (RFC 5322, 3.4) of at most 64 octets before the @ and 254 in all. With `utf8`, a local
    part beyond ASCII is kept.
    """
    if type(address) is str and is_simple(address):
        return address
    return _addr_spec(as_text(address), utf8)


@lru_cache(maxsize=2048)
def _addr_spec(text: str, utf8: bool) -> str:
    spec = _mailbox(text).addr_spec(utf8=utf8)
    local = spec.rpartition("@")[0] or spec
    if len(local.encode()) > 64:
        raise InvalidAddress(text, "more than 64 octets before the @")
    if len(spec.encode()) > 254:
        raise InvalidAddress(text, "longer than 254 octets")
    return spec


def check_address(text: str, *, utf8: bool = False) -> str:
    """Return an address that somebody typed, ready for sending to. For sign-up forms.

    - `text`: what was typed: one bare address with a domain. White space around it is removed,
      the domain becomes lower case and ASCII, and the part before the @ stays as it is.
    - `utf8`: allow a part before the @ that isn't ASCII. Most servers can't send to one.

    Raises ValueError, with the reason, for anything else: a name beside the address, an address
    literal like `[192.0.2.1]`, what RFC 5322 doesn't allow. No server is asked, so the mailbox may
    still not exist.
    """
    if not isinstance(text, str):
        raise InvalidAddress(text, "an address must be text, like 'ann@example.com'")
    found = mailbox(text.strip())
    if found.display_name or "<" in text:
        raise InvalidAddress(text, "write the address alone, without a name and '<>'")
    if not found.domain:
        raise InvalidAddress(text, "it has no @ and domain, like 'ann@example.com'")
    if found.domain.startswith("["):
        raise InvalidAddress(text, "it has an IP address where a domain belongs")
    local, _, domain = addr_spec(text.strip(), utf8=utf8).rpartition("@")
    return f"{local}@{domain.lower()}"


def mailbox(address: object) -> Mailbox:
    """Return the one mailbox in a text, in a pair of name and address, or in what has a `str()`.

    Examples are `email.headerregistry.Address` and lazy strings. Raises InvalidAddress unless it
    is exactly one mailbox.
    """
    return _mailbox(as_text(address))


def as_text(address: object) -> str:
    """Return the address as text. Raises InvalidAddress if it has no text form.

    A pair of name and bare address becomes `"name" <address>`.
    """
    if type(address) is str:
        text = address
    elif _are_two_texts(address):
        text = _paired(*address)
    elif address is None or isinstance(address, _NO_TEXT):
        raise InvalidAddress(address, _no_text(address))
    else:
        text = str(address)
    if len(text) > _LONGEST_MAILBOX:
        raise InvalidAddress(text, f"longer than {_LONGEST_MAILBOX} characters")
    return text


def is_pair(thing: object) -> bool:
    """Is this a pair of name and address? It could also be meant as two addresses."""
    return _are_two_texts(thing) and "@" not in thing[0]


def _are_two_texts(thing: object) -> TypeGuard[tuple[str, str]]:
    return isinstance(thing, tuple) and len(thing) == 2 and all(isinstance(x, str) for x in thing)


def _paired(name: str, address: str) -> str:
    if not name:
        return address
    if "<" in address or "," in address:
        raise InvalidAddress((name, address), "the second item of a pair must be a bare address")
    if "@" in name and "@" not in address:
        raise InvalidAddress((name, address), "in a pair, the name comes first")
    return f"{quote(name)} <{address}>"


def _no_text(address: object) -> str:
    if isinstance(address, list):
        return "give one address here, not a list"
    return "an address must be text, like 'Ann <ann@example.com>', or a pair (name, address)"


@lru_cache(maxsize=2048)
def _mailbox(text: str) -> Mailbox:
    return parsed(text)[0]


def parsed(text: str) -> tuple[Mailbox, Parsed]:
    """Return the mailbox in a text, and the parser's result."""
    # Loaded late: most addresses are simple.
    from .mailbox_parser import Parsed, parse_mailbox

    if found := _match(text):
        return found, Parsed(*found, ())
    odd = parse_mailbox(text)
    return _checked(text, odd), odd


def _match(text: str) -> Mailbox | None:
    """Return the mailbox if it has a common form; None if the parser must read it."""
    if bare := _BARE.fullmatch(text):
        name = ""
        local, domain = bare.groups("")
    elif named := _NAMED.fullmatch(text):
        words, quoted, local, domain = named.groups("")
        name = words or quoted
        if "=?" in words:
            return None
    else:
        return None
    return None if local.startswith("=?") else _sound(text, Mailbox(name, local, domain))


def _checked(text: str, found: Parsed) -> Mailbox:
    return _sound(text, Mailbox(found.name, found.local, found.domain))


def _sound(text: str, found: Mailbox) -> Mailbox:
    """Return `found` if it can be written in a header and in an envelope."""
    if not _PRINTABLE.fullmatch("".join(found)):
        raise InvalidAddress(text, "it contains a control character")
    if found.domain:
        to_ascii(found.domain, text)
    return found


def quote_local(local: str) -> str:
    """Return a local part as RFC 5322 writes it: as it is, or as a quoted-string."""
    return local if _PLAIN_LOCAL.fullmatch(local) else quote(local)


def quote(text: str) -> str:
    """Return the text as a quoted-string (RFC 5322, 3.2.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailboxes(text: str, *, lenient: bool = False) -> list[Mailbox]:
    """Return all mailboxes of an address header's value; groups are opened.

    Raises InvalidAddress if any part of it isn't an address. With `lenient`, for existing mail,
    only the addr-specs must be valid.
    """
    return [each for _, members in groups(text, lenient=lenient) for each in members]


def groups(text: str, *, lenient: bool = False) -> list[tuple[str | None, tuple[Mailbox, ...]]]:
    """Return the groups of an address header's value, each with its name (RFC 5322, 3.4).

    A mailbox outside of one has its own, whose name is None. Raises InvalidAddress as `mailboxes()`
    does.
    """
    from .mailbox_parser import parse_list

    return [
        (name, tuple(_checked(_shortened(text), each) for each in members))
        for name, members in parse_list(text, lenient=lenient)
    ]


def _shortened(text: str) -> str:
    return text[:_LONGEST_MAILBOX]
