"""An envelope as a message, for backends written for Django, which know of nothing else."""

from __future__ import annotations

from ..light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import email.message
    import email.policy

    from ..rendering.envelope import Envelope


class Delivered:
    """What can be read from an envelope with the names that Django's messages have.

    All recipients are in `bcc`: who is in To and Cc stands in the header.
    """

    connection = None

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.from_email = envelope.sender
        self.to: list[str] = []
        self.cc: list[str] = []
        self.bcc = list(envelope.recipients)
        self.reply_to: list[str] = []

    def recipients(self) -> list[str]:
        """Return everybody who gets the message."""
        return list(self.envelope.recipients)

    def message(
        self, *, policy: email.policy.EmailPolicy | None = None
    ) -> email.message.EmailMessage:
        """Return the content, parsed by Python's own email package."""
        from email import message_from_bytes
        from email.policy import default

        parsed: Any = message_from_bytes(self.envelope.content, policy=policy or default)
        return parsed  # type: ignore[no-any-return]  # of the class that the policy says

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message()["Subject"] or "")

    @property
    def body(self) -> str:
        """The text, or if there is none, the HTML."""
        part: Any = self.message().get_body(("plain", "html"))
        return "" if part is None else str(part.get_content())

    @property
    def extra_headers(self) -> dict[str, str]:
        """All header fields, decoded."""
        return {name: str(value) for name, value in self.message().items()}
