"""Makes an envelope from anything that can be sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from ..conf import settings
from ..light import Any, NamedTuple
from .addresses import InvalidAddress, addr_spec, mailboxes
from .checks import check_octets, header_end
from .header import RECIPIENTS
from .mime import as_bytes
from .parts import BYTES

__all__ = ["Envelope", "as_bytes"]


class WaysUnclear(ValueError):  # noqa: N818 - the message may be sound
    """It isn't clear from the header who sends the message, or who gets it."""


class _Fields(NamedTuple):
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str = ""
    eight_bit: bool = False
    utf8: bool = False


class Envelope(_Fields):
    """What SMTP needs for one message, rendered once. Frozen, and it pickles.

    - `sender`: the bare address to which bounces go; "" is the null sender.
    - `recipients`: a tuple of the bare addresses that get the message, blind copies included.
    - `content`: the finished message in bytes, with CRLF line ends.
    - `message_id`: its Message-ID, in angle brackets.
    - `eight_bit`: the content isn't ASCII, so the server must offer 8BITMIME (RFC 6152).
    - `utf8`: an address or a header isn't ASCII, so the server must offer SMTPUTF8 (RFC 6531).

    One made by hand is judged like any other: addresses become bare ones, each recipient is there
    once, `eight_bit` and `utf8` are what addresses and content make them, whatever is given.
    ValueError for what no mail can hold.
    """

    __slots__ = ()

    def __new__(
        cls,
        sender: str,
        recipients: Iterable[str],
        content: bytes,
        message_id: str = "",
        eight_bit: bool = False,
        utf8: bool = False,
    ) -> Envelope:
        content = bytes(_checked(content))
        check_octets(content)
        _check_message_id(message_id)
        spec, specs = _specs(sender, recipients)
        is_ascii = content.isascii()
        header = b"" if is_ascii else content.partition(b"\r\n\r\n")[0]
        utf8 = not (header.isascii() and "".join((spec, *specs)).isascii())
        return tuple.__new__(cls, (spec, specs, content, message_id, not is_ascii, utf8))

    # A changed envelope is judged like a new one.
    def _replace(self, **changes: Any) -> Envelope:  # pyright: ignore  # final for typing alone
        return type(self)(**{**self._asdict(), **changes})

    def __repr__(self) -> str:
        return (
            f"<Envelope {self.message_id or 'without Message-ID'} from <{self.sender}> to "
            f"{len(self.recipients)} recipients, {len(self.content)} octets>"
        )

    @classmethod
    def of(
        cls,
        thing: Any,
        *,
        sender: object = None,
        recipients: Iterable[Any] | None = None,
        eight_bit: bool = True,
        utf8: bool = False,
    ) -> Envelope:
        """Make an envelope from anything that can be sent.

        - `thing`: a message of ours, of Django's or of Python's `email` package, the bytes of an
          `.eml` file, or an envelope, which is returned as it is but for sender and recipients.
        - `sender`: the envelope's sender, instead of the message's. "" is the null sender of
          RFC 5321, 4.5.5.
        - `recipients`: a list of addresses, instead of the message's.
        - `eight_bit`: whether the server takes 8-bit content (8BITMIME).
        - `utf8`: whether it takes UTF-8 in addresses and headers (SMTPUTF8). UTF-8 stays in the
          header only if an address can't do without.

        An `.eml` keeps its bytes, so that signatures stay valid, but loses its Bcc fields; if all
        its lines end in LF, they will end in CRLF. Raises ValueError if it can't be sent, and
        TypeError if it isn't a message.
        """
        if isinstance(recipients, (str, bytes)):
            raise TypeError(f"'recipients' must be a list of addresses, not {recipients!r}")
        if isinstance(thing, Envelope):
            return thing._readdressed(sender, recipients)
        if (unchanged := getattr(thing, "unchanged", None)) and isinstance(unchanged, Envelope):
            return unchanged._readdressed(sender, recipients)
        if not (hasattr(thing, "message") or hasattr(thing, "policy") or isinstance(thing, BYTES)):
            kind = type(thing).__name__
            raise TypeError(f"A message, an envelope or the bytes of one can be sent, not {kind}")
        thing = _eml(bytes(thing)) if isinstance(thing, BYTES) else thing
        content = _content(thing, eight_bit, utf8)
        end = header_end(content)
        header = b"\n" + content[:end]
        # Read from the source, before any conversion.
        source = thing if isinstance(thing, bytes) or hasattr(thing, "raw_items") else content
        spec = _sender(thing, source, sender, utf8)
        found = _recipients(thing, source) if recipients is None else recipients
        # Each only once, because a server may answer differently the second time.
        where = "the recipients" if recipients is not None else "Bcc or recipients()"
        specs = tuple(dict.fromkeys([_spec(each, where, utf8) for each in found]))
        lowered = header.lower()
        if b"bcc" in lowered and _field("(?:resent-)?bcc").search(header):
            content = _field("(?:resent-)?bcc").sub(b"", header)[1:] + content[end:]
        message_id = _message_id(header, lowered.find(b"\nmessage-id"))
        utf8 = not (header.isascii() and "".join((spec, *specs)).isascii())
        eight_bit = not content.isascii()
        return tuple.__new__(cls, (spec, specs, content, message_id, eight_bit, utf8))

    def _readdressed(self, sender: object, recipients: Iterable[Any] | None) -> Envelope:
        if sender is None and recipients is None:
            return self
        sender = self.sender if sender is None else sender
        spec, specs = _specs(sender, self.recipients if recipients is None else recipients)
        utf8 = self.utf8 or not "".join((spec, *specs)).isascii()
        return type(self)._make((spec, specs, *self[2:5], utf8))

    def to_json(self) -> str:
        """Return the envelope as JSON text, for queues that only carry text."""
        import json
        from base64 import b64encode

        content = b64encode(self.content).decode("ascii")
        return json.dumps({"version": 1, **self._asdict(), "content": content})

    @classmethod
    def from_json(cls, text: str | bytes) -> Envelope:
        """Return the envelope that `to_json()` wrote as `text`.

        Raises ValueError, which says what is wrong, for any other text.
        """
        import json
        from base64 import b64decode

        try:
            found = json.loads(text)
            _check_fields(found)
            del found["version"]
            content = b64decode(found.pop("content"), validate=True)
            return cls(**found, content=content)
        except RecursionError:
            raise ValueError("This is not an envelope in JSON: it is nested too deep") from None
        except ValueError as error:
            raise ValueError(f"This is not an envelope in JSON: {error}") from None


