"""A marked tree to a Scenario, or to every problem in it, each at its mark.

The models check the values; this module says in the file's own words what they found, and
where. It must not know YAML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypedDict

from pydantic import ValidationError

from simcb.scenario.checks import Vet, cross_checks, threshold_checks
from simcb.scenario.forms import FROM_FILE
from simcb.scenario.model import Scenario
from simcb.scenario.nodes import Findings, Items, Mark, Node, Scalar, Tree, plain
from simcb.scenario.part import KIND_TAG
from simcb.scenario.places import of_the_run
from simcb.scenario.recorded import Column, DataFile, Recall
from simcb.scenario.refusal import Refused, choice_remedy, listed
from simcb.scenario.shapes import Entries, Kinds, Listing, Object, Shape, Slot, member, slots
from simcb.scenario.sweep_checks import sweep_checks

ROOT = Object(Scenario)
"""The shape of a whole file."""

SYNONYMS = {
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
    "service": ("on",),
    "service_time": ("work",),
    "size": ("keys", "limit", "calls", "window"),
    "sleep": ("think",),
    "start": ("at",),
    "target": ("on",),
    "threads": ("workers", "users"),
    "threshold": ("failure_threshold", "rate"),
    "type": ("kind",),
    "volume": ("minimum_calls",),
    "wait": ("max_wait",),
}
"""Words of other tools, and ours for them; tried where spelling finds nothing."""


class _Details(TypedDict):
    """What pydantic says about one error, as far as it is used here."""

    type: str
    loc: tuple[int | str, ...]
    ctx: Mapping[str, object]


@dataclass
class _Spot:
    """Where a location leads in a written tree."""

    node: Node
    mark: Mark
    key_mark: Mark | None
    steps: tuple[str, ...]
    shape: Shape | None
    slot: Slot | None
    reached: bool = True
    broken: bool = False

    @property
    def path(self) -> str:
        return ".".join(self.steps)


def judge(root: Node, findings: Findings, recall: Recall, vet: Vet | None = None) -> Scenario:
    """Return the scenario a tree describes.

    Args:
        root: the tree.
        findings: what was found so far.
        recall: brings the numbers of data files.
        vet: judges thresholds, which are about metrics that nobody here knows.

    Raises:
        ScenarioError: with every problem of notation, of value and of reference at once.
    """
    if not isinstance(root, Tree):
        if not (isinstance(root, Scalar) and root.broken):
            empty = isinstance(root, Scalar) and root.value is None
            what = "is empty" if empty else "is not a mapping"
            findings.add(root.mark, "", Refused(what, "write `name: …`; see `simcb init`"))
        findings.raise_if_any()
        raise AssertionError("a broken root was reported")
    data = plain(root)
    for location, refused in _recalled(root, data, recall):
        spot = _walk(root, location)
        findings.add(spot.mark, spot.path, refused)
    scenario = None
    try:
        scenario = Scenario.model_validate(data, context=FROM_FILE)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            _note(root, _details(details), findings)
    vetted = threshold_checks(data, vet) if vet is not None else ()
    for found in chain(cross_checks(data), vetted, sweep_checks(root, ROOT)):
        if findings.full:
            break
        spot = _walk(root, found.location)
        if not spot.broken:
            mark = spot.key_mark if found.at_key and spot.key_mark else spot.mark
            findings.add(mark, spot.path, found.refused)
    findings.raise_if_any()
    if scenario is None:
        raise AssertionError("a refused scenario has problems")
    return scenario


def _recalled(
    root: Tree, data: object, recall: Recall
) -> Iterator[tuple[tuple[str, ...], Refused]]:
    """Put the numbers of data files into a scenario's data; yield what cannot be brought."""
    clients = data.get("clients") if isinstance(data, dict) else None
    for name, group in clients.items() if isinstance(clients, dict) else ():
        arrivals = group.get("arrivals") if isinstance(group, dict) else None
        if not isinstance(arrivals, dict) or arrivals.get("kind") != "replay":
            continue
        place = ("clients", name, "arrivals")
        if _walk(root, (*place, "interval")).broken:
            continue
        try:
            file = DataFile().read(arrivals.get("file"), from_file=True)
        except Refused:
            continue
        column = Column.TIMESTAMPS if arrivals.get("interval") is None else Column.RATES
        attribute = "moments" if column is Column.TIMESTAMPS else "rates"
        try:
            # Whoever wrote these words into the file is told by the model.
            arrivals.setdefault(attribute, recall(file, column))
        except Refused as refused:
            yield (*place, "file"), refused


