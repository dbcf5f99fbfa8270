"""Measures how long the files and functions of a source folder are.

PYTHONPATH=tests python -m support.measures [FOLDER]        (src/simplemail if none is given)

The lines of a function are those of its body; its docstring is left out, and so are functions
within it that are counted themselves.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from support.sources import nodes, tree

SOURCE = Path(__file__).parents[2] / "src" / "simplemail"

MUTABLE_CALLS = {
    *("list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter"),
    *("local", "Lock", "RLock", "Condition", "WeakKeyDictionary", "WeakValueDictionary", "WeakSet"),
}
MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def function_lengths(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each function's number of lines and its name."""
    for node in nodes(path):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield lines_of_body(node), node.name


def lines_of_body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return 0
    total = (body[-1].end_lineno or 0) - body[0].lineno + 1
    inner = (ast.FunctionDef, ast.AsyncFunctionDef)
    return total - sum(lines_of_body(each) for each in body if isinstance(each, inner))


def file_length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def percentile(sizes: list[int], share: float) -> int:
    return sorted(sizes)[min(len(sizes) - 1, int(len(sizes) * share))]


def unexplained_state(path: Path) -> list[str]:
    """Return the module-level names that can change and have neither a comment nor a docstring.

    A name in capitals is a constant, whatever holds it.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    body = tree(path).body
    changed = {name for node in nodes(path) if isinstance(node, ast.Global) for name in node.names}
    found = []
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Name) or target.id.isupper() or target.id == "__all__":
            continue
        if target.id not in changed and not is_mutable(node.value):
            continue
        has_docstring = isinstance(following, ast.Expr) and isinstance(
            following.value, ast.Constant
        )
        has_comment = "#" in lines[node.lineno - 1] or lines[node.lineno - 2].startswith("#")
        if not (has_docstring or has_comment):
            found.append(target.id)
    return found


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        function = value.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in MUTABLE_CALLS
    return isinstance(value, MUTABLE_DISPLAYS)


def main(folder: Path) -> None:
    paths = sorted(folder.rglob("*.py"))
    functions = [(size, f"{p}: {name}") for p in paths for size, name in function_lengths(p)]
    sizes = [size for size, _ in functions]
    print(f"{len(paths)} files, {sum(map(file_length, paths))} lines, {len(sizes)} functions")
    print(f"a function's median {statistics.median(sizes):g}, 90th percentile", end=" ")
    print(percentile(sizes, 0.9))
    for length, path in sorted(((file_length(p), p) for p in paths), reverse=True)[:5]:
        print(f"{length:5} lines  {path}")
    for size, where in sorted(functions, reverse=True)[:10]:
        print(f"{size:5} lines  {where}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE)