def _checked(content: Any) -> Any:
    if not isinstance(content, BYTES):
        raise TypeError(f"An envelope's content is bytes, not {type(content).__name__}")
    return content


def _check_message_id(text: object) -> None:
    if not isinstance(text, str) or not text.isprintable() or len(text) > 998:
        raise ValueError(f"A Message-ID is printable text on one line, not {ascii(text)[:100]}")


def _specs(sender: object, recipients: Any) -> tuple[str, tuple[str, ...]]:
    """Return the bare addresses, each recipient once."""
    if isinstance(recipients, (str, bytes)):
        raise TypeError(f"'recipients' must be a list of addresses, not {recipients!r}")
    spec = _spec(sender, "the sender", utf8=True) if sender != "" else ""
    return spec, tuple(dict.fromkeys([_spec(each, "the recipients") for each in recipients]))


def _spec(address: object, where: str, utf8: bool = True) -> str:
    """Return a bare address. Raises InvalidAddress, which says where it stands."""
    try:
        return addr_spec(address, utf8=utf8)
    except InvalidAddress as error:
        raise error.within(where) from None


def several(messages: Any) -> Iterable[Any]:
    """Return the messages. Raises TypeError for something else, such as a single message."""
    if type(messages) is not list and (
        isinstance(messages, (Envelope, str, bytes))
        or hasattr(
            messages, "as_bytes"
        )  # iterating over a stdlib message yields the names of its fields
        or not hasattr(messages, "__iter__")
    ):
        kind = type(messages).__name__
        raise TypeError(f"Pass messages in a list or another iterable, like [message], not {kind}")
    return messages


def _check_fields(found: Any) -> None:
    """Raise ValueError unless these are the fields that `Envelope.to_json()` writes."""
    if not isinstance(found, dict):
        raise ValueError(f"it is of type {type(found).__name__}")
    if found.get("version") != 1:
        raise ValueError(f"its version is {found.get('version')!r}, and only 1 is known here")
    if others := found.keys() ^ {"version", *_KINDS}:
        raise ValueError(f"{min(others)!r} is missing, or isn't known")
    for name, kind in _KINDS.items():
        if not isinstance(found[name], kind):
            given = type(found[name]).__name__
            raise ValueError(f"{name!r} is of type {given}, not {kind.__name__}")
    if not all(isinstance(each, str) for each in found["recipients"]):
        raise ValueError("one of 'recipients' isn't text")


