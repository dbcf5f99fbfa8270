"""Attaches files and images to a message."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..light import Any
from .msgid import DNS_NAME, make_msgid
from .parts import EmailInline, attached, check_content, guess_type, is_inline, normalized


class Attaching:
    """The part of a message class that holds attachments."""

    attachments: list[Any]

    def attach(
        self, filename: Any = None, content: Any = None, mimetype: str | None = None
    ) -> None:
        """Attach `content` as a file named `filename`, or a ready `MIMEPart` (alone, as it is).

        `mimetype` is its type, guessed from the name by default. Bytes arrive as they are, and a
        `str` does in UTF-8. Bytes for text/* that are no such text, or hold a NUL, are sent as
        application/octet-stream. ValueError without content.
        """
        if _is_mime_part(filename):
            if content is not None or mimetype is not None:
                raise ValueError("Attach a MIME part alone, without content and mimetype")
            self.attachments.append(filename)
        else:
            self.attachments.append(normalized((filename, content, mimetype)))

    def attach_file(self, path: str | os.PathLike[str], mimetype: str | None = None) -> None:
        """Attach the file at `path` under its base name. `mimetype` is guessed if not given."""
        from pathlib import Path  # loading it takes longer than sending a mail

        path = Path(path)
        self.attach(path.name, path.read_bytes(), mimetype)

    def attach_inline(
        self, content: str | bytes, filename: str | None = None, mimetype: str | None = None
    ) -> str:
        """Add a file that the HTML shows in place, and return its Content-ID.

        `content` is text or bytes, `filename` its name, and `mimetype` its type, guessed from the
        name by default, or else from the first octets of an image. Refer to it as
        `<img src="cid:...">` with what is returned. The file travels beside the HTML in
        multipart/related (RFC 2387), so mail programs don't list it.
        """
        check_content(filename, content)
        mimetype = mimetype or guess_type(filename, content)
        content_id = make_msgid(domain=str(DNS_NAME))[1:-1]
        from .inline import InlinePart

        inline = EmailInline(content_id, filename, content, mimetype)
        self.attachments = [*(self.attachments or ()), InlinePart(inline)]
        return content_id

    @property
    def inlines(self) -> tuple[EmailInline, ...]:
        """What `attach_inline()` added. In `attachments`, each is a MIME part with a Content-ID."""
        return tuple([each.inline for each in self.attachments or () if is_inline(each)])

    @inlines.setter
    def inlines(self, inlines: Iterable[EmailInline]) -> None:
        from .inline import InlinePart

        kept = {id(each.inline): each for each in self.attachments or () if is_inline(each)}
        parts = [kept.get(id(i)) or InlinePart(EmailInline(*i)) for i in inlines]
        self.attachments = [*attached(self), *parts]


def _is_mime_part(thing: object) -> bool:
    # Asked by its methods, so that attaching a file needn't load the email package.
    return hasattr(thing, "get_content_maintype") and hasattr(thing, "as_bytes")
