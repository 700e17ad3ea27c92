"""What a comparison says: which variant is best, how each differs from the first, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simcb.metrics import METRICS, Summary
from simcb.metrics.phase import BETWEEN, FAULT, HEALTHY, RECOVERY, WHOLE
from simcb.studies.comparison import Comparison
from simcb.studies.conditions import Condition, Judged, judged, unit_of
from simcb.views.compare_findings import marked_name, notes, sentence, verdicts
from simcb.views.data import plain
from simcb.views.document import (
    FAILED,
    PASSED,
    WIDEST_PROSE,
    Block,
    CheckResult,
    Document,
    Figure,
    JsonValue,
    Row,
    Table,
)
from simcb.views.load import has_several_services, loaded_service
from simcb.views.quantities import UNDEFINED, clock, difference, distinct_labels, interval, quantity
from simcb.views.run_data import metrics_object, run_object
from simcb.views.safe_text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

OVERLAY = "compare"
"""The name of the figure's file."""

BRIEF = (
    ("answered", FAULT),
    ("answered", BETWEEN),
    ("answered", RECOVERY),
    ("answered", HEALTHY),
    ("success_p99", FAULT),
    ("downstream_rate", FAULT),
    ("time_to_trip", WHOLE),
    ("time_to_recover", WHOLE),
    ("false_trips", WHOLE),
)
"""The numbers of the first screen; without faults those of the whole run."""

_CAPTION = (
    "Over simulated time, each variant a line: the requests that are answered, the calls that are "
    "sent, and the share of breakers that are open."
)

IN_FULL = (
    *("answered", "success", "goodput", "degraded", "p50", "p99", "success_p50", "success_p99"),
    *("rejected", "unneeded_rejections", "open_fraction", "downstream_rate", "amplification"),
    *("wasted_work", "worker_seconds_waiting"),
)
"""The numbers of each phase that all tables have."""

_Number = tuple[str, str, str]
"""A metric, a phase, and the service it is of or ""."""

LONGEST_HEADER = 14
"""Characters of a variant's name above a column."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A comparison as it is presented.

    Args:
        comparison: what was compared.
        fail_if: the conditions to fail, each held against each variant it is about.
        repeat: the command that gives the same answer.
    """

    comparison: Comparison
    fail_if: tuple[Judged, ...] = ()
    repeat: str = ""

    @property
    def good(self) -> bool:
        """True if every condition to fail is shown not to hold."""
        return all(each.good for each in self.fail_if)


def answer_of(
    comparison: Comparison, conditions: Sequence[Condition] = (), repeat: str = ""
) -> Answer:
    """Hold conditions against a comparison."""
    return Answer(comparison, tuple(judged(conditions, comparison)), repeat)


def compare_document(answer: Answer) -> Document:
    """Return what a comparison says."""
    comparison = answer.comparison
    document = Document(
        title(comparison),
        lambda: _data(answer),
        lambda: compare_rows(comparison),
        verdicts=verdicts(comparison),
        blocks=tuple(_blocks(answer)),
        checks=tuple(_checks(answer)),
        facts={"seed": str(comparison.results[0].seed), "replicates": str(comparison.replicates)},
        repeat=answer.repeat,
        sources={
            f"{one_line(each.name)}, as it was run": each.scenario.to_yaml
            for each in comparison.variants
        },
        versions=comparison.results[0].trace.versions,
    )
    return replace(document, brief=replace(document, blocks=tuple(_first_screen(answer))))


def title(comparison: Comparison) -> str:
    """Return what was compared, in a line."""
    first = comparison.results[0]
    words = [
        f"{len(comparison)} variants",
        one_line(first.scenario.name, 80),
        clock(first.scenario.duration),
        *([f"seed {first.seed}"] if comparison.paired else []),
    ]
    if comparison.alone:
        words.append("one run each")
    else:
        pairs = "pairs of runs, 95% intervals" if comparison.paired else "runs each, no pairs"
        words.append(f"{comparison.replicates} {pairs}")
    return ", ".join(words)


def _first_screen(answer: Answer) -> Iterator[Block]:
    comparison = answer.comparison
    yield replace(_number_table(comparison, _brief_rows(comparison)), heading="Side by side")
    judged_table = _threshold_table(answer)
    if judged_table is not None:
        yield replace(judged_table, heading="Thresholds")


