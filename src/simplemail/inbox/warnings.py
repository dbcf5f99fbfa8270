"""Tells what is wrong with a message as it was sent: what, why it matters, and where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from .document import content_ids, remote_images
from .links import Link, host_of, links_in_html, links_in_text
from .markup import MOST_READ, tags
from .reading import Mail

GMAIL_CUTS_AT = 102 * 1024
LARGE = 10_000_000
LONGEST_LINE = 998
_LONG = re.compile(rb"[^\n]{%d,}+" % (LONGEST_LINE + 1))

# RFC 5322, 3.6: how often a field may be there.
_ONCE = (
    *("from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id"),
    *("in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding"),
    *("list-unsubscribe", "list-unsubscribe-post"),
)
_BULK = ("list-id", "list-post", "list-help", "feedback-id")


class Warning(NamedTuple):  # noqa: A001 - nobody imports it beside the built-in one
    """One thing that is wrong. `code` stays the same from version to version."""

    code: str
    what: str
    why: str
    where: str = ""


class Sent(NamedTuple):
    """A message as it came: read, and what its envelope said."""

    mail: Mail
    is_8bit_announced: bool = True


class _Facts:
    """What the checks look at, each computed once."""

    def __init__(self, sent: Sent) -> None:
        self.mail = sent.mail
        self.is_8bit_announced = sent.is_8bit_announced
        self.html = sent.mail.text_of(sent.mail.html_part)
        self.text = sent.mail.text_of(sent.mail.text_part)

    @cached_property
    def links(self) -> list[Link]:
        return [*links_in_html(self.html), *links_in_text(self.text)]

    @cached_property
    def images(self) -> list[tuple[str, bool]]:
        """Where each image comes from, and whether it has an alt."""
        found = (tag.attributes for tag in tags(self.html[:MOST_READ]) if tag.name == "img")
        return [(each.get("src", ""), "alt" in each) for each in found]


def warnings(sent: Sent) -> list[Warning]:
    """Return everything that is wrong with a message, the worst first."""
    facts = _Facts(sent)
    return [found for check in CHECKS for found in check(facts)]


def _unreadable(facts: _Facts) -> Iterator[Warning]:
    _ = facts.mail.parts  # reading them finds defects
    for defect in facts.mail.defects:
        yield Warning("broken", defect, "Each mail program reads it differently")
    for number in sorted(facts.mail.undecodable):
        charset = facts.mail.parts[number].charset
        yield Warning(
            "undecodable-text",
            f"A text isn't in the charset that it claims, {charset}",
            "Readers see wrong characters, or none",
            f"part {number}",
        )


def _script_links(facts: _Facts) -> Iterator[Warning]:
    for link in facts.links:
        if link.is_script:
            yield Warning(
                "script-link",
                f"A {link.scheme}: link",
                "No mail program follows it, and filters take the message for an attack",
                link.url[:200],
            )


def _misleading_links(facts: _Facts) -> Iterator[Warning]:
    for link in facts.links:
        if link.is_misleading:
            yield Warning(
                "misleading-link",
                f"A link that reads {link.text[:80]} leads to {host_of(link.url)}",
                "Filters take the message for phishing",
                link.url[:200],
            )


def _bcc(facts: _Facts) -> Iterator[Warning]:
    for value in facts.mail.values("bcc"):
        yield Warning(
            "bcc-header",
            "The header names blind copies",
            "Every reader sees whom they went to; recipients belong in the envelope alone",
            f"Bcc: {value[:200]}",
        )


def _localhost(facts: _Facts) -> Iterator[Warning]:
    for name in ("From", "Reply-To"):
        for box in facts.mail.boxes(name.lower()):
            if _is_local(box.address):
                yield Warning(
                    "localhost-address",
                    f"{name} is an address of this machine",
                    "Nobody can answer, and servers refuse such senders",
                    f"{name}: {box.address[:200]}",
                )
    for value in facts.mail.values("message-id"):
        if _is_local(value.strip("<> ")):
            yield Warning(
                "localhost-message-id",
                "The Message-ID doesn't name a domain of yours",
                "Filters count it against the message; give this machine a full host name",
                f"Message-ID: {value[:200]}",
            )


def _missing_fields(facts: _Facts) -> Iterator[Warning]:
    for name in ("From", "Date", "Message-ID"):
        if not facts.mail.values(name.lower()):
            why = "RFC 5322 requires it, and filters count its absence against the message"
            yield Warning("missing-header", f"There is no {name}", why, name)


def _duplicate_fields(facts: _Facts) -> Iterator[Warning]:
    counts = Counter(field.name.lower() for field in facts.mail.fields)
    for name in _ONCE:
        if counts[name] > 1:
            yield Warning(
                "duplicate-header",
                f"{name.title()} is there {counts[name]} times",
                "RFC 5322 allows one; servers such as Gmail's refuse the message",
                name,
            )


def _no_text(facts: _Facts) -> Iterator[Warning]:
    if facts.mail.html_part is None:
        return
    why = "Watches, screen readers and some people read the text; filters miss it"
    if facts.mail.text_part is None:
        yield Warning("no-text", "There is HTML, but no plain text", why)
    elif not facts.text.strip():
        yield Warning("empty-text", "The plain text beside the HTML is empty", why)


def _unsubscribe(facts: _Facts) -> Iterator[Warning]:
    values = facts.mail.values("list-unsubscribe")
    is_bulk = any(facts.mail.values(name) for name in _BULK) or (
        facts.mail.value("precedence").lower() in ("bulk", "list")
    )
    if not values:
        if is_bulk:
            why = "Gmail and Yahoo ask it of bulk mail, and show their own button for it"
            yield Warning("no-unsubscribe", "Bulk mail without List-Unsubscribe", why)
        return
    urls = re.findall(r"<\s*((?:https?|mailto):[^<>\s]+)\s*>", values[0], re.IGNORECASE)
    if not urls:
        why = "It holds <https://...> or <mailto:...>, in angle brackets (RFC 2369)"
        yield Warning("broken-unsubscribe", "List-Unsubscribe can't be read", why, values[0][:200])
    elif not _is_one_click(facts, urls):
        yield Warning(
            "no-one-click",
            "List-Unsubscribe works with more than one click",
            "Gmail and Yahoo ask bulk senders for an https address and "
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058)",
            values[0][:200],
        )


def _is_one_click(facts: _Facts, urls: list[str]) -> bool:
    posted = facts.mail.value("list-unsubscribe-post").replace(" ", "").lower()
    has_https = any(url.lower().startswith("https:") for url in urls)
    return has_https and posted == "list-unsubscribe=one-click"


def _too_large(facts: _Facts) -> Iterator[Warning]:
    size = len(facts.html.encode("utf-8", "replace"))
    if size > GMAIL_CUTS_AT:
        yield Warning(
            "html-over-102k",
            f"The HTML has {size:,} octets",
            "Gmail shows the first 102 kB, then a link; the end, often the footer, isn't seen",
        )
    if len(facts.mail.content) > LARGE:
        yield Warning(
            "message-over-10m",
            f"The message has {len(facts.mail.content):,} octets",
            "Many servers refuse more than 10 MB; link to the files instead",
        )


def _pictures(facts: _Facts) -> Iterator[Warning]:
    wanted = set(content_ids(facts.html))
    there = {part.content_id: part.number for part in facts.mail.leaves if part.content_id}
    for content_id in sorted(wanted - there.keys()):
        why = "Readers see a broken image"
        yield Warning(
            "cid-without-part", "An image whose part is missing", why, f"cid:{content_id}"
        )
    for content_id in sorted(there.keys() - wanted) if facts.html else ():
        yield Warning(
            "part-without-cid",
            "A part that the HTML doesn't show",
            "It is sent in vain, or shows up as an attachment",
            f"part {there[content_id]}, Content-ID {content_id[:100]}",
        )


def _remote_images(facts: _Facts) -> Iterator[Warning]:
    insecure = [url for url, _ in facts.images if url.lower().startswith("http:")]
    if insecure:
        yield Warning(
            "http-image",
            "An image over http, without TLS",
            "Gmail and Apple Mail don't show it; use https",
            insecure[0][:200],
        )
    if count := remote_images(facts.html):
        number = "1 remote image" if count == 1 else f"{count} remote images"
        why = "Outlook and others show none before the reader asks for it"
        yield Warning("remote-images", number, why)


def _no_alt(facts: _Facts) -> Iterator[Warning]:
    missing = [url for url, has_alt in facts.images if not has_alt]
    if missing:
        number = "1 image" if len(missing) == 1 else f"{len(missing)} images"
        yield Warning(
            "no-alt",
            f"{number} without alt",
            "It is what people see before images load, and what screen readers say",
            missing[0][:200],
        )


def _long_lines(facts: _Facts) -> Iterator[Warning]:
    lines = (line[0].removesuffix(b"\r") for line in _LONG.finditer(facts.mail.content))
    longest = max(map(len, lines), default=0)
    if longest > LONGEST_LINE:
        why = "RFC 5321 allows 998 octets; servers cut the line or refuse the message"
        yield Warning("long-line", f"A line of {longest:,} octets", why)


def _8bit(facts: _Facts) -> Iterator[Warning]:
    if not facts.is_8bit_announced and not facts.mail.content.isascii():
        yield Warning(
            "8bit-unannounced",
            "Octets beyond ASCII, without BODY=8BITMIME",
            "Servers may remove the eighth bit; announce it or encode the text (RFC 6152)",
        )


CHECKS: tuple[Callable[[_Facts], Iterator[Warning]], ...] = (
    _script_links,
    _misleading_links,
    _bcc,
    _unreadable,
    _duplicate_fields,
    _missing_fields,
    _localhost,
    _long_lines,
    _8bit,
    _no_text,
    _unsubscribe,
    _too_large,
    _pictures,
    _remote_images,
    _no_alt,
)
"""What is looked at, the worst first."""


def _is_local(address: str) -> bool:
    domain = address.rpartition("@")[2].lower().strip("[]")
    is_local = domain in ("localhost", "127.0.0.1") or domain.endswith((".localhost", ".local"))
    return is_local or domain == "localhost.localdomain"
