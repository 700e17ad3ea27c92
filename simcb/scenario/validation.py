"""A marked tree to a scenario, or to every problem in it, each at its mark.

Pydantic checks the values; this module says in the file's own words what it found, and where.
"""

from __future__ import annotations

import enum
import numbers
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from pydantic import ValidationError

from simcb.scenario.changes import staged
from simcb.scenario.checks import ThresholdCheck, cross_checks, threshold_checks
from simcb.scenario.fields import Entries, Listing, Model, ModelField, Object, OneOf, Shape, fields
from simcb.scenario.paths import of_the_run, with_value
from simcb.scenario.problems import Finding, Findings, Location, Mark, Source
from simcb.scenario.recorded import Column, Recall, data_file
from simcb.scenario.refusal import Refused, choice_remedy, listed, shown
from simcb.scenario.scalars import FROM_FILE, no_choice
from simcb.scenario.sweep import sweep_checks
from simcb.scenario.tree import Items, Node, Scalar, Tree, from_plain, plain

M = TypeVar("M", bound=Model)

SYNONYMS = {
    "as": ("to",),
    "attempts": ("max_retries",),
    "axes": ("over",),
    "concurrency": ("workers", "max_concurrent", "users"),
    "count": ("instances", "times", "calls"),
    "delay": ("add", "network"),
    "dependencies": ("calls",),
    "duration": ("for", "ttl", "timeout", "lease"),
    "failures": ("failure_threshold", "threshold"),
    "interval": ("every", "window"),
    "lasts": ("for",),
    "latency": ("work", "network"),
    "length": ("for",),
    "limit": ("max_concurrent", "burst", "retries"),
    "max_attempts": ("max_retries",),
    "open_for": ("recovery_timeout", "timeout"),
    "objective": ("by",),
    "order": ("discipline",),
    "path": ("file",),
    "permits": ("probes",),
    "processes": ("instances",),
    "reset_timeout": ("recovery_timeout", "timeout"),
    "retries": ("max_retries",),
    "runs": ("replicates",),
    "sample": ("design",),
    "service": ("on", "to"),
    "service_time": ("work",),
    "size": ("keys", "limit", "calls", "window"),
    "sleep": ("think",),
    "start": ("at",),
    "target": ("on", "to"),
    "threads": ("workers", "users"),
    "threshold": ("failure_threshold", "rate"),
    "type": ("kind",),
    "volume": ("minimum_calls",),
    "wait": ("max_wait",),
}
"""Words of other tools, and ours for them; tried where spelling finds nothing."""


@dataclass
class _Spot:
    """Where a location leads in a written tree."""

    node: Node
    mark: Mark
    shape: Shape
    key_mark: Mark | None = None
    steps: tuple[str, ...] = ()
    field: ModelField | None = None
    reached: bool = True

    @property
    def path(self) -> str:
        return ".".join(self.steps)

    @property
    def broken(self) -> bool:
        """Whether the value was reported already."""
        return isinstance(self.node, Scalar) and self.node.broken


def validate(
    model: type[M],
    root: Node,
    findings: Findings,
    recall: Recall,
    check_threshold: ThresholdCheck | None = None,
) -> M:
    """Return the scenario a tree describes.

    Args:
        model: the scenario's class.
        root: the tree.
        findings: what was found so far.
        recall: brings the numbers of data files.
        check_threshold: checks thresholds, which are about metrics that nobody here knows.

    Raises:
        ScenarioError: with every problem of notation, of value and of reference at once.
    """
    shape = Object(model)
    if not isinstance(root, Tree):
        if not (isinstance(root, Scalar) and root.broken):
            empty = isinstance(root, Scalar) and root.value is None
            what = "is empty" if empty else "is not a mapping"
            findings.add(root.mark, "", Refused(what, "write `name: …`; see `simcb init`"))
        findings.raise_if_any()
        raise AssertionError("a broken root was reported")
    data = plain(root)
    scenario = _built(model, root, data, findings, recall)
    checked = threshold_checks(data, check_threshold) if check_threshold is not None else ()
    stages = list(staged(root, shape))
    changes = (Finding(at, it, at_key=True) for at, it in stages if isinstance(it, Refused))
    for found in chain(cross_checks(data), checked, sweep_checks(root, shape), changes):
        if findings.full:
            break
        spot = _walk(root, shape, found.location)
        if not spot.broken:
            mark = spot.key_mark if found.at_key and spot.key_mark else spot.mark
            findings.add(mark, spot.path, found.refused)
    findings.raise_if_any()
    if scenario is None:
        raise AssertionError("a refused scenario has problems")
    for _, stage in stages:
        # What is wrong after a change is told once, and not again after those that follow.
        findings.raise_if_any()
        if isinstance(stage, Tree):
            _built(model, stage, plain(stage), findings, recall)
    findings.raise_if_any()
    return scenario


