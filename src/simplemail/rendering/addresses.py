"""Judges addresses: text to mailbox, mailbox to what SMTP is told.

No other module decides what an address is. The forms that people write are matched by compiled
patterns; comments, encoded-words and groups go through Python's own RFC 5322 parser, with their
length capped first, because that parser recurses and takes quadratic time.
"""

from __future__ import annotations

from functools import lru_cache

from ..light import Any, NamedTuple, pattern
from .simple_addresses import is_simple

# Room for a display name of 200 CJK characters that somebody has encoded already.
_LONGEST_MAILBOX = 2_000
_LONGEST_ODD_LIST = 10_000

# RFC 5322, 3.2.3, and everything beyond ASCII (RFC 6532) but controls, separators and surrogates.
# As what is left out: ranges up to the end of Unicode would take longer to compile than to send.
_NEVER = r"\x7f-\x9f\u2028\u2029\ud800-\udfff"
_ATEXT = rf'[^\x00-\x20"(),.:;<>@\[\\\]{_NEVER}]'
_DOT_ATOM = rf"{_ATEXT}++(?:\.{_ATEXT}++)*+"
_DOMAIN = rf"[^\x00-,/:-@\[-`{{-~{_NEVER}]++"
_WORD = rf'[^\x00-\x20"(),:;<>@\[\\\]{_NEVER}]++'

_BARE = pattern(rf"({_DOT_ATOM})(?:@({_DOMAIN}))?")
_NAMED = pattern(
    rf'(?:(?:({_WORD}(?:[ ]{_WORD})*+)|"([^\x00-\x1f"\\{_NEVER}]*+)")[ ]?)?'
    rf"<({_DOT_ATOM})(?:@({_DOMAIN}))?>"
)
# Elements of a list without comments or groups, up to the next comma that separates.
_ELEMENT = pattern(r'((?:[^",()<>:;\\\[\]]|"(?:[^"\\]|\\.)*+"|<[^<>]*+>)*+)(?:,|$)')

# What has no text form but its repr(), which may look like an address.
_NO_TEXT = (bytes, bytearray, int, float, list, tuple, set, frozenset, dict)

_PRINTABLE = pattern(rf"[^\x00-\x1f{_NEVER}]*")
_PLAIN_LOCAL = pattern(_DOT_ATOM)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ASCII_DOMAIN = pattern(rf"{_LABEL}(?:\.{_LABEL})*|\[[A-Za-z0-9:.-]+\]")


class NeedsSMTPUTF8(ValueError):  # noqa: N818 - some servers have it: not always an error
    """An address that only SMTPUTF8 (RFC 6531) can carry, where there is none."""


class Mailbox(NamedTuple):
    """One mailbox (RFC 5322, 3.4). The local part is unquoted; `domain` is "" when there is none.

    The domain is as written: `to_ascii()` makes it ready for the wire.
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
                f"Invalid address {_shown(spec)}: a part before the @ that isn't ASCII needs a "
                "server with SMTPUTF8 (RFC 6531)"
            )
        return spec


class Group(NamedTuple):
    """Mailboxes of a list under one name (RFC 5322, 3.4), or one by itself: then `name` is None."""

    name: str | None
    mailboxes: tuple[Mailbox, ...]


def addr_spec(address: object, *, utf8: bool = False) -> str:
    """Return the bare address for the envelope, its domain in ASCII (IDNA 2003).

    Raises ValueError, "Invalid address ...", unless it is exactly one mailbox (RFC 5322, 3.4) of
    at most 64 octets before the @ and 254 in all. With `utf8`, a local part beyond ASCII is kept.
    """
    if type(address) is str and is_simple(address):
        return address
    return _addr_spec(as_text(address), utf8)


@lru_cache(maxsize=2048)
def _addr_spec(text: str, utf8: bool) -> str:
    spec = _mailbox(text).addr_spec(utf8=utf8)
    local = spec.rpartition("@")[0] or spec
    if len(local.encode()) > 64:
        raise _invalid(text, "more than 64 octets before the @")
    if len(spec.encode()) > 254:
        raise _invalid(text, "longer than 254 octets")
    return spec


def mailbox(address: object) -> Mailbox:
    """Return the one mailbox in a text, or anything whose `str()` is one, such as an `Address`.

    Raises ValueError, "Invalid address ...", when there is none, or more, or something left over.
    """
    return _mailbox(as_text(address))


def as_text(address: object) -> str:
    """Return the address as text. Raises ValueError, "Invalid address ...", for what has none."""
    if type(address) is not str and (address is None or isinstance(address, _NO_TEXT)):
        raise _invalid(address, "an address is text, like 'Ann <ann@example.com>'")
    text = address if type(address) is str else str(address)
    if len(text) > _LONGEST_MAILBOX:
        raise _invalid(text, f"longer than {_LONGEST_MAILBOX} characters")
    return text


@lru_cache(maxsize=2048)
def _mailbox(text: str) -> Mailbox:
    found = _match(text)
    return _checked(text, Mailbox(*_parse_odd(text)) if found is None else found)


def _match(text: str) -> Mailbox | None:
    """Return the mailbox of a common form; None when Python's parser has to see it."""
    if bare := _BARE.fullmatch(text):
        local, domain = bare.groups("")
        return None if local.startswith("=?") else Mailbox("", local, domain)
    if named := _NAMED.fullmatch(text):
        words, quoted, local, domain = named.groups("")
        return (
            None
            if "=?" in words or local.startswith("=?")
            else Mailbox(words or quoted, local, domain)
        )
    return None


