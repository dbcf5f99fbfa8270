"""Changes one place of a module at a time, and tells which changes its own tests don't notice.

Run by hand, with the development dependencies: CONTRIBUTING.md says how. Cosmic Ray makes the
mutants and runs the tests, in a copy of the checkout; this draws places at random, and doesn't
count a time-out as a kill.
"""

from __future__ import annotations

import argparse
import ast
import random
import shlex
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from os import chdir
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parents[2]
QUICK = (
    "-x",
    "-q",
    "--tb=no",
    "--assert=plain",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:hypothesispytest",
)
"""What pytest does beside running the tests takes longer than most files' tests."""
CONFIG = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def tests_of(module: str) -> list[str]:
    """Return the test files of a module such as `smtp/pool`: its mirror, and those in the table."""
    folder, _, name = module.rpartition("/")
    mirror = f"tests/{folder}/test_{name}.py"
    named = [f"tests/{test}.py" for test in CONFIG["tests"].get(module, ())]
    return ([mirror] if Path(mirror).exists() else []) + named


class _Meaning(ast.NodeTransformer):
    """Drops what no test can see: annotations, what only type checkers read, caches."""

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        """A `*` or a `/` between them is for type checkers, too."""
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults += [default for default in node.kw_defaults if default is not None]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if "overload" in decorators:
            return None
        pairs = zip(node.decorator_list, decorators, strict=True)
        node.decorator_list = [each for each, text in pairs if not text.startswith("lru_cache")]
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Name("object")
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        never = "TYPE_CHECKING" in ast.unparse(node.test)
        return None if never else self.generic_visit(node)


def meaning(source: str) -> str:
    return ast.dump(_Meaning().visit(ast.parse(source)))


def changes_meaning(source: str, mutation: MutationSpec) -> bool:
    operator = get_operator(mutation.operator_name)()
    mutated = mutate_code(source, operator, mutation.occurrence)
    try:
        return mutated is not None and meaning(mutated) != meaning(source)
    except SyntaxError:
        return False


def is_left_out(mutation: MutationSpec) -> bool:
    return any(mutation.operator_name.endswith(end) for end in CONFIG["left-out"])


def drawn(path: Path, sample: int, seed: int) -> Iterator[MutationSpec]:
    """Draw places at random, and one mutant of each.

    Otherwise the eleven ways to spoil a `+` would outweigh every `if`.
    """
    with tempfile.TemporaryDirectory() as folder, use_db(f"{folder}/db", WorkDB.Mode.create) as db:
        init([path], db, {})
        mutations = [item.mutations[0] for item in db.work_items]
    places: dict[object, list[MutationSpec]] = {}
    for mutation in sorted(
        mutations, key=lambda each: (each.start_pos, each.operator_name, each.occurrence)
    ):
        if not is_left_out(mutation):
            places.setdefault((mutation.start_pos, mutation.end_pos), []).append(mutation)
    chance = random.Random(f"{seed} {path}")
    source = path.read_text()
    choices = (chance.choice(places[place]) for place in chance.sample(list(places), len(places)))
    found = (mutation for mutation in choices if changes_meaning(source, mutation))
    return (mutation for _, mutation in zip(range(sample), found, strict=False))


def changed_lines(diff: str) -> str:
    lines = diff.splitlines()
    return "\n".join(
        f"    {line}" for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")
    )


def examine(module: str, sample: int, seed: int) -> tuple[int, int]:
    """Return how many mutants of the module were made, and how many its own tests killed."""
    path = Path(f"src/simplemail/{module}.py")
    tests = tests_of(module)
    command = shlex.join([sys.executable, "-m", "pytest", *QUICK, *tests])
    began = time.monotonic()
    outcome, output = run_tests(command, 600)
    if outcome is not TestOutcome.SURVIVED:
        raise SystemExit(f"{module}: its tests fail without a mutant\n{output}")
    limit = CONFIG["time-out"] * (time.monotonic() - began) + 15
    made = killed = 0
    for mutation in drawn(path, sample, seed):
        result = mutate_and_test([mutation], command, limit)
        made += 1
        if result.test_outcome is TestOutcome.KILLED and result.output != "timeout":
            killed += 1
            continue
        what = "time-out" if result.output == "timeout" else str(result.test_outcome.value)
        print(f"  {module}.py:{mutation.start_pos[0]} {what}, {mutation.operator_name}")
        print(changed_lines(result.diff or ""), flush=True)
    print(f"{module}: {killed} of {made} killed by {' '.join(tests)}", flush=True)
    return made, killed


def named(modules: list[str]) -> Iterator[str]:
    """Yield the modules, with folders such as `smtp` written out."""
    for module in modules:
        folder = Path("src/simplemail", module)
        files = sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
        for file in files:
            name = file.relative_to("src/simplemail").with_suffix("").as_posix()
            if tests_of(name):
                yield name
            elif file.stem != "__init__":
                print(f"{name}: no tests are named for it in mutants.toml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "modules", nargs="+", help="modules or folders, such as smtp/pool or rendering"
    )
    parser.add_argument(
        "--sample", type=int, default=20, help="places of each module that are tried"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed tries other places")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "simplemail")
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".ci-work", "*.pyc")
        )
        chdir(copy)
        counts = [
            examine(module, options.sample, options.seed) for module in named(options.modules)
        ]
        chdir(ROOT)
    made, killed = (sum(numbers) for numbers in zip(*counts, strict=True))
    print(f"{killed} of {made} killed: {killed / made:.0%}")


if __name__ == "__main__":
    main()