_KINDS: dict[str, type] = {
    "sender": str,
    "recipients": list,
    "content": str,
    "message_id": str,
    "eight_bit": bool,
    "utf8": bool,
}


def _content(thing: Any, eight_bit: bool, utf8: bool) -> bytes:
    write = _ready if isinstance(thing, bytes) else as_bytes
    try:
        return write(thing, eight_bit=eight_bit)
    except ValueError:
        if not utf8:
            raise
        # An address in the header needs SMTPUTF8, or what is wrong is wrong with it too.
        return write(thing, eight_bit=eight_bit, utf8=True)


def _ready(content: bytes, *, eight_bit: bool, utf8: bool = False) -> bytes:
    from .downgrade import in_seven_bits, with_ascii_header  # for messages that others made

    write = with_ascii_header if eight_bit else in_seven_bits
    return write(content, utf8=utf8)


def _eml(content: bytes) -> bytes:
    if b"\r" not in content:
        content = content.replace(b"\n", b"\r\n")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    check_octets(content)
    return content


def _sender(thing: Any, source: Any, sender: object, utf8: bool) -> str:
    if sender == "":
        return ""
    if sender is None and hasattr(thing, "from_email"):
        sender = thing.from_email or settings.DEFAULT_FROM_EMAIL
    if sender is not None:
        return _spec(sender, "the sender", utf8)
    # RFC 5322, 3.6.2: Sender is there if it differs from From, or if From has several.
    found = _addresses(source, "sender") or _addresses(source, "from")
    if len(found) != 1:
        raise WaysUnclear(
            f"It isn't clear who sends the message: its header names {len(found)} senders"
        )
    return addr_spec(found[0], utf8=utf8)


def _recipients(thing: Any, source: Any) -> Iterable[Any]:
    if hasattr(thing, "recipients"):
        return thing.recipients()  # type: ignore[no-any-return]  # anybody's
    return [each for name in RECIPIENTS for each in _addresses(source, name)]


def _addresses(source: Any, name: str) -> list[str]:
    """Return the addresses in a field, or in its namesake that says to whom it was sent on.

    A message that was resent goes to the new recipients (RFC 5322, 3.6.6), if it was so once.
    """
    resent = len(_values(source, "resent-date"))
    if resent > 1:
        raise WaysUnclear("The message was resent several times: give its sender and recipients")
    values = _values(source, f"resent-{name}" if resent else name)
    found = [each for value in values for each in mailboxes(value, lenient=True)]
    return [each.addr_spec(utf8=True) for each in found]


def _values(source: Any, name: str) -> list[str]:
    """Return what the fields of this name hold, unfolded."""
    if isinstance(source, bytes):
        header = b"\n" + source[: header_end(source)]
        return [_unfolded(value) for value in _field(name).findall(header)]
    from .ready import ready_text

    given = [ready_text(key, value) for key, value in source.raw_items() if key.lower() == name]
    octets = [text.encode("utf-8", "surrogateescape") for text in given]
    return [_unfolded(re.sub(b"[\r\n]", b"", each)) for each in octets]


def _message_id(header: bytes, at: int) -> str:
    """Return what the first Message-ID holds; nothing like it comes before `at`."""
    if at < 0:
        return ""
    start, end = at + len(b"\nmessage-id"), header.find(b"\r\n", at)
    if header.startswith(b":", start) and not header.startswith((b" ", b"\t"), end + 2):
        return _unfolded(header[start + 1 : end])
    found = _field("message-id").search(header, at)
    return _unfolded(found[1]) if found else ""


def _unfolded(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape").replace("\r\n", "").strip(" \t")


@lru_cache(maxsize=32)
def _field(name: str) -> re.Pattern[bytes]:
    """Return a pattern for a field of this name, from the LF before it to its own CR."""
    return re.compile(rb"(?i)\n%s[ \t]*+:((?:[^\r]|\r\n[ \t])*+)\r(?=\n)" % name.encode())
