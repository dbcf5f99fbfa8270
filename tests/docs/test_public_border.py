"""README, docs/ and the docstrings that users see name public modules alone.

docs/reference/public.md draws the border. Two pages are for people who change simplemail, and may
name its files: docs/explanation/design.md and CONTRIBUTING.md.
"""

import importlib
import inspect
import re
from collections.abc import Iterator

import pytest

import simplemail
from docs.test_reference import page, rows, section
from simplemail.backends.urls import BACKENDS
from support.docs_runner import PAGES, ROOT, page_name

FOR_CONTRIBUTORS = {"docs/explanation/design.md", "CONTRIBUTING.md"}
SOURCE = ROOT / "src" / "simplemail"
MODULES = {
    path.relative_to(SOURCE.parent).with_suffix("").as_posix().replace("/", ".")
    for path in SOURCE.rglob("*.py")
}
MODULES = {name.removesuffix(".__init__") for name in MODULES}
LOGGERS = set(rows(section(page("public"), "## Loggers")))
PUBLIC = {
    module: set(re.findall(r"`(\w+)`", names))
    for module, [names] in rows(section(page("public"), "## Modules")).items()
}
PUBLIC |= {
    re.findall(r"[\w.]+", cells[0])[0]: {"EmailBackend"}
    for cells in rows(section(page("backends"), "# Backends")).values()
    if "simplemail.backends." in cells[0]
}
PUBLIC["simplemail"] |= {*simplemail.__all__, "__all__", "__version__"}


def internal_names(text: str) -> list[str]:
    """What a text names of simplemail that is not public."""
    return [name for name in named_in(text) if not is_public(name)]


def named_in(text: str) -> Iterator[str]:
    """The dotted names of a text, those of import statements put together, and paths of files."""
    for module, names in re.findall(IMPORT, text):
        yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))
    text = re.sub(IMPORT, "", text)
    yield from re.findall(r"(?<![\w./-])simplemail(?:\.\w+)+", text)
    for path in re.findall(r"[\w/]+\.py\b|`[\w/]+/`", text):
        yield from (each for each in [path.strip("`")] if is_in_the_house(each))


IMPORT = r"from\s+(simplemail[\w.]*)\s+import\s+(\([^)]*\)|[^\n#`]+)"


def is_public(name: str) -> bool:
    """Is this a public module, a logger, a public name, or an attribute of one?"""
    if "/" in name or name.endswith(".py"):
        return False
    if name in PUBLIC or name in LOGGERS:
        return True
    parts = name.split(".")
    prefixes = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    module = next(prefix for prefix in prefixes if prefix in MODULES)
    return module in PUBLIC and parts[module.count(".") + 1] in PUBLIC[module]


def is_in_the_house(path: str) -> bool:
    """Does a page name a file or a folder of src/simplemail/?"""
    below = path.removeprefix("src/").removeprefix("simplemail/")
    return "/" in path and (SOURCE / below).exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from simplemail.receipts import Reply", ["simplemail.receipts.Reply"]),
        ("from simplemail.smtp import session", ["simplemail.smtp.session"]),
        ("import simplemail.backends.handler", ["simplemail.backends.handler"]),
        ("`simplemail.smtp.session` opens it.", ["simplemail.smtp.session"]),
        ("See `smtp/session.py`, in `rendering/`.", ["smtp/session.py", "rendering/"]),
        ("See src/simplemail/conf.py.", ["src/simplemail/conf.py"]),
        ("from simplemail import (\n    send_mail,\n    conf,\n)", ["simplemail.conf"]),
        ("from simplemail.testing import capture, assertions", ["simplemail.testing.assertions"]),
        ("from simplemail.logs import Counter", ["simplemail.logs.Counter"]),
        ("`simplemail.exceptions.Secret`", ["simplemail.exceptions.Secret"]),
        ("from simplemail import Reply, mailers\nprint(1)", []),
        ("`simplemail.mailers.default`, `simplemail.wire`, simplemail.outbox.", []),
        ("`simplemail.backends.smtp.EmailBackend` and `simplemail.testing`", []),
        ("Save it as `shop.py`, beside `mysite/settings.py`; see https://simplemail.example", []),
    ],
)
def test_internal_names_are_found(text, found):
    assert internal_names(text) == found


FOR_USERS = [path for path in PAGES if page_name(path) not in FOR_CONTRIBUTORS]


@pytest.mark.parametrize(
    "path", [*FOR_USERS, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"], ids=page_name
)
def test_pages_name_public_modules_alone(path):
    assert internal_names(path.read_text(encoding="utf-8")) == []


def public_things() -> Iterator[tuple[str, object]]:
    """Each public module, what it holds, and the public methods of its classes."""
    for module, names in PUBLIC.items():
        home = importlib.import_module(module)
        yield module, home
        for name in names - {"__all__", "__version__"}:
            thing = getattr(home, name)
            yield f"{module}.{name}", thing
            if inspect.isclass(thing):
                yield from (
                    (f"{module}.{name}.{member}", value)
                    for member, value in inspect.getmembers(thing)
                    if not member.startswith("_") and inspect.isroutine(value)
                )


def test_docstrings_name_public_modules_alone():
    docs = {name: inspect.getdoc(thing) or "" for name, thing in public_things()}

    assert {name: found for name, text in docs.items() if (found := internal_names(text))} == {}


def test_every_public_module_exists():
    assert set(PUBLIC) <= MODULES


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_every_public_name_is_there(module):
    home = importlib.import_module(module)

    assert [name for name in PUBLIC[module] if not hasattr(home, name)] == []
    assert PUBLIC[module] - {"__all__", "__version__"} == set(
        getattr(home, "__all__", PUBLIC[module])
    )


def test_every_backend_is_public():
    ours = {f"simplemail.backends.{backend.module}" for backend in BACKENDS}

    assert {name for name in PUBLIC if name.startswith("simplemail.backends.")} == {
        *ours,
        "simplemail.backends.base",
    }


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_what_public_methods_return_can_be_imported(module):
    home = importlib.import_module(module)
    signatures = [
        (name, inspect.signature(member))
        for thing in (getattr(home, each) for each in PUBLIC[module] - {"__all__", "__version__"})
        if inspect.isclass(thing) and thing.__module__.startswith("simplemail")
        for name, member in inspect.getmembers(thing, inspect.isroutine)
        if not name.startswith("_") and name not in BETWEEN_ROOMS
        if hasattr(member, "__annotations__")
    ]
    returned = {
        (name, word)
        for name, signature in signatures
        for word in re.findall(r"\w+", str(signature.return_annotation))
        if word[:1].isupper() and word in OURS
    }

    assert {pair for pair in returned if pair[1] not in EXPORTED} == set()


BETWEEN_ROOMS = {"ready_session"}
"""What the SMTP backend has for the delivery of messages, and no user calls."""
EXPORTED = {name for names in PUBLIC.values() for name in names}
OURS = {
    name
    for module in MODULES
    for name, thing in vars(importlib.import_module(module)).items()
    if inspect.isclass(thing) and thing.__module__ == module
}
"""The classes of simplemail, wherever they are."""


@pytest.mark.parametrize("module", sorted(name for name in PUBLIC if ".backends." in name))
def test_every_public_name_of_a_backend_is_explained(module):
    """What only we call begins with an underscore."""
    home = importlib.import_module(module)
    backend = getattr(home, "EmailBackend", None) or home.BaseEmailBackend
    text = page("backends") + (ROOT / "docs/how-to/write-a-backend.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"\w+", text)) | BETWEEN_ROOMS

    names = {name for name in dir(backend) if not name.startswith("_")}
    assert names - explained == set()
