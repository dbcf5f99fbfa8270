"""Signs messages before another mailer sends them: DKIM, S/MIME, OpenPGP."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..exceptions import InvalidMailer
from ..receipts import Receipt, Status
from ..rendering.envelope import Envelope
from .holding import HoldingBackend, deliver_through


class EmailBackend(HoldingBackend):
    """Sends through `mailer` what `sign` makes of each message.

    - `mailer`: the mailer to send through: an alias of MAILERS, a URL, an entry like those in
      MAILERS, or a backend object.
    - `sign`: a function that gets the finished message as bytes, 7-bit with CRLF line ends, and
      returns the signed message as bytes; or the dotted path of one, like "myapp.mail.sign".

    What `sign` raises is the message's receipt, and nothing of it is sent: an OSError, such as a
    key file that can't be read now, is DEFERRED, anything else REFUSED. `fail_silently`, `alias`
    and other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailer: Any = None,
        sign: str | Callable[[bytes], bytes] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.held = self._hold("mailer", [mailer])
        self.sign = self._function(sign)

    def _function(self, sign: Any) -> Callable[[bytes], bytes]:
        found = sign
        if isinstance(sign, str):
            module, dot, name = sign.rpartition(".")
            try:
                found = getattr(import_module(module), name) if dot else None
            except (ImportError, AttributeError) as error:
                text = f"Could not find 'sign' {sign!r}: {error}"
                raise InvalidMailer(text, alias=self.alias) from error
        if not callable(found):
            text = "'sign' must be a function, or the dotted path of one like 'myapp.mail.sign'"
            raise InvalidMailer(f"{text}, not {sign!r}", alias=self.alias)
        return found  # type: ignore[no-any-return]  # what it returns is checked when it does

    def _deliver_envelope(self, envelope: Envelope) -> Receipt:
        try:
            signed = self._signed(envelope)
        except Exception as error:
            status = Status.DEFERRED if isinstance(error, OSError) else Status.REFUSED
            return Receipt(envelope, status, envelope, {}, None, error, str(self))
        return deliver_through(self.held[0], signed)

    def _signed(self, envelope: Envelope) -> Envelope:
        sender, recipients = envelope.sender, envelope.recipients
        if envelope.eight_bit:
            # A relay may have to change 8-bit content, which would break the signature.
            content = envelope.content
            envelope = Envelope.of(
                content, sender=sender, recipients=recipients, eight_bit=False, utf8=True
            )
        signed: Any = self.sign(envelope.content)
        if not isinstance(signed, bytes):
            kind = type(signed).__name__
            raise TypeError(f"'sign' must return the signed message as bytes, not {kind}")
        if _has_from(envelope.content) and not _has_from(signed):
            text = "'sign' must return the whole message, not the signature alone"
            raise ValueError(f"{text}: what it returned has no From")
        found = Envelope.of(signed, sender=sender, recipients=recipients, utf8=True)
        if found.content.removesuffix(b"\r\n") != signed.removesuffix(b"\r\n"):
            text = "can't be sent as it is, and any change would break the signature"
            raise ValueError(f"What 'sign' returned {text}: keep its header to ASCII, without Bcc")
        return found


def _has_from(content: bytes) -> bool:
    head = b"\r\n" + content.partition(b"\r\n\r\n")[0]
    return b"\r\nfrom:" in head.lower()
