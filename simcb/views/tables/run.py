"""The tables of a run: phases, moments, services and thresholds.

Rows are named with the metrics' own names, the words a threshold and `--set` use. With a
baseline every number has its counterpart beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from simcb.metrics import METRICS, ThresholdResult, Unit
from simcb.studies import Result
from simcb.views.answer import Answer
from simcb.views.safe_text import one_line
from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import UNDEFINED, interval, quantity

WITH, WITHOUT = "with", "without"
"""What a result and its baseline are called: with the breaker, and without."""

PASSED, FAILED = "✓", "✗"

WHOLE = "whole"
ONE_FAULT = "fault:"

BY_PHASE = (
    "offered_rate",
    "goodput",
    "success",
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

COMPARED = ("success", "p99", "success_p99", "downstream_rate", "worker_seconds_waiting")
"""The metrics whose difference to the baseline is shown."""

WITH_FALLBACK = frozenset({"degraded", "availability"})
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

_LONGEST_NAME = 28
_NOTE = 3
"""The column of a threshold's note."""


def cell(result: Result, name: str, phase: str = WHOLE, of: str = "") -> str:
    """Write one metric of a result: the mean over its replicates."""
    found = result.summary.estimate(name, phase, of)
    return quantity(found.mean if found else None, METRICS[name].unit)


def cell_with_interval(result: Result, name: str, phase: str = WHOLE, of: str = "") -> str:
    """Write one metric of a result with half its 95 % interval, if it has one."""
    found = result.summary.estimate(name, phase, of)
    if found is None:
        return UNDEFINED
    return interval(found.mean, found.low, found.high, METRICS[name].unit)


def phase_tables(answer: Answer, width: int) -> tuple[Grid, ...]:
    """Return the metrics by phase: one table, or two if a baseline does not fit beside.

    What does not fit is left out in this order: the phases of single faults, the whole run.

    Args:
        answer: what is shown.
        width: terminal columns there are.
    """
    result, baseline = answer.result, answer.result.baseline
    everything = _phases(result)
    single = tuple(phase for phase in everything if not phase.startswith(ONE_FAULT))
    parts = tuple(phase for phase in single if phase != WHOLE) or single
    rows = _phase_rows(answer)
    if baseline is None:
        grids = [_by_phase(result, rows, phases) for phases in (everything, single, parts)]
        return (_widest_fitting(grids, width),)
    pairs = [_side_by_side(result, baseline, rows, phases) for phases in (everything, single)]
    pairs.append(_side_by_side(result, baseline, rows, parts))
    fitting = _widest_fitting(pairs, width)
    if fitting.width <= width:
        return (fitting,)
    return (
        _by_phase(result, rows, parts, f"{WITH} breaker"),
        _by_phase(baseline, rows, parts, f"{WITHOUT} breaker"),
    )


def _phases(result: Result) -> tuple[str, ...]:
    """Return the phases in the order people read them: the whole run last."""
    names = result.measures.phases
    return (*(name for name in names if name != WHOLE), WHOLE)


def _widest_fitting(grids: list[Grid], width: int) -> Grid:
    return next((grid for grid in grids if grid.width <= width), grids[-1])


def _phase_rows(answer: Answer) -> tuple[str, ...]:
    """Return the metrics to show: none that only says that there is nothing of its kind."""
    variants = [each for each in (answer.result, answer.result.baseline) if each is not None]
    left_out: set[str] = set()
    if not any(_mean(each, "degraded") for each in variants):
        left_out |= WITH_FALLBACK
    if not any(each.trace.layout.breakers for each in variants):
        left_out |= WITH_BREAKER
    return tuple(name for name in BY_PHASE if name not in left_out)


def _mean(result: Result, name: str) -> float | None:
    found = result.summary.estimate(name, WHOLE, "")
    return found.mean if found else None


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
        cells = [cell(each, name, phase) for phase in phases for each in (result, baseline)]
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
    each pair. None without a baseline, and with a single replicate, which has no interval.
    """
    paired = answer.difference
    if paired is None or paired.replicates < 2:
        return None
    phases = _phases(answer.result)
    phases = tuple(phase for phase in phases if not phase.startswith(ONE_FAULT))
    rows = []
    for name in COMPARED:
        cells = []
        for phase in phases:
            found = paired.estimate(name, phase)
            unit = METRICS[name].unit
            cells.append(interval(found.mean, found.low, found.high, unit) if found else UNDEFINED)
        rows.append((name, *cells))
    return Grid((f"{WITH} − {WITHOUT}", *phases), tuple(rows))


def event_table(answer: Answer) -> Grid:
    """Return when breakers tripped and users recovered, and what was in vain: a line a variant."""
    write: Callable[..., str] = cell_with_interval
    variants = [(WITH, answer.result)]
    if answer.result.baseline is not None:
        variants.append((WITHOUT, answer.result.baseline))
        write = cell
    paired = len(variants) > 1
    table = [
        (word if paired else "whole run", *(write(each, name) for name in OF_THE_RUN))
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
    """Return how busy each service is and how long its queue grows, by phase."""
    result = answer.result
    phases = tuple(p for p in _phases(result) if p != WHOLE and not p.startswith(ONE_FAULT))
    phases = phases or (WHOLE,)
    rows = []
    for service in result.measures.entities:
        variants = [(one_line(service, _LONGEST_NAME), result)]
        if result.baseline is not None:
            variants.append((f"  {WITHOUT} breaker", result.baseline))
        for word, each in variants:
            cells = (cell(each, name, p, service) for name in OF_A_SERVICE for p in phases)
            rows.append((word, *cells))
    return Grid(
        ("service", *(phase for _ in OF_A_SERVICE for phase in phases)),
        tuple(rows),
        spans=tuple((name, len(phases)) for name in OF_A_SERVICE),
    )


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
        _threshold_row(each, not each.passed, f"fail if {each.text}", None)
        for each in answer.fail_if
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
