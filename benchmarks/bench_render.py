"""All claims about rendering in one table."""

from __future__ import annotations

import attachment
import folded_subject
import large_body
import long_html_lines
import named_recipients
import small_text
import text_and_html
import utf8
from harness import main

CASES = [
    *small_text.CASES,
    *text_and_html.CASES,
    *named_recipients.CASES,
    *folded_subject.CASES,
    *utf8.CASES,
    *long_html_lines.CASES,
    *large_body.CASES,
    *attachment.CASES,
]

if __name__ == "__main__":
    main(*CASES)