def _built(
    model: type[M], root: Tree, data: object, findings: Findings, recall: Recall
) -> M | None:
    """Return the scenario of a tree, by its plain data, or note what is wrong with its values."""
    shape = Object(model)
    for location, refused in _recalled(root, shape, data, recall):
        spot = _walk(root, shape, location)
        findings.add(spot.mark, spot.path, refused)
    try:
        return model.model_validate(data, context=FROM_FILE)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            _note(root, shape, details, findings)
        return None


def _recalled(
    root: Tree, shape: Shape, data: object, recall: Recall
) -> Iterator[tuple[Location, Refused]]:
    """Put the numbers of data files into a scenario's data; yield what cannot be brought."""
    for place, words in _mappings(data, ()):
        column, attribute = Column.TIMES, "times"
        if words.get("kind") == "replay":
            if _walk(root, shape, (*place, "interval")).broken:
                continue
            rates = words.get("interval") is not None
            column = Column.RATES if rates else Column.TIMESTAMPS
            attribute = "rates" if rates else "moments"
        elif words.get("kind") != "empirical" or words.get("file") is None:
            continue
        try:
            file = data_file(words.get("file"))
        except Refused:
            continue
        try:
            # Whoever wrote these words into the file is told by the model.
            words.setdefault(attribute, recall(file, column))
        except Refused as refused:
            yield (*place, "file"), refused


