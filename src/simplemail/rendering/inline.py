"""A file shown inside the HTML, as a MIME part, for backends that read attributes."""

from __future__ import annotations

from email.message import Message, MIMEPart
from email.mime.base import MIMEBase
from email.policy import default
from typing import Any

from .addresses import quote
from .charsets import charset_label
from .injection import check_header
from .leaves import file_leaf
from .parts import EmailInline, as_file, content_type


class Part(MIMEPart, MIMEBase):
    """A MIME part that code written for any Django knows: before 6.0 for `MIMEBase`."""

    def __init__(self, policy: Any = None) -> None:
        Message.__init__(self, policy or default)  # not MIMEBase's: there is no type yet


class InlinePart(Part):
    """What `attach_inline()` puts into a message's `attachments`.

    When simplemail writes the message, it writes `inline`, beside the HTML.
    """

    def __init__(self, inline: EmailInline) -> None:
        super().__init__()
        self.inline = inline
        check_header("Content-ID", inline.content_id)
        if inline.filename is not None:
            check_header("Content-Disposition", str(inline.filename))
        content, mimetype = as_file(inline.content, inline.mimetype)
        leaf = file_leaf(mimetype, content, f"The inline file {inline.filename!r}")
        kind = content_type(leaf.mimetype)
        params = {name: value for name, value in kind.params.items() if name != "charset"}
        if leaf.charset:
            params["charset"] = charset_label(leaf.charset)
        self.set_content(
            bytes(leaf.body),
            kind.maintype,
            kind.subtype,
            disposition="inline",
            filename=None if inline.filename is None else str(inline.filename),
            cid=f"<{inline.content_id}>",
            params=params,
        )

    @classmethod
    def of(cls, part: Any) -> InlinePart:
        """Return what was added to the message for a part of a multipart/related (RFC 2387)."""
        params = dict(part["Content-Type"].params) if part["Content-Type"] else {}
        kind = [part.get_content_type(), *(f"{n}={quote(v)}" for n, v in params.items())]
        content = part.get_payload(decode=True) or b""
        content_id = str(part["Content-ID"]).strip(" \t<>")
        return cls(EmailInline(content_id, part.get_filename(), content, "; ".join(kind)))