def _blocks(answer: Answer) -> Iterator[Block]:
    comparison = answer.comparison
    yield from _first_screen(answer)
    yield Figure(OVERLAY, lambda: _overlay(comparison), _CAPTION)
    rows = [(name, phase, "") for phase in _phases(comparison) for name in IN_FULL]
    yield replace(_number_table(comparison, rows), notes=(), heading="More numbers by phase")
    changes = _change_table(comparison, [*_brief_rows(comparison), *rows])
    if changes is not None:
        yield replace(changes, heading=f"Differences from {_heads(comparison)[0]}")


def _phases(comparison: Comparison) -> tuple[str, ...]:
    there = [set(each.measures.phases) for each in comparison.results]
    return tuple(
        phase
        for phase in comparison.results[0].measures.phases
        if all(phase in each for each in there)
    )


def _brief_rows(comparison: Comparison) -> list[_Number]:
    """Return the first screen's numbers; calls are those to the service whose load is told."""
    there = _phases(comparison)
    chosen = BRIEF if FAULT in there else [(name, WHOLE) for name, _ in BRIEF]
    several = has_several_services(comparison.results)
    service = loaded_service(comparison.results) if several else ""
    return [
        (name, phase, service if name == "downstream_rate" else "")
        for name, phase in dict.fromkeys(chosen)
        if phase in there
    ]


def _heads(comparison: Comparison) -> tuple[str, ...]:
    names = [marked_name(comparison, variant) for variant in range(len(comparison))]
    return distinct_labels(names, LONGEST_HEADER)


def _label(name: str, phase: str, of: str = "") -> str:
    where = [phase] if phase != WHOLE or of else []
    where += [of] if of else []
    return f"{name}{{{','.join(one_line(each, 30) for each in where)}}}" if where else name


def _number_table(comparison: Comparison, rows: Sequence[_Number]) -> Table:
    """Return numbers by variant: with intervals, and without where a page is too narrow."""
    forms = []
    for sure in (True, False):
        lines = [
            (
                _label(name, phase, of),
                *(cell(each.summary, name, phase, of, sure=sure) for each in comparison.results),
            )
            for name, phase, of in rows
        ]
        kept = [line for line in lines if set(line[1:]) != {UNDEFINED}]
        forms.append(_broken(("", *_heads(comparison)), kept, notes(comparison)))
    if comparison.alone:
        return forms[0]
    less = (*forms[1].notes, _NO_INTERVALS)
    return replace(forms[0], narrower=((replace(forms[1], notes=less),),))


_NO_INTERVALS = "no room for the intervals; a wider page or --format csv has them"


def _broken(
    header: tuple[str, ...], rows: Sequence[tuple[str, ...]], notes: Sequence[str] = ()
) -> Table:
    """Return a table with a column for each variant, which goes on below where they are many."""
    return Table(header, tuple(rows), notes=tuple(notes), breakable=True, widest=WIDEST_PROSE)


def cell(summary: Summary, name: str, phase: str, of: str = "", *, sure: bool = True) -> str:
    """Return a number as text, with its interval if `sure`; a dash where there is none."""
    there = phase in summary.phases and (not of or of in summary.entities.names)
    found = summary.estimate(name, phase, of) if there else None
    if found is None:
        return UNDEFINED
    unit = METRICS[name].unit
    return interval(found.mean, found.low, found.high, unit) if sure else quantity(found.mean, unit)


def _change_table(comparison: Comparison, rows: Sequence[_Number]) -> Table | None:
    """Return how the variants differ from the first; what differs nowhere has no row."""
    lines = []
    others = range(1, len(comparison))
    for name, phase, of in dict.fromkeys(rows):
        unit = METRICS[name].unit
        cells = []
        for variant in others:
            found = comparison.difference(variant).estimate(name, phase, of)
            cells.append(
                difference(found.mean, found.low, found.high, unit) if found else UNDEFINED
            )
        if set(cells) - {UNDEFINED, difference(0.0, None, None, unit)}:
            lines.append((_label(name, phase, of), *cells))
    if not lines:
        return None
    heads = _heads(comparison)
    pairs = "of pairs" if comparison.paired else "not of pairs"
    sure = [f"each minus {heads[0]}, 95% intervals {pairs}"] if not comparison.alone else []
    return _broken((f"− {heads[0]}", *heads[1:]), lines, sure)


