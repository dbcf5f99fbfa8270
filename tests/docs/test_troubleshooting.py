"""The page about errors quotes them as they are."""

import ast
import re

import pytest

from support.docs_runner import ROOT
from support.sources import tree

PAGE = ROOT / "docs" / "how-to" / "troubleshooting.md"
MESSAGES = re.findall(r"^\| (`.+`) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
QUOTED = [message for cell in MESSAGES for message in re.findall("`([^`]+)`", cell)]


def texts(node: ast.AST) -> list[str]:
    """The texts in some code: a literal's, and an f-string's as one, with "\0" for each value."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []  # a docstring
    found = [text for child in ast.iter_child_nodes(node) for text in texts(child)]
    if isinstance(node, ast.JoinedStr):
        parts = [each.value if isinstance(each, ast.Constant) else "\0" for each in node.values]
        found.append("".join(parts))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.append(node.value)
    return found


SOURCE = "\n".join(
    text for path in sorted((ROOT / "src").rglob("*.py")) for text in texts(tree(path))
)


def test_the_page_has_messages():
    assert len(QUOTED) > 60


@pytest.mark.parametrize("message", QUOTED)
def test_each_quoted_message_is_in_the_code(message):
    # At commas too: what happened and what would help are often put together.
    pieces = [piece.strip() for piece in re.split(r"\.\.\.|[;,] ", message)]

    assert [piece for piece in pieces if piece not in SOURCE] == []
    assert max(map(len, pieces)) > 8


HINTS = ("hints.py", "login_hints.py", "tls_hints.py")
ADVICE = [
    text for name in HINTS for text in texts(tree(ROOT / "src" / "simplemail" / "smtp" / name))
]
"""All texts in the modules whose words errors are made of."""


def pieces(text: str) -> list[str]:
    """The parts between values, as far as they are sentences, and not punctuation or keys."""
    found = [piece.strip(" ;:,()'?") for piece in re.split("\0|{[a-z]+}|[;,] ", text)]
    return [piece for piece in found if len(piece.split()) > 2]


def test_there_is_advice():
    assert sum(len(pieces(text)) for text in ADVICE) > 60


@pytest.mark.parametrize("text", [text for text in ADVICE if pieces(text)])
def test_each_advice_in_the_code_is_on_the_page(text):
    page = PAGE.read_text(encoding="utf-8")

    assert [piece for piece in pieces(text) if piece not in page] == []
