"""Checks of a sweep against the scenario it varies: places that must exist, axes that must fit.

They read the written tree and trust nothing in it, so they run beside all the other checks,
even when parts of the file are wrong. This module must not know models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcb.scenario.amounts import Value
from simcb.scenario.axes import Axis, parse_spec, to_plain
from simcb.scenario.checks import Finding
from simcb.scenario.choices import is_policy
from simcb.scenario.designs import MOST_AXES, Design, misfits, parse_design
from simcb.scenario.nodes import Items, Node, Scalar, Tree, from_plain, plain
from simcb.scenario.overrides import with_value
from simcb.scenario.places import Place, find_place
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.shapes import Shape

OVER = ("sweep", "over")


def sweep_checks(root: Tree, shape: Shape) -> Iterator[Finding]:
    """Yield everything in a written scenario's sweep that does not fit together."""
    block = root.get(OVER[0])
    over = block.get(OVER[1]) if isinstance(block, Tree) else None
    if not isinstance(block, Tree) or not isinstance(over, Tree):
        return
    if len(over.entries) > MOST_AXES:
        return
    axes = [_axis(path, entry.node) for path, entry in over.entries.items()]
    for path, refused in misplaced(root.without({OVER[0]}), shape, axes):
        yield Finding((*OVER, path), refused, at_key=True)
    readable = [axis for axis in axes if axis.values or axis.span]
    for path, refused in misfits(readable, _design(block.get("design"))):
        if path:
            yield Finding((*OVER, path), refused)
        elif len(readable) == len(axes):
            yield Finding(OVER, refused)


def misplaced(root: Tree, shape: Shape, axes: Sequence[Axis]) -> Iterator[tuple[str, Refused]]:
    """Yield the path of each axis that has no place for itself in a scenario, and why.

    An axis is looked for where those before it have their first values, as settings are made:
    a backoff has a `delay` once its `kind` is one that knows it.
    """
    found: dict[tuple[str | int, ...], Axis] = {}
    first_nodes: dict[str, Node] = {}
    for axis in axes:
        try:
            place = _own_place(root, shape, axis, found)
        except Refused as refused:
            yield axis.path, refused
            continue
        found[place.keys] = axis
        first = _first(axis)
        if first is not None:
            node = first_nodes[axis.path] = from_plain(to_plain(first), root.mark)
            root = with_value(root, axis.path, node, shape)
    for keys, axis in found.items():
        known, now = first_nodes.get(axis.path), _at(root, keys)
        if known is not None and (now is None or (isinstance(now, Scalar) and now is not known)):
            what = f"{quoted(axis.path)} is undone by an axis after it"
            yield axis.path, Refused(what, "vary one of the two")


def are_policies(root: Tree, shape: Shape, axes: Sequence[Axis]) -> tuple[bool, ...]:
    """Return which axes vary a policy, of axes that all have a place; the others vary the world."""
    found = []
    for axis in axes:
        found.append(is_policy(find_place(root, shape, axis.path).keys))
        first = _first(axis)
        if first is not None:
            root = with_value(root, axis.path, from_plain(to_plain(first), root.mark), shape)
    return tuple(found)


def _own_place(
    root: Tree, shape: Shape, axis: Axis, found: dict[tuple[str | int, ...], Axis]
) -> Place:
    place = find_place(root, shape, axis.path)
    if place.whole or place.path == OVER[0]:
        what = f"{quoted(axis.path)} is a word of the sweep itself"
        raise Refused(what, "vary a place of what is run")
    if place.keys in found:
        what = f"{quoted(axis.path)} names the same place as {quoted(found[place.keys].path)}"
        raise Refused(what, "keep one of the two")
    return place


def _axis(path: str, node: Node) -> Axis:
    """Return an axis as it is written, without values if those are refused."""
    try:
        return parse_spec(plain(node)).at(path)
    except Refused:
        return Axis(path, ())


def _design(node: Node | None) -> Design:
    try:
        return parse_design(str(plain(node))) if node is not None else Design()
    except Refused:
        # It is told by itself; what suits any design suits the one that is meant.
        return parse_design("lhs:1")


def _first(axis: Axis) -> Value | None:
    if axis.values:
        return axis.values[0]
    return axis.span.at(0.0) if axis.span else None


def _at(root: Node, keys: tuple[str | int, ...]) -> Node | None:
    node: Node | None = root
    for key in keys:
        if isinstance(node, Items) and isinstance(key, int):
            node = node.items[key] if key < len(node.items) else None
        elif isinstance(node, Tree) and isinstance(key, str):
            node = node.get(key)
        elif not isinstance(key, int):
            return None
    return node
