"""The tables of a run: phases, moments, services and thresholds.

Rows are named with the metrics' own names, the words a threshold and `--set` use. With a
baseline every number has its counterpart beside or below it, and with replicates its interval.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace

from simcb.metrics import METRICS, ThresholdResult, Unit, is_flattered
from simcb.studies import Result
from simcb.views.answer import Answer
from simcb.views.safe_text import one_line
from simcb.views.tables.grid import Grid, no_room
from simcb.views.tables.quantities import UNDEFINED, difference, interval, quantity

WITH, WITHOUT = "with", "without"
"""What a result and its baseline are called: with the breaker, and without."""

PASSED, FAILED = "✓", "✗"

WHOLE = "whole"
ONE_FAULT = "fault:"

BY_PHASE = (
    "offered_rate",
    "goodput",
    "success",
    "unfinished",
    "degraded",
    "availability",
    "p50",
    "p95",
    "p99",
    "success_p50",
    "success_p95",
    "success_p99",
    "rejected",
    "unneeded_rejections",
    "open_fraction",
    "downstream_rate",
    "amplification",
    "amplification_worst",
    "wasted_work",
    "worker_seconds_waiting",
)
"""The metrics shown by phase; all others are in the other formats."""

WITH_FALLBACK = frozenset({"degraded", "availability"})
LEAST_UNFINISHED = 0.01
"""Share of a phase's requests that has to be unfinished to be shown; every run's end has some."""
WITH_BREAKER = frozenset({"rejected", "unneeded_rejections", "open_fraction"})

OF_THE_RUN = (
    "time_to_trip",
    "time_to_recover",
    "false_trips",
    "missed_trips",
    "flaps",
    "burn",
)
OF_A_SERVICE = ("utilisation", "queue_peak")
OF_A_GROUP = ("success", "goodput", "success_p99")

FLATTERED = "*"
"""Marks a latency that is low for the requests that did not end ok."""

FLATTERED_NOTE = (
    f"{FLATTERED} flattered by requests that ended fast but not ok: read success_p50, "
    "success_p95, success_p99"
)

_LONGEST_NAME = 28
_NOTE = 3
"""The column of a threshold's note."""


def cell_with_interval(result: Result, name: str, phase: str = WHOLE, of: str = "") -> str:
    """Write one metric of a result with half its 95 % interval, if it has one.

    A latency that fast failures flatter is marked.
    """
    found = result.summary.estimate(name, phase, of)
    if found is None:
        return UNDEFINED
    mark = FLATTERED if is_flattered(result.summary, name, phase, of) else ""
    return interval(found.mean, found.low, found.high, METRICS[name].unit) + mark


def phase_tables(answer: Answer, width: int) -> tuple[Grid, ...]:
    """Return the metrics by phase: one table, or two if a baseline does not fit beside.

    What does not fit is left out in this order, with a note: the phases of single faults, the
    whole run.

    Args:
        answer: what is shown.
        width: terminal columns there are.
    """
    result, baseline = answer.result, answer.result.baseline
    everything = _phases(result)
    single = tuple(phase for phase in everything if not phase.startswith(ONE_FAULT))
    parts = tuple(phase for phase in single if phase != WHOLE) or single
    choices = tuple(dict.fromkeys((everything, single, parts)))
    rows = _phase_rows(answer)
    variants = [("", result)]
    layouts: list[tuple[tuple[str, ...], tuple[Grid, ...]]] = []
    if baseline is not None:
        variants = [(f"{WITH} breaker", result), (f"{WITHOUT} breaker", baseline)]
        layouts += [(each, (_side_by_side(result, baseline, rows, each),)) for each in choices]
    # Where nothing fits the tables are split, and there the whole run has its place again.
    for phases in (*choices, single):
        grids = tuple(_by_phase(each, rows, phases, title) for title, each in variants)
        layouts.append((phases, grids))
    fitting = (each for each in layouts if max(grid.width for grid in each[1]) <= width)
    phases, grids = next(fitting, layouts[-1])
    left_out = [one_line(phase, _LONGEST_NAME) for phase in everything if phase not in phases]
    notes = [no_room(left_out)] if left_out else []
    if any(cell.endswith(FLATTERED) for grid in grids for row in grid.rows for cell in row):
        notes.insert(0, FLATTERED_NOTE)
    note = "\n".join(textwrap.fill(each, width) for each in notes)
    return (*grids[:-1], replace(grids[-1], note=note))


