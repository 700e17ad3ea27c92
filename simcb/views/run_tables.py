"""The tables of a run: phases, differences, moments, services, client groups and thresholds.

Rows have the metrics' own names, the words a threshold and `--set` use. With a baseline every
number has its counterpart beside or below it, and with replicates its interval.
"""

from __future__ import annotations

from dataclasses import replace

from simcb.metrics import (
    METRICS,
    Effect,
    Summary,
    ThresholdResult,
    Unit,
    Verdict,
    is_flattered,
)
from simcb.metrics.phase import FAULT, WHOLE, is_single
from simcb.studies import Result
from simcb.views.document import FAILED, PASSED, Table, no_room
from simcb.views.quantities import UNDEFINED, difference, interval, quantity
from simcb.views.safe_text import one_line

WITH, WITHOUT = "with", "without"
"""What a result and its baseline are called: with the breaker, and without."""

BY_PHASE = (
    *("offered_rate", "goodput", "success", "unfinished", "degraded", "availability"),
    *("p50", "p95", "p99", "success_p50", "success_p95", "success_p99"),
    *("rejected", "unneeded_rejections", "throttled", "hedged", "open_fraction", "downstream_rate"),
    *("lag", "lag_at_end"),
    *("amplification", "amplification_worst", "wasted_work", "worker_seconds_waiting"),
)
"""The metrics shown by phase; all others are in the other formats."""

WITH_FALLBACK = frozenset({"degraded", "availability"})
WITH_BREAKER = frozenset({"rejected", "unneeded_rejections", "open_fraction"})
LEAST_UNFINISHED = 0.01
"""Share of a phase's requests that has to be unfinished to be shown; every run's end has some."""

