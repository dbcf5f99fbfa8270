"""Assertions about mail whose failure shows what was sent instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from re import Pattern
from typing import Any, TypeAlias

from ..rendering.addresses import Mailbox, mailbox
from ..rendering.readable import escaped
from .seen import is_same, seen

Text: TypeAlias = str | Pattern[str]
Addresses: TypeAlias = str | Iterable[str]

_MOST_MAILS = 10
_MOST_TEXT = 300  # characters


def assert_sent(
    outbox: Iterable[Any],
    *,
    to: Addresses | None = None,
    cc: Addresses | None = None,
    bcc: Addresses | None = None,
    from_email: str | None = None,
    subject: Text | None = None,
    body_contains: Text | None = None,
    html_contains: Text | None = None,
    attachment: Text | None = None,
    count: int | None = None,
) -> list[Any]:
    """Assert that mail like this was sent, and return all that fits, in the order sent.

    - `outbox`: messages of ours, Django's or the standard library's, envelopes, or
      `SMTPServer.messages`.
    - `to`, `cc`, `bcc`: an address, or a list of addresses which must all be among the mail's. A
      display name counts if you give one.
    - `from_email`: the sender's address.
    - `subject`: the whole subject.
    - `body_contains`: text in the plain text; in the HTML, if there is no plain text.
    - `html_contains`: text in the HTML.
    - `attachment`: the whole name of an attached file or an inline image.
    - `count`: how many mails must fit. Without it, at least one must.

    Instead of a text you can give a compiled pattern, which is searched for. What you leave out
    doesn't matter. The AssertionError shows what was sent instead.
    """
    __tracebackhide__ = True
    wanted = {
        "from_email": from_email,
        "to": _listed(to),
        "cc": _listed(cc),
        "bcc": _listed(bcc),
        "subject": subject,
        "body_contains": body_contains,
        "html_contains": html_contains,
        "attachment": attachment,
    }
    wanted = {name: value for name, value in wanted.items() if value is not None}
    mails = [_Judged(mail, wanted) for mail in outbox]
    fitting = [judged.mail for judged in mails if not judged.different]
    if len(fitting) == count or (fitting and count is None):
        return fitting
    raise AssertionError(_failure(wanted, count, mails))


def assert_nothing_sent(outbox: Iterable[Any]) -> None:
    """Assert that `outbox` is empty. The AssertionError shows what was sent."""
    __tracebackhide__ = True
    if mails := [_Judged(mail, {}) for mail in outbox]:
        raise AssertionError("\n".join(["No mail was expected.", *_listing(mails)]))


def _listed(addresses: Addresses | None) -> list[str] | None:
    if addresses is None:
        return None
    return [addresses] if isinstance(addresses, str) else list(addresses)


class _Judged:
    """A mail, and the conditions that it doesn't meet."""

    def __init__(self, mail: Any, wanted: Mapping[str, Any]) -> None:
        self.mail = mail
        self.seen = seen(mail)
        self.different = [name for name, value in wanted.items() if not self._has(name, value)]

    def _has(self, name: str, value: Any) -> bool:
        attribute, fits = _CRITERIA[name]
        return fits(value, getattr(self.seen, attribute))


def _are_among(wanted: list[str], found: list[Mailbox]) -> bool:
    return all(any(is_same(mailbox(each), box) for box in found) for each in wanted)


def _is(wanted: Text, found: str) -> bool:
    return wanted == found if isinstance(wanted, str) else bool(wanted.search(found))


def _is_in(wanted: Text, found: str) -> bool:
    return wanted in found if isinstance(wanted, str) else bool(wanted.search(found))


def _is_one_of(wanted: Text, found: list[str]) -> bool:
    return any(_is(wanted, each) for each in found)


_CRITERIA: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "from_email": ("from_email", lambda wanted, found: _are_among([wanted], found)),
    "to": ("to", _are_among),
    "cc": ("cc", _are_among),
    "bcc": ("bcc", _are_among),
    "subject": ("subject", _is),
    "body_contains": ("body", _is_in),
    "html_contains": ("html", _is_in),
    "attachment": ("attachments", _is_one_of),
}
"""Each condition: where a mail has the value, and how to compare it."""

_ALWAYS_SHOWN = ("to", "subject", "body")
_SHOWN_IF_THERE = ("cc", "bcc", "attachments")


# What a failure says


def _failure(wanted: Mapping[str, Any], count: int | None, mails: list[_Judged]) -> str:
    found = sum(not judged.different for judged in mails)
    headline = "No mail like this was sent:"
    if count is not None:
        headline = f"{_mails(count)} like this expected, {found or 'none'} sent:"
    lines = [f"    {name}: {escaped(repr(value))}" for name, value in wanted.items()]
    return "\n".join([headline, *(lines or ["    (any mail)"]), *_listing(mails)])


def _listing(mails: list[_Judged]) -> Iterator[str]:
    if not mails:
        yield "Nothing was sent."
        return
    marks = ", ! marks what is different" if any(judged.different for judged in mails) else ""
    yield f"{_mails(len(mails))} sent{marks}:"
    # The nearest ones, in the order sent.
    nearest = sorted(range(len(mails)), key=lambda index: len(mails[index].different))
    for index in sorted(nearest[:_MOST_MAILS]):
        first, *more = _lines(mails[index])
        yield f"{index + 1:>3}. {first}"
        yield from (f"     {line}" for line in more)
    if len(mails) > _MOST_MAILS:
        yield f"     ... and {_mails(len(mails) - _MOST_MAILS)} more"


def _lines(judged: _Judged) -> Iterator[str]:
    """Describe a mail in a few lines, with everything that differs."""
    for name, (attribute, _) in _CRITERIA.items():
        value = getattr(judged.seen, attribute)
        is_different = name in judged.different
        if is_different or attribute in _ALWAYS_SHOWN or (value and attribute in _SHOWN_IF_THERE):
            most = _MOST_TEXT * 10 if is_different else _MOST_TEXT
            yield f"{'!' if is_different else ' '} {attribute}: {_shown(value, most)}"
    if judged.seen.sent_using is not None:
        yield f"  sent_using: {judged.seen.sent_using!r}"


def _shown(value: str | list[Mailbox] | list[str], most: int) -> str:
    if isinstance(value, str):
        rest = f"... and {len(value) - most} more characters" if len(value) > most else ""
        return escaped(repr(value[:most])) + rest
    texts = [each if isinstance(each, str) else _address(each) for each in value]
    return escaped(", ".join(texts)) or "none"


def _address(box: Mailbox) -> str:
    spec = f"{box.local}@{box.domain}" if box.domain else box.local
    return f"{box.display_name} <{spec}>" if box.display_name else spec


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count} mails"