def _phases(result: Result) -> tuple[str, ...]:
    """Return the phases in the order people read them: the whole run last."""
    names = result.measures.phases
    return (*(name for name in names if name != WHOLE), WHOLE)


def _phase_rows(answer: Answer) -> tuple[str, ...]:
    """Return the metrics to show: none that only says that there is nothing of its kind."""
    variants = [each for each in (answer.result, answer.result.baseline) if each is not None]
    left_out: set[str] = set()
    if not any(_unfinished(each) for each in variants):
        left_out.add("unfinished")
    if not any(_mean(each, "degraded") for each in variants):
        left_out |= WITH_FALLBACK
    if not any(each.trace.layout.breaker_count for each in variants):
        left_out |= WITH_BREAKER
    return tuple(name for name in BY_PHASE if name not in left_out)


def _mean(result: Result, name: str) -> float | None:
    return result.summary.value(name)


def _unfinished(result: Result) -> bool:
    """Return whether any phase has enough requests that cannot be judged to be worth a row."""
    shares = [result.summary.value("unfinished", phase) for phase in _phases(result)]
    return any(share is not None and share >= LEAST_UNFINISHED for share in shares)


def _by_phase(
    result: Result, rows: tuple[str, ...], phases: tuple[str, ...], title: str = ""
) -> Grid:
    return Grid(
        (title, *(one_line(phase, _LONGEST_NAME) for phase in phases)),
        tuple(
            (name, *(cell_with_interval(result, name, phase) for phase in phases)) for name in rows
        ),
    )


def _side_by_side(
    result: Result, baseline: Result, rows: tuple[str, ...], phases: tuple[str, ...]
) -> Grid:
    lines = []
    for name in rows:
        pairs = [(phase, each) for phase in phases for each in (result, baseline)]
        cells = [cell_with_interval(each, name, phase) for phase, each in pairs]
        lines.append((name, *cells))
    return Grid(
        ("breaker", *(word for _ in phases for word in (WITH, WITHOUT))),
        tuple(lines),
        spans=tuple((one_line(phase, _LONGEST_NAME), 2) for phase in phases),
        faint=frozenset(range(2, 2 * len(phases) + 1, 2)),
    )


def difference_table(answer: Answer) -> Grid | None:
    """Return what the breaker changed, with 95 % intervals of the paired differences.

    Both variants of a replicate have the same luck, so the interval is of the differences in
    each pair. What changed nowhere has no row. None if nothing changed, without a baseline,
    and with a single replicate, which has no interval.
    """
    paired = answer.difference
    if paired is None or paired.replicates < 2:
        return None
    phases = _phases(answer.result)
    phases = tuple(phase for phase in phases if not phase.startswith(ONE_FAULT))
    rows = []
    for name in _phase_rows(answer):
        unit = METRICS[name].unit
        found = [paired.estimate(name, phase) for phase in phases]
        cells = [difference(e.mean, e.low, e.high, unit) if e else UNDEFINED for e in found]
        if set(cells) - {UNDEFINED, difference(0.0, None, None, unit)}:
            rows.append((name, *cells))
    return Grid((f"{WITH} − {WITHOUT}", *phases), tuple(rows)) if rows else None


def event_table(answer: Answer) -> Grid:
    """Return when breakers tripped and users recovered, and what was in vain: a line a variant."""
    variants = [(WITH, answer.result)]
    if answer.result.baseline is not None:
        variants.append((WITHOUT, answer.result.baseline))
    paired = len(variants) > 1
    table = [
        (word if paired else "whole run", *(cell_with_interval(each, name) for name in OF_THE_RUN))
        for word, each in variants
    ]
    known = [
        column
        for column in range(1, len(OF_THE_RUN) + 1)
        if any(line[column] != UNDEFINED for line in table)
    ]
    return Grid(
        ("breaker" if paired else "", *(OF_THE_RUN[column - 1] for column in known)),
        tuple((line[0], *(line[column] for column in known)) for line in table),
    )