def _details(details: Mapping[str, object]) -> _Details:
    loc, context = details["loc"], details.get("ctx")
    return {
        "type": str(details["type"]),
        "loc": loc if isinstance(loc, tuple) else (),
        "ctx": context if isinstance(context, Mapping) else {},
    }


def _note(root: Tree, details: _Details, findings: Findings) -> None:
    """Say one error of the models in the file's words, unless it was said already."""
    if findings.full:
        findings.add(root.mark, "", Refused("is wrong"))
        return
    spot = _walk(root, details["loc"])
    if spot.broken:
        return
    match details["type"]:
        case "missing":
            word = str(details["loc"][-1])
            example = spot.slot.example if spot.slot else f"{word}: …"
            findings.add(spot.mark, spot.path, Refused("is missing", f"write `{example}`"))
        case "extra_forbidden":
            parent = _walk(root, details["loc"][:-1])
            refused = Refused("is unknown here", _known(str(details["loc"][-1]), parent.shape))
            findings.add(spot.key_mark or spot.mark, spot.path, refused)
        case "value_error":
            _note_refusal(root, details, spot, findings)
        case _:
            findings.add(spot.mark, spot.path, _wrong_type(spot))


def _note_refusal(root: Tree, details: _Details, spot: _Spot, findings: Findings) -> None:
    refused = details["ctx"].get("error")
    if not isinstance(refused, Refused):
        findings.add(spot.mark, spot.path, Refused("is not valid"))
        return
    if refused.at:
        spot = _walk(root, (*details["loc"], refused.at))
        if spot.broken:
            return
    at_key = details["loc"][-1:] == ("[key]",)
    mark = spot.key_mark if at_key and spot.key_mark else spot.mark
    findings.add(mark, spot.path, refused)


def _known(word: str, shape: Shape | None) -> str:
    """Say which word of a part was probably meant."""
    if shape == ROOT and (elsewhere := of_the_run(word)):
        return elsewhere
    known = list(slots(shape.part)) if isinstance(shape, Object) else []
    remedy = choice_remedy(word, known)
    if remedy.startswith("did"):
        return remedy
    meant = (ours for ours in SYNONYMS.get(word.casefold(), ()) if ours in known)
    return next((f"did you mean `{ours}`?" for ours in meant), remedy)


def _wrong_type(spot: _Spot) -> Refused:
    """Say that a mapping or a list was expected."""
    empty = isinstance(spot.node, Scalar) and spot.node.value is None
    noun = "list" if isinstance(spot.shape, Listing) else "mapping"
    what = "is null" if empty else f"is not a {noun}"
    if spot.slot:
        return Refused(what, f"write it like `{spot.slot.example}`")
    if isinstance(spot.shape, Object):
        return Refused(what, f"write a mapping with: {listed(slots(spot.shape.part))}")
    return Refused(what, f"write a {noun}")


def _walk(root: Tree, location: tuple[int | str, ...]) -> _Spot:
    """Follow a location through the tree as far as something is written there."""
    spot = _Spot(root, root.mark, None, (), ROOT, None)
    for element in location:
        if element == "[key]":
            continue
        if isinstance(element, str) and element.startswith(KIND_TAG):
            if isinstance(spot.shape, Kinds):
                spot.shape = member(spot.shape.family, element.removeprefix(KIND_TAG))
            continue
        if not spot.reached or isinstance(spot.node, Scalar):
            # A scalar that stands for a whole part is to blame for all of it.
            break
        _step(spot, element)
    if isinstance(spot.node, Scalar) and spot.node.broken:
        spot.broken = True
    return spot


def _step(spot: _Spot, element: int | str) -> None:
    """Move a spot one key or index further."""
    spot.slot = None
    if isinstance(spot.shape, Listing) and spot.shape.lone and not isinstance(spot.node, Items):
        # One item alone, written without its list, stands where the list would.
        spot.shape = spot.shape.item
        return
    match spot.shape:
        case Object(part):
            spot.slot = slots(part).get(str(element))
            spot.shape = spot.slot.shape if spot.slot else None
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