def _threshold_table(answer: Answer) -> Table | None:
    """Return the thresholds of the files and the conditions to fail, judged for each variant."""
    comparison = answer.comparison
    texts = dict.fromkeys(each.text for result in comparison.results for each in result.thresholds)
    lines: list[tuple[str, ...]] = []
    for text in texts:
        cells = []
        for result in comparison.results:
            found = next((each for each in result.thresholds if each.text == text), None)
            cells.append("" if found is None else _sign(found.passed, found.value, found.metric))
        lines.append((one_line(text, 80), *cells))
    for condition in dict.fromkeys(each.condition for each in answer.fail_if):
        by_place = {e.variant: e for e in answer.fail_if if e.condition == condition}
        cells = []
        for place in range(len(comparison)):
            one = by_place.get(place)
            value = None if one is None else one.result.value
            cells.append("" if one is None else _judged_cell(one, value))
        lines.append((f"fail if {one_line(condition.text, 80)}", *cells))
    if not lines:
        return None
    return _broken(("threshold", *_heads(comparison)), lines)


def _judged_cell(judged_one: Judged, value: float | None) -> str:
    unit, sign = unit_of(judged_one.condition), PASSED if judged_one.good else FAILED
    if judged_one.condition.change:
        return f"{sign} {difference(value, None, None, unit)}"
    return f"{sign} {quantity(value, unit)}"


def _sign(good: bool, value: float | None, metric: str) -> str:
    return f"{PASSED if good else FAILED} {quantity(value, METRICS[metric].unit)}"


def _checks(answer: Answer) -> Iterator[CheckResult]:
    """Yield the conditions to fail, a case for each variant that one is about."""
    for each in answer.fail_if:
        unit, value = unit_of(each.condition), each.result.value
        measured = difference(value, None, None, unit) if each.condition.change else None
        problem = f"measured {measured or quantity(value, unit)}"
        name = answer.comparison.names[each.variant]
        text = f"fail if {each.condition.text}"
        yield CheckResult(name, text, "" if each.good else problem, "fail-if")
    if not answer.fail_if:
        yield CheckResult(answer.comparison.names[0], "the variants run")


def _data(answer: Answer) -> dict[str, JsonValue]:
    comparison = answer.comparison
    variants: list[JsonValue] = []
    for place, (variant, result) in enumerate(
        zip(comparison.variants, comparison.results, strict=True)
    ):
        more: dict[str, JsonValue] = {
            "name": variant.name,
            "differs": variant.differs or None,
            "saved": variant.kept is not None,
            "sentence": sentence(comparison, place) if place else None,
            "change": metrics_object(comparison.difference(place)) if place else None,
        }
        variants.append(run_object(result, (), None, ()) | more)
    said = verdicts(comparison)[0]
    return {
        "headline": said.words,
        "reason": said.reason,
        "best": [comparison.names[each] for each in comparison.as_good],
        "paired": comparison.paired,
        "variants": variants,
        "fail_if": [
            plain(each.result, "metric", "phase", "of", "limit", "value", "note")
            | {
                "text": each.condition.text,
                "variant": comparison.names[each.variant],
                "change": each.condition.change,
                "good": each.good,
            }
            for each in answer.fail_if
        ],
        "passed": answer.good,
        "repeat": answer.repeat,
    }


HEADER = (
    *("variant", "metric", "unit", "phase", "of", "mean", "low", "high", "alike"),
    *("change", "change_low", "change_high"),
)


def compare_rows(comparison: Comparison) -> Iterator[Row]:
    """Yield a line for each variant, metric, phase and service, below a header."""
    yield HEADER
    for place, (name, result) in enumerate(zip(comparison.names, comparison.results, strict=True)):
        changes = comparison.difference(place) if place else None
        keys = {(e.name, e.phase, e.of) for e in changes} if changes else set()
        for item in result.summary:
            found = item.estimate
            key = (item.name, item.phase, item.of)
            by = changes.estimate(*key) if changes and key in keys else None
            yield (
                *(name, item.name, item.unit.value, item.phase, item.of),
                *(found.mean, found.low, found.high, found.alike),
                *((by.mean, by.low, by.high) if by else (None, None, None)),
            )


def _overlay(comparison: Comparison) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.compare import overlay

    return overlay(comparison)
