"""The code of client groups in studies that are made in several processes.

Each of them loads it by its name, anew for each run, so what a run gives depends on no other.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.scenario.model import ROOT
from simcb.scenario.paths import find_place
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.sweep import is_policy
from simcb.scenario.validation import tree_of
from simcb.studies.run import Clients, Run, StudyError, run_once


def named_clients(clients: Clients | None) -> dict[str, str]:
    """Return the code of client groups as `module:function` each.

    Raises:
        StudyError: a function cannot be found by its name in a module.
        ClientError: a text is no `module:function`.
    """
    from simcb.world.code.loading import parts_of

    named = {
        group: source if isinstance(source, str) else _name_of(group, source)
        for group, source in (clients or {}).items()
    }
    for text in named.values():
        parts_of(text)
    return named


def _name_of(group: str, function: Callable[..., object]) -> str:
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", "")
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function or module == "__main__":
        what = f"the code of {group} cannot be found by a name in a module"
        remedy = "write it into a file and give `module:function`: other processes load it too"
        raise StudyError(what, remedy)
    return f"{module}:{name}"


def source_digest(clients: Mapping[str, str]) -> str:
    """Return what identifies the source of code: its modules with the rest of their packages.

    What these import from elsewhere is not in it. "" if there is no code.

    Raises:
        ClientError: it cannot be loaded.
    """
    from simcb.world.code.loading import found_by_name, own_modules, parts_of

    if not clients:
        return ""
    digest = hashlib.blake2b(digest_size=16)
    with own_modules() as load:
        for text in clients.values():
            found_by_name(text, load)
        for root in sorted({parts_of(text)[0].partition(".")[0] for text in clients.values()}):
            for name, content in _sources(root):
                digest.update(f"{root}/{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources(root: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each source file of a module or a package."""
    module = sys.modules[root]
    for folder in map(Path, getattr(module, "__path__", ())):
        for file in sorted(folder.rglob("*.py")):
            yield file.relative_to(folder).as_posix(), file.read_bytes()
    if not hasattr(module, "__path__") and getattr(module, "__file__", None):
        yield "", Path(module.__file__ or "").read_bytes()


def check_axes_beside(scenario: Scenario, axes: Iterable[Axis], clients: Mapping[str, str]) -> None:
    """Check that no axis varies what code has in its own hands.

    Raises:
        StudyError: one does.
    """
    root = tree_of(scenario)
    for path in (each.path for axis in axes for each in axis.each_place):
        try:
            keys = find_place(root, ROOT, path).keys
        except Refused:
            continue  # Whoever checks the places says so.
        if is_policy(keys) and keys[0] == "clients" and keys[1] in clients:
            what = f"{quoted(path)} is up to the code of {keys[1]}"
            raise StudyError(what, "vary what its services or the world do")


def run_coded(
    clients: Clients, scenario: Scenario, seed: int, replicate: int, *most: int | None
) -> Run:
    """Simulate and measure one replicate, of at most so many events and so many rows."""
    events, rows = most
    return run_once(scenario, seed, replicate, max_events=events, max_rows=rows, clients=clients)