OF_THE_RUN = (
    *("time_to_trip", "time_to_recover", "time_to_catch_up"),
    *("false_trips", "missed_trips", "flaps", "burn"),
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


def verdict_words(result: Result) -> str:
    """Return the verdict in words; of several replicates, how many ended in which."""
    if len(result.runs) == 1:
        return result.judgement.verdict.value
    each = ", ".join(f"{verdict.value} in {count}" for verdict, count in result.verdicts.items())
    return f"{each} of {len(result.runs)}"


def answered_share(result: Result) -> str:
    """Return which share was answered in time while a fault lasted, or in the whole run."""
    phase = FAULT if FAULT in result.measures.phases else WHOLE
    return quantity(result.summary.value("answered", phase), Unit.SHARE)


def short_headline(result: Result) -> str:
    """Return how a run went in the fewest words that hide nothing: `2.4%, collapsed`."""
    words, verdicts = verdict_words(result), {*result.verdicts}
    if verdicts <= {Verdict.UNHARMED, Verdict.UNDECIDED}:
        return words
    share = answered_share(result)
    return share if verdicts == {Verdict.RECOVERED} else f"{share}, {words}"


def headline(result: Result) -> str:
    """Return what the breaker did, where that is known, and how the run went.

    `recovered` alone would hide how few were answered before that, so the share stands with it.
    """
    effect, words = result.effect, verdict_words(result)
    if not {Verdict.UNHARMED, Verdict.UNDECIDED} & {*result.verdicts}:
        when = " under the fault" if FAULT in result.measures.phases else ""
        words = f"{answered_share(result)} answered{when}, {words}"
    if effect is None:
        return words
    if effect.effect in (Effect.HELPED, Effect.HURT):
        return f"{effect.words}: {words}"
    return f"{words}; {effect.words}"


def cell_with_interval(result: Result, name: str, phase: str = WHOLE, of: str = "") -> str:
    """Return one metric of a result with half its 95 % interval, if it has one.

    A latency that fast failures flatter is marked.
    """
    found = result.summary.estimate(name, phase, of)
    if found is None:
        return UNDEFINED
    mark = FLATTERED if is_flattered(result.summary, name, phase, of) else ""
    return interval(found.mean, found.low, found.high, METRICS[name].unit) + mark


def phase_table(result: Result) -> Table:
    """Return the metrics by phase: one table, or two if a baseline does not fit beside.

    What does not fit is left out in this order, with a note: those of single faults and changes,
    the whole run.
    """
    baseline = result.baseline
    everything = _phases(result)
    single = tuple(phase for phase in everything if not is_single(phase))
    parts = tuple(phase for phase in single if phase != WHOLE) or single
    choices = tuple(dict.fromkeys((everything, single, parts)))
    rows = _phase_rows(result)
    variants = [("", result)]
    layouts: list[tuple[Table, ...]] = []
    if baseline is not None:
        variants = [(f"{WITH} breaker", result), (f"{WITHOUT} breaker", baseline)]
        for phases in choices:
            beside = side_by_side(result, rows, phases)
            layouts.append(_noted((beside,), everything, phases))
    # Where nothing fits the tables are split, and there the whole run has its place again.
    for phases in (*choices, single):
        tables = tuple(_by_phase(each, rows, phases, title) for title, each in variants)
        layouts.append(_noted(tables, everything, phases))
    return replace(layouts[0][0], narrower=tuple(layouts[1:]))


def _noted(
    tables: tuple[Table, ...], everything: tuple[str, ...], phases: tuple[str, ...]
) -> tuple[Table, ...]:
    """Return tables with what has to be said of them below the last."""
    left_out = tuple(one_line(phase, _LONGEST_NAME) for phase in everything if phase not in phases)
    notes = [no_room(left_out)] if left_out else []
    if any(cell.endswith(FLATTERED) for each in tables for row in each.rows for cell in row):
        notes.insert(0, FLATTERED_NOTE)
    return (*tables[:-1], replace(tables[-1], notes=tuple(notes)))


def _phases(result: Result) -> tuple[str, ...]:
    """Return the phases in the order people read them: the whole run last."""
    return (*(name for name in result.measures.phases if name != WHOLE), WHOLE)


def _phase_rows(result: Result) -> tuple[str, ...]:
    """Return the metrics to show: none that only says that there is nothing of its kind."""
    variants = [each for each in (result, result.baseline) if each is not None]
    left_out: set[str] = set()
    if not any(_unfinished(each) for each in variants):
        left_out.add("unfinished")
    if not any(each.summary.value("degraded") for each in variants):
        left_out |= WITH_FALLBACK
    if not any(each.trace.layout.breaker_count for each in variants):
        left_out |= WITH_BREAKER
    for name in ("throttled", "hedged", "lag"):
        if not any(each.summary.value(name) for each in variants):
            left_out.add(name)
    if "lag" in left_out:
        left_out.add("lag_at_end")
    return tuple(name for name in BY_PHASE if name not in left_out)


def _unfinished(result: Result) -> bool:
    """Return whether any phase has enough requests that cannot be judged to be worth a row."""
    shares = [result.summary.value("unfinished", phase) for phase in _phases(result)]
    return any(share is not None and share >= LEAST_UNFINISHED for share in shares)


def _by_phase(
    result: Result, rows: tuple[str, ...], phases: tuple[str, ...], title: str = ""
) -> Table:
    return Table(
        (title, *(one_line(phase, _LONGEST_NAME) for phase in phases)),
        tuple(
            (name, *(cell_with_interval(result, name, phase) for phase in phases)) for name in rows
        ),
        heading="Numbers by phase",
        breakable=True,
    )


def side_by_side(result: Result, rows: tuple[str, ...], phases: tuple[str, ...]) -> Table:
    """Return metrics by phase, those of the baseline beside them."""
    variants = [each for each in (result, result.baseline) if each is not None]
    pairs = [(phase, each) for phase in phases for each in variants]
    return Table(
        ("breaker", *(word for _ in phases for word in (WITH, WITHOUT))),
        tuple(
            (name, *(cell_with_interval(each, name, phase) for phase, each in pairs))
            for name in rows
        ),
        spans=tuple((one_line(phase, _LONGEST_NAME), 2) for phase in phases),
        faint=frozenset(range(2, 2 * len(phases) + 1, 2)),
        heading="Numbers by phase, with the breaker and without",
        breakable=True,
    )


def difference_table(result: Result, paired: Summary | None) -> Table | None:
    """Return what the breaker changed, with 95 % intervals of the paired differences.

    Both variants of a replicate have the same random streams, so the interval is of the
    differences in each pair. What changed nowhere has no row. None if nothing changed, without
    a baseline, and with a single replicate, which has no interval.
    """
    if paired is None or paired.replicates < 2:
        return None
    phases = tuple(phase for phase in _phases(result) if not is_single(phase))
    rows = []
    for name in _phase_rows(result):
        unit = METRICS[name].unit
        found = [paired.estimate(name, phase) for phase in phases]
        cells = [difference(e.mean, e.low, e.high, unit) if e else UNDEFINED for e in found]
        if set(cells) - {UNDEFINED, difference(0.0, None, None, unit)}:
            rows.append((name, *cells))
    header = (f"{WITH} − {WITHOUT}", *phases)
    heading = "What the breaker changes, with 95 % intervals"
    return Table(header, tuple(rows), heading=heading, breakable=True) if rows else None


def event_table(result: Result) -> Table:
    """Return when breakers tripped and users recovered, and what was in vain: a line a variant."""
    variants = [(WITH, result)]
    if result.baseline is not None:
        variants.append((WITHOUT, result.baseline))
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
    return Table(
        ("breaker" if paired else "", *(OF_THE_RUN[column - 1] for column in known)),
        tuple((line[0], *(line[column] for column in known)) for line in table),
        heading="Trips and recovery",
        breakable=True,
    )


def service_table(result: Result) -> Table:
    """Return how busy each service is, how long its queue grows, and what retries make of it.

    Amplification stands there where it is not the run's, as below another service that retries.
    """
    services = result.measures.entities.services
    return _entity_table(result, "service", services, (*OF_A_SERVICE, *_amplified(result)))


def group_table(result: Result) -> Table | None:
    """Return how each client group fares; None where there is only one."""
    groups = result.measures.entities.groups
    return _entity_table(result, "client group", groups, OF_A_GROUP) if len(groups) > 1 else None


def _entity_table(
    result: Result, kind: str, names: tuple[str, ...], metrics: tuple[str, ...]
) -> Table:
    """Return some metrics of services or of client groups, by phase: a line for each variant."""
    phases = _parts(result)
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
    return Table(
        (kind, *(phase for _ in metrics for phase in phases)),
        tuple(rows),
        spans=tuple((metric, len(phases)) for metric in metrics),
        heading=f"By {kind}",
        breakable=True,
    )


def _parts(result: Result) -> tuple[str, ...]:
    """Return the phases a run is made of: not the whole, nor those of single faults and changes."""
    phases = _phases(result)
    return tuple(p for p in phases if p != WHOLE and not is_single(p)) or (WHOLE,)


def _amplified(result: Result) -> tuple[str, ...]:
    """Return `amplification` if a service has another one than the run, as both are written."""
    name = "amplification"
    for each in (result, result.baseline) if result.baseline else (result,):
        for phase in _parts(each):
            cells = [
                quantity(each.summary.value(name, phase, of), METRICS[name].unit)
                for of in ("", *each.measures.entities.services)
            ]
            if set(cells[1:]) - {cells[0], UNDEFINED}:
                return (name,)
    return ()


def threshold_table(
    result: Result, fail_if: tuple[ThresholdResult, ...], *, missed_only: bool = False
) -> Table | None:
    """Return each threshold with its sign, the value it was held against, and why it failed.

    A condition of `--fail-if` stands among them as `fail if CONDITION`. None if there is nothing
    to judge, or with `missed_only` if nothing fails.
    """
    baseline = result.baseline
    others = baseline.thresholds if baseline else ()
    rows = [
        _threshold_row(each, each.passed, each.text, others[number] if others else None)
        for number, each in enumerate(result.thresholds)
        if not (missed_only and each.passed)
    ]
    rows += [
        _threshold_row(each, each.fails, f"fail if {each.text}", None)
        for each in fail_if
        if not (missed_only and each.fails)
    ]
    if not rows:
        return None
    columns = [0, 1] + [n for n in (2, _NOTE) if any(row[n] for row in rows)]
    header = ("threshold", "value", f"{WITHOUT} breaker" if baseline else "", "")
    return Table(
        tuple(header[n] for n in columns),
        tuple(tuple(row[n] for n in columns) for row in rows),
        words=frozenset({columns.index(_NOTE)} if _NOTE in columns else ()),
        heading="Thresholds",
    )


def _threshold_row(
    judged: ThresholdResult, good: bool, text: str, other: ThresholdResult | None
) -> tuple[str, str, str, str]:
    without = f"{judged_value(other)} {_sign(other.passed)}" if other else ""
    return (
        f"{_sign(good)} {one_line(text, 80)}",
        judged_value(judged),
        without,
        one_line(judged.note) if judged.note else "",
    )


def judged_value(judged: ThresholdResult) -> str:
    """Return what a threshold was held against."""
    unit = METRICS[judged.metric].unit if judged.metric in METRICS else Unit.RATIO
    return quantity(judged.value, unit)


def _sign(good: bool) -> str:
    return PASSED if good else FAILED
