"""From a message to what SMTP needs: an envelope, and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .addresses import addr_spec


class Envelope(NamedTuple):
    """What SMTP needs for one message, rendered once. Frozen, and it pickles.

    `eight_bit` and `utf8` say what the server must be told, or be able to take: 8BITMIME
    (RFC 6152) and SMTPUTF8 (RFC 6531).
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str = ""
    eight_bit: bool = False
    utf8: bool = False

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
        """Make an envelope of a message."""
        import email.message
        import email.policy
        import email.utils

        if isinstance(thing, Envelope):
            return thing
        if isinstance(thing, (bytes, bytearray)):
            parsed: Any = email.message_from_bytes(bytes(thing), policy=email.policy.SMTP)
            content = bytes(thing)
        elif isinstance(thing, email.message.Message):
            parsed, content = thing, thing.as_bytes(policy=email.policy.SMTP)
        else:
            parsed, content = None, as_bytes(thing, eight_bit=eight_bit)
        if parsed is not None:
            found = email.utils.getaddresses(
                [str(v) for n in ("to", "cc", "bcc") for v in parsed.get_all(n, ())]
            )
            sender = sender or str(parsed.get("from", ""))
            recipients = [a for _, a in found] if recipients is None else recipients
            message_id = str(parsed.get("message-id", ""))
        else:
            sender = sender or thing.from_email
            recipients = thing.recipients() if recipients is None else recipients
            message_id = ""
        return cls(
            addr_spec(sender) if sender else "",
            tuple(addr_spec(recipient) for recipient in recipients),
            content,
            message_id,
            not content.isascii(),
        )


def as_bytes(message: Any, *, eight_bit: bool = True, utf8: bool = False) -> bytes:
    """Return the message's bytes, with CRLF."""
    import email.policy

    policy = email.policy.SMTP if eight_bit else email.policy.SMTP.clone(cte_type="7bit")
    return bytes(message.message(policy=policy).as_bytes())
