"""The sweep that is kept beside a scenario: what `simcb sweep` tries unless it is told otherwise.

The block decides nothing about a run. Its axes name places of the scenario it stands in, and a
design makes settings of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from simcb.options import DEEPEST, MOST_REPLICATES
from simcb.scenario.axes import Axis, Spec, parse_spec, to_plain
from simcb.scenario.fields import ByName, Model, Shape
from simcb.scenario.paths import Place, find_place, with_value
from simcb.scenario.problems import Finding
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.scenario.scalars import Count, Text, seen, word
from simcb.scenario.tree import Items, Node, Scalar, Tree, from_plain, plain
from simcb.scenario.units import Value

MOST_AXES = 20  # the most places that one sweep varies
MOST_SETTINGS = 1_000_000  # the most settings that are ever listed
REPLICATES = 10  # runs of each setting, unless it is told
DEPTH = 3  # how often a refinement halves the distance between neighbours, unless it is told
LONGEST_PATH = 1000  # the longest path of an axis, in characters

_FIXED = {"null": None, "true": True, "false": False}

_DESIGN_HINT = "write grid, zip or lhs:N, as in lhs:50"

OVER = ("sweep", "over")

GIVEN_OF_A_CALL = frozenset(
    {
        ("share",),
        ("network",),
        ("fallback", "hit_rate"),
        ("fallback", "cache", "keys"),
        ("fallback", "cache", "zipf"),
    }
)
"""What is found and not set of a call: how often it is made, its wire, what a cache holds."""

CHOSEN_OF_A_SERVICE = frozenset(
    {"admit", "balance", "blocking", "liveness", "on_abandon", "queue", "scale"}
)
"""What is set of a service besides its calls."""

GIVEN_OF_A_CHANGE = frozenset({"arrivals", "deadline", "refresh", "share", "errors", "contention"})
"""Words of a change's path that say what users or services do, and no operator."""


class Kind(StrEnum):
    """How settings are made of axes: every combination, the n-th with the n-th, or by lot."""

    GRID = "grid"
    ZIP = "zip"
    LHS = "lhs"


@dataclass(frozen=True)
class Design:
    """How settings are made of axes."""

    kind: Kind = Kind.GRID  # grid, zip or Latin hypercube
    samples: int = 0  # how many settings a Latin hypercube has

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.samples}" if self.samples else self.kind.value


def parse_design(text: str) -> Design:
    """Read `grid`, `zip` or `lhs:N`, or raise `Refused`."""
    kind, _, count = text.partition(":")
    if kind == Kind.LHS and count.isascii() and count.isdigit() and len(count) < 10:
        if not 1 <= int(count) <= MOST_SETTINGS:
            raise Refused(f"{quoted(text)} samples nothing", f"ask for 1 to {MOST_SETTINGS}")
        return Design(Kind.LHS, int(count))
    if not count and kind in (Kind.GRID, Kind.ZIP):
        return Design(Kind(kind))
    raise Refused(f"{quoted(text)} is no design", _DESIGN_HINT)


DESIGN = Design()  # every combination, unless it is told


def _design(value: object) -> Design:
    if isinstance(value, Design):
        return value
    if not isinstance(value, str):
        raise Refused(f"{seen(value)} is no design", _DESIGN_HINT)
    return parse_design(value)


def _written_spec(spec: Spec) -> object:
    """Return the text or the list as it was written."""
    if isinstance(spec.written, str):
        return spec.written
    return [_FIXED.get(each, each) if isinstance(each, str) else each for each in spec.written]


SpecText = Annotated[
    Spec,
    PlainValidator(lambda value: value if isinstance(value, Spec) else parse_spec(value)),
    PlainSerializer(_written_spec, return_type=object),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}]}
    ),
]
"""What an axis runs through: the text of a spec, or a list of values."""

DesignWord = Annotated[
    Design,
    PlainValidator(_design),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^(grid|zip|lhs:[0-9]+)$"}),
]
"""How settings are made of axes, in one word."""


