"""Changed scenarios: a scenario and what is to be different, to another scenario.

The changes are made where a file's are, in the written tree, and judged like a file. This
module must not know YAML.
"""

from __future__ import annotations

import enum
import numbers
from collections.abc import Iterable, Mapping
from typing import TypeVar

from simcb.scenario.arrivals import Replay
from simcb.scenario.judge import ROOT, judge
from simcb.scenario.model import ClientGroup, Scenario, Service
from simcb.scenario.nodes import Findings, Mark, Source, Tree, from_plain
from simcb.scenario.overrides import with_value
from simcb.scenario.part import Named, Part
from simcb.scenario.recorded import Column, Recall, Recording
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.scenario.shapes import Object, to_data

Caller = TypeVar("Caller", ClientGroup, Service)


def changed(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """Return a scenario with places changed; see `Scenario.with_`.

    Raises:
        ScenarioError: a path names no place or several, or a value does not fit.
    """
    findings = Findings()
    root = tree_of(scenario)
    for path, value in changes.items():
        label = f"with_({shown(path, 100)!r}: {shown(repr(value), 60)})"
        mark = Mark(Source(label))
        try:
            root = with_value(root, path, from_plain(_as_written(value), mark), ROOT)
        except Refused as refused:
            findings.add(mark, "", refused)
    return judge(root, findings, _recall_of(scenario, changes.values()))


def _recall_of(scenario: Scenario, given: Iterable[object]) -> Recall:
    """Return what brings the data files that a scenario, or a part given, has read already."""
    every = [*given, *(group.arrivals for group in scenario.clients.values())]
    known = {
        (part.file, part.column): Recording(part.moments or part.rates)
        for part in every
        if isinstance(part, Replay)
    }

    def recall(file: str, column: Column) -> Recording:
        if (file, column) not in known:
            raise Refused(
                f"{quoted(file)} was not read for its {column} with this scenario",
                "read the scenario anew, with this change among its `sets`",
            )
        return known[file, column]

    return recall


def without_breakers(scenario: Scenario) -> Scenario:
    """Return the scenario with every breaker switched off, nothing else touched."""
    return scenario.model_copy(
        update={
            "clients": Named({name: _unguarded(each) for name, each in scenario.clients.items()}),
            "services": Named({name: _unguarded(each) for name, each in scenario.services.items()}),
        }
    )


def _unguarded(caller: Caller) -> Caller:
    """Return a client group or service whose calls have no breaker switched on."""
    off = {
        name: call.model_copy(
            update={"breaker": call.breaker.model_copy(update={"enabled": False})}
        )
        for name, call in caller.calls.items()
        if call.breaker is not None
    }
    return caller.model_copy(update={"calls": Named({**caller.calls, **off})}) if off else caller


def tree_of(scenario: Scenario) -> Tree:
    """Return a scenario as if it had just been read from a file of its name."""
    mark = Mark(Source(f"scenario {shown(scenario.name, 60)}"))
    tree = from_plain(to_data(scenario, ROOT), mark)
    if not isinstance(tree, Tree):
        raise TypeError("a scenario is written as a mapping")
    return tree


def _as_written(value: object) -> object:
    """Return a Python value as the file would have it: parts as mappings, numpy as numbers."""
    if isinstance(value, Part):
        return to_data(value, Object(type(value)))
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, enum.Enum) else value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _as_written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_written(item) for item in value]
    return value
