"""Changes from outside: overlays merged over a file, and single places set.

Both work on the written tree, before it is judged, so a changed scenario is checked exactly
as if the change stood in the file. Changing a `kind` drops the words that the new kind does
not know; everything else stays. This module must not know YAML.
"""

from __future__ import annotations

import enum
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from simcb.scenario.arrivals import Replay
from simcb.scenario.judge import ROOT, judge
from simcb.scenario.model import ClientGroup, Scenario, Service
from simcb.scenario.nodes import (
    Findings,
    Items,
    Mark,
    Node,
    Scalar,
    Source,
    Tree,
    from_plain,
)
from simcb.scenario.part import Named, Part
from simcb.scenario.places import find_place, spelt_out
from simcb.scenario.recorded import Column, Recall, Recording
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.scenario.shapes import (
    Entries,
    Kinds,
    Listing,
    Object,
    Shape,
    member,
    slots,
    to_data,
)

Caller = TypeVar("Caller", ClientGroup, Service)


def merged(base: Node, over: Node, shape: Shape | None = ROOT) -> Node:
    """Return a tree with another merged over it: mappings deeply, all else replaced whole."""
    if not isinstance(base, Tree) or not isinstance(over, Tree):
        return over
    shape = shape.item if isinstance(shape, Listing) and shape.lone else shape
    if isinstance(shape, Kinds):
        base, shape = _of_kind(base, over.get("kind"), shape)
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        known = entries.get(key)
        if known:
            node = merged(known.node, entry.node, _inside(shape, key))
            # Lists and scalars come from the overlay; a merged mapping is still the file's.
            entry = replace(known if isinstance(node, Tree) else entry, node=node)
        entries[key] = entry
    return replace(base, entries=entries)


def with_value(root: Tree, path: str, value: Node) -> Tree:
    """Return the tree with the value at the one place that a path names.

    Raises:
        Refused: the path names no place, or several.
    """
    place = find_place(root, ROOT, path)
    changed_root = _set(root, ROOT, place.keys, value)
    return changed_root if isinstance(changed_root, Tree) else root


def full_path(scenario: Scenario, path: str) -> str:
    """Return the whole path of the one place in a scenario that a shortened one names.

    Raises:
        Refused: the path names no place, or several.
    """
    return find_place(tree_of(scenario), ROOT, path).path


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
            root = with_value(root, path, from_plain(_as_written(value), mark))
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


def _set(node: Node | None, shape: Shape, keys: Sequence[str | int], value: Node) -> Node:
    """Return a value with another set somewhere inside, making what is not there yet."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, Items) and isinstance(key, int):
        inside = _inside(shape, str(key)) or shape
        items = list(node.items)
        items[key] = _set(items[key], inside, rest, value)
        return replace(node, items=tuple(items))
    if isinstance(shape, Listing) and shape.lone and isinstance(key, int):
        return _set(node, shape.item, rest, value)
    family = shape.family if isinstance(shape, Kinds) else None
    tree = spelt_out(node, family) if family else node
    if not isinstance(tree, Tree):
        tree = Tree({}, value.mark)
    if isinstance(shape, Kinds):
        new_kind = value if key == "kind" and not rest else None
        tree, shape = _of_kind(tree, new_kind, shape)
    inside = _inside(shape, str(key)) or shape
    return tree.with_entry(str(key), _set(tree.get(key), inside, rest, value))


def _of_kind(tree: Tree, new_kind: Node | None, shape: Kinds) -> tuple[Tree, Shape]:
    """Return a part's tree without the words that its new kind, if it gets one, lacks."""
    old = tree.get("kind")
    kind = new_kind if new_kind is not None else old
    chosen = member(shape.family, kind.value if isinstance(kind, Scalar) else None)
    if chosen is None:
        return tree, shape
    if new_kind is not None and isinstance(old, Scalar) and member(shape.family, old.value):
        before = member(shape.family, old.value)
        gone = set(slots(before.part) if before else ()) - set(slots(chosen.part))
        tree = tree.without(gone)
    return tree, chosen


def _inside(shape: Shape | None, key: str) -> Shape | None:
    """Return the shape of what stands under a key."""
    match shape:
        case Object(part):
            slot = slots(part).get(key)
            return slot.shape if slot else None
        case Entries(item) | Listing(item):
            return item
    return None


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
