"""The house stands: a room imports only floors below it and its own guests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import simcb

PACKAGE = Path(simcb.__file__).parent

FLOORS = {
    "errors": -1,
    "garbage": -1,
    "options": -1,
    "outcomes": -1,
    "plain_files": -1,
    "pure": -2,
    "typed": -1,
    "version": -1,
    "window": -1,
    "breaker": 0,
    "trace": 1,
    "adapters": 1,
    "client": 1,
    "integrations": 1,
    "scenario": 2,
    "conformance": 3,
    "exchange": 3,
    "world": 3,
    "metrics": 4,
    "predictions": 5,
    "studies": 6,
    "evidence": 7,
    "live": 7,
    "measurements": 7,
    "views": 8,
    "cli": 9,
    "__init__": 10,
    "__main__": 10,
}

GUESTS = {
    "breaker": set(),
    "client": {"httpx"},
    "trace": {"numpy"},
    "scenario": {"pydantic", "pydantic_core"},
    "world": {"simpy", "numpy"},
    "metrics": {"numpy"},
    "predictions": {"numpy"},
    "studies": {"numpy"},
    "evidence": {"numpy"},
    "live": {"httpx", "numpy", "prometheus_client", "starlette", "uvicorn"},
    "measurements": {"numpy", "pydantic"},
    "views": {"matplotlib", "rich", "numpy"},
    "cli": {"typer", "rich"},
}

GUESTS_OF_ONE_FILE = {
    "scenario/reader.py": {"yaml"},
    "studies/evaluation/manifest.py": {"pydantic"},
}

GUESTS_INSIDE_FUNCTIONS = {
    "conformance/suite.py": {"pytest"},
    "studies/evaluation/backends.py": {"distributed"},
    "studies/tune/search.py": {"optuna"},
    "views/data.py": {"pandas"},
    "views/explore.py": {"ipywidgets"},
    "views/sweep_data.py": {"pyarrow"},
}


def _imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield (module, whether it is imported inside a function) for every import."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which floor they go to"
            yield node.module or "", inside
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(node, inside or function)


SOURCES = sorted(PACKAGE.rglob("*.py"))


def _name_of(path: Path) -> str:
    """Return a module's name: `simcb.world.clock`, or `simcb.world` of a room's own file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _import_graph() -> dict[str, set[str]]:
    """Return the package's modules that each module imports, those for type checkers included."""
    modules = {_name_of(path): path for path in SOURCES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        found: set[str] = set()
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= names | ({node.module or ""} if names - modules.keys() else set())
        graph[module] = found & modules.keys()
    return graph


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what a module imports, what that imports, and so on."""
    found: set[str] = set()
    ahead = [*graph[start]]
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            ahead += graph[module]
    return found


def _circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Return the sets of modules each of which comes to all others of its set, and to itself."""
    reached = {module: _reached(graph, module) for module in graph}
    return {
        frozenset(each for each in found if module in reached[each])
        for module, found in reached.items()
        if module in found
    }


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(PACKAGE)) for p in SOURCES])
def test_a_file_imports_only_floors_below_it_and_its_rooms_guests(path: Path) -> None:
    """Nothing imports upward, sideways, or a library that is not a guest of its room."""
    place = path.relative_to(PACKAGE)
    room = place.parts[0].removesuffix(".py")
    guests = GUESTS.get(room, set()) | GUESTS_OF_ONE_FILE.get(place.as_posix(), set())
    for module, inside in _imports(_tree(path)):
        root, _, rest = module.partition(".")
        if root == "simcb":
            other = rest.partition(".")[0]
            if other == room or not other:
                continue
            assert FLOORS[other] < FLOORS[room], f"{place} imports {module}, which is not below it"
        elif root not in sys.stdlib_module_names | {"_typeshed"}:
            late = GUESTS_INSIDE_FUNCTIONS.get(place.as_posix(), set())
            # An integration wraps one library each; which one is its own business.
            free = room in ("integrations", "adapters")
            assert root in guests or (inside and root in late) or free, (
                f"{place} imports {module}, which is no guest of {room}"
            )


def test_no_module_looks_into_the_packages_window() -> None:
    """What imports `simcb` itself imports, for a type checker, all that its window shows."""
    graph = _import_graph()
    looking = {
        path.relative_to(PACKAGE).as_posix() for path in SOURCES if "simcb" in graph[_name_of(path)]
    } - {"__main__.py"}
    assert not looking, "take what is needed from the room that has it"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A module can be read, and compiled, after those that it imports."""
    assert [sorted(circle) for circle in _circles(_import_graph())] == []


def test_every_room_has_a_floor() -> None:
    """A new room says on which floor it stands before anything is put into it."""
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in SOURCES}
    assert rooms <= set(FLOORS)


def _loaded_by(statement: str) -> set[str]:
    """Return the modules, of simcb itself and others, that a fresh interpreter has then loaded."""
    code = f"{statement}\nimport sys; print(chr(10), *sys.modules, sep=chr(10))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    return set(done.stdout.splitlines())


def test_the_breaker_loads_nothing_but_the_standard_library() -> None:
    """A service that ships the breaker does not pay for the simulator."""
    heavy = {"numpy", "simpy", "pydantic", "typer", "matplotlib", "yaml", "rich", "asyncio"}
    assert not _loaded_by("import simcb.breaker") & heavy


COMPUTING = {"numpy._core", "simpy", "simcb.world.build", "simcb.studies.sweep", "matplotlib"}
"""What computes and draws; `numpy` by itself is what loads numpy when something of it is used."""

MODELS = {"simcb.scenario.model"}
"""What takes a tenth of a second or two before a scenario can be read."""


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--help", {*COMPUTING, "simcb.scenario", "simcb.trace", "pydantic", "yaml"}),
        ("run --help", {*COMPUTING, "simcb.scenario", "simcb.trace", "yaml"}),
        ("--version", {*COMPUTING, "simcb.scenario", "simcb.trace", "yaml", "rich.text"}),
        ("scenarios list", {*COMPUTING, *MODELS, "rich.text"}),
        ("metrics", {*COMPUTING, *MODELS, "yaml"}),
        ("metrics p99", {*COMPUTING, *MODELS, "yaml", "rich.text"}),
        ("check slow-replica", {*COMPUTING, "rich.text"}),
    ],
)
def test_what_answers_at_once_loads_nothing_heavy(command: str, unneeded: set[str]) -> None:
    """A verb that only looks things up waits for nothing that simulates or draws."""
    loaded = _loaded_by(
        f"import sys; sys.argv = ['simcb', *{command.split()!r}]\n"
        "import simcb.cli\n"
        "try:\n    simcb.cli.main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert not loaded & unneeded


@pytest.mark.parametrize("room", [path.parent for path in SOURCES if path.name == "__init__.py"])
def test_a_window_shows_each_name_from_the_module_that_type_checkers_know(room: Path) -> None:
    """What a package promises to a type checker is there when it is looked at, and is the same."""
    package = import_module(_name_of(room / "__init__.py"))
    for block in ast.parse((room / "__init__.py").read_text()).body:
        if isinstance(block, ast.If):
            for node in block.body:
                assert isinstance(node, ast.ImportFrom)
                for alias in node.names:
                    known = getattr(import_module(node.module or ""), alias.name)
                    assert getattr(package, alias.asname or alias.name) is known
