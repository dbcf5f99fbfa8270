"""Messages and parts of others, and of subclasses, written by the standard library's generator.

It lays out the parts; each field, and all that must be encoded, is written by us.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from ..light import Any
from .checks import check_octets
from .downgrade import in_seven_bits, with_ascii_header
from .field import header_line, mime_header
from .nesting import check_nesting, limited
from .ready import PARAMETRIC, ready_field, ready_text


def generated(message: Any, *, eight_bit: bool = True, utf8: bool = False) -> bytes:
    """Return a stdlib message or part in bytes with CRLF, as it can travel.

    Raises BadHeaderError when a field came out as more than one, and ValueError for what
    `check_octets()` refuses and for what is nested too deeply.
    """
    from email.generator import BytesGenerator

    check_nesting(message)
    out = BytesIO()
    with limited():
        BytesGenerator(out, mangle_from_=False, policy=_policy(utf8)).flatten(message)
    content = out.getvalue()
    check_octets(content)
    content = with_ascii_header(content, utf8=utf8)
    return content if eight_bit else in_seven_bits(content, utf8=utf8)


@lru_cache(maxsize=2)
def _policy(utf8: bool) -> Any:
    """Return a policy that has each field of each part written by us."""
    from email.policy import EmailPolicy

    class OurPolicy(EmailPolicy):
        def fold_binary(self, name: str, value: Any) -> bytes:
            if not hasattr(value, "name"):  # parsed, or of the legacy classes
                return ready_field(name, ready_text(name, value), utf8=utf8)
            if name.lower() in PARAMETRIC:
                kind = str(value).partition(";")[0].strip()
                return mime_header(name, kind, value.params)
            return header_line(name, str(value), utf8=utf8)

    return OurPolicy(linesep="\r\n", cte_type="8bit", utf8=utf8)