class Sweep(Model):
    """What `simcb sweep` tries unless it is told otherwise; it decides nothing about a run."""

    named_whole: ClassVar[bool] = True

    over: Annotated[
        Mapping[str, SpecText],
        ByName(at_least=1, most=MOST_AXES, names=Text(most=LONGEST_PATH)),
        word(
            "what is varied: a path, and the values that stand there in turn, as a list "
            "or as a spec like 5s..120s/8@log",
            "{breaker.failure_threshold: [3, 5, 10]}",
        ),
    ]
    design: Annotated[
        DesignWord,
        word(
            "every combination, the n-th values together, or N by Latin hypercube sampling",
            "lhs:50",
        ),
    ] = DESIGN
    replicates: Annotated[int, Count(1, MOST_REPLICATES), word("runs of each setting", "10")] = (
        REPLICATES
    )
    by: Annotated[
        Annotated[str, Text(most=400, least=1)] | None,
        word("the metric by which settings are ranked; goodput if absent", '"success{fault}"'),
    ] = None
    refine: Annotated[
        Annotated[str, Text(most=400, least=1)] | None,
        word("a border along which settings are added", "collapse=50%"),
    ] = None
    depth: Annotated[
        int,
        Count(1, DEEPEST),
        word("how often the refinement halves the distance between neighbours", "3"),
    ] = DEPTH

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What is varied, in the file's order."""
        return tuple(spec.at(path) for path, spec in self.over.items())


def misfits(axes: Sequence[Axis], design: Design) -> Iterator[tuple[str, Refused]]:
    """Yield what keeps a design from making settings of axes: whose path it is, and why.

    The path is empty for what is wrong with all of them together.
    """
    if len(axes) > MOST_AXES:
        yield "", Refused(f"{len(axes)} places are varied", f"vary at most {MOST_AXES}")
    if design.kind is Kind.LHS:
        return
    for axis in axes:
        if not axis.values:
            yield (
                axis.path,
                Refused(
                    "is a range without values",
                    "say how many, as in 5s..120s/8, or sample it by lhs:N",
                ),
            )
    lengths = [len(axis.values) for axis in axes if axis.values]
    if design.kind is Kind.ZIP and len(set(lengths)) > 1:
        each = ", ".join(f"{shown(axis.path)} {len(axis.values)}" for axis in axes)
        yield "", Refused(f"zipped axes differ in length ({each})", "give all of them as many")
    elif design.kind is Kind.GRID and math.prod(lengths) > MOST_SETTINGS:
        yield (
            "",
            Refused(
                f"the grid has {math.prod(lengths):,} settings",
                f"keep it below {MOST_SETTINGS:,}, or sample it by lhs:N",
            ),
        )


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
    for path, refused in misfits(readable, _design_of(block.get("design"))):
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
        first = axis.first
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
        first = axis.first
        if first is not None:
            root = with_value(root, axis.path, from_plain(to_plain(first), root.mark), shape)
    return tuple(found)


def written_at(root: Tree, shape: Shape, path: str) -> Value | None:
    """Return the value that a scenario's file has at a path; None if it has none.

    What a breaker that is switched off has is none either.
    """
    try:
        keys = find_place(root, shape, path).keys
    except Refused:
        # There is such a place only once another axis has made it.
        return None
    for place, key in enumerate(keys):
        inside = _at(root, keys[: place + 1]) if key == "breaker" else None
        enabled = inside.get("enabled") if isinstance(inside, Tree) else None
        if isinstance(enabled, Scalar) and enabled.value is False:
            return None
    found = _at(root, keys)
    value = plain(found) if isinstance(found, Scalar) else None
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, (str, int, float)) else None


def is_policy(keys: Sequence[str | int]) -> bool:
    """Return whether what stands at a place, by the keys that lead to it, is a policy."""
    if len(keys) < 3:
        return False
    part, _, word, *rest = keys
    if part == "changes":
        # When an operator acts and what is set then is chosen, unless it is what users do.
        named = {each for key in rest for each in str(key).split(".")}
        return word == "at" or (word == "set" and not named & GIVEN_OF_A_CHANGE)
    if word == "calls" and part in ("clients", "services"):
        inside = tuple(rest[1:])
        return not any(inside[: len(given)] == given for given in GIVEN_OF_A_CALL)
    return part == "services" and word in CHOSEN_OF_A_SERVICE


def _own_place(
    root: Tree, shape: Shape, axis: Axis, found: dict[tuple[str | int, ...], Axis]
) -> Place:
    place = find_place(root, shape, axis.path)
    if place.keys[0] == OVER[0]:
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


def _design_of(node: Node | None) -> Design:
    try:
        return parse_design(str(plain(node))) if node is not None else Design()
    except Refused:
        # It is told by itself; what suits any design suits the one that is meant.
        return parse_design("lhs:1")


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
