"""The rules of the house that a machine can read. A rule that is broken on purpose is an exception by name, here.

Layers point down; cores touch nothing outside; nothing is swallowed; files tell one story; a call has one row.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mesos_py.journal.classes import SERVERS, SHELLS

ROOT = Path(__file__).resolve().parents[1]

#: who may import whom: a module may import modules of its own rank and below
RANKS = (
    ("mesos_py.wire", 0), ("mesos_py.algebra", 1), ("mesos_py.flags", 2), ("mesos_py.machine", 2),
    ("mesos_py.validation", 2), ("mesos_py.executor", 3),
    ("mesos_py.files", 4), ("mesos_py.locks", 4), ("mesos_py.loop", 4), ("mesos_py.transport", 4),
    ("mesos_py.web", 4), ("mesos_py.journal", 4), ("mesos_py.coordination", 4), ("mesos_py.sim", 5),
    ("mesos_py.sdk.session", 3), ("mesos_py.sdk.errors", 3), ("mesos_py.sdk.matching", 3),
    ("mesos_py.sdk.launcher", 3), ("mesos_py.sdk", 5),
    ("mesos_py.config", 4), ("mesos_py.logs", 4), ("mesos_py.cli", 6),
    ("mesos_py.pytest_plugin", 6), ("mesos_py.__main__", 7), ("frameworks.batch.shell", 6), ("frameworks.batch", 3),
    ("frameworks.marathon_py.shell", 6), ("frameworks.marathon_py", 3),
)
CORE_RANK, SHELL_RANK, SERVER_RANK = 3, 4, 5

FORBIDDEN_IN_CORES = {
    "asyncio", "time", "random", "os", "socket", "subprocess", "threading", "aiohttp", "kazoo", "docker", "structlog",
    "logging",
}
#: of what comes below cores
MAY_IMPORT_ANYWAY = {
    ("mesos_py.wire.schema", "os"),  # reads one variable at import: messages are frozen in tests
    ("mesos_py.machine.driver", "asyncio"), ("mesos_py.machine.driver", "structlog"),  # the one shell of that layer
    ("mesos_py.machine.driver", "time"),
}

LINES_MAX = 400

#: absolute paths of somebody's own machine
PRIVATE_PATH = re.compile(r"(?<![\w.~$}])/(?:work|home|root)/[\w.]")


@cache
def sources(*roots: str) -> tuple[Path, ...]:
    return tuple(sorted(path for root in roots for path in (ROOT / root).rglob("*.py")))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def rank(name: str) -> int | None:
    """None: not ours."""
    if any(is_under(name, shell) for shell in SHELLS):
        return SHELL_RANK
    if name in SERVERS:
        return SERVER_RANK
    for package, value in RANKS:
        if is_under(name, package):
            return value
    return CORE_RANK if is_under(name, "mesos_py.master") or is_under(name, "mesos_py.agent") else None


def is_core(name: str) -> bool:
    known = rank(name)
    return known is not None and known <= CORE_RANK


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every imported module but those only a type checker sees, with its line."""
    unseen = {
        inner for node in ast.walk(tree(path)) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(path)):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_layers_point_down() -> None:
    """wire <- algebra <- machine <- cores <- shells <- servers <- programs."""
    wrong = []
    for path in sources("mesos_py", "frameworks"):
        own = rank(module_name(path))
        for line, name in imports(path):
            other = rank(name)
            if own is not None and other is not None and other > own:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def test_cores_touch_nothing_outside() -> None:
    """No clock, no loop, no sockets, no chance, no log: all of that comes in as events."""
    wrong = []
    for path in sources("mesos_py", "frameworks"):
        own = module_name(path)
        if is_core(own):
            wrong += [
                f"{path.relative_to(ROOT)}:{line} imports {name}" for line, name in imports(path)
                if name.partition(".")[0] in FORBIDDEN_IN_CORES
                and (own, name.partition(".")[0]) not in MAY_IMPORT_ANYWAY
            ]
    assert wrong == []


def test_cores_do_not_iterate_over_sets() -> None:
    """The order of a set of strings differs between processes; a core's frames must not."""
    wrong = []
    for path in sources("mesos_py", "frameworks"):
        if is_core(module_name(path)):
            for node in ast.walk(tree(path)):
                over = node.iter if isinstance(node, ast.For | ast.comprehension) else None
                if over is not None and _is_set(over):
                    wrong.append(f"{path.relative_to(ROOT)}:{over.lineno} iterates over a set")
    assert wrong == []


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left) or _is_set(node.right)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")


def test_every_asyncio_task_is_held() -> None:
    """A task whose only reference is the loop's may be collected before it is done."""
    wrong = []
    for path in sources("mesos_py", "frameworks", "examples"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                function = node.value.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                owner = getattr(function.value, "id", "") if isinstance(function, ast.Attribute) else ""
                if name in ("create_task", "ensure_future") and owner in ("asyncio", "loop", ""):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_nothing_is_swallowed() -> None:
    """An except names its type; one that does nothing names a narrow one and says why."""
    wrong = []
    for path in sources("mesos_py", "frameworks", "examples"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                is_broad = getattr(node.type, "id", "") in ("Exception", "BaseException")
                is_empty = all(isinstance(line, ast.Pass) for line in node.body)
                lines = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1 : node.end_lineno]
                if node.type is None or (is_empty and (is_broad or not any("# " in line for line in lines))):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_files_tell_one_story() -> None:
    """A file that outgrows the bound is split by noun; every file opens with its story."""
    long = {}
    for path in sources("mesos_py", "frameworks", "examples", "tests"):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        if len(text.splitlines()) > LINES_MAX:
            long[name] = len(text.splitlines())
        assert not text or ast.get_docstring(tree(path)), f"{name} has no docstring"
    assert long == {}


def test_nothing_is_left_for_later() -> None:
    """No notes to ourselves in what is shipped."""
    note = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources("mesos_py", "frameworks", "examples", "tests", "benchmarks")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if note.search(line)
    ]
    assert wrong == []


def test_nothing_names_where_it_was_written() -> None:
    """The tree means the same anywhere."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    wrong = []
    for name in filter(None, listed):
        path = ROOT / name
        if path == Path(__file__).resolve() or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{name}: {match.group()}" for match in PRIVATE_PATH.finditer(text)]
    assert wrong == []


def test_every_scheduler_call_has_exactly_one_row() -> None:
    """A call that nobody handles would be answered by a crash; merging refuses two rows for one call."""
    from mesos_py.master.core import ROWS
    from mesos_py.wire.scheduler_api import Call

    missing = [member.name for member in Call.Type if member.name != "UNKNOWN" and member not in ROWS]
    assert missing == []


def test_frameworks_is_a_namespace_package() -> None:
    """Other distributions can add their frameworks beside ours."""
    assert not (ROOT / "frameworks" / "__init__.py").exists()
