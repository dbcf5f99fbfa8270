"""The reference is complete: what the code has, docs/reference/ has, and the same way."""

import argparse
import ast
import importlib
import inspect
import re
import textwrap

import pytest

import simplemail
from simplemail import exceptions, pytest_plugin, testing
from simplemail.backends import options, urls
from simplemail.cli import commands
from simplemail.conf import NAMES, Settings
from simplemail.smtp.auth import MECHANISMS
from simplemail.testing import server
from support.docs_runner import ROOT, blocks_of

REFERENCE = ROOT / "docs" / "reference"
STUBS = [block for path in REFERENCE.glob("*.md") for block in blocks_of(path)]
STUBS = [block for block in STUBS if block.language == "pyi"]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NOT_FOR_USERS = {"fresh", "example"}
NOT_FOR_USERS |= {"offers", "scripted", "script_for", "take", "tls_context"}
"""Public by name only: for the base class, and for the test server's sessions."""


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    level = heading.index(" ")
    match = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    assert match, f"no heading {heading!r}"
    return match[1]


def rows(text: str) -> dict[str, list[str]]:
    """The rows of the tables in a text: what the first cell names in code -> the other cells."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and (name := re.fullmatch(r"`([^`]+)`.*", cells[0])):
            found[name[1]] = cells[1:]
    return found


def definitions(stub) -> list[tuple[str, ast.AST]]:
    """The functions and classes in a stub, with the module that its first line names."""
    module = re.match(r"# (simplemail[\w.]*)\n", stub.code)
    return [(module[1] if module else "simplemail", node) for node in ast.parse(stub.code).body]


def source(thing: object) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


def signatures(node: ast.AST, prefix: str = "") -> dict[str, str]:
    """What of a definition is public: names with signatures, and attributes of classes."""
    if isinstance(node, FUNCTIONS):
        returns = ast.unparse(node.returns) if node.returns else None
        kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
        return {prefix + node.name: f"{kind}({ast.unparse(node.args)}) -> {returns}"}
    found = {}
    for child in node.body:
        if isinstance(child, FUNCTIONS) and is_public(child.name):
            decorators = [ast.unparse(each) for each in child.decorator_list]
            if f"{child.name}.setter" in decorators:
                continue
            if "property" in decorators:  # read as an attribute
                found[f"{node.name}.{child.name}"] = ast.unparse(child.returns)
            else:
                found |= signatures(child, f"{node.name}.")
        elif isinstance(child, ast.AnnAssign) and is_public(ast.unparse(child.target)):
            found[f"{node.name}.{ast.unparse(child.target)}"] = ast.unparse(child.annotation)
    return found


DOCUMENTED = {node.name for stub in STUBS for _, node in definitions(stub)}


def all_signatures(thing: object) -> dict[str, str]:
    """What is public of a thing, and of the classes that it is put together from."""
    bases = getattr(thing, "__mro__", ())[1:]
    elsewhere = {part for base in bases if base.__name__ in DOCUMENTED for part in base.__mro__}
    parts = [
        part
        for part in bases
        if part.__module__.startswith("simplemail.")
        and part not in elsewhere
        and part.__bases__ != (tuple,)  # made by namedtuple(), and without source
    ]
    found: dict[str, str] = {}
    for part in [*reversed(parts), thing]:
        node = source(part)
        node.name = thing.__name__
        found |= signatures(node)
    return found


def is_public(name: str) -> bool:
    return name == "__init__" or not (name.startswith(("_", "test_")) or name in NOT_FOR_USERS)


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.where)
def test_signatures_are_those_of_the_code(stub):
    for module, documented in definitions(stub):
        real = getattr(importlib.import_module(module), documented.name)

        assert signatures(documented) == all_signatures(real)


def test_every_public_name_is_in_the_reference():
    text = "".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    in_code = {
        word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)
    }
    in_stubs = {node.name for stub in STUBS for _, node in definitions(stub)}

    assert set(simplemail.__all__) - in_code - in_stubs == set()


def test_every_public_function_and_class_has_its_signature_there():
    in_stubs = {node.name for stub in STUBS for _, node in definitions(stub)}
    exempt = set(vars(exceptions))  # errors.md describes them in a table
    callables = {n for n in simplemail.__all__ if inspect.isroutine(getattr(simplemail, n))}
    callables |= {n for n in simplemail.__all__ if inspect.isclass(getattr(simplemail, n))}
    callables |= set(testing.__all__)

    assert callables - in_stubs - exempt == set()


def test_every_setting_has_its_row_with_its_default():
    table = rows(page("settings"))

    assert list(table) == sorted(table, key=list(NAMES).index)
    assert set(table) == set(NAMES)
    for name, (default, *_) in table.items():
        assert default == f"`{getattr(Settings, name)!r}`", name


@pytest.mark.parametrize("name", sorted(set(urls.SHORT_NAMES.values())))
def test_every_backend_has_a_row_for_each_of_its_options(name):
    backend = importlib.import_module(f"simplemail.backends.{name}").EmailBackend
    [short, *_] = [s for s, module in urls.SHORT_NAMES.items() if module == name]

    table = rows(section(page("backends"), f"## {short}"))

    own = set(options.known_options(backend))
    assert set(table) == own - ({"fail_silently"} if name != "smtp" else set())


def test_the_table_of_backends_is_that_of_the_code():
    table = rows(section(page("backends"), "# Backends").partition("\n## ")[0])

    modules = {name: f"`simplemail.backends.{module}`" for name, module in urls.SHORT_NAMES.items()}
    assert [(name, cells[0]) for name, cells in table.items()] == [*modules.items()]


def test_the_page_about_django_names_every_backend():
    text = section(page("django-compatibility"), "## Backends").partition("\n### ")[0]

    assert re.findall(r"`(\w+)`", text) == [backend.module for backend in urls.BACKENDS]


def test_the_table_of_schemes_is_that_of_the_code():
    table = rows(section(page("urls"), "## Schemes"))

    backends = {scheme: each.names[0] for each in urls.BACKENDS for scheme in each.schemes}
    assert [(name.rstrip("/").rstrip(":"), cells[0]) for name, cells in table.items()] == [
        *backends.items()
    ]


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Exception)


def test_every_exception_of_ours_has_its_row():
    ours = {name for name, value in vars(exceptions).items() if _is_error(value)}

    assert ours <= set(rows(page("errors")))


def test_every_fault_has_its_row_with_its_arguments():
    things = filter(inspect.isclass, vars(server).values())
    faults = {thing for thing in things if issubclass(thing, server.Fault)} - {server.Fault}
    table = rows(section(page("testing"), "### What it answers"))

    documented = {name.partition("(")[0]: set(re.findall(r"\w+", name)) for name in table}
    assert set(documented) == {fault.__name__ for fault in faults}
    for fault in faults:
        assert set(inspect.signature(fault).parameters) - {"accept"} <= documented[fault.__name__]


def test_every_argument_of_the_server_has_its_row():
    table = rows(section(page("testing"), "### What it offers"))

    assert set(table) == set(inspect.signature(server.SMTPServer).parameters)


def test_every_fixture_has_its_row():
    source = inspect.getsource(pytest_plugin)
    fixtures = re.findall(r"@pytest.fixture\ndef (\w+)", source)

    assert set(rows(section(page("testing"), "## Fixtures"))) == set(fixtures)


COMMANDS = commands.build(lambda: "0")[1]


def names(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a command, and its arguments; those of its actions, too."""
    found = set()
    for action in parser._actions:
        if isinstance(action.choices, dict):
            found.update(*map(names, action.choices.values()))
        else:
            found.add((action.option_strings or [action.dest])[-1])
    return found - {"--help"}


WITH_MAILER = {"--mailer", "--timeout", "--quiet", "--debug"}
FOR_ALL = set.intersection(*map(names, COMMANDS.values())) - WITH_MAILER


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_row_for_each_of_its_options(command):
    text = page("command-line")
    own = names(COMMANDS[command])
    elsewhere = FOR_ALL | (WITH_MAILER if own >= WITH_MAILER else set())

    assert set(rows(section(text, "## For all commands"))) == FOR_ALL | WITH_MAILER
    assert set(rows(section(text, f"## {command}"))) == own - elsewhere


def test_the_option_auth_names_every_mechanism():
    [row] = rows(page("backends"))["auth"]

    assert [m.name for m in MECHANISMS if f'"{m.name.lower()}"' not in row] == []
