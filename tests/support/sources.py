"""Reads Python files for tests that look at code: each file is parsed once, and then kept."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file. It belongs to all tests: don't change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a file's syntax tree, as `ast.walk()` yields them."""
    return tuple(ast.walk(tree(path)))
