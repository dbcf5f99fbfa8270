"""Makes the plain text of HTML, for mail programs and people who read that."""

from __future__ import annotations


def text_from_html(html: str) -> str:
    """Return what `html` says as plain text. Lines end in newlines.

    Links are followed by their addresses, list items have their marks, tables come row by row.
    Scripts, styles and what is hidden are left out. Takes broken HTML too.
    """
    from .html_reader import HTMLReader  # takes longer to load than a mail to send

    reader = HTMLReader()
    reader.feed(html)
    reader.close()
    return reader.text()
