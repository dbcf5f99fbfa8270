"""The house stays in order: imports go down, and `import simplemail` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail.testing import SMTPServer

SOURCE = Path(__file__).parent.parent / "src" / "simplemail"

FLOORS = [
    {"light"},
    {"exceptions", "receipts", "scopes", "encodings", "certificates"}
    | {"watch", "folding", "simple_addresses"},
    {"addresses", "channel"},
    {"conf", "msgid", "headers", "parts", "hints", "show", "bodies", "sentences"}
    | {"transaction", "tls", "patience", "dialogue"},
    {"options", "fields", "checks", "urls", "classes"} | {"auth", "wire"},
    {"mime", "smtp_options"},
    {"render", "delivered"},
    {"compose", "handler"} | {"courier", "dial", "pool"},
    {"message"},
    {"shortcuts", "testing", "diagnose", "letter"},
    {"logs", "aio"},
    {"__init__"},
    {"__main__", "pytest_plugin"},
]
"""DESIGN.md, section 3. A module imports from floors below its own only."""

BACKENDS_FLOOR = 8
"""Backends stand on rendering and settings; nobody imports one by a static import."""

GROUND = {"backends.base", "backends.holding"}
STEPS = {"backends.roundrobin": {"backends.failover"}}
"""Backends are on one floor: what of it others stand on, and which one stands on another."""

HEAVY = {"smtplib", "ssl", "asyncio", "sqlite3", "http", "email.message"}


def floor_of(module: str) -> int:
    if module.startswith("backends"):
        return BACKENDS_FLOOR
    module = "testing" if module.startswith("testing.") else module
    return next(i for i, names in enumerate(FLOORS) if module in names)


def imports(path: Path) -> set[str]:
    """The modules of simplemail that this file imports when it is loaded or run."""
    package = path.relative_to(SOURCE).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            assert not any(name.split(".")[0] == "simplemail" for name in names), path
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = list(package[: len(package) - node.level + 1])
            target = [*base, *(node.module.split(".") if node.module else [])]
            names = [alias.name for alias in node.names] if not node.module else [""]
            found |= {".".join(filter(None, [*target, name])) for name in names}
            if "__version__" in found:  # a name of the package, not a module in it
                found = found - {"__version__"} | {"__init__"}
    return found


def type_checking_only(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.level:
                    found.add(inner.module or "")
    return found


MODULES = sorted(
    path
    for path in SOURCE.rglob("*.py")
    if path.relative_to(SOURCE) != Path("backends/__init__.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path):
    name = path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
    name = name.removesuffix(".__init__")
    for imported in imports(path) - type_checking_only(path):
        if name.startswith("backends") and imported in GROUND | STEPS.get(name, set()):
            continue  # the ground that backends share
        if name.startswith("testing.server") and not imported.startswith("testing.server"):
            pytest.fail(f"{name} imports {imported}; the server knows nothing of the library")
        if name.startswith("testing") and imported.startswith("testing."):
            continue  # one house, with rooms on one floor
        if imported.startswith("backends") and name == "testing.capturing":
            continue  # capture() is about one of them, and imports it when entered
        assert floor_of(imported) < floor_of(name), f"{name} imports {imported}"


def run(code: str) -> str:
    """Run code in a fresh interpreter that sees this checkout, and return what it printed."""
    path = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r})\n"
    command = [sys.executable, "-I", "-c", path + code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def old_python() -> str | None:
    found = Path.home().glob(".pyenv/versions/3.10.*/bin/python")
    return next(map(str, sorted(found)), None)


@pytest.mark.skipif(old_python() is None, reason="no Python 3.10 here")
def test_an_older_python_is_told_what_is_needed():
    code = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); import simplemail"
    done = subprocess.run([old_python(), "-I", "-c", code], capture_output=True, text=True)

    assert "ImportError: simplemail needs Python 3.11 or newer; this is 3.10." in done.stderr


def test_import_is_light():
    names = "send_mail, EmailMultiAlternatives, mailers, configure, deliver, Envelope, Status"
    loaded = set(run(f"from simplemail import {names}; import sys; print(*sys.modules)").split())

    assert "simplemail.shortcuts" in loaded
    assert not loaded & HEAVY


def test_every_public_name_is_where_the_package_says():
    for name in simplemail.__all__:
        assert getattr(simplemail, name) is not None
        assert name in dir(simplemail)


def test_sending_is_light():
    """What takes longer to load than a mail to send isn't loaded on the plain way to a server."""
    code = """
import simplemail, sys
simplemail.configure(EMAIL_HOST='127.0.0.1', EMAIL_PORT={port})
simplemail.send_mail('s', 'b', 'a@b.example', ['c@d.example'])
print(*sys.modules)
"""
    with SMTPServer() as server:
        loaded = set(run(code.format(port=server.port)).split())

    assert "simplemail.dial" in loaded
    assert not loaded & (HEAVY | {"typing", "pathlib", "logging", "urllib.parse", "inspect"})


def test_no_module_shares_its_name_with_a_public_object():
    modules = {path.stem for path in SOURCE.glob("*.py")}

    assert not modules & set(simplemail.__all__)


def test_importing_changes_nothing_in_the_standard_library():
    """BEHAVIOUR 34."""
    code = """
import email.charset, email.policy, mimetypes, socket
before = [dict(email.charset.CHARSETS), dict(email.charset.ALIASES), dict(email.charset.CODEC_MAP),
          socket.getdefaulttimeout(), repr(email.policy.default)]
import simplemail, simplemail.compose, simplemail.render, simplemail.backends.smtp
simplemail.EmailMessage("ü", "ü", to=["a@example.com"]).as_bytes()
after = [dict(email.charset.CHARSETS), dict(email.charset.ALIASES), dict(email.charset.CODEC_MAP),
         socket.getdefaulttimeout(), repr(email.policy.default)]
assert before == after
"""
    run(code)