def _mappings(data: object, place: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    """Yield each mapping in what a file holds, with its place; what is to be set stands aside."""
    if isinstance(data, dict):
        yield place, data
        inside: list[tuple[int | str, object]] = [*data.items()]
    else:
        inside = [*enumerate(data)] if isinstance(data, list) else []
    for key, value in inside:
        if place or key not in ("sweep", "changes"):
            yield from _mappings(value, (*place, key))


def _note(root: Tree, shape: Shape, details: Mapping[str, Any], findings: Findings) -> None:
    """Say one error of pydantic's in the file's words, unless it was said already."""
    if findings.full:
        findings.add(root.mark, "", Refused("is wrong"))
        return
    location: Location = details["loc"]
    spot = _walk(root, shape, location)
    refused = _refused(root, shape, details, spot)
    if refused.at:
        spot = _walk(root, shape, (*location, *refused.at.split(".")))
    if spot.broken:
        return
    at_key = details["type"] == "extra_forbidden" or location[-1:] == ("[key]",)
    findings.add(spot.key_mark if at_key and spot.key_mark else spot.mark, spot.path, refused)


def _refused(root: Tree, shape: Shape, details: Mapping[str, Any], spot: _Spot) -> Refused:
    """Return our sentence for an error of pydantic's, by its type."""
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            example = spot.field.example if spot.field else f"{details['loc'][-1]}: …"
            return Refused("is missing", f"write `{example}`")
        case "extra_forbidden":
            parent = _walk(root, shape, details["loc"][:-1])
            known = _known(str(details["loc"][-1]), parent.shape, parent.shape == shape)
            return Refused("is unknown here", known)
        case "enum":
            return no_choice(plain(spot.node), re.findall(r"'([^']*)'", context["expected"]))
        case "value_error" if isinstance(context.get("error"), Refused):
            error: Refused = context["error"]
            return error
        case "value_error":
            return Refused("is not valid")
    empty = isinstance(spot.node, Scalar) and spot.node.value is None
    noun = "list" if isinstance(spot.shape, Listing) else "mapping"
    what = "is null" if empty else f"is not a {noun}"
    if spot.field:
        return Refused(what, f"write it like `{spot.field.example}`")
    if isinstance(spot.shape, Object):
        return Refused(what, f"write a mapping with: {listed(fields(spot.shape.model))}")
    return Refused(what, f"write a {noun}")


def _known(word: str, shape: Shape, of_root: bool) -> str:
    """Say which word of a model was probably meant."""
    if of_root and (elsewhere := of_the_run(word)):
        return elsewhere
    known = list(fields(shape.model)) if isinstance(shape, Object) else []
    remedy = choice_remedy(word, known)
    if remedy.startswith("did"):
        return remedy
    meant = (ours for ours in SYNONYMS.get(word.casefold(), ()) if ours in known)
    return next((f"did you mean `{ours}`?" for ours in meant), remedy)


def _walk(root: Tree, shape: Shape, location: Location) -> _Spot:
    """Follow a location through the tree as far as something is written there.

    Pydantic names the kind it has chosen as a step of its own, which no file has.
    """
    spot = _Spot(root, root.mark, shape)
    for element in location:
        if element == "[key]":
            continue
        if isinstance(spot.shape, OneOf) and (chosen := spot.shape.chosen(element)):
            spot.shape = chosen
            continue
        if not spot.reached or isinstance(spot.node, Scalar):
            # A scalar that stands for a whole model is to blame for all of it.
            break
        _step(spot, element)
    return spot


def _step(spot: _Spot, element: int | str) -> None:
    """Move a spot one key or index further."""
    spot.field = None
    if isinstance(spot.shape, Listing) and spot.shape.lone and not isinstance(spot.node, Items):
        # One item alone, written without its list, stands where the list would.
        spot.shape = spot.shape.item
        return
    match spot.shape:
        case Object(model):
            spot.field = fields(model).get(str(element))
            spot.shape = spot.field.shape if spot.field else None
        case Entries(item) | Listing(item):
            spot.shape = item
        case _:
            spot.shape = None
    spot.steps = (*spot.steps, str(element))
    if isinstance(spot.node, Items) and isinstance(element, int):
        if element < len(spot.node.items):
            spot.node = spot.node.items[element]
            spot.mark, spot.key_mark = spot.node.mark, None
            return
    elif isinstance(spot.node, Tree) and (entry := spot.node.entries.get(str(element))):
        spot.node, spot.mark, spot.key_mark = entry.node, entry.node.mark, entry.key_mark
        return
    # Nothing is written there: the mapping that should hold it is the place.
    spot.reached = False
    spot.mark = spot.key_mark or spot.mark


def changed(scenario: M, changes: Mapping[str, object], recall: Recall) -> M:
    """Return a scenario with places changed, validated like a file; see `Scenario.with_`.

    Raises:
        ScenarioError: a path names no place or several, or a value does not fit.
    """
    findings = Findings()
    root, shape = tree_of(scenario), Object(type(scenario))
    for path, value in changes.items():
        label = f"with_({shown(path, 100)!r}: {shown(repr(value), 60)})"
        mark = Mark(Source(label))
        try:
            root = with_value(root, path, from_plain(_as_written(value), mark), shape)
        except Refused as refused:
            findings.add(mark, "", refused)
    return validate(type(scenario), root, findings, recall)


def tree_of(scenario: Model) -> Tree:
    """Return a scenario as if it had just been read from a file of its name."""
    data = scenario.to_data()
    tree = from_plain(data, Mark(Source(f"scenario {shown(str(data.get('name')), 60)}")))
    if not isinstance(tree, Tree):
        raise TypeError("a scenario is written as a mapping")
    return tree


def _as_written(value: object) -> object:
    """Return a Python value as the file would have it: models as mappings, numpy as numbers."""
    if isinstance(value, Model):
        return value.to_data()
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
