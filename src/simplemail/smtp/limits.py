"""A server's limits, as EHLO announces them (RFC 9422) and as replies tell them."""

from __future__ import annotations

from functools import lru_cache

from ..light import TYPE_CHECKING, Any, pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..receipts import Reply

UNLIMITED = 1_000_000_000
"""Messages or recipients, where nobody has set a limit."""

_COUNT = pattern("[0-9]{1,6}")  # RFC 9422, 3.3

_MESSAGES = r"\b(?:messages?|e?-?mails?|transactions?|deliver(?:y|ies))\b"
_SESSION = r"\b(?:session|connection)\b"
_LIMIT = r"\b(?:limit|maximum|max|too many|exceed(?:s|ed)?|reached)\b"

_SESSION_LIMITS = (
    (452, "4.4.5", pattern("")),
    (
        None,
        None,
        pattern(rf"{_MESSAGES}.{{0,40}}\b(?:per|in|on|for|over|within)\b.{{0,20}}{_SESSION}"),
    ),
    (None, None, pattern(rf"{_SESSION}.{{0,20}}{_MESSAGES}.{{0,20}}{_LIMIT}")),
    (None, None, pattern(rf"{_SESSION}.{{0,20}}{_LIMIT}.{{0,20}}{_MESSAGES}")),
)
"""What servers say when a session has had its share, besides 421: code, enhanced code, words.

Where a row has None, it may be any.
"""

_GREYLISTING = pattern("gr[ae]y-?list")

_TOO_MANY_RECIPIENTS = (
    (452, None, pattern("")),
    (552, None, pattern(r"\btoo many (?:recipients|addresse[es]s|rcpts?)\b")),
    (None, "4.5.3", pattern("")),
    (None, "5.5.3", pattern("")),
)
"""What servers say to the recipients that are too many for one transaction (RFC 5321, 4.5.3.1.10).

The columns are those of `_SESSION_LIMITS`.
"""


def announced(features: Mapping[str, str], name: str) -> int | None:
    """Return a limit that EHLO announced, such as MAILMAX; None if it announced none."""
    return _limits(features["limits"]).get(name) if "limits" in features else None


@lru_cache(maxsize=64)  # a server gives the same answer every time
def _limits(text: str) -> Mapping[str, int]:
    pairs = [word.partition("=") for word in text.upper().split()]
    return {name: int(value) for name, _, value in pairs if _COUNT.fullmatch(value) and int(value)}


def ends_session(reply: Reply) -> bool:
    """Does this say "no more messages in this session", without ending it as 421 does?"""
    text = " ".join(reply.text.lower().split())
    if not 400 <= reply.code < 500 or _GREYLISTING.search(text):
        return False
    return _is_in(_SESSION_LIMITS, reply, text)


def is_one_too_many(reply: Reply) -> bool:
    """Does this refusal of a recipient mean that there were too many before?"""
    return _is_in(_TOO_MANY_RECIPIENTS, reply, " ".join(reply.text.lower().split()))


def _is_in(rows: Iterable[tuple[int | None, str | None, Any]], reply: Reply, text: str) -> bool:
    return any(
        code in (None, reply.code) and enhanced in (None, reply.enhanced) and words.search(text)
        for code, enhanced, words in rows
    )
