"""Settings: axes as they are asked for, and which combinations of their values are tried.

What a spec means is known in `simcb.scenario.axes` alone; its refusals are told as a study's.
Settings are numbered in a fixed order, so what is made twice is the same. Nothing is run here.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from simcb.options import Over
from simcb.scenario import Scenario, ScenarioError
from simcb.scenario import sweep as block
from simcb.scenario.axes import EXAMPLES, Axis, parse_spec, to_plain
from simcb.scenario.model import ROOT
from simcb.scenario.paths import find_place
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.scenario.sweep import Design, Kind, are_policies, misfits, misplaced, written_at
from simcb.scenario.tree import Tree
from simcb.scenario.units import Measuring, Value
from simcb.scenario.validation import tree_of
from simcb.studies import StudyError
from simcb.studies.clients import at, check_code, is_code, without_code
from simcb.studies.run import checked_seed

_ROUNDS = 200
"""How often equal rows of a sample are offered to others."""


def parse_axis(text: str) -> Axis:
    """Read `PATH=SPEC`: what `--over` takes.

    Raises:
        StudyError: the text is not of that form, or the spec is none.
    """
    path, equals, spec = text.partition("=")
    if not equals or not path.strip() or not spec.strip():
        examples = " or ".join(f"PATH={each}" for each in EXAMPLES)
        raise StudyError(f"{quoted(text)} is not an axis", f"write {examples}")
    return axis_of(path.strip(), spec)


def axis_of(path: str, spec: object) -> Axis:
    """Return the axis of a path: a spec as text, or a list of the values themselves.

    Raises:
        StudyError: the spec is not one, or there are no values, or too many.
    """
    try:
        return parse_spec(spec).at(path)
    except Refused as refused:
        raise StudyError(f"{quoted(path)}: {refused.what}", refused.remedy) from None


def axes_of(over: Over) -> tuple[Axis, ...]:
    """Return all axes that are asked for.

    Raises:
        StudyError: one of them is none.
    """
    if isinstance(over, Mapping):
        return tuple(axis_of(path, values) for path, values in over.items())
    if isinstance(over, str):
        return (parse_axis(over),)
    return tuple(parse_axis(text) for text in over)


@dataclass(frozen=True)
class Setting:
    """One combination of the axes' values.

    Args:
        values: a value for each axis, in their order.
    """

    values: tuple[Value, ...]


def parse_design(text: str) -> Design:
    """Read `grid`, `zip` or `lhs:N`.

    Raises:
        StudyError: it is none of these.
    """
    try:
        return block.parse_design(text)
    except Refused as refused:
        raise StudyError(refused.what, refused.remedy) from None


def make_settings(axes: Sequence[Axis], design: Design, seed: int) -> tuple[Setting, ...]:
    """Return the settings of a plan, in order.

    A grid counts the last axis fastest. A Latin hypercube of N settings is as `sampled` says.

    Raises:
        StudyError: there are no axes, a place is varied twice, an axis does not suit, there
            are not as many settings as are asked for, or the seed is no whole number.
    """
    check_axes(axes, seed)
    if design.kind is Kind.LHS:
        found = sampled(axes, design.samples, seed)
        if len(found) < design.samples:
            what = f"{design} asks for {design.samples:,} settings, and only {len(found):,} differ"
            raise StudyError(what, "ask for fewer, vary more, or try every combination with a grid")
        return found
    for path, refused in misfits(axes, design):
        what = f"{quoted(path)} {refused.what}" if path else refused.what
        raise StudyError(what, refused.remedy)
    if design.kind is Kind.ZIP:
        return tuple(Setting(values) for values in zip(*(a.values for a in axes), strict=True))
    return tuple(Setting(values) for values in product(*(axis.values for axis in axes)))


def check_axes(axes: Sequence[Axis], seed: int) -> None:
    """Check that there are axes, each of a path of its own, and that the seed is one.

    Raises:
        StudyError: that is not so.
    """
    checked_seed(seed)
    if not axes:
        raise StudyError("nothing is varied", "give an axis, like breaker.failure_threshold=3,5,10")
    for index, axis in enumerate(axes):
        if axis.path in {other.path for other in axes[:index]}:
            raise StudyError(f"{quoted(axis.path)} is varied twice", "give one axis for it")


def sampled(axes: Sequence[Axis], count: int, seed: int) -> tuple[Setting, ...]:
    """Return a Latin hypercube of up to so many settings, all different.

    Each axis is cut into as many strata of equal width (equal factor with `@log`), with one
    setting in each of them, drawn by the seed; an axis given as a list has its values equally
    often, as far as possible. Where whole numbers or lists make one combination twice, the
    second one changes values with others; what is still the same after that is left out.
    """
    columns = [_column(axis, count, seed) for axis in axes]
    rows = list(zip(*columns, strict=True))
    if count <= math.prod(len(set(column)) for column in columns):
        _part_equals(rows, seed)
    return tuple(map(Setting, dict.fromkeys(rows)))


def _part_equals(rows: list[tuple[Value, ...]], seed: int) -> None:
    """Change values between rows that are equal and others, so that all differ if possible."""
    times = Counter(rows)
    stream = random.Random(f"simcb latin hypercube/{seed}/{len(rows)}/apart")
    for _ in range(_ROUNDS):
        equal = [index for index, row in enumerate(rows) if times[row] > 1]
        if not equal:
            return
        for one in equal:
            other, column = stream.randrange(len(rows)), stream.randrange(len(rows[0]))
            before = rows[one], rows[other]
            after = (
                _replaced(rows[one], column, rows[other][column]),
                _replaced(rows[other], column, rows[one][column]),
            )
            if times[rows[one]] > 1 and after[0] != after[1] and not any(map(times.get, after)):
                times.subtract(before)
                times.update(after)
                rows[one], rows[other] = after


def _replaced(row: tuple[Value, ...], column: int, value: Value) -> tuple[Value, ...]:
    return (*row[:column], value, *row[column + 1 :])


def _column(axis: Axis, count: int, seed: int) -> list[Value]:
    # A stream of its own for every axis: another axis beside it moves nothing.
    stream = random.Random(f"simcb latin hypercube/{seed}/{count}/{axis.path}")
    strata = list(range(count))
    stream.shuffle(strata)
    shares = [(stratum + stream.random()) / count for stratum in strata]
    span = axis.span
    if span is None:
        return [axis.values[int(share * len(axis.values))] for share in shares]
    if span.measuring is not Measuring.INTEGER:
        return list(span.spread(shares))
    if span.log:
        return [span.at(share) for share in shares]
    low, width = round(span.low), round(span.high) - round(span.low) + 1
    return [low + int(share * width) for share in shares]


def changes_of(axes: Sequence[Axis], setting: Setting) -> dict[str, object]:
    """Return a setting as changes by their paths: `Scenario.with_` takes them, or `with_code`."""
    return {
        each.path: to_plain(value)
        for axis, value in zip(axes, setting.values, strict=True)
        for each in axis.each_place
    }


def applied(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """Return a scenario with a setting's changes, but for those of code.

    Raises:
        StudyError: the scenario refuses one of them.
    """
    try:
        return scenario.with_(without_code(changes))
    except ScenarioError as error:
        words = " ".join(
            f"{shown(path)}={shown(str(value), 60)}" for path, value in changes.items()
        )
        found = error.problems[0]
        place = f"{found.path}: " if found.path else ""
        raise StudyError(f"with {words}: {place}{found.what}", found.remedy) from None


def check_places(scenario: Scenario, axes: Sequence[Axis], clients: Mapping[str, str]) -> None:
    """Check that each axis names one place of the scenario or code, and none that of another.

    Raises:
        StudyError: one of them does not.
    """
    places = [each for axis in axes for each in axis.each_place]
    for each in places:
        if is_code(each.path):
            check_code(each.path, clients)
    places = [each for each in places if not is_code(each.path)]
    for _, refused in misplaced(tree_of(scenario), ROOT, places):
        raise StudyError(refused.what, refused.remedy)


def labels_of(scenario: Scenario, axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the axes' names in sentences: their labels, longer where the scenario has several.

    Each is an ending of the path that names one place of the scenario, as `--set` takes it. An
    axis of several places at once keeps its label, which is what they have in common.
    """
    root = tree_of(scenario)
    return tuple(
        axis.label if axis.places or is_code(axis.path) else _ending(root, axis) for axis in axes
    )


def _ending(root: Tree, axis: Axis) -> str:
    words = axis.path.split(".")
    for kept in range(axis.label.count(".") + 1, len(words)):
        ending = ".".join(words[-kept:])
        try:
            find_place(root, ROOT, ending)
        except Refused:
            continue
        return ending
    return axis.path


def policies(scenario: Scenario, axes: Sequence[Axis]) -> tuple[bool, ...]:
    """Return which axes vary a policy, as code is one; the others vary the world."""
    firsts = [axis.each_place[0] for axis in axes]
    written = [each for each in firsts if not is_code(each.path)]
    found = iter(are_policies(tree_of(scenario), ROOT, written))
    return tuple(is_code(each.path) or next(found) for each in firsts)


def values_at(
    scenario: Scenario, axes: Sequence[Axis], clients: Mapping[str, str]
) -> tuple[Value | None, ...]:
    """Return what a scenario, or code, has at each axis's place; None where it says nothing."""
    root = tree_of(scenario)
    return tuple(
        at(clients, axis.path) if is_code(axis.path) else written_at(root, ROOT, axis.path)
        for axis in axes
    )