def service_table(answer: Answer) -> Grid:
    """Return how busy each service is, how long its queue grows, and what retries make of it.

    Amplification stands there where it is not the run's, as below another service that retries.
    """
    entities = answer.result.measures.entities
    return _entity_table(answer, "service", entities.services, (*OF_A_SERVICE, *_amplified(answer)))


def group_table(answer: Answer) -> Grid | None:
    """Return how each client group fares; None where there is only one."""
    groups = answer.result.measures.entities.groups
    return _entity_table(answer, "client group", groups, OF_A_GROUP) if len(groups) > 1 else None


def _entity_table(
    answer: Answer, kind: str, names: tuple[str, ...], metrics: tuple[str, ...]
) -> Grid:
    """Return some metrics of services or of client groups, by phase: a line for each variant."""
    result, phases = answer.result, _parts(answer.result)
    rows = []
    for name in names:
        variants = [(one_line(name, _LONGEST_NAME), result)]
        if result.baseline is not None:
            variants.append((f"  {WITHOUT} breaker", result.baseline))
        for word, each in variants:
            cells = [
                cell_with_interval(each, metric, phase, name)
                for metric in metrics
                for phase in phases
            ]
            rows.append((word, *cells))
    return Grid(
        (kind, *(phase for _ in metrics for phase in phases)),
        tuple(rows),
        spans=tuple((metric, len(phases)) for metric in metrics),
    )


def _parts(result: Result) -> tuple[str, ...]:
    """Return the phases that a run is made of: not the whole, nor single faults."""
    phases = _phases(result)
    return tuple(p for p in phases if p != WHOLE and not p.startswith(ONE_FAULT)) or (WHOLE,)


def _amplified(answer: Answer) -> tuple[str, ...]:
    """Return `amplification` if a service has another one than the run, as both are written."""
    name, result = "amplification", answer.result
    for each in (result, result.baseline) if result.baseline else (result,):
        for phase in _parts(each):
            cells = [
                quantity(each.summary.value(name, phase, of), METRICS[name].unit)
                for of in ("", *each.measures.entities.services)
            ]
            if set(cells[1:]) - {cells[0], UNDEFINED}:
                return (name,)
    return ()


def threshold_table(answer: Answer) -> Grid | None:
    """Return each threshold with its sign, the value it was held against, and why it failed.

    A condition of `--fail-if` stands among them as `fail if CONDITION`. None if there is nothing
    to judge.
    """
    baseline = answer.result.baseline
    others = baseline.thresholds if baseline else ()
    rows = [
        _threshold_row(each, each.passed, each.text, others[number] if others else None)
        for number, each in enumerate(answer.result.thresholds)
    ]
    rows += [
        _threshold_row(each, each.fails, f"fail if {each.text}", None) for each in answer.fail_if
    ]
    if not rows:
        return None
    columns = [0, 1] + [n for n in (2, _NOTE) if any(row[n] for row in rows)]
    header = ("threshold", "value", f"{WITHOUT} breaker" if baseline else "", "")
    return Grid(
        tuple(header[n] for n in columns),
        tuple(tuple(row[n] for n in columns) for row in rows),
        words=frozenset({columns.index(_NOTE)} if _NOTE in columns else ()),
    )


def _threshold_row(
    judged: ThresholdResult, good: bool, text: str, other: ThresholdResult | None
) -> tuple[str, str, str, str]:
    unit = METRICS[judged.metric].unit if judged.metric in METRICS else Unit.RATIO
    without = f"{quantity(other.value, unit)} {_sign(other.passed)}" if other else ""
    return (
        f"{_sign(good)} {one_line(text, 80)}",
        quantity(judged.value, unit),
        without,
        one_line(judged.note) if judged.note else "",
    )


def _sign(good: bool) -> str:
    return PASSED if good else FAILED
