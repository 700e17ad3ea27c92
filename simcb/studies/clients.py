"""The code of client groups in studies that are made in several processes.

Each of them loads it by its name, anew for each run, so what a run gives depends on no other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from simcb.scenario import Scenario
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


def run_coded(
    clients: Clients, scenario: Scenario, seed: int, replicate: int, *most: int | None
) -> Run:
    """Simulate and measure one replicate, of at most so many events and so many rows."""
    events, rows = most
    return run_once(scenario, seed, replicate, max_events=events, max_rows=rows, clients=clients)
