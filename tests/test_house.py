"""The house stays in order: imports go down, and `import simplemail` is light."""

from __future__ import annotations

import ast
import functools
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail.backends.urls import BACKENDS
from simplemail.testing import SMTPServer
from support import measures, sources

SOURCE = Path(__file__).parent.parent / "src" / "simplemail"

FLOORS = [
    {"light", "exceptions", "receipts", "threads", "testing.server"},
    {"scopes"},
    {"conf"},
    {"rendering"},
    {"smtp"},
    {"utils", "backends"},
    {"message"},
    {"shortcuts"},
    {"aio", "logs"},
    {"queue", "inbox"},
    {"testing", "cli"},
    {"__init__"},
    {"__main__", "pytest_plugin"},
]
"""Ground first. What is on one floor stands in the order written in `LEFT_TO_RIGHT`."""

LEFT_TO_RIGHT = [
    *("light", "exceptions", "receipts", "threads", "testing.server", "utils", "backends"),
    *("aio", "logs", "queue", "inbox", "testing", "cli"),
]
"""Names on one floor may import those to their left."""

STEPS = {"backends.roundrobin": {"backends.failover"}}
"""Which backend stands on another one. All others are found at run time, by their names."""

OPENED_BY = {
    "backends.smtp_check": {"backends.smtp"},
    "testing.capturing": {"backends.locmem"},
}
"""Who else imports a backend: each is about this one, and imports it when it is used."""

HEAVY = {"smtplib", "ssl", "asyncio", "sqlite3", "http", "email.message"}


def room_of(module: str) -> str:
    """The name in FLOORS that a module belongs to."""
    if module == "testing.server" or module.startswith("testing.server."):
        return "testing.server"
    return module.partition(".")[0]


def height(module: str) -> tuple[int, int]:
    room = room_of(module)
    floor = next(i for i, names in enumerate(FLOORS) if room in names)
    return floor, LEFT_TO_RIGHT.index(room) if room in LEFT_TO_RIGHT else 0


@functools.cache
def imports(path: Path) -> set[str]:
    """The modules of simplemail that this file imports when it is loaded or run."""
    package = path.relative_to(SOURCE).parts[:-1]
    found = set()
    for node in set(sources.nodes(path)) - for_type_checkers(path):
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


MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    name = path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def for_type_checkers(path: Path) -> set[ast.AST]:
    """Every node under `if TYPE_CHECKING:`. What stands there is never imported."""
    return {
        inner
        for node in sources.nodes(path)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }


def test_imports_go_down():
    wrong = [
        f"{name} imports {imported}"
        for name, path in ((name_of(path), path) for path in MODULES)
        for imported in imports(path)
        if room_of(imported) != room_of(name) and height(imported) >= height(name)
    ]

    assert wrong == []


def test_backends_are_found_at_run_time():
    backends = {f"backends.{backend.module}" for backend in BACKENDS}
    found = {name_of(path): imports(path) & backends for path in MODULES}
    allowed = {name: STEPS.get(name, set()) | OPENED_BY.get(name, set()) for name in found}

    assert {
        name: found[name] - allowed[name] for name in found if found[name] - allowed[name]
    } == {}


def test_the_test_kits_server_imports_nothing_of_the_library():
    for path in (SOURCE / "testing" / "server").glob("*.py"):
        assert {room_of(imported) for imported in imports(path)} <= {"testing.server"}