def _checked(text: str, found: Mailbox) -> Mailbox:
    """Return `found` if it can be written down, in a header and in an envelope."""
    if not found.local:
        raise _invalid(text, "nothing before the @")
    if not _PRINTABLE.fullmatch("".join(found)):
        raise _invalid(text, "it holds a control character")
    if found.domain:
        to_ascii(found.domain, text)
    return found


def to_ascii(domain: str, address: str | None = None) -> str:
    """Return the domain as DNS knows it (IDNA 2003); one in ASCII, `xn--` or not, is kept as it is.

    Raises ValueError, "Invalid address ...", unless the result is letters, digits and hyphens with
    dots, or an address literal. The result is what is checked, because IDNA's normalisation makes
    `>`, `@` or a space out of characters that look harmless.
    """
    try:
        # Far longer than any domain, and too short for the codec's quadratic time to show.
        final = domain if domain.isascii() else domain[:300].encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _invalid(address or domain, f"no such domain, {error}") from None
    if not _ASCII_DOMAIN.fullmatch(final) or len(domain) > 255:
        raise _invalid(address or domain, f"{final[:300]!r} is no domain")
    return final


def quote_local(local: str) -> str:
    """Return a local part as RFC 5322 writes it: as it is, or as a quoted-string."""
    if _PLAIN_LOCAL.fullmatch(local):
        return local
    return quote(local)


def quote(text: str) -> str:
    """Return the text as a quoted-string (RFC 5322, 3.2.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailboxes(text: str) -> list[Mailbox]:
    """Return all mailboxes of an address header's value; groups are opened.

    Raises ValueError, "Invalid address ...", if any part of it isn't an address.
    """
    return [each for group in groups(text) for each in group.mailboxes]


def groups(text: str) -> list[Group]:
    """Return an address header's value as groups; a mailbox outside of one has its own, unnamed.

    Raises ValueError, "Invalid address ...", if any part of it isn't an address.
    """
    plain = elements(text)
    if plain is None:
        return _parse_odd_list(text)
    return [Group(None, (mailbox(element),)) for element in plain]


def elements(text: str) -> list[str] | None:
    """Return what stands between the commas of a list; None if there are comments or groups."""
    found, position = [], 0
    while position < len(text):
        element = _ELEMENT.match(text, position)
        if element is None:
            return None
        found.append(element[1].strip(" \t"))
        position = element.end()
    return [each for each in found if each]


# What Python's parser reports although RFC 5322, 4.1 has everybody read it, or it's allowed here.
_TOLERATED = {"addr-spec local part with no domain", "period in 'phrase'"}


def _parse_odd(text: str) -> tuple[str, str, str]:
    from email._header_value_parser import get_mailbox

    parsed, rest = _parse(get_mailbox, text)
    if rest:
        raise _invalid(text, f"{rest!r} is left over")
    return _parts(text, parsed)


def _parse_odd_list(text: str) -> list[Group]:
    from email._header_value_parser import get_address_list

    if len(text) > _LONGEST_ODD_LIST:
        raise _invalid(text, f"a list with groups or comments over {_LONGEST_ODD_LIST} characters")
    parsed, rest = _parse(get_address_list, text)
    if rest:
        raise _invalid(text, f"{rest!r} is left over")
    return [
        Group(
            address.display_name,
            tuple(_checked(text, Mailbox(*_parts(text, each))) for each in address.all_mailboxes),
        )
        for address in parsed.addresses
    ]


def _parse(parser: Any, text: str) -> tuple[Any, str]:
    text = text.strip(" \t")
    if not text:
        raise _invalid(text, "it is empty")
    if not _PRINTABLE.fullmatch(text.replace("\t", " ")):
        raise _invalid(text, "it holds a control character")
    try:
        parsed, rest = parser(text)
        defects = {str(defect) for defect in parsed.all_defects} - _TOLERATED
    except Exception as error:
        # HeaderParseError by design; IndexError, AttributeError, RecursionError and others by
        # mistake, which ones depends on the patch release.
        reason = "it is incomplete" if isinstance(error, IndexError) else str(error)
        raise _invalid(text, reason or type(error).__name__) from None
    if defects:
        raise _invalid(text, "; ".join(sorted(defects)))
    return parsed, rest


def _parts(text: str, parsed: Any) -> tuple[str, str, str]:
    local, domain = parsed.local_part, parsed.domain or ""
    # The parser takes Unicode's spaces out of a domain, which makes it another one.
    if local is None or domain not in text or _has_encoded_word(parsed, inside_addr_spec=False):
        raise _invalid(text, "no address found in it")
    return parsed.display_name or "", local, domain


def _has_encoded_word(token: Any, *, inside_addr_spec: bool) -> bool:
    """Tell whether an address proper is written in encoded-words, which RFC 2047, 5 forbids."""
    if inside_addr_spec and token.token_type == "encoded-word":
        return True
    inside_addr_spec = inside_addr_spec or token.token_type == "addr-spec"
    return isinstance(token, list) and any(
        _has_encoded_word(child, inside_addr_spec=inside_addr_spec) for child in token
    )


def _invalid(address: object, reason: str) -> ValueError:
    return ValueError(f"Invalid address {_shown(address)}: {reason}")


def _shown(address: object) -> str:
    shown = repr(address)
    return shown if len(shown) <= 200 else f"{shown[:200]}..."
