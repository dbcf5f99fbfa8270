"""Finds the pages and their code blocks."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "sh", "crontab", "text", "diff", "pyi", "smtp", "picture", "yaml", "js"}

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
_FILE_NAME = re.compile(r"# ([\w./-]+\.py)\n")


class Block(NamedTuple):
    """A fenced code block; `line` is that of its first line of code, for tracebacks."""

    page: Path
    line: int
    language: str
    code: str

    @property
    def file_name(self) -> str | None:
        """The name in a comment on the first line, if there is one."""
        match = _FILE_NAME.match(self.code)
        return match[1] if match else None

    @property
    def where(self) -> str:
        return f"{page_name(self.page)}:{self.line}"


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def blocks_of(page: Path) -> list[Block]:
    """Return a page's blocks. A fence that is never closed is an AssertionError."""
    blocks = []
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        if fence := _FENCE.match(line):
            indent, mark, language = fence.groups()
            code = []
            for _, inside in lines:
                if inside.strip() == mark:
                    break
                code.append(inside.removeprefix(indent) + "\n")
            else:
                raise AssertionError(f"{page_name(page)}:{number}: this block has no end")
            blocks.append(Block(page, number + 1, language.strip(), "".join(code)))
    return blocks
