"""Knows what an address is made of; converts a domain to the form in the DNS."""

from __future__ import annotations

from ..light import pattern

# RFC 5322, 3.2.3, and everything beyond ASCII (RFC 6532) but controls, separators and surrogates.
# Written as exclusions, because ranges up to the end of Unicode take longer to compile.
NEVER = r"\x7f-\x9f\u2028\u2029\ud800-\udfff"
ATEXT = rf'[^\x00-\x20"(),.:;<>@\[\\\]{NEVER}]'
DOT_ATOM = rf"{ATEXT}++(?:\.{ATEXT}++)*+"

LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ASCII_DOMAIN = pattern(rf"{LABEL}(?:\.{LABEL})*|\[[A-Za-z0-9:.-]+\]")

# Sharp s (small and capital), final sigma, and the two joiners: IDNA 2003 maps them to other
# letters or to nothing, IDNA 2008 doesn't, so that programs disagree on whose domain it is.
_DISPUTED = {"\u00df": "ss", "\u1e9e": "ss", "\u03c2": "\u03c3", "\u200c": "", "\u200d": ""}


class InvalidAddress(ValueError):  # noqa: N818 - its text begins with these words
    """An address that can't be used: which one, why, and in which field if that is known."""

    def __init__(self, address: object, reason: str, field: str = "") -> None:
        where = f" in {field}" if field else ""
        super().__init__(f"Invalid address {shown(address)}{where}: {reason}")
        self.address, self.reason, self.field = address, reason, field

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.address, self.reason, self.field)

    def within(self, field: str) -> InvalidAddress:
        """Return the same error with the name of the field that holds the address."""
        return self if self.field else type(self)(self.address, self.reason, field)


def shown(value: object) -> str:
    """Return the value's repr() for an error, shortened if it is long."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def to_ascii(domain: str, address: str | None = None) -> str:
    """Return the domain in its DNS form (IDNA 2003). One in ASCII, `xn--` or not, is unchanged.

    Raises InvalidAddress unless the result is letters, digits and hyphens with dots, or an address
    literal, and for a domain that IDNA 2008 would map to another one. The result is what is
    checked, because IDNA's normalisation makes `>`, `@` or a space out of characters that look
    harmless.
    """
    final = domain if domain.isascii() else _idna(domain, address or domain)
    if len(final) > 255 or not _ASCII_DOMAIN.fullmatch(final):
        raise InvalidAddress(address or domain, f"{final[:300]!r} is not a domain")
    return final


def _idna(domain: str, address: str) -> str:
    from unicodedata import normalize

    # Far longer than any domain, but short enough that the codec's quadratic time doesn't matter.
    domain = domain[:300]
    normal = normalize("NFKC", domain)
    if any(each in _DISPUTED for each in normal + domain):
        raise InvalidAddress(address, _dispute(normal.lower()))
    try:
        final = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidAddress(address, f"its domain is not valid, {error}") from None
    if "[" in final:  # of brackets in full width, say: an address literal is written in ASCII
        raise InvalidAddress(address, f"{domain!r} is not a domain")
    return final


def _dispute(domain: str) -> str:
    old = "".join(_DISPUTED.get(each, each) for each in domain)
    new = ".".join(map(_punycode, domain.split(".")))
    return (
        f"mail programs disagree about which domain {domain!r} is; write it as {new}"
        f" (or as {old!r}, if you mean that one)"
    )


def _punycode(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