def test_folders_have_no_circles():
    graph = {name_of(path): imports(path) for path in MODULES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for imported in graph.get(name, ()):
                if room_of(imported) == room_of(name) and imported != name:
                    visit(imported, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


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
    assert not loaded & (HEAVY | {"typing", "pathlib", "contextlib"})


def test_every_public_name_is_where_the_package_says():
    for name in simplemail.__all__:
        assert getattr(simplemail, name) is not None


def test_dir_shows_the_public_names_and_no_others():
    code = "import simplemail, simplemail.smtp.session; print(*dir(simplemail))"

    assert run(code).split() == sorted(simplemail.__all__)


def test_a_mailer_is_light_until_it_connects():
    code = """
import simplemail, sys
simplemail.configure(EMAIL_HOST='mail.example.com')
simplemail.get_connection()
print(*sys.modules)
"""
    loaded = set(run(code).split())

    assert "simplemail.backends.smtp" in loaded
    assert not loaded & (HEAVY | {"typing", "pathlib", "logging", "urllib.parse", "inspect"})


def test_sending_is_light():
    """What takes longer to load than a mail to send isn't loaded on the plain way to a server.

    But for smtplib, which the connection is made from, and logging, which an open session may need.
    """
    needed = set(run("import smtplib, logging, sys; print(*sys.modules)").split())
    code = """
import simplemail, sys
simplemail.configure(EMAIL_HOST='127.0.0.1', EMAIL_PORT={port})
simplemail.send_mail('s', 'b', 'a@b.example', ['c@d.example'])
print(*sys.modules)
"""
    with SMTPServer() as server:
        loaded = set(run(code.format(port=server.port)).split())

    assert "simplemail.smtp.connection" in loaded
    assert not (loaded - needed) & (HEAVY | {"typing", "pathlib", "urllib.parse", "inspect"})


def test_no_module_shares_its_name_with_a_public_object():
    modules = {path.stem for path in SOURCE.glob("*.py")}

    assert not modules & set(simplemail.__all__)


def test_importing_changes_nothing_in_the_standard_library():
    """django-compatibility 34."""
    code = """
import email.charset, email.policy, mimetypes, socket
before = [dict(email.charset.CHARSETS), dict(email.charset.ALIASES), dict(email.charset.CODEC_MAP),
          socket.getdefaulttimeout(), repr(email.policy.default)]
import simplemail, simplemail.rendering.compose, simplemail.rendering.envelope
import simplemail.backends.smtp
simplemail.EmailMessage("ü", "ü", to=["a@example.com"]).as_bytes()
after = [dict(email.charset.CHARSETS), dict(email.charset.ALIASES), dict(email.charset.CODEC_MAP),
         socket.getdefaulttimeout(), repr(email.policy.default)]
assert before == after
"""
    run(code)


def test_the_top_of_the_package_is_easy_to_survey():
    assert len(list(SOURCE.glob("*.py"))) <= 14


def test_files_and_functions_are_short():
    sizes = [size for path in MODULES for size, _ in measures.function_lengths(path)]

    assert [path for path in MODULES if measures.file_length(path) > 350] == []
    assert statistics.median(sizes) <= 5
    assert measures.percentile(sizes, 0.9) <= 15


def test_state_of_a_module_says_why_it_is_there():
    found = {name_of(path): measures.unexplained_state(path) for path in MODULES}

    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line", ["cache = {}", "_waiting: list[int] = []", "_lock = threading.RLock()", "_ids = set()"]
)
def test_state_without_a_reason_is_found(tmp_path, line):
    (tmp_path / "bare.py").write_text(f"import x\n\n{line}\n\nname = 1\n")
    (tmp_path / "said.py").write_text(f"import x\n\n# For a reason.\n{line}\n\nname = 1\n")

    assert len(measures.unexplained_state(tmp_path / "bare.py")) == 1
    assert measures.unexplained_state(tmp_path / "said.py") == []


LOCKS = {"Lock", "RLock", "allocate_lock", "Condition", "Semaphore", "BoundedSemaphore"}
"""What would hang a child after fork(). `light.lock()` makes all of the package's locks."""


def locks_of_others(path: Path) -> set[str]:
    """The names by which this file makes locks that don't come from `light`."""
    found = set()
    for node in sources.nodes(path):
        if isinstance(node, ast.Attribute) and node.attr in LOCKS:
            found.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module in ("_thread", "threading"):
            found |= {alias.name for alias in node.names} & LOCKS
    return found


# The test kit's server stands alone. The semaphore of aio counts messages; only a thread
# that a child hasn't got waits for it.
# Only threads of the inbox wait for its feed.
# Only who waits for a place acquires its bell, and a child has no thread that waits.
MAY_HAVE_OTHERS = {
    "light": {"RLock", "threading.RLock"},
    "aio": {"threading.Semaphore"},
    "inbox.feed": {"threading.Condition"},
    "smtp.places": {"threading.Lock"},
}


# The wire asks first if anybody listens; the commands set up what is shown.
MAY_ASK_FOR_LOGGERS = {"light", "smtp.dialogue", "cli.terminal", "cli.queue_worker"}


def test_all_log_records_are_written_in_one_place():
    """There, each becomes one line."""
    asking = {
        name_of(path)
        for path in MODULES
        for node in sources.nodes(path)
        if isinstance(node, (ast.Attribute, ast.alias))
        and "getLogger" in (getattr(node, "attr", ""), getattr(node, "name", ""))
    }

    assert asking == MAY_ASK_FOR_LOGGERS


def test_all_locks_come_from_one_place():
    for path in MODULES:
        if room_of(name_of(path)) != "testing.server":
            assert locks_of_others(path) <= MAY_HAVE_OTHERS.get(name_of(path), set()), path
